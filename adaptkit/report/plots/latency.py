"""How long single requests take: each of them, their median and their 95th percentile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from adaptkit.core.results import Record, Row
from adaptkit.report.plots import style
from adaptkit.report.plots.quality import NOTHING
from adaptkit.report.plots.source import PlotSource
from adaptkit.report.view import TaskView, task_views

_ROW_INCHES, _TASK_INCHES = 0.4, 1.2
# Requests of one strategy lie beside each other on so many lines, so that equal ones are seen.
_LINES, _SPREAD = 5, 0.09
NO_LATENCY = (
    "No request was sent alone, so no latency is known: RunSettings(latency_rows=...) says how many are."
)
_ONE, _MEDIAN, _TAIL = style.COLORS[5], style.COLORS[0], style.COLORS[1]


def latency(source: PlotSource) -> Figure:
    """Draw, for each task and strategy, every request sent alone, and the table's p50 and p95."""
    views = [view for view in task_views(source.result) if view.ran]
    if not views:
        return style.sentence(NOTHING)
    if not any(row.p50_latency_s for view in views for row in view.ran):
        return style.sentence(NO_LATENCY)
    singles = requests_alone(source.records())
    heights = [_TASK_INCHES + _ROW_INCHES * len(view.ran) for view in views]
    figure = style.new_figure(sum(heights))
    panels = figure.subplots(len(views), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for view, axes in zip(views, panels, strict=True):
        _draw(axes, view, singles)
    _explain(figure)
    return figure


def requests_alone(records: Sequence[Record]) -> Mapping[tuple[str, str], list[float]]:
    """By task and strategy, seconds of the requests that p50 and p95 are made of; a second run is no part."""
    found: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if record.latency_s is not None and record.error is None and record.repeat == 0:
            found.setdefault((record.task, record.strategy), []).append(record.latency_s)
    return found


def _draw(axes: Axes, view: TaskView, singles: Mapping[tuple[str, str], list[float]]) -> None:
    drawn: list[float] = []
    for y, row in enumerate(view.ran):
        own = [s for s in singles.get((view.task, row.strategy), []) if s > 0]
        places = [y + _SPREAD * (i % _LINES - _LINES // 2) for i in range(len(own))]
        axes.plot(own, places, "o", color=_ONE, markersize=3.5, alpha=0.6, markeredgewidth=0)
        drawn += [*own, *_summary(axes, row, y)]
    style.by_strategy(axes, [f"{view.label(row)}  (n = {row.n_latency})" for row in view.ran])
    style.in_logs(axes, "x", drawn, room=1.3)
    axes.set_xlabel("seconds of a request sent alone (log)")
    style.title(axes, view.task)


def _summary(axes: Axes, row: Row, y: int) -> list[float]:
    """Mark the median and the 95th percentile; return what was marked."""
    if not row.p50_latency_s:
        axes.text(
            0.02, y, "not measured", transform=axes.get_yaxis_transform(), va="center", color=style.GREY
        )
        return []
    p95 = row.p95_latency_s or row.p50_latency_s
    axes.plot([row.p50_latency_s, p95], [y, y], color=_MEDIAN, linewidth=1)
    axes.plot([row.p50_latency_s], [y], "D", color=_MEDIAN, markersize=7, label="p50")
    axes.plot([p95], [y], "|", color=_TAIL, markersize=15, markeredgewidth=2.5, label="p95")
    return [row.p50_latency_s, p95]


def _explain(figure: Figure) -> None:
    handles = [
        Line2D([], [], marker="o", color=_ONE, markersize=3.5, linestyle="", label="one request"),
        Line2D([], [], marker="D", color=_MEDIAN, markersize=7, linestyle="", label="p50"),
        Line2D(
            [], [], marker="|", color=_TAIL, markersize=15, markeredgewidth=2.5, linestyle="", label="p95"
        ),
    ]
    style.legend(figure, handles)
