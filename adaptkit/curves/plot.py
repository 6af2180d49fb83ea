"""Learning curves as a matplotlib figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from adaptkit.curves.result import LearningCurves
from adaptkit.decision.curves import LearningCurve
from adaptkit.decision.curves.curve import FURTHEST
from adaptkit.stats.scores import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The palette of Okabe and Ito, which colour-blind readers can tell apart; marks tell curves apart in grey.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKS = "osD^vPX"
_N_PLACES = 120


def plot(curves: LearningCurves) -> Figure:
    """Draw for each task quality against labels on a log axis.

    Points have their 95 % intervals. A law is a line with the band of its resamples, dashed beyond what was
    measured; without a law, points are joined by a thin line. What learns from no labels is a flat line. The
    figure belongs to the caller: nothing is registered with pyplot.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, max(1.5, 4.2 * len(curves.tasks))), layout="constrained")
    if not curves.tasks:
        figure.text(0.5, 0.5, "No strategy was measured.", ha="center", va="center")
        return figure
    for axes, task in zip(figure.subplots(len(curves.tasks), squeeze=False)[:, 0], curves.tasks, strict=True):
        own = [c for c in curves.of_task(task) if c.is_whole]
        sizes = sorted({n for c in own if c.learns for n in c.sizes})
        for number, curve in enumerate(own):
            _draw(axes, curve, number, sizes)
        _prepare(axes, own, sizes, task)
    return figure


def _draw(axes: Axes, curve: LearningCurve, number: int, sizes: Sequence[int]) -> None:
    color, mark = _COLORS[number % len(_COLORS)], _MARKS[number % len(_MARKS)]
    if not curve.learns:
        _draw_flat(axes, curve, color, sizes)
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
        marker=mark,
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


def _draw_flat(axes: Axes, curve: LearningCurve, color: str, sizes: Sequence[int]) -> None:
    (point,) = curve.points
    ends = [min(sizes, default=1), max(sizes, default=1)]
    axes.plot(ends, [point.quality or 0.0] * 2, ":", color=color, linewidth=1.6, label=curve.strategy)
    if point.low is not None and point.high is not None:
        axes.fill_between(ends, point.low, point.high, color=color, alpha=0.08, linewidth=0)


def _prepare(axes: Axes, own: Sequence[LearningCurve], sizes: Sequence[int], task: str) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([float(n) for n in sizes]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f} %"))
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("labels (log)")
    axes.set_title(task, loc="left", fontweight="bold")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if own:
        axes.set_ylabel(f"{own[0].metric}, 95 % interval")
        axes.legend(loc="lower right", frameon=False)
