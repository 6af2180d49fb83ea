"""Inline SVG, drawn by hand so that the page's colours, light or dark, apply to it."""

from __future__ import annotations

from html import escape

from adaptkit.core.results import Row
from adaptkit.report.cells import quality
from adaptkit.report.view import TaskView

# In units of the view box, which at full width are pixels: plot, text on its right, a row, the axis.
_PLOT, _TEXT, _ROW, _AXIS = 420, 160, 30, 26
# A letter of the font is at most about this wide.
_LETTER = 8


def quality_chart(view: TaskView) -> str:
    """Return an SVG of each strategy's quality with its interval, 0 to 100 %; empty without results."""
    rows = [row for row in view.ran if row.quality is not None]
    if not rows:
        return ""
    left = _LETTER * max(len(view.label(row)) for row in rows) + 20
    width, height = left + _PLOT + _TEXT, len(rows) * _ROW + _AXIS
    title = escape(f"{view.metric} on {view.task} with 95 % intervals", quote=True)
    body = "".join(_axis(left, x, height - _AXIS) for x in (0, 0.25, 0.5, 0.75, 1))
    body += "".join(_row(view, row, left, i * _ROW + _ROW // 2) for i, row in enumerate(rows))
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">{body}</svg>'


def _x(left: int, share: float) -> float:
    return round(left + _PLOT * min(1.0, max(0.0, share)), 1)


def _axis(left: int, share: float, bottom: int) -> str:
    x = _x(left, share)
    return (
        f'<line class="grid" x1="{x}" y1="0" x2="{x}" y2="{bottom}"/>'
        f'<text class="tick" x="{x}" y="{bottom + 17}" text-anchor="middle">{100 * share:.0f} %</text>'
    )


def _row(view: TaskView, row: Row, left: int, y: int) -> str:
    kind = "mark chosen" if view.chosen(row) else "mark"
    parts = [
        f'<text class="name" x="{left - 12}" y="{y + 4}" text-anchor="end">{escape(view.label(row))}</text>'
    ]
    if row.quality_low is not None and row.quality_high is not None:
        low, high = _x(left, row.quality_low), _x(left, row.quality_high)
        parts.append(f'<line class="{kind}" x1="{low}" y1="{y}" x2="{high}" y2="{y}"/>')
    parts.append(f'<circle class="{kind}" cx="{_x(left, row.quality or 0)}" cy="{y}" r="5"/>')
    parts.append(f'<text class="value" x="{left + _PLOT + 14}" y="{y + 4}">{escape(quality(row))}</text>')
    return f"<g>{''.join(parts)}</g>"
