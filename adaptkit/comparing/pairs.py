"""Every two strategies of a task, compared on the rows that both answered."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from adaptkit import stats
from adaptkit.core.results import Pair, Row
from adaptkit.metrics import is_row_mean
from adaptkit.tasks import Task

RESAMPLING_SEED = 20_250_101


def clusters_of(task: Task) -> dict[str, str]:
    """Cluster of each test row that has one by name; rows of one cluster are not independent."""
    return {e.id: e.cluster for e in task.test if e.cluster is not None}


def pairs_of(task: Task, values: Mapping[str, Mapping[str, float]]) -> list[Pair]:
    """Compare every two strategies, the later one minus the earlier one.

    Args:
        task: whose clusters and metric count.
        values: by strategy, one value of the primary metric an example, seeds averaged.

    Returns:
        The pairs, their p-values corrected after Holm over all of them.
    """
    found = [_pair(task, values, first, second) for first, second in itertools.combinations(values, 2)]
    adjusted = stats.holm([p.p_value for p in found])
    return [
        dataclasses.replace(p, p_value_adjusted=a, verdict=stats.verdict(p.delta_low, p.delta_high, a))
        for p, a in zip(found, adjusted, strict=True)
    ]


def _pair(task: Task, values: Mapping[str, Mapping[str, float]], first: str, second: str) -> Pair:
    metric = task.primary_metric
    what = "" if is_row_mean(metric) else f", of single rows: {metric} has no paired test"
    d = stats.paired_difference(
        values[second],
        values[first],
        rng=np.random.default_rng(RESAMPLING_SEED),
        clusters=clusters_of(task) or None,
    )
    return Pair(
        task=task.name,
        strategy=second,
        baseline=first,
        n=d.n,
        n_unpaired=d.n_unpaired,
        delta=d.delta,
        delta_low=d.low,
        delta_high=d.high,
        gained=d.gained,
        lost=d.lost,
        p_value=d.p_value,
        p_value_adjusted=None,
        test=d.test + what,
        verdict="undecided",
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
