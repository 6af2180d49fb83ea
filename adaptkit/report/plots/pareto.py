"""Quality against what it costs and how long it takes, with what nothing else beats in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaptkit.core.results import Row
from adaptkit.decision.pareto import pareto_front
from adaptkit.decision.wording import listing
from adaptkit.report.plots import style
from adaptkit.report.plots.quality import NOTHING
from adaptkit.report.plots.source import PlotSource
from adaptkit.report.view import TaskView, task_views

_TASK_INCHES = 3.6
# Of the width, what one of the two panels takes beside the legend.
_PANEL_INCHES = 3.0


@dataclass(frozen=True)
class _Price:
    """What is on the horizontal axis: what should be low."""

    title: str
    missing: str
    of: Callable[[Row], float | None]


_PRICES = (
    _Price("USD for 1,000 requests (log)", "cost unknown", lambda row: row.usd_per_1k_requests),
    _Price("latency in s, p95 (log)", "latency not measured", lambda row: row.p95_latency_s),
)


def pareto(source: PlotSource) -> Figure:
    """Draw, for each task, quality with its interval against cost and against latency.

    Filled marks, joined by a line, are the front of a panel: no other strategy is at least as good in both
    and better in one. Controls, which are no candidates, are crosses and on no front.
    """
    views = [view for view in task_views(source.result) if any(r.quality is not None for r in view.ran)]
    if not views:
        return style.sentence(NOTHING)
    figure = style.new_figure(_TASK_INCHES * len(views))
    marks = _marks(views)
    for view, pair in zip(views, figure.subplots(len(views), 2, squeeze=False), strict=True):
        for axes, price in zip(pair, _PRICES, strict=True):
            _draw(axes, view, price, marks)
        pair[0].set_ylabel(style.literal(f"{view.metric}, 95 % interval"))
        style.title(pair[0], view.task)
    front = Line2D([], [], color=style.GREY, marker="o", label="filled: the front")
    style.legend(figure, [*(style.key(name, mark) for name, mark in marks.items()), front])
    return figure


def _marks(views: list[TaskView]) -> dict[str, tuple[str, str]]:
    """By label; what is a control in any task has a cross."""
    marks = style.marks_of(view.label(row) for view in views for row in view.ran)
    controls = {view.label(row) for view in views for row in view.ran if _is_control(row)}
    return {name: (color, "x" if name in controls else mark) for name, (color, mark) in marks.items()}


def _draw(axes: Axes, view: TaskView, price: _Price, marks: dict[str, tuple[str, str]]) -> None:
    measured = [row for row in view.ran if row.quality is not None]
    # A price of 0 has no place on a log axis.
    known = [row for row in measured if price.of(row)]
    front = front_of(known, price.of)
    for row in known:
        _point(axes, row, price.of(row) or 0.0, marks[view.label(row)], filled=row.strategy in front)
    if front:
        # A staircase: between two of the front, what is reached is the cheaper one's.
        line = sorted((price.of(row) or 0.0, row.quality or 0.0) for row in known if row.strategy in front)
        axes.step(*zip(*line, strict=True), where="post", color=style.GREY, linewidth=1, zorder=1)
    style.plain(axes)
    style.in_percent(axes, "y")
    style.in_logs(axes, "x", [price.of(row) or 0.0 for row in known])
    blank = [view.label(row) for row in measured if row not in known]
    notes = [f"{price.missing}: {listing(blank)}"] if blank else []
    style.notes_below(axes, price.title, notes, width=_PANEL_INCHES)


def front_of(rows: list[Row], price: Callable[[Row], float | None]) -> tuple[str, ...]:
    """The strategies that no other beats in quality and price, controls left out."""
    return pareto_front({r.strategy: (-(r.quality or 0.0), price(r)) for r in rows if not _is_control(r)})


def _is_control(row: Row) -> bool:
    return bool(row.fit_notes.get("control"))


def _point(axes: Axes, row: Row, x: float, mark: tuple[str, str], *, filled: bool) -> None:
    color, shape = mark
    if row.quality_low is not None and row.quality_high is not None:
        axes.plot([x, x], [row.quality_low, row.quality_high], color=color, linewidth=1, alpha=0.6)
    axes.plot(
        [x],
        [row.quality or 0.0],
        marker=shape,
        color=color,
        markersize=8,
        markerfacecolor=color if filled else "white",
        markeredgewidth=1.6,
        linestyle="",
        label=row.strategy,
    )
