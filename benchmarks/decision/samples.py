"""Small samples of a task's rows, as evidence: what a user with so few rows would have measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.pairs import pairs_of
from adaptkit.decision import DataFacts, Evidence
from adaptkit.stats import Scores, compare_all, mean_estimate
from adaptkit.stats.scores import Floats
from adaptkit.tasks import TaskFacts
from benchmarks.decision.scored import ScoredTask

# Enough for shares to a percent; samples are many.
N_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Sample:
    """One draw.

    Attributes:
        evidence: as a comparison of these rows would give it.
        scores: ``[n_rows, n_strategies]``.
    """

    evidence: Evidence
    scores: Floats


def draw(task: ScoredTask, n_rows: int, rng: np.random.Generator) -> Sample:
    """Draw rows, or whole clusters until there are ``n_rows`` or more, with replacement.

    With replacement, because the task's rows then are the population that the sample is drawn from, and
    what is best on all of them is the truth.
    """
    places, clusters = _drawn(task, n_rows, rng)
    return sample_of(task, task.scores[places], clusters, rng)


def tied(task: ScoredTask, n_rows: int, n_strategies: int, rng: np.random.Generator) -> Sample:
    """Draw a tie: in each row, the scores of some strategies are dealt out among them at random.

    So each has the same distribution, and their rows keep the dependence that real ones have.
    """
    columns = np.sort(rng.choice(len(task.rows), size=n_strategies, replace=False))
    places, clusters = _drawn(task, n_rows, rng)
    dealt = rng.permuted(task.scores[places][:, columns], axis=1)
    rows = tuple(task.rows[c] for c in columns)
    return sample_of(replace(task, rows=rows), dealt, clusters, rng)


def variant(task: ScoredTask, rng: np.random.Generator) -> ScoredTask:
    """A task like this one: three or more of its strategies, and as many rows, drawn with replacement.

    Each has a truth of its own, so that what is said of being best is judged on more than a few truths.
    """
    n = int(rng.integers(3, len(task.rows) + 1))
    columns = np.sort(rng.choice(len(task.rows), size=n, replace=False))
    places, clusters = _drawn(task, len(task.ids), rng)
    return replace(
        task,
        ids=tuple(_id(n) for n in range(len(places))),
        clusters=clusters,
        rows=tuple(task.rows[c] for c in columns),
        scores=task.scores[places][:, columns],
    )


def _drawn(task: ScoredTask, n_rows: int, rng: np.random.Generator) -> tuple[list[int], dict[str, str]]:
    units = _units(task)
    places: list[int] = []
    clusters: dict[str, str] = {}
    for n in range(n_rows):
        if len(places) >= n_rows:
            break
        unit = units[int(rng.integers(len(units)))]
        if len(unit) > 1 or task.ids[unit[0]] in task.clusters:
            # A cluster that is drawn twice is two clusters.
            clusters |= {_id(len(places) + k): f"draw {n}" for k in range(len(unit))}
        places += unit
    return places, clusters


def _units(task: ScoredTask) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for place, i in enumerate(task.ids):
        found.setdefault(task.clusters.get(i, f"row {i}"), []).append(place)
    return list(found.values())


def _id(place: int) -> str:
    return f"r{place:05d}"


def sample_of(task: ScoredTask, scores: Floats, clusters: dict[str, str], rng: np.random.Generator) -> Sample:
    """Go the way of a comparison from scores to evidence."""
    by_name = {
        row.strategy: Scores.from_rows({_id(n): float(v) for n, v in enumerate(scores[:, k])})
        for k, row in enumerate(task.rows)
    }
    found = compare_all(by_name, rng=rng, clusters=clusters or None, n_resamples=N_RESAMPLES)
    rows = []
    for row in task.rows:
        e = mean_estimate(by_name[row.strategy], rng=rng, clusters=clusters or None)
        rows.append(
            replace(row, n=len(scores), n_errors=0, quality=e.value, quality_low=e.low, quality_high=e.high)
        )
    facts = TaskFacts(name=task.name, kind=task.kind, metrics=(task.rows[0].metric,))
    evidence = Evidence(
        task=task.name,
        rows=tuple(rows),
        pairs=tuple(pairs_of(facts, found, DecisionSettings(), ())),
        gaps=found.gaps,
        facts=_facts(task, len(scores)),
        model_parameters=task.model_parameters,
    )
    return Sample(evidence, scores)


def _facts(task: ScoredTask, n_test: int) -> DataFacts:
    return DataFacts(
        task=task.name,
        kind=task.kind,
        metrics=(task.rows[0].metric,),
        n_train=task.n_train,
        n_validation=0,
        n_test=n_test,
        input_chars=0,
        target_chars=0,
        n_classes=task.n_classes,
        examples_per_class=task.n_train / task.n_classes if task.n_classes else None,
        n_documents=task.n_documents,
    )
