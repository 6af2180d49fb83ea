"""Learning curves as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adaptkit.comparison import Comparison
from adaptkit.core.errors import ConfigError
from adaptkit.decision.curves import LearningCurve
from adaptkit.decision.curves.curve import FURTHEST
from adaptkit.report.plots import PlotSource
from adaptkit.stats.scores import Floats
from adaptkit.studies.learning_curve.curves import LearningCurves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_N_PLACES = 120


def of_comparison(source: PlotSource) -> Figure:
    """Draw the curves of one comparison, or say in a sentence how it would have any."""
    try:
        return plot(LearningCurves.of(Comparison(source.result, source.folder)))
    except ConfigError as error:
        from adaptkit.report.plots.style import sentence

        return sentence(str(error))


def plot(curves: LearningCurves) -> Figure:
    """Draw for each task quality against labels on a log axis.

    Points have their 95 % intervals. A law is a line with the band of its resamples, dashed beyond what was
    measured; without a law, points are joined by a thin line. What learns from no labels is a flat line. The
    figure belongs to the caller: nothing is registered with pyplot.
    """
    from adaptkit.report.plots import style
    from adaptkit.report.plots.quality import NOTHING

    if not curves.tasks:
        return style.sentence(NOTHING)
    figure = style.new_figure(4.2 * len(curves.tasks))
    marks = style.marks_of(c.strategy for c in curves.curves if c.is_whole)
    for axes, task in zip(figure.subplots(len(curves.tasks), squeeze=False)[:, 0], curves.tasks, strict=True):
        own = [c for c in curves.of_task(task) if c.is_whole]
        sizes = sorted({n for c in own if c.learns for n in c.sizes})
        for curve in own:
            _draw(axes, curve, marks[curve.strategy], sizes)
        _prepare(axes, own, sizes, task)
    learning = {c.strategy for c in curves.curves if c.learns}
    keys = [style.key(name, mark, line="-" if name in learning else ":") for name, mark in marks.items()]
    style.legend(figure, keys)
    return figure


def _draw(axes: Axes, curve: LearningCurve, mark: tuple[str, str], sizes: Sequence[int]) -> None:
    color, shape = mark
    if not curve.learns:
        _draw_flat(axes, curve, mark, sizes)
        return
    places = np.geomspace(min(curve.sizes), curve.most_labels, _N_PLACES)
    _draw_line(axes, curve, places, color, "-")
    if curve.fit is not None:
        beyond = np.geomspace(curve.most_labels, FURTHEST * curve.most_labels, _N_PLACES // 4)
        _draw_line(axes, curve, beyond, color, "--")
    for point in curve.points:
        if point.low is not None and point.high is not None:
            axes.plot([point.n_labels] * 2, [point.low, point.high], color=color, linewidth=1.2)
    axes.plot(
        curve.sizes,
        [p.quality or 0.0 for p in curve.points],
        linestyle="",
        marker=shape,
        color=color,
        markerfacecolor="white",
        markeredgewidth=1.6,
        label=curve.strategy,
    )


def _draw_line(axes: Axes, curve: LearningCurve, places: Floats, color: str, style: str) -> None:
    """The law with its band, or lines between points."""
    value, resampled = curve.qualities(np.clip(places, places[0], places[-1]))
    axes.plot(places, value, style, color=color, linewidth=1.6 if curve.fit else 0.8)
    if curve.fit is not None and resampled is not None:
        low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
        axes.fill_between(places, low, high, color=color, alpha=0.15, linewidth=0)


def _draw_flat(axes: Axes, curve: LearningCurve, mark: tuple[str, str], sizes: Sequence[int]) -> None:
    color, shape = mark
    (point,) = curve.points
    ends = [min(sizes, default=1), max(sizes, default=1)]
    level = [point.quality or 0.0] * 2
    axes.plot(ends, level, ":", color=color, marker=shape, linewidth=1.6, label=curve.strategy)
    if point.low is not None and point.high is not None:
        axes.fill_between(ends, point.low, point.high, color=color, alpha=0.08, linewidth=0)


def _prepare(axes: Axes, own: Sequence[LearningCurve], sizes: Sequence[int], task: str) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    from adaptkit.report.plots import style

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([float(n) for n in sizes]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    style.in_percent(axes, "y")
    axes.set_xlabel("labels (log)")
    style.title(axes, task)
    style.plain(axes)
    if own:
        axes.set_ylabel(style.literal(f"{own[0].metric}, 95 % interval"))
