"""All pairs of several strategies: order, correction, verdicts, and how often each is the best."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.stats import AllPairs, PairedDifference, Scores, compare_all, holm, paired_difference
from adaptkit.stats.table import Table

Floats = np.ndarray[Any, np.dtype[np.float64]]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def strategies(values: Floats, names: str = "abcdefgh", *, seeds_vary: bool = False) -> dict[str, Scores]:
    table = values if values.ndim == 3 else values[:, :, None]
    ids = tuple(f"r{i:04d}" for i in range(len(table)))
    return {names[k]: Scores(ids, table[:, k], seeds_vary) for k in range(table.shape[1])}


def pair(found: AllPairs, strategy: str, baseline: str) -> PairedDifference:
    return next(p for p in found.pairs if (p.strategy, p.baseline) == (strategy, baseline))


def alike(shares: list[float], n: int, seed: int = 1) -> Floats:
    generator = rng(seed)
    base = generator.random((n, 1))
    noise = generator.normal(0, 0.1, (n, len(shares)))
    return (base + noise < np.array(shares)).astype(np.float64)


def test_pairs_are_later_minus_earlier_in_the_order_given() -> None:
    scores = strategies(alike([0.5, 0.7, 0.6], 100))
    shuffled = {name: scores[name] for name in "cab"}
    found = compare_all(shuffled, rng=rng(), n_resamples=200)
    assert [(p.strategy, p.baseline) for p in found.pairs] == [("a", "c"), ("b", "c"), ("b", "a")]
    assert list(found.p_best) == ["c", "a", "b"]
    means = {name: float(s.values.mean()) for name, s in scores.items()}
    for p in found.pairs:
        assert p.delta == pytest.approx(means[p.strategy] - means[p.baseline])


@settings(max_examples=15, deadline=None)
@given(st.permutations(list("abcd")), st.booleans())
def test_the_order_of_strategies_and_rows_changes_no_figure(order: list[str], graded: bool) -> None:
    values = alike([0.5, 0.55, 0.6, 0.6], 40)
    scores = strategies(values * 0.9 + 0.05 * rng(2).random(values.shape) if graded else values)
    clusters = {f"r{i:04d}": str(i // 2) for i in range(30)} if graded else None
    one = compare_all(scores, rng=rng(3), clusters=clusters, n_resamples=300)
    rows = rng(4).permutation(40)
    turned = {
        name: Scores(tuple(scores[name].ids[i] for i in rows), scores[name].values[rows]) for name in order
    }
    two = compare_all(turned, rng=rng(3), clusters=clusters, n_resamples=300)
    assert two.p_best == one.p_best
    for p in two.pairs:
        same = next(q for q in one.pairs if {q.strategy, q.baseline} == {p.strategy, p.baseline})
        assert p == (same if same.strategy == p.strategy else same.turned(0.02))


def test_each_pair_is_what_it_would_be_alone_but_for_the_correction() -> None:
    scores = strategies(alike([0.5, 0.62, 0.7, 0.55], 150))
    found = compare_all(scores, rng=rng(), n_resamples=100)
    for p in found.pairs:
        alone = paired_difference(scores[p.strategy], scores[p.baseline], rng=rng(), margin=0.02)
        assert (p.delta, p.low, p.high, p.p_value) == (alone.delta, alone.low, alone.high, alone.p_value)
        assert (p.equivalence_low, p.n_to_decide, p.test) == (
            alone.equivalence_low,
            alone.n_to_decide,
            alone.test,
        )
        assert alone.p_adjusted == alone.p_value
    assert [p.p_adjusted for p in found.pairs] == holm([p.p_value for p in found.pairs])
    assert any(p.p_adjusted != p.p_value for p in found.pairs)


def test_verdicts_of_a_winner_a_loser_and_two_that_are_alike() -> None:
    base = (rng(5).random((3000, 1)) < 0.6).astype(np.float64)
    flip = rng(6).random((3000, 3)) < np.array([[0.002, 0.002, 0.0]])
    values = np.column_stack([np.abs(base - flip[:, [0]]), np.abs(base - flip[:, [1]]), base * 0.0])
    values[:, 2] = base[:, 0] * (rng(7).random(3000) < 0.8)
    found = compare_all(strategies(values), rng=rng(), n_resamples=500)
    assert pair(found, "b", "a").verdict == "equivalent"
    assert pair(found, "c", "a").verdict == "worse"
    assert pair(found, "c", "b").non_inferior is False
    reverse = {name: strategies(values)[name] for name in "cba"}
    assert pair(compare_all(reverse, rng=rng(), n_resamples=500), "a", "c").verdict == "better"
    # Without a margin nothing is called equivalent.
    plain = compare_all(strategies(values), rng=rng(), margin=None, n_resamples=500)
    assert pair(plain, "b", "a").verdict == "undecided"


def test_rows_that_only_some_answered() -> None:
    values = alike([0.5, 0.7, 0.6], 60)
    scores = strategies(values)
    scores["c"] = scores["c"].of_rows(scores["c"].ids[:25])
    found = compare_all(scores, rng=rng(), n_resamples=400)
    assert [p.n for p in found.pairs] == [60, 25, 25]
    assert pair(found, "c", "a").unpaired == scores["a"].ids[25:]
    assert pair(found, "c", "a").delta == pytest.approx(float(np.mean(values[:25, 2] - values[:25, 0])))


def test_graded_pairs_of_different_rows_are_tested_on_their_own() -> None:
    values = rng(8).random((60, 3))
    scores = strategies(values)
    scores["b"] = scores["b"].of_rows(scores["b"].ids[:20])
    found = compare_all(scores, rng=rng(9), n_resamples=4000)
    alone = paired_difference(scores["b"], scores["a"], rng=rng(10))
    assert pair(found, "b", "a").p_value == pytest.approx(alone.p_value or 0.0, abs=0.03)
    assert pair(found, "b", "a").n == 20


def test_one_resample_has_one_winner() -> None:
    found = compare_all(strategies(np.array([[1.0, 0.0]] * 4)), rng=rng(), n_resamples=1)
    assert found.p_best == {"a": 1.0, "b": 0.0}


def test_fewer_than_two_strategies_have_no_pairs() -> None:
    one = strategies(alike([0.5], 10))
    alone, nothing = compare_all(one, rng=rng(), n_resamples=50), compare_all({}, rng=rng())
    assert (alone.pairs, alone.p_best) == ((), {"a": 1.0})
    assert (nothing.pairs, nothing.p_best) == ((), {})


def test_a_table_counts_rows_alone_and_clusters() -> None:
    scores = {"x": Scores.from_rows({"a": 1.0, "b": 0.0, "c": 0.0})}
    assert Table.of(scores, None).n_units == 3
    assert Table.of(scores, {"a": "one", "c": "one"}).n_units == 2
    assert Table.of(scores, dict.fromkeys("abc", "one")).n_units == 1
    assert Table.of({}, None).n_units == 0


def test_a_strategy_without_rows_is_undefined() -> None:
    scores = strategies(alike([0.5, 0.7], 30))
    scores["c"] = Scores.from_rows({})
    found = compare_all(scores, rng=rng(), n_resamples=50)
    assert pair(found, "c", "a").p_value is None
    assert pair(found, "c", "a").p_adjusted is None
    # The test that could not be made does not count for Holm.
    assert pair(found, "b", "a").p_adjusted == pair(found, "b", "a").p_value
    assert found.p_best["c"] is None
    nothing = compare_all({"a": Scores.from_rows({}), "b": Scores.from_rows({})}, rng=rng(), n_resamples=50)
    assert nothing.p_best == {"a": None, "b": None}


@pytest.mark.parametrize(("name", "value"), [("margin", -0.1), ("n_resamples", 0)])
def test_bad_parameters_are_refused(name: str, value: float) -> None:
    scores = strategies(alike([0.5, 0.7], 30))
    with pytest.raises(ConfigError, match=name):
        compare_all(scores, rng=rng(), **{name: value})  # type: ignore[arg-type]


# --- the probability of being best ---------------------------------------------------------------------


def test_equal_strategies_share_it() -> None:
    values = np.tile((rng().random((50, 1)) < 0.5).astype(np.float64), (1, 4))
    assert compare_all(strategies(values), rng=rng(), n_resamples=100).p_best == dict.fromkeys("abcd", 0.25)


def test_it_is_the_share_of_resamples_won() -> None:
    """Two strategies that differ by b wins and c losses: normal with that mean and variance."""
    values = np.zeros((200, 2))
    values[:20, 0] = 1.0
    values[20:32, 1] = 1.0
    found = compare_all(strategies(values), rng=rng(), n_resamples=20_000).p_best
    from scipy import stats as scipy_stats

    # Half a row for ties, which count half to each.
    deviation = (32 - 8**2 / 200) ** 0.5
    assert found["a"] == pytest.approx(scipy_stats.norm.cdf(8 / deviation), abs=0.01)
    assert sum(p or 0.0 for p in found.values()) == pytest.approx(1.0)


def test_clusters_make_it_less_sure() -> None:
    values = np.zeros((120, 2))
    values[:40, 0] = 1.0
    values[40:60, 1] = 1.0
    clusters = {f"r{i:04d}": str(i // 20) for i in range(120)}
    alone, together = (
        compare_all(strategies(values), rng=rng(), clusters=c, n_resamples=4000).p_best["a"]
        for c in (None, clusters)
    )
    assert alone is not None
    assert together is not None
    assert alone > 0.99
    assert 0.6 < together < 0.85


def test_uneven_clusters_are_weighed_by_their_rows() -> None:
    """One document of 30 rows for a, ten of 3 for b: a wins when its one is drawn twice."""
    values = np.zeros((60, 2))
    values[:30, 0] = 1.0
    values[30:, 1] = 1.0
    clusters = {f"r{i:04d}": "big" if i < 30 else str(i // 3) for i in range(60)}
    found = compare_all(strategies(values), rng=rng(), clusters=clusters, n_resamples=8000).p_best
    # P(binomial(11, 1/11) >= 2) plus half a tie with one: 30 rows against 10 x 3.
    none, once = (10 / 11) ** 11, (10 / 11) ** 10
    assert found["a"] == pytest.approx(1 - none - once + once / 2, abs=0.02)


def test_luck_of_seeds_counts() -> None:
    """The better one has three seeds that differ widely; with repeats instead it would be sure."""
    base = rng(11).random((100, 1)) * 0.3
    lucky = base[:, :, None] + np.array([0.05, 0.3, 0.55])
    plain = base[:, :, None] + np.array([0.2, 0.2, 0.2])
    values = np.concatenate([lucky, plain], axis=1)
    sure = compare_all(strategies(values), rng=rng(), n_resamples=3000).p_best["a"]
    unsure = compare_all(strategies(values, seeds_vary=True), rng=rng(), n_resamples=3000).p_best["a"]
    assert sure == 1.0
    # Means of three draws from -0.15, 0.1, 0.35 about 0.1, spread by sqrt(3 / 2): 27 patterns.
    means = np.array([np.mean(c) for c in itertools.product([-0.25, 0.0, 0.25], repeat=3)])
    expected = float(np.mean(0.1 + means * 1.5**0.5 > 0))
    assert unsure == pytest.approx(expected, abs=0.03)


def test_a_strategy_that_stopped_early_is_judged_on_what_it_answered() -> None:
    """On the 20 easy rows that c answered, a was better; that c's own mean is higher means nothing."""
    values = np.zeros((200, 3))
    values[:20, 0] = 1.0
    values[20:140, 0] = 1.0
    values[:, 1] = values[:, 0] * (np.arange(200) % 2)
    values[:16, 2] = 1.0
    scores = strategies(values)
    scores["c"] = scores["c"].of_rows(scores["c"].ids[:20])
    found = compare_all(scores, rng=rng(), n_resamples=2000).p_best
    assert scores["c"].values.mean() > scores["a"].values.mean()
    assert found["a"] == pytest.approx(1.0, abs=0.02)
    assert found["c"] == pytest.approx(0.0, abs=0.02)


def test_a_draw_without_any_row_of_the_reference_says_nothing() -> None:
    """Two documents, of which a answered one: a quarter of the draws hold only the other."""
    a = {"r0": 1.0, "r1": 1.0, "r2": 1.0}
    b = {"r0": 0.0, "r3": 1.0}
    clusters = {"r0": "x", "r1": "x", "r2": "x", "r3": "y"}
    scores = {"a": Scores.from_rows(a), "b": Scores.from_rows(b)}
    assert compare_all(scores, rng=rng(), clusters=clusters, n_resamples=200).p_best == {"a": 1.0, "b": 0.0}
