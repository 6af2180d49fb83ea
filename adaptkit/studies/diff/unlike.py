"""What is not the same about two comparisons: what forbids to compare them, and what a reader must know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.decision.wording import listing
from adaptkit.tasks import TaskFacts

COUNTS = {
    "n_train": "train rows",
    "n_validation": "validation rows",
    "n_test": "test rows",
    "n_documents": "documents",
}
SHOWN = 3


@dataclass(frozen=True)
class AnsweredTargets:
    """The test rows of a task that a comparison has answers to, with their targets."""

    targets: Mapping[str, str]

    @classmethod
    def of(cls, groups: Iterable[StrategyTrials]) -> AnsweredTargets:
        """Rows of all strategies."""
        return cls({r.example_id: r.target for g in groups for r in g.records})


def obstacle(
    mine: TaskFacts, theirs: TaskFacts, first: AnsweredTargets, second: AnsweredTargets
) -> str | None:
    """Why two results on a task cannot be compared; None when they can."""
    if mine.kind != theirs.kind:
        return f"The task is {mine.kind} in the first and {theirs.kind} in the second."
    if mine.primary_metric != theirs.primary_metric:
        both = [m for m in mine.metrics if m in theirs.metrics]
        way = f" Both have {listing(both)}: name one as the metric." if both else " They share no metric."
        return f"The first is judged by {mine.primary_metric}, the second by {theirs.primary_metric}.{way}"
    for name, answers in (("first", first), ("second", second)):
        if not answers.targets:
            return f"The {name} has no answers: all its trials failed or were skipped."
    shared = first.targets.keys() & second.targets.keys()
    if not shared:
        return (
            f"No test row is in both, by example id: {_some(first.targets)} in the first, "
            f"{_some(second.targets)} in the second."
        )
    other = [i for i in shared if first.targets[i] != second.targets[i]]
    if other:
        return (
            f"{len(other)} of {len(shared)} test rows with the same id have another target ({_some(other)}), "
            "so they are other rows."
        )
    return None


def run_notes(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    mine: DecisionSettings,
    theirs: DecisionSettings,
    margin: float | None,
) -> Iterator[str]:
    """What is not the same about two runs as a whole.

    Args:
        first: its manifest, ``second`` the other's.
        second: see ``first``.
        mine: the standards of the first, ``theirs`` of the second.
        theirs: see ``mine``.
        margin: the one that was asked for.
    """
    models = [manifest.get("model") or {} for manifest in (first, second)]
    names = [f"{m.get('id')} ({m.get('revision')})" for m in models]
    if names[0] != names[1]:
        yield f"The models differ: {names[0]} and {names[1]}."
    elif models[0].get("template_hash") != models[1].get("template_hash"):
        yield "The model is the same, its chat template is not."
    if margin is None and mine.margin != theirs.margin:
        yield f"The margins differ: {mine.margin:g} and {theirs.margin:g}; the first is used."
    libraries = [(manifest.get("library") or {}).get("version") for manifest in (first, second)]
    if libraries[0] != libraries[1]:
        yield f"adaptkit was {libraries[0]} and {libraries[1]}."
    yield from _packages(first.get("packages") or {}, second.get("packages") or {})
    only = [
        sorted({t["name"] for t in a["tasks"]} - {t["name"] for t in b["tasks"]})
        for a, b in ((first, second), (second, first))
    ]
    if len(first["tasks"]) > 1 or len(second["tasks"]) > 1:
        for name, tasks in zip(("first", "second"), only, strict=True):
            if tasks:
                yield f"Only in the {name}: {listing(tasks)}."


def _packages(first: Mapping[str, str | None], second: Mapping[str, str | None]) -> Iterator[str]:
    other = [
        f"{name} {first.get(name)} and {second.get(name)}"
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    ]
    if other:
        yield f"Packages differ: {', '.join(other)}."


def task_notes(
    mine: Mapping[str, Any],
    theirs: Mapping[str, Any],
    first: AnsweredTargets,
    second: AnsweredTargets,
    groups: Mapping[str, StrategyTrials],
    others: Mapping[str, StrategyTrials],
) -> Iterator[str]:
    """What is not the same about a task: its data, the rows that were answered, the strategies."""
    if mine["hash"] != theirs["hash"]:
        counts = [f"{mine[k]} and {theirs[k]} {v}" for k, v in COUNTS.items() if mine[k] != theirs[k]]
        what = f": {listing(counts)}" if counts else ", in rows, instruction or metrics"
        yield f"The data differ (content {mine['hash']} and {theirs['hash']}){what}."
    if mine["documents_hash"] != theirs["documents_hash"]:
        yield "The documents differ."
    only = [set(a.targets) - set(b.targets) for a, b in ((first, second), (second, first))]
    for name, rows in zip(("first", "second"), only, strict=True):
        if rows:
            yield f"The test rows differ: {len(rows)} only in the {name} ({_some(rows)}), left out here."
    for name, a, b in (("first", groups, others), ("second", others, groups)):
        alone = [s for s in a if s not in b]
        if alone:
            yield f"Only in the {name}: {listing(alone)}."
        for label in (s for s, g in a.items() if s in b and not g.records):
            group = a[label]
            reason = next((t.reason for t in group.trials if t.reason), "no answers")
            yield f"{label} has no answers in the {name}: {reason}."


def strategy_notes(first: StrategyTrials, second: StrategyTrials) -> Iterator[str]:
    """What is not the same about a strategy: parameters, seeds, rows with errors."""
    params = [g.trials[0].params for g in (first, second)]
    other = [k for k in dict.fromkeys([*params[0], *params[1]]) if params[0].get(k) != params[1].get(k)]
    if other:
        changes = [f"{k} {_value(params[0].get(k))} and {_value(params[1].get(k))}" for k in other]
        yield f"Parameters differ: {', '.join(changes)}."
    seeds = [sorted({t.seed for t in g.done}) for g in (first, second)]
    if seeds[0] != seeds[1]:
        yield f"Seeds differ: {_numbers(seeds[0])} and {_numbers(seeds[1])}."


def _value(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def _some(ids: Iterable[str]) -> str:
    listed = sorted(ids)
    return ", ".join([*listed[:SHOWN], *(["..."] if len(listed) > SHOWN else [])])
