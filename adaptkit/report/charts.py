"""Inline SVG, drawn by hand so that the page's colours, light or dark, apply to it."""

from __future__ import annotations

from html import escape

from adaptkit.core.results import Row
from adaptkit.report.cells import quality
from adaptkit.report.view import TaskView

_LABEL, _PLOT, _TEXT, _ROW, _AXIS = 150, 380, 160, 30, 26


def quality_chart(view: TaskView) -> str:
    """Return an SVG of each strategy's quality with its interval, 0 to 100 %; empty without results."""
    rows = [row for row in view.ran if row.quality is not None]
    if not rows:
        return ""
    width, height = _LABEL + _PLOT + _TEXT, len(rows) * _ROW + _AXIS
    title = escape(f"{view.metric} on {view.task} with 95 % intervals", quote=True)
    body = "".join(_axis(x, height - _AXIS) for x in (0, 0.25, 0.5, 0.75, 1))
    body += "".join(_row(view, row, i) for i, row in enumerate(rows))
    return f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">{body}</svg>'


def _x(share: float) -> float:
    return round(_LABEL + _PLOT * min(1.0, max(0.0, share)), 1)


def _axis(share: float, bottom: int) -> str:
    x = _x(share)
    return (
        f'<line class="grid" x1="{x}" y1="0" x2="{x}" y2="{bottom}"/>'
        f'<text class="tick" x="{x}" y="{bottom + 17}" text-anchor="middle">{share:.0%}</text>'
    )


def _row(view: TaskView, row: Row, number: int) -> str:
    y = number * _ROW + _ROW / 2
    kind = "mark chosen" if view.chosen(row) else "mark"
    parts = [
        f'<text class="name" x="{_LABEL - 12}" y="{y + 4}" text-anchor="end">{escape(view.label(row))}</text>'
    ]
    if row.quality_low is not None and row.quality_high is not None:
        low, high = _x(row.quality_low), _x(row.quality_high)
        parts.append(f'<line class="{kind}" x1="{low}" y1="{y}" x2="{high}" y2="{y}"/>')
    parts.append(f'<circle class="{kind}" cx="{_x(row.quality or 0)}" cy="{y}" r="5"/>')
    parts.append(f'<text class="value" x="{_LABEL + _PLOT + 14}" y="{y + 4}">{escape(quality(row))}</text>')
    return f"<g>{''.join(parts)}</g>"
