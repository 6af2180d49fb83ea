"""Metrics that are no mean over rows: draws, bounds and swaps, held against what they must give."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pytest

from adaptkit.metrics.classification import MACRO_F1
from adaptkit.metrics.corpus import OfSums, parts_of, values_of
from adaptkit.stats import Corpus, CorpusScores, Scores, compare_all, corpus_estimate, paired_difference
from adaptkit.stats.corpus import Answered
from benchmarks.stats.corpus import CASES, _confusion, _draw, _macro_f1, _shifted

MEAN = OfSums(
    parts=lambda answers, lenient: np.array([[a, 1.0] for a in answers]),
    value=lambda sums: sums[..., 0] / sums[..., 1],
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def plain_mean(answers: list[float], *, lenient: bool = False) -> float:
    return sum(answers) / len(answers)


def scores(values: list[float], metric: object = MEAN, **options: object) -> CorpusScores:
    ids = tuple(f"{i:03d}" for i in range(len(values)))
    corpus = Corpus(
        parts=partial(parts_of, metric),  # type: ignore[arg-type]
        values=partial(values_of, metric),  # type: ignore[arg-type]
        unseen=(),
        n_draws=5000,
    )
    return CorpusScores(
        answers={i: {0: v} for i, v in zip(ids, values, strict=True)},
        by_row=Scores(ids, np.array(values)[:, None]),
        corpus=corpus,
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("metric", [MEAN, plain_mean])
def test_a_mean_by_this_way_is_what_the_way_for_means_gives(metric: object) -> None:
    values = rng(1).uniform(size=60)
    others = np.clip(values + rng(2).normal(0.05, 0.2, 60), 0, 1)
    a, b = scores(others.tolist(), metric), scores(values.tolist(), metric)
    found = paired_difference(a, b, rng=rng())
    same = paired_difference(a.by_row, b.by_row, rng=rng())
    assert found.delta == pytest.approx(same.delta)
    assert (found.gained, found.lost, found.n) == (same.gained, same.lost, same.n)
    for name in ("low", "high", "equivalence_low", "equivalence_high", "p_value", "detectable"):
        assert getattr(found, name) == pytest.approx(getattr(same, name), abs=0.02), name
    gaps, usual = (compare_all(s, rng=rng()) for s in ({"a": a, "b": b}, {"a": a.by_row, "b": b.by_row}))
    assert gaps.p_best["a"] == pytest.approx(usual.p_best["a"], abs=0.03)


def test_few_rows_that_differ_are_all_swapped() -> None:
    """The p-value is the share of all swaps that lie as far apart, counted by hand."""
    values, others = [1.0, 0, 1, 0, 1, 1, 0.5, 0], [0.0, 0, 1, 1, 0, 0.25, 0, 0]
    found = paired_difference(scores(values), scores(others), rng=rng())
    gaps = np.subtract(values, others)
    every = [abs(np.dot(gaps, signs)) for signs in itertools.product([1, -1], repeat=len(gaps))]
    assert found.test == "exact permutation test"
    assert found.p_value == pytest.approx(np.mean(np.array(every) >= abs(gaps.sum()) - 1e-9))


def test_rows_that_only_one_strategy_has_are_left_out_of_their_difference() -> None:
    whole = rng(3).uniform(size=50).tolist()
    a, b = scores(whole), scores([v / 2 for v in whole])
    part = CorpusScores(
        answers={i: v for i, v in b.answers.items() if i < "030"},
        by_row=b.by_row.of_rows([i for i in b.by_row.ids if i < "030"]),
        corpus=b.corpus,
    )
    found = compare_all({"a": a, "b": part, "c": a}, rng=rng())
    pair = next(p for p in found.pairs if (p.strategy, p.baseline) == ("b", "a"))
    assert (pair.n, pair.n_unpaired) == (30, 20)
    assert pair.delta == pytest.approx(-np.mean(whole[:30]) / 2)
    assert (found.p_best["a"], found.p_best["b"]) == (0.5, 0)


def test_clusters_are_drawn_and_swapped_whole() -> None:
    by_cluster = np.repeat(rng(4).uniform(size=12), 8)
    a, b = scores(by_cluster.tolist()), scores((by_cluster / 2).tolist())
    clusters = {i: str(int(i) // 8) for i in a.answers}
    apart, together = (corpus_estimate(a, rng=rng(), clusters=c) for c in (None, clusters))
    assert together.value == apart.value
    wide, narrow = ((e.high or 0) - (e.low or 0) for e in (together, apart))
    assert wide > 2 * narrow
    assert together.method == "bootstrap over 12 clusters"
    pair = paired_difference(a, b, rng=rng(), clusters=clusters)
    assert "over 12 clusters" in pair.test
    assert (pair.p_value or 0) >= 1 / 2**11


def test_nothing_that_is_measured_depends_on_the_order_of_strategies() -> None:
    drawn = _draw(CASES[0], 100, rng(5), n_strategies=3)
    names = list(drawn.scores)
    one = compare_all(drawn.scores, rng=rng())
    other = compare_all({n: drawn.scores[n] for n in reversed(names)}, rng=rng())
    assert one.p_best == other.p_best
    turned = {frozenset((p.strategy, p.baseline)): p for p in other.pairs}
    for pair in one.pairs:
        same = turned[frozenset((pair.strategy, pair.baseline))]
        assert pair == (same if same.strategy == pair.strategy else same.turned(0.02))


def test_perfect_answers_leave_room_for_what_was_not_drawn() -> None:
    drawn = _draw(CASES[0], 120, rng(6), n_strategies=1)
    right = CorpusScores(
        answers={i: {0: (a[0][0], a[0][0])} for i, a in drawn.scores["s0"].answers.items()},
        by_row=drawn.scores["s0"].by_row,
        corpus=drawn.scores["s0"].corpus,
    )
    found = corpus_estimate(right, rng=rng())
    assert (found.value, found.high) == (1, 1)
    assert 0.8 < (found.low or 1) < 0.995


def test_the_benchmark_draws_what_it_calls_the_truth() -> None:
    confusion, shares = _confusion(3, rng(7)), np.array([0.6, 0.3, 0.1])
    assert confusion.sum(axis=1) == pytest.approx(np.ones(3))
    assert _shifted(confusion, 0.0) == pytest.approx(confusion)
    drawn = _draw(CASES[2], 60_000, rng(8), n_strategies=1)
    table = Answered(drawn.scores, None)
    assert table.values(0, table.shared(0))[0] == pytest.approx(drawn.truths[0], abs=0.01)
    assert _macro_f1(np.diag(shares)) == 1
    assert MACRO_F1([]) is None
