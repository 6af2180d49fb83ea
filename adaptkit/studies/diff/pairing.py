"""``diff()``: pair the rows of two finished comparisons and test what changed; no model is needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit import decision, stats
from adaptkit.comparison import Comparison, load_comparison
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.evidence import judged_by
from adaptkit.comparison.pairs import RESAMPLING_SEED, pair_of
from adaptkit.comparison.scores import clusters_of, scores_of
from adaptkit.comparison.scoring import aggregate
from adaptkit.comparison.store import RECORDS
from adaptkit.comparison.stored import StoredRun, stored_run
from adaptkit.comparison.trial_data import StrategyTrials, groups_of
from adaptkit.core.errors import ConfigError, StoreError
from adaptkit.core.results import Record
from adaptkit.stats import PairedDifference
from adaptkit.studies.diff.differences import Diff, StrategyDiff, TaskDiff
from adaptkit.studies.diff.unlike import AnsweredTargets, obstacle, run_notes, strategy_notes, task_notes
from adaptkit.tasks import TaskFacts

FIRST, SECOND = "first", "second"


def diff(
    first: Comparison | str | Path,
    second: Comparison | str | Path,
    *,
    metric: str | None = None,
    margin: float | None = None,
) -> Diff:
    """Say what changed from one finished comparison to another, on the rows that both answered.

    Every strategy that both have is compared with itself, row by row: another model, prompt, library or
    data, or another day. Tests, intervals and verdicts are those of a comparison.

    Args:
        first: a comparison or its folder.
        second: the other one; differences are second minus first.
        metric: what rows are judged by; None for each task's first metric.
        margin: the largest difference that does not matter; None for the first comparison's.

    Raises:
        ConfigError: nothing in them can be compared; the message says why.
        UnknownNameError: a task has no such metric.
        StoreError: a folder holds no finished comparison, or not its records.

    Examples:
        >>> diff("runs/monday", "runs/friday").to_text()  # doctest: +SKIP
    """
    one, other = (_Side.of(c) for c in (first, second))
    standards = DecisionSettings(
        margin=one.run.standards.margin if margin is None else margin,
        until_decided=one.run.standards.until_decided or other.run.standards.until_decided,
    )
    found = tuple(
        _task_diff(
            one.task(mine, metric), other.task(theirs, metric), one=one, other=other, standards=standards
        )
        for mine, theirs in _tasks_of_both(one, other)
    )
    if all(task.refused for task in found):
        reasons = " ".join(f"{t.task}: {t.refused}" if len(found) > 1 else str(t.refused) for t in found)
        raise ConfigError(f"{one.folder} and {other.folder} cannot be compared. {reasons}")
    notes = run_notes(one.manifest, other.manifest, one.run.standards, other.run.standards, margin)
    return Diff(first=str(one.folder), second=str(other.folder), tasks=found, notes=tuple(notes))


@dataclasses.dataclass(frozen=True)
class _Side:
    """One of the two comparisons."""

    folder: Path
    manifest: Mapping[str, Any]
    run: StoredRun

    @classmethod
    def of(cls, given: Comparison | str | Path) -> _Side:
        comparison = given if isinstance(given, Comparison) else load_comparison(given)
        manifest = comparison.result.manifest
        records = comparison.folder / RECORDS
        if not records.is_file():
            raise StoreError("There is no such file, and without it rows cannot be paired.", path=records)
        return cls(comparison.folder, manifest, stored_run(comparison.folder, manifest))

    def task(self, name: str, metric: str | None) -> TaskFacts:
        return judged_by(next(t for t in self.run.tasks if t.name == name), metric)

    def described(self, name: str) -> Mapping[str, Any]:
        return next(t for t in self.manifest["tasks"] if t["name"] == name)

    def groups(self, task: TaskFacts) -> dict[str, StrategyTrials]:
        return {g.label: g for g in groups_of(task, self.run.trials)}


def _tasks_of_both(one: _Side, other: _Side) -> list[tuple[str, str]]:
    """Tasks of one name; where each comparison has only one task, those two whatever they are called."""
    mine, theirs = ([t.name for t in side.run.tasks] for side in (one, other))
    if len(mine) == len(theirs) == 1:
        return [(mine[0], theirs[0])]
    shared = [(name, name) for name in mine if name in theirs]
    if not shared:
        raise ConfigError(
            f"{one.folder} and {other.folder} have no task in common: {', '.join(mine)} there, "
            f"{', '.join(theirs)} here."
        )
    return shared


def _task_diff(
    mine: TaskFacts, theirs: TaskFacts, *, one: _Side, other: _Side, standards: DecisionSettings
) -> TaskDiff:
    name = mine.name if mine.name == theirs.name else f"{mine.name} and {theirs.name}"
    groups, others = one.groups(mine), other.groups(theirs)
    answers = AnsweredTargets.of(groups.values()), AnsweredTargets.of(others.values())
    reason = obstacle(mine, theirs, *answers)
    shared = [s for s in groups if s in others and groups[s].records and others[s].records]
    if reason is None and not shared:
        reason = (
            f"They have no strategy in common: {', '.join(groups)} in the first, {', '.join(others)} in the "
            "second."
        )
    if reason is not None:
        return TaskDiff(task=name, metric=mine.primary_metric, refused=reason)
    found = _judged([_difference(groups[s], others[s], standards) for s in shared], standards)
    notes = task_notes(one.described(mine.name), other.described(theirs.name), *answers, groups, others)
    return TaskDiff(
        task=name,
        metric=mine.primary_metric,
        n=len(answers[0].targets.keys() & answers[1].targets.keys()),
        strategies=tuple(
            _strategy_diff(groups[s], others[s], pair, standards)
            for s, pair in zip(shared, found, strict=True)
        ),
        notes=tuple(notes),
    )


def _difference(
    first: StrategyTrials, second: StrategyTrials, standards: DecisionSettings
) -> PairedDifference:
    # Two names for one strategy, so that both are judged in one go.
    named = [dataclasses.replace(g, label=label) for g, label in ((first, FIRST), (second, SECOND))]
    scores = scores_of(named)
    return stats.paired_difference(
        scores[SECOND],
        scores[FIRST],
        rng=np.random.default_rng(RESAMPLING_SEED),
        clusters=clusters_of([*first.records, *second.records]),
        margin=standards.margin,
    )


def _judged(found: Sequence[PairedDifference], standards: DecisionSettings) -> list[PairedDifference]:
    """Adjust p-values for the strategies that are looked at together, and judge by them."""
    adjusted = stats.holm([f.p_value for f in found])
    return [
        dataclasses.replace(
            f,
            p_adjusted=p,
            verdict=stats.verdict(
                f.low,
                f.high,
                p,
                margin=standards.margin,
                equivalence=(f.equivalence_low, f.equivalence_high),
            ),
        )
        for f, p in zip(found, adjusted, strict=True)
    ]


def _strategy_diff(
    first: StrategyTrials, second: StrategyTrials, found: PairedDifference, standards: DecisionSettings
) -> StrategyDiff:
    task, name = first.task, first.label
    shared = {r.example_id for r in first.records} & {r.example_id for r in second.records}
    mine, theirs = ([r for r in g.records if r.example_id in shared] for g in (first, second))
    named = dataclasses.replace(found, strategy=name, baseline=name)
    remark = ""
    if standards.until_decided:
        remark = "; a run that stopped where it was decided looks surer than it is"
    n_changed = _n_changed(mine, theirs)
    return StrategyDiff(
        strategy=name,
        first=aggregate(mine, task, task.primary_metric),
        second=aggregate(theirs, task, task.primary_metric),
        n_changed=n_changed,
        pair=pair_of(task, named, DecisionSettings(margin=standards.margin), remark),
        flips=_flips(task, mine, theirs),
        notes=tuple(strategy_notes(first, second)),
        # Scores may differ although answers do not: another version of a metric.
        identical=n_changed == 0 and found.n > 0 and found.gained == found.lost == 0,
    )


def _n_changed(first: Sequence[Record], second: Sequence[Record]) -> int:
    """Rows of which any answer is another, right or wrong."""
    answers = [
        {(r.example_id, r.seed): (r.output, r.error is None) for r in records} for records in (first, second)
    ]
    return len(
        {key[0] for key in answers[0].keys() | answers[1] if answers[0].get(key) != answers[1].get(key)}
    )


def _flips(task: TaskFacts, first: Sequence[Record], second: Sequence[Record]) -> decision.Flips:
    """Rows that the second has better or worse; the two stand in for two strategies of one comparison."""
    named = [
        dataclasses.replace(record, task=task.name, strategy=name)
        for name, records in ((FIRST, first), (SECOND, second))
        for record in records
    ]
    return decision.flips(named, task.name, task.primary_metric, SECOND, FIRST)
