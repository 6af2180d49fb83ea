"""Quality beside latency, as a matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaptkit.core.results import ComparisonResult, Row
from adaptkit.report.view import TaskView, task_views

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of the palette of Okabe and Ito, which colour-blind readers can tell apart.
_QUALITY, _LATENCY = "#0072B2", "#D55E00"
_ROW_INCHES, _TASK_INCHES = 0.34, 1.05


def plot(result: ComparisonResult) -> Figure:
    """Draw, for each task, quality with its 95 % interval and, beside it, median latency on a log scale.

    The recommended strategy has a filled marker. The figure belongs to the caller: nothing is registered
    with pyplot, so nothing needs closing.
    """
    from matplotlib.figure import Figure

    views = [view for view in task_views(result) if view.ran]
    heights = [_TASK_INCHES + _ROW_INCHES * len(view.ran) for view in views]
    figure = Figure(figsize=(9, max(1.5, sum(heights))), layout="constrained")
    if not views:
        figure.text(0.5, 0.5, "No strategy was measured.", ha="center", va="center")
        return figure
    axes = figure.subplots(
        len(views), 2, squeeze=False, gridspec_kw={"height_ratios": heights, "width_ratios": (3, 2)}
    )
    for view, (left, right) in zip(views, axes, strict=True):
        _draw_quality(left, view)
        _draw_latency(right, view)
    return figure


def _draw_quality(axes: Axes, view: TaskView) -> None:
    from matplotlib.ticker import FuncFormatter

    for y, row in enumerate(view.ran):
        if row.quality is None:
            continue
        if row.quality_low is not None and row.quality_high is not None:
            axes.plot([row.quality_low, row.quality_high], [y, y], color=_QUALITY, linewidth=2)
        _marker(axes, row.quality, y, _QUALITY, filled=view.chosen(row))
    _prepare(axes, view)
    axes.set_yticklabels([view.label(row) for row in view.ran])
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f} %"))
    axes.set_xlabel(f"{view.metric}, 95 % interval")
    axes.set_title(view.task, loc="left", fontweight="bold")


def _draw_latency(axes: Axes, view: TaskView) -> None:
    """Draw the median as a marker and the way to the 95th percentile as a thin line."""
    known = [row for row in view.ran if row.p50_latency_s]
    for y, row in enumerate(view.ran):
        if not row.p50_latency_s:
            axes.text(0.02, y, "not measured", transform=axes.get_yaxis_transform(), va="center", color="0.4")
            continue
        axes.plot(
            [row.p50_latency_s, row.p95_latency_s or row.p50_latency_s], [y, y], color=_LATENCY, linewidth=1
        )
        _marker(axes, row.p50_latency_s, y, _LATENCY, filled=view.chosen(row))
    _prepare(axes, view)
    axes.set_yticklabels([])
    if known:
        _log_seconds(axes, known)
        axes.set_xlabel("latency in s, median to p95 (log)")
    else:
        axes.set_xticks([])


def _log_seconds(axes: Axes, known: list[Row]) -> None:
    """Label the log axis at 1, 2 and 5 times powers of ten: a range within one decade has no other tick."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ends = [x for row in known for x in (row.p50_latency_s, row.p95_latency_s) if x]
    axes.set_xscale("log")
    axes.set_xlim(min(ends) / 1.6, max(ends) * 1.6)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _marker(axes: Axes, x: float, y: int, color: str, *, filled: bool) -> None:
    face = color if filled else "white"
    axes.plot([x], [y], marker="o", markersize=7, color=color, markerfacecolor=face, markeredgewidth=1.8)


def _prepare(axes: Axes, view: TaskView) -> None:
    axes.set_yticks(range(len(view.ran)))
    # The table's order, top to bottom.
    axes.set_ylim(len(view.ran) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
