"""How sure the scores of a task are: of each strategy, and of every two compared on the same rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from adaptkit import stats
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.scores import clusters_of, scores_of, stopping_rule
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.results import Estimate, Pair, Row
from adaptkit.metrics import is_row_mean
from adaptkit.stats import AllPairs, CorpusScores, PairedDifference, Scores
from adaptkit.tasks import TaskFacts

RESAMPLING_SEED = 20_250_101


def estimate_of(group: StrategyTrials) -> Estimate:
    """The primary metric with its interval."""
    (scores,) = scores_of([group]).values()
    rng = np.random.default_rng(RESAMPLING_SEED)
    clusters = clusters_of(group.records)
    if isinstance(scores, CorpusScores):
        return stats.corpus_estimate(scores, rng=rng, clusters=clusters)
    return stats.mean_estimate(scores, rng=rng, clusters=clusters)


def compared(groups: Sequence[StrategyTrials], standards: DecisionSettings) -> AllPairs:
    """Compare every two strategies, the later one minus the earlier one, and say which is how often best.

    A run that stopped early is judged by the rule that it stopped by: its p-values and intervals hold
    whenever a run stops. No such rule is made for metrics that are no mean over rows.
    """
    clusters = clusters_of([r for g in groups for r in g.records])
    scores = scores_of(groups)
    rng = np.random.default_rng(RESAMPLING_SEED)
    found = stats.compare_all(scores, rng=rng, clusters=clusters, margin=standards.margin)
    by_row = {name: s for name, s in scores.items() if isinstance(s, Scores)}
    if not standards.until_decided or len(by_row) < 2:
        return found
    n_done = max(len({r.example_id for r in g.records}) for g in groups)
    so_far = stopping_rule(groups, standards).judge(by_row, n_done)
    return dataclasses.replace(found, pairs=so_far.pairs)


def pairs_of(
    task: TaskFacts, found: AllPairs, standards: DecisionSettings, groups: Sequence[StrategyTrials]
) -> list[Pair]:
    """The pairs as they stand in a comparison; nothing is claimed over strategies that were cut short."""
    cut_short = {g.label for g in groups if g.cut_short}
    pairs = [pair_of(task, p, standards, _looked_at(task, standards)) for p in found.pairs]
    return [
        dataclasses.replace(
            p, lower_bounds=tuple(s for s in (p.strategy, p.baseline) if s in cut_short)
        ).bounded()
        for p in pairs
    ]


def _looked_at(task: TaskFacts, standards: DecisionSettings) -> str:
    """What to say of a test in a run that was looked at before its end."""
    if not standards.until_decided:
        return ""
    if is_row_mean(task.primary_metric):
        return "; valid though the run was looked at before its end"
    return f"; the run was stopped by another metric, and {task.primary_metric} looks surer than it is"


def pair_of(task: TaskFacts, found: PairedDifference, standards: DecisionSettings, remark: str) -> Pair:
    """One difference as it stands in a comparison; ``remark`` is added to the name of its test."""
    return Pair(
        task=task.name,
        strategy=found.strategy,
        baseline=found.baseline,
        n=found.n,
        n_unpaired=found.n_unpaired,
        delta=found.delta,
        delta_low=found.low,
        delta_high=found.high,
        gained=found.gained,
        lost=found.lost,
        p_value=found.p_value,
        p_value_adjusted=found.p_adjusted,
        test=found.test + remark,
        verdict=found.verdict,
        margin=standards.margin,
        equivalence_low=found.equivalence_low,
        equivalence_high=found.equivalence_high,
        non_inferior=found.non_inferior,
        detectable=found.detectable,
        n_to_decide=found.n_to_decide,
    )


def with_delta(row: Row, pairs: Sequence[Pair], baseline: str | None) -> Row:
    """Add the difference to the baseline."""
    if baseline is None or row.strategy == baseline or row.status != "done":
        return row
    for pair in pairs:
        if {pair.strategy, pair.baseline} == {row.strategy, baseline}:
            seen = pair if pair.strategy == row.strategy else pair.turned()
            return dataclasses.replace(
                row,
                delta=seen.delta,
                delta_low=seen.delta_low,
                delta_high=seen.delta_high,
                p_value_adjusted=seen.p_value_adjusted,
                verdict=seen.verdict,
            )
    return row
