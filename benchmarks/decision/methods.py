"""Ways to choose from a sample: adaptkit's, and what people do instead."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

from adaptkit.core.results import Row
from adaptkit.decision import Requirements
from adaptkit.decision.decide import judge
from adaptkit.decision.hypotheses import weigh
from adaptkit.decision.order import parts_of
from adaptkit.decision.situation import Situation
from benchmarks.decision.samples import Sample

Method = Callable[[Sample, Requirements], str]


def adaptkit(sample: Sample, required: Requirements) -> str:
    """The strategy recommended, or named for now."""
    named = judge(sample.evidence, required).named
    return named if named is not None else best_mean(sample, required)


def best_mean(sample: Sample, required: Requirements) -> str:
    """The highest mean, whatever it costs."""
    return max(sample.evidence.rows, key=lambda r: r.quality or 0.0).strategy


def unpaired_test(sample: Sample, required: Requirements) -> str:
    """The easiest to keep of those that an unpaired z test at 5 % does not tell from the best."""
    best = max(sample.evidence.rows, key=lambda r: r.quality or 0.0)
    near = [r for r in sample.evidence.rows if _unpaired_p(best, r, sample) >= 0.05]
    return min(near or [best], key=lambda r: (r.traits.complexity, r.strategy)).strategy


def _unpaired_p(a: Row, b: Row, sample: Sample) -> float:
    names = [r.strategy for r in sample.evidence.rows]
    columns = [sample.scores[:, names.index(r.strategy)] for r in (a, b)]
    se = sqrt(sum(float(c.var(ddof=1)) / len(c) for c in columns))
    gap = abs(float(columns[0].mean() - columns[1].mean()))
    return 2 * NormalDist().cdf(-gap / se) if se > 0 else float(gap == 0)


def rules_alone(sample: Sample, required: Requirements) -> str:
    """The first hypothesis of an advice that was measured; no row is looked at."""
    e = sample.evidence
    situation = Situation.of(required, e.facts, e.model_parameters)
    for hypothesis in weigh(situation).hypotheses:
        same = [r for r in e.rows if parts_of(r.strategy) == parts_of(hypothesis.strategy)]
        if same:
            # Of several settings of one strategy, the one with its own name has the default ones.
            return min(same, key=lambda r: (":" in r.strategy, r.strategy)).strategy
    return min(e.rows, key=lambda r: r.traits.complexity).strategy


METHODS: dict[str, Method] = {
    "adaptkit": adaptkit,
    "highest mean": best_mean,
    "unpaired test, then the easiest": unpaired_test,
    "rules alone": rules_alone,
}
