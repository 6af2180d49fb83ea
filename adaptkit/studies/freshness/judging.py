"""Answers to scores, and scores to means and differences with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adaptkit import metrics, stats
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.comparison.scoring import scores_of
from adaptkit.core.errors import CapabilityError
from adaptkit.core.results import Estimate
from adaptkit.core.types import Example, Prediction
from adaptkit.metrics.normalise import tokens
from adaptkit.strategies.citing import passage_that_holds
from adaptkit.studies.freshness.result import Difference, FreshAnswer, Phases
from adaptkit.studies.freshness.worlds import AffectedRow, Scenario
from adaptkit.tasks import Task, cluster_names


def metric_of(task: Task) -> str:
    """The task's first metric that is a mean over rows: only of such a one parts of the rows have a value.

    Raises:
        CapabilityError: there is none.
    """
    for name in task.metrics:
        if metrics.is_row_mean(name):
            return name
    raise CapabilityError(
        f"None of the metrics of the task '{task.name}' is a mean over rows ({', '.join(task.metrics)}). "
        "Add one that is, such as 'exact_match'."
    )


def judged(
    world: Scenario, strategy: str, old: Sequence[Prediction], new: Sequence[Prediction], metric: str
) -> list[FreshAnswer]:
    """Hold a strategy's answers against what was and what is true.

    Args:
        old: answers before the update to the affected rows, then to the unaffected ones; ``new`` those after.
        metric: of the task.
    """
    unaffected = [AffectedRow(old=e, new=e) for e in world.unaffected]
    cases = [*((row, True) for row in world.affected), *((row, False) for row in unaffected)]
    return [
        _answer(world, strategy, row, affected, (a, b), metric)
        for (row, affected), a, b in zip(cases, old, new, strict=True)
    ]


def _answer(
    world: Scenario,
    strategy: str,
    row: AffectedRow,
    affected: bool,
    predictions: tuple[Prediction, Prediction],
    metric: str,
) -> FreshAnswer:
    old, new = predictions

    def score(prediction: Prediction, truth: Example | None) -> float | None:
        return None if truth is None else scores_of(prediction, truth, world.new)[metric]

    deleted = world.kind == "delete" and affected
    error = old.error or new.error
    return FreshAnswer(
        strategy=strategy,
        kind=world.kind,
        example_id=row.row.id,
        affected=affected,
        old_target=None if row.old is None else row.old.target,
        new_target=None if row.new is None else row.new.target,
        old_output=old.output,
        new_output=new.output,
        before=score(old, row.old),
        stale=score(old, row.new),
        after=score(new, row.new),
        told_before=_tells(old, row.row, world.documents) if deleted else None,
        told_after=_tells(new, row.row, world.documents) if deleted else None,
        error=None if error is None else f"{error.type}: {error.message}",
    )


def _tells(prediction: Prediction, row: Example, deleted: Sequence[str]) -> bool:
    """Whether an answer cites a deleted document, or holds the answer that stood there."""
    said = tokens(prediction.output)
    if any(_holds(said, tokens(reference)) for reference in row.references):
        return True
    cited = set(prediction.citations or passage_that_holds(prediction.output, prediction.contexts))
    return any(p.id in cited and p.document_id in deleted for p in prediction.contexts)


def _holds(said: Sequence[str], words: Sequence[str]) -> bool:
    n = len(words)
    return n > 0 and any(list(said[i : i + n]) == list(words) for i in range(len(said) - n + 1))


def quality(answers: Sequence[FreshAnswer], rows: Sequence[Example]) -> Phases | None:
    """The scores of answers; None without any."""
    return _phases({a.example_id: (a.before, a.stale, a.after) for a in answers}, cluster_names(rows))


def still_told(answers: Sequence[FreshAnswer], rows: Sequence[Example]) -> Phases | None:
    """The share of answers that tell what is deleted: of the old strategy, and of the updated one."""
    told = {a.example_id: (None, _as_number(a.told_before), _as_number(a.told_after)) for a in answers}
    return _phases(told, cluster_names(rows)) if any(t[1] is not None for t in told.values()) else None


def _as_number(value: bool | None) -> float | None:
    return None if value is None else float(value)


def _phases(
    values: Mapping[str, tuple[float | None, float | None, float | None]], clusters: Mapping[str, str]
) -> Phases | None:
    if not values:
        return None
    before, stale, after = (
        {i: v for i, row in values.items() if (v := row[phase]) is not None} for phase in range(3)
    )
    return Phases(
        before=estimate(before, clusters),
        stale=estimate(stale, clusters),
        after=estimate(after, clusters),
        gain=difference(after, stale, clusters),
        change=difference(after, before, clusters),
    )


def estimate(values: Mapping[str, float], clusters: Mapping[str, str]) -> Estimate | None:
    """The mean over rows with its interval; None without rows."""
    if not values:
        return None
    rng = np.random.default_rng(RESAMPLING_SEED)
    names = [clusters.get(i) for i in values]
    return stats.mean_estimate(list(values.values()), rng=rng, clusters=names)


def difference(
    a: Mapping[str, float], b: Mapping[str, float], clusters: Mapping[str, str]
) -> Difference | None:
    """The mean of ``a`` less ``b`` over the rows that both have; None without such rows."""
    if not a.keys() & b.keys():
        return None
    rng = np.random.default_rng(RESAMPLING_SEED)
    found = stats.paired_difference(a, b, rng=rng, clusters=clusters or None)
    return Difference(
        delta=found.delta, low=found.low, high=found.high, n=found.n, p_value=found.p_value, test=found.test
    )
