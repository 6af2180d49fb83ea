"""Inline SVG, drawn by hand so that the page's colours, light or dark, apply to it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from adaptkit.core.results import Row
from adaptkit.report.cells import quality
from adaptkit.report.view import TaskView

# A letter of the font is at most about this wide.
_LETTER = 8
_AXIS = 26


@dataclass(frozen=True)
class _Form:
    """Where things stand, in units of the view box, which at full width are pixels.

    Attributes:
        left: where the plot begins, ``plot`` how wide it is; ``width`` of all.
        row: height of a strategy's row.
        above: whether name and value stand above the line, for want of room beside it.
    """

    name: str
    left: int
    plot: int
    width: int
    row: int
    above: bool


def quality_chart(view: TaskView) -> str:
    """Return each strategy's quality with its interval, 0 to 100 %, as SVG; empty without results.

    Two of them, for a wide window and for a phone: the style shows one.
    """
    rows = [row for row in view.ran if row.quality is not None]
    if not rows:
        return ""
    left = _LETTER * max(len(view.label(row)) for row in rows) + 20
    wide = _Form(name="wide", left=left, plot=420, width=left + 580, row=30, above=False)
    narrow = _Form(name="narrow", left=14, plot=300, width=330, row=46, above=True)
    return "".join(_chart(view, rows, form) for form in (wide, narrow))


def _chart(view: TaskView, rows: list[Row], form: _Form) -> str:
    height = len(rows) * form.row + _AXIS
    title = escape(f"{view.metric} on {view.task} with 95 % intervals", quote=True)
    body = "".join(_axis(form, x, height - _AXIS) for x in (0, 0.25, 0.5, 0.75, 1))
    body += "".join(_row(view, row, form, i * form.row) for i, row in enumerate(rows))
    return (
        f'<svg class="chart {form.name}" viewBox="0 0 {form.width} {height}" role="img" '
        f'aria-label="{title}">{body}</svg>'
    )


def _x(form: _Form, share: float) -> float:
    return round(form.left + form.plot * min(1.0, max(0.0, share)), 1)


def _axis(form: _Form, share: float, bottom: int) -> str:
    x = _x(form, share)
    return (
        f'<line class="grid" x1="{x}" y1="0" x2="{x}" y2="{bottom}"/>'
        f'<text class="tick" x="{x}" y="{bottom + 17}" text-anchor="middle">{100 * share:.0f} %</text>'
    )


def _row(view: TaskView, row: Row, form: _Form, top: int) -> str:
    kind = "mark chosen" if view.chosen(row) else "mark"
    y = top + (form.row - 12 if form.above else form.row // 2)
    parts = [_words(view, row, form, y)]
    if row.quality_low is not None and row.quality_high is not None:
        low, high = _x(form, row.quality_low), _x(form, row.quality_high)
        parts.append(f'<line class="{kind}" x1="{low}" y1="{y}" x2="{high}" y2="{y}"/>')
    parts.append(f'<circle class="{kind}" cx="{_x(form, row.quality or 0)}" cy="{y}" r="5"/>')
    return f"<g>{''.join(parts)}</g>"


def _words(view: TaskView, row: Row, form: _Form, y: int) -> str:
    """Name and figure: beside the line, or above it."""
    name, value = escape(view.label(row)), escape(quality(row))
    if form.above:
        right = form.left + form.plot
        return (
            f'<text class="name" x="{form.left}" y="{y - 12}">{name}</text>'
            f'<text class="value" x="{right}" y="{y - 12}" text-anchor="end">{value}</text>'
        )
    return (
        f'<text class="name" x="{form.left - 12}" y="{y + 4}" text-anchor="end">{name}</text>'
        f'<text class="value" x="{form.left + form.plot + 14}" y="{y + 4}">{value}</text>'
    )
