"""Regret, false winners, needless doubt and calibration, over many samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adaptkit.decision import Requirements
from adaptkit.decision.choice import Choice
from adaptkit.decision.decide import judge
from adaptkit.stats import MARGIN
from benchmarks.decision.methods import METHODS
from benchmarks.decision.samples import Sample, draw, tied, variant
from benchmarks.decision.scored import ScoredTask

TIES = (2, 5)


@dataclass(frozen=True, kw_only=True)
class Price:
    """How much cost matters: the dearest request costs ``share`` of what a right answer is worth."""

    share: float

    def worth(self, task: ScoredTask) -> float | None:
        """USD of a right answer; None where cost does not matter."""
        dearest = max((r.usd_per_1k_requests or 0.0 for r in task.rows), default=0.0) / 1000
        return dearest / self.share if self.share and dearest else None

    def required(self, task: ScoredTask) -> Requirements:
        """As a user states it."""
        return Requirements(usd_per_success=self.worth(task))

    def truth(self, task: ScoredTask) -> dict[str, float]:
        """By strategy, its quality on all rows less its cost in points."""
        worth = self.worth(task)
        costs = [0.0 if worth is None else (r.usd_per_1k_requests or 0.0) / 1000 / worth for r in task.rows]
        means = task.scores.mean(axis=0)
        return {r.strategy: float(m) - c for r, m, c in zip(task.rows, means, costs, strict=True)}


def regrets(
    task: ScoredTask, price: Price, *, n_rows: int, n_draws: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Points lost against the best strategy, by method, and how often nothing was decided."""
    truth, required = price.truth(task), price.required(task)
    best = max(truth.values())
    lost: dict[str, list[float]] = {name: [] for name in METHODS}
    open_, near = 0, 0
    for _ in range(n_draws):
        sample = draw(task, n_rows, rng)
        for name, method in METHODS.items():
            lost[name].append(best - truth[method(sample, required)])
        judged = judge(sample.evidence, required)
        if judged.choice is None or not judged.choice.decided:
            open_ += 1
            near += lost["adaptkit"][-1] <= MARGIN
    return {
        "task": task.name,
        "share": price.share,
        "regret": {name: float(np.mean(each)) for name, each in lost.items()},
        "undecided": open_ / n_draws,
        "undecided_though_near": near / n_draws,
    }


def stated(task: ScoredTask, *, n_rows: int, n_draws: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """What is said of being best in samples of variants of a task, beside what is so on all their rows."""
    found = []
    for _ in range(n_draws):
        other = variant(task, rng)
        sample = draw(other, n_rows, rng)
        named = judge(sample.evidence, Requirements()).named
        found.append(_beside(sample, Price(share=0.0).truth(other), named))
    return found


def _beside(sample: Sample, truth: dict[str, float], named: str | None) -> dict[str, Any]:
    """Pairs of what was said and what is so; of equal ones each is best in its share."""
    assert sample.evidence.gaps is not None
    said = sample.evidence.gaps.p_best()
    best = [s for s, q in truth.items() if q >= max(truth.values()) - 1e-12]
    return {
        "each": [(said[s] or 0.0, (s in best) / len(best)) for s in truth],
        "named": None if named is None else (said[named] or 0.0, (named in best) / len(best)),
    }


def reliability_error(stated: Iterable[tuple[float, float]], n_bins: int = 10) -> float:
    """Mean distance of what was said from what was so, over bins of what was said, weighted by their size.

    The expected calibration error (M. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015).
    """
    pairs = np.array(list(stated))
    if not len(pairs):
        return float("nan")
    bins = np.minimum((pairs[:, 0] * n_bins).astype(int), n_bins - 1)
    gaps = [abs(pairs[bins == b].mean(axis=0) @ (1, -1)) * np.mean(bins == b) for b in np.unique(bins)]
    return float(np.sum(gaps))


def false_winners(task: ScoredTask, *, n_rows: int, n_draws: int, rng: np.random.Generator) -> dict[str, Any]:
    """Of planted ties, how many are given a winner: one that beats the others, or a dearer one taken."""
    found = {}
    for n in TIES:
        choices = [judge(tied(task, n_rows, n, rng).evidence, Requirements()) for _ in range(n_draws)]
        found[str(n)] = float(np.mean([_is_false(j.choice, j.field) for j in choices]))
    return {"task": task.name, "false_winners": found}


def _is_false(choice: Choice | None, field: Any) -> bool:
    if choice is None or not choice.decided:
        return False
    return choice.kind == "alone" or choice.taken is not field.candidates[0]


def summary(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means over tasks, by price."""
    lines = []
    for share in sorted({f["share"] for f in found}):
        own = [f for f in found if f["share"] == share]
        lines.append(
            {
                "share": share,
                "regret": {m: float(np.mean([f["regret"][m] for f in own])) for m in METHODS},
                "undecided": float(np.mean([f["undecided"] for f in own])),
                "undecided_though_near": float(np.mean([f["undecided_though_near"] for f in own])),
            }
        )
    return lines
