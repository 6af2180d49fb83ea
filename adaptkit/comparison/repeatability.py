"""The noise floor: how far two identical runs of one strategy differ.

Greedy decoding is not repeatable everywhere: sums in another order round otherwise, and servers batch as
they like. A lead smaller than what a strategy gains on itself is none.
"""

from __future__ import annotations

from adaptkit.comparison.scoring import aggregate
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.results import NoiseFloor
from adaptkit.tasks import TaskFacts


def noise_floor(task: TaskFacts, first: StrategyTrials, second: StrategyTrials) -> NoiseFloor:
    """Compare two runs of one strategy row by row.

    Args:
        task: whose primary metric counts.
        first: the run that stands in the table.
        second: the same again.
    """
    outputs = [{(r.example_id, r.seed): r.output for r in g.records} for g in (first, second)]
    shared = sorted(outputs[0].keys() & outputs[1].keys())
    scores = [first.values, second.values]
    rows = sorted(scores[0].keys() & scores[1].keys())
    changes = [scores[1][i] - scores[0][i] for i in rows]
    shown = set(rows)
    before, after = (
        aggregate([r for r in g.records if r.example_id in shown], task, task.primary_metric)
        for g in (first, second)
    )
    return NoiseFloor(
        task=task.name,
        strategy=first.label,
        n=len(shared),
        n_changed=sum(outputs[0][k] != outputs[1][k] for k in shared),
        n_scores_changed=sum(c != 0 for c in changes),
        delta=None if before is None or after is None else after - before,
    )
