"""Where wrong answers come from: what each strategy reaches, and what it loses to which cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from adaptkit.decision import Causes
from adaptkit.report.plots import style
from adaptkit.report.plots.quality import NOTHING
from adaptkit.report.plots.source import PlotSource
from adaptkit.report.view import TaskView, task_views

_ROW_INCHES, _TASK_INCHES = 0.36, 1.1
# Narrower parts have no room for their figure.
_LEAST_LABELLED = 0.045
NO_RECORDS = "The run folder holds no answers, so it cannot be said where they went wrong."


@dataclass(frozen=True)
class _Part:
    """A part of a bar, by which causes it stands for (``decision.cause_of``)."""

    title: str
    causes: frozenset[str]
    color: str
    hatch: str = ""
    letters: str = "black"


_RIGHT = _Part("right", frozenset(), style.COLORS[0], letters="white")
PARTS = (
    _RIGHT,
    _Part("failed", frozenset({"error"}), "#000000", letters="white"),
    _Part("cut off", frozenset({"truncated"}), style.COLORS[4], "//"),
    _Part("empty or declined", frozenset({"empty", "refused"}), "#F0E442"),
    _Part("off format", frozenset({"format"}), style.COLORS[3], "\\\\"),
    _Part("passages missed it", frozenset({"retrieval_miss"}), style.COLORS[5], ".."),
    _Part("passages not used", frozenset({"passage_ignored", "distracted"}), style.COLORS[2], "xx"),
    _Part("right with passages", frozenset({"knowledge_missing"}), style.COLORS[1], "++"),
    _Part("wrong, passages or not", frozenset({"wrong_reasoning"}), "0.55", letters="white"),
    _Part("wrong", frozenset({"unexplained"}), "0.85"),
)


def breakdown(source: PlotSource) -> Figure:
    """Draw, for each task and strategy, the score reached and the points lost to each cause: 100 in all.

    Causes are those of ``comparison.causes``: one a row. Where a score is right or wrong, points are shares
    of rows. What only a control would tell (passages or not) stands apart where that control was run.
    """
    found = source.causes()
    views = [view for view in task_views(source.result) if _own(view, found)]
    if not views:
        return style.sentence(NO_RECORDS if source.result.rows else NOTHING)
    heights = [_TASK_INCHES + _ROW_INCHES * len(_own(view, found)) for view in views]
    figure = style.new_figure(sum(heights))
    panels = figure.subplots(len(views), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    shown: set[_Part] = set()
    for view, axes in zip(views, panels, strict=True):
        shown |= _draw(axes, view, _own(view, found))
    style.legend(figure, [_patch(part) for part in PARTS if part in shown])
    return figure


def _own(view: TaskView, found: Mapping[str, Mapping[str, Causes]]) -> dict[str, Causes]:
    """By label in the table, in its order; a strategy without an answer has none."""
    causes = found.get(view.task, {})
    ran = [row for row in view.ran if row.strategy in causes]
    return {view.label(row): causes[row.strategy] for row in ran if causes[row.strategy].n}


def shares(causes: Causes) -> dict[str, float]:
    """By the title of a part, its share of the bar; those of no width are left out."""
    widths = {_RIGHT.title: causes.quality or 0.0}
    for part in PARTS[1:]:
        widths[part.title] = sum(c.lost for c in causes.causes if c.name in part.causes)
    return {title: width for title, width in widths.items() if width > 0}


def _draw(axes: Axes, view: TaskView, own: Mapping[str, Causes]) -> set[_Part]:
    shown = set()
    for y, causes in enumerate(own.values()):
        left, widths = 0.0, shares(causes)
        for part in (p for p in PARTS if p.title in widths):
            _bar(axes, part, y, left, widths[part.title])
            left += widths[part.title]
            shown.add(part)
    style.by_strategy(axes, list(own))
    style.in_percent(axes, "x")
    metric = next(iter(own.values())).metric
    axes.set_xlabel(style.literal(f"{metric} reached, and points lost by cause"))
    style.title(axes, view.task)
    return shown


def _bar(axes: Axes, part: _Part, y: int, left: float, width: float) -> None:
    axes.barh(
        [y], [width], left=left, height=0.72, color=part.color, hatch=part.hatch,
        edgecolor="white", linewidth=0.8, label=part.title,
    )  # fmt: skip
    if width >= _LEAST_LABELLED:
        box = None if not part.hatch else {"facecolor": part.color, "edgecolor": "none", "pad": 1.0}
        axes.text(
            left + width / 2, y, f"{100 * width:.0f}", ha="center", va="center", color=part.letters,
            fontsize=style.NOTE_SIZE, bbox=box,
        )  # fmt: skip


def _patch(part: _Part) -> Patch:
    return Patch(facecolor=part.color, hatch=part.hatch, edgecolor="white", label=part.title)
