"""The table of learning curves, and what they say in sentences: as a frame, as text, as HTML, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from adaptkit.core.codec import to_json
from adaptkit.decision.curves import CurvePoint, LearningCurve
from adaptkit.decision.wording import MINUS, interval, listing, percent
from adaptkit.report.lines import aligned, html_list, html_table, html_title, section
from adaptkit.studies.learning_curve.curves import MORE_LABELS, LearningCurves

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
MAX_GAPS = 10
COLUMNS = (
    "task", "strategy", "metric", "n_labels", "quality", "quality_low", "quality_high", "n", "seeds",
    "fitted",
)  # fmt: skip


def frame(curves: LearningCurves) -> pd.DataFrame:
    """One line a task, strategy and number of labels; ``fitted`` is the law's quality."""
    import pandas as pd

    lines = [_flat(curve, point) for curve in curves.curves for point in curve.points]
    found = pd.DataFrame(lines, columns=COLUMNS)
    return found.astype({name: "float64" for name in COLUMNS if name.startswith(("quality", "fitted"))})


def _flat(curve: LearningCurve, point: CurvePoint) -> dict[str, Any]:
    return {
        "task": curve.task,
        "strategy": curve.strategy,
        "metric": curve.metric,
        "n_labels": point.n_labels,
        "quality": point.quality,
        "quality_low": point.low,
        "quality_high": point.high,
        "n": point.n_rows,
        "seeds": point.n_seeds,
        "fitted": curve.fit.law.at(point.n_labels) if curve.fit else None,
    }


def text(curves: LearningCurves, more: int) -> str:
    """For each task the table, then the sentences; at the end the notes."""
    worth = curves.worth(more)
    parts = []
    for task in curves.tasks:
        own = curves.of_task(task)
        parts.append(f"{_title(own)}\n\n{aligned(_grid(own))}\n")
        found = [str(w) for w in worth if w.task == task]
        said = {"Power laws": _laws(own), "More labels": found, "Crossings": _crossings(curves, task)}
        parts += [section(title, lines) for title, lines in said.items() if lines]
    return "\n".join([*parts, section("Notes", list(notes(curves)))])


def html(curves: LearningCurves) -> str:
    """The same for a notebook."""
    worth = curves.worth()
    parts = []
    for task in curves.tasks:
        own = curves.of_task(task)
        parts.append(html_title(_title(own)) + html_table(_grid(own)))
        found = [*_laws(own), *(str(w) for w in worth if w.task == task), *_crossings(curves, task)]
        parts.append(html_list(found))
    return "".join(parts) + html_list(list(notes(curves)))


def as_json(curves: LearningCurves, more: int = MORE_LABELS) -> dict[str, Any]:
    """What curves.json holds: points, laws with their intervals, worth and crossings, without resamples."""
    return {
        "schema_version": SCHEMA_VERSION,
        "settings": to_json(curves.settings),
        "curves": [_plain(curve) for curve in curves.curves],
        "worth": to_json(curves.worth(more)),
        "crossovers": to_json(curves.crossovers()),
        "gaps": list(curves.gaps),
        "notes": list(curves.notes),
    }


def _plain(curve: LearningCurve) -> dict[str, Any]:
    fit = curve.fit
    return {
        "task": curve.task,
        "strategy": curve.strategy,
        "metric": curve.metric,
        "learns": curve.learns,
        "points": to_json(curve.points),
        "law": None if fit is None else to_json(fit.law),
        "ceiling_interval": None if fit is None else list(fit.ceiling),
        "rate_interval": None if fit is None else list(fit.rate),
        "largest_miss": None if fit is None else fit.largest_miss,
        "undetermined": curve.undetermined,
    }


def _title(own: Sequence[LearningCurve]) -> str:
    rows = max((p.n_rows for c in own for p in c.points), default=0)
    return f"{own[0].task}: {own[0].metric} by number of labels ({rows} test rows)"


def _grid(own: Sequence[LearningCurve]) -> list[list[str]]:
    """A header and a line a strategy."""
    sizes = sorted({n for curve in own for n in curve.sizes})
    lines = [["strategy", *(f"{n:,}" for n in sizes)]]
    for curve in own:
        at = {p.n_labels: p for p in curve.points}
        lines.append([curve.strategy, *(_quality(at.get(n)) for n in sizes)])
    return lines


def _quality(point: CurvePoint | None) -> str:
    if point is None:
        return ""
    return f"{percent(point.quality)} {interval(point.low, point.high)}".strip()


def _laws(own: Sequence[LearningCurve]) -> list[str]:
    return [_law(curve) for curve in own if curve.learns]


def _law(curve: LearningCurve) -> str:
    """The law with its intervals, or why there is none."""
    if curve.fit is None:
        return f"{curve.strategy}: not determined: {curve.undetermined}."
    law, fit = curve.fit.law, curve.fit
    low, high = fit.rate
    return (
        f"{curve.strategy}: {percent(law.ceiling)} {MINUS} {law.amplitude:.2f} / n^{law.rate:.2f}; ceiling "
        f"{interval(*fit.ceiling)}, rate [{low:.2f}, {high:.2f}], misses no point by more than "
        f"{percent(fit.largest_miss)}."
    )


def _crossings(curves: LearningCurves, task: str) -> list[str]:
    """Those that cross, one sentence each; the others together."""
    found = [c for c in curves.crossovers() if c.task == task]
    said = [str(c) for c in found if c.kind == "crosses"]
    if found and not said:
        return ["No two strategies cross within what was measured."]
    if len(said) < len(found):
        said.append(f"{len(found) - len(said)} other pairs do not cross within what was measured.")
    return said


def notes(curves: LearningCurves) -> Iterator[str]:
    """What a reader has to know: what intervals cover, what is missing and why."""
    learning = [c for c in curves.curves if c.learns]
    yield from curves.notes
    yield (
        "Few labels are part of many, and every size and strategy is judged on the same test rows. "
        "Validation rows are not counted."
    )
    yield (
        "95 % intervals; those of laws, gains and crossings come from drawing test rows and seeds again, the "
        "same for all sizes. They take the form of the law for granted."
    )
    one = [c.strategy for c in learning if max((p.n_seeds for p in c.points), default=0) == 1]
    if one:
        yield f"One seed for {listing(sorted(set(one)))}: intervals do not cover which labels were drawn."
    if any(p.n_seeds == 2 for c in learning for p in c.points):
        yield "Two seeds tell little of how seeds differ, so intervals are wide: three narrow them by far."
    flat = sorted({c.strategy for c in curves.curves if not c.learns})
    if flat:
        yield f"0 labels: train rows make no difference to {listing(flat)}."
    if curves.settings.get("usd_per_label") is None:
        yield "No USD: minutes a label and wage are not known."
    yield from curves.gaps[:MAX_GAPS]
    if len(curves.gaps) > MAX_GAPS:
        yield f"{len(curves.gaps) - MAX_GAPS} more trials have no result."
