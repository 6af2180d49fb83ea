"""Quality beside latency."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adaptkit.core.results import ComparisonResult, Row
from adaptkit.report.plots import style
from adaptkit.report.plots.source import PlotSource
from adaptkit.report.view import TaskView, task_views

_QUALITY, _LATENCY = style.COLORS[:2]
_ROW_INCHES, _TASK_INCHES = 0.34, 1.05
NOTHING = "No strategy was measured."


def quality(source: PlotSource) -> Figure:
    """Draw the table; see ``of_result``."""
    return of_result(source.result)


def of_result(result: ComparisonResult) -> Figure:
    """Draw, for each task, quality with its 95 % interval and, beside it, median latency on a log scale.

    The recommended strategy has a filled marker.
    """
    views = [view for view in task_views(result) if view.ran]
    if not views:
        return style.sentence(NOTHING)
    heights = [_TASK_INCHES + _ROW_INCHES * len(view.ran) for view in views]
    figure = style.new_figure(sum(heights))
    axes = figure.subplots(
        len(views), 2, squeeze=False, gridspec_kw={"height_ratios": heights, "width_ratios": (3, 2)}
    )
    for view, (left, right) in zip(views, axes, strict=True):
        _draw_quality(left, view)
        _draw_latency(right, view)
    return figure


def _draw_quality(axes: Axes, view: TaskView) -> None:
    for y, row in enumerate(view.ran):
        if row.quality is None:
            continue
        if row.quality_low is not None and row.quality_high is not None:
            axes.plot([row.quality_low, row.quality_high], [y, y], color=_QUALITY, linewidth=2)
        _marker(axes, row.quality, y, _QUALITY, filled=view.chosen(row))
    style.by_strategy(axes, [view.label(row) for row in view.ran])
    style.in_percent(axes, "x")
    axes.set_xlabel(style.literal(f"{view.metric}, 95 % interval"))
    style.title(axes, view.task)


def _draw_latency(axes: Axes, view: TaskView) -> None:
    """Draw the median as a marker and the way to the 95th percentile as a thin line."""
    known = [row for row in view.ran if row.p50_latency_s]
    for y, row in enumerate(view.ran):
        if not row.p50_latency_s:
            axes.text(
                0.02, y, "not measured", transform=axes.get_yaxis_transform(), va="center", color=style.GREY
            )
            continue
        axes.plot(
            [row.p50_latency_s, row.p95_latency_s or row.p50_latency_s], [y, y], color=_LATENCY, linewidth=1
        )
        _marker(axes, row.p50_latency_s, y, _LATENCY, filled=view.chosen(row))
    style.by_strategy(axes, [""] * len(view.ran))
    if known:
        style.in_logs(axes, "x", _ends(known))
        axes.set_xlabel("latency in s, median to p95 (log)")
    else:
        axes.set_xticks([])


def _ends(known: list[Row]) -> list[float]:
    return [x for row in known for x in (row.p50_latency_s, row.p95_latency_s) if x]


def _marker(axes: Axes, x: float, y: int, color: str, *, filled: bool) -> None:
    face = color if filled else "white"
    axes.plot([x], [y], marker="o", markersize=7, color=color, markerfacecolor=face, markeredgewidth=1.8)
