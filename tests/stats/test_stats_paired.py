"""Paired differences of two strategies: golden values, laws, and false alarms on simulated ties."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats

from adaptkit.stats import Scores, detectable_difference, flips, mcnemar_exact, paired_difference
from adaptkit.stats.all_pairs import compared, measured
from adaptkit.stats.paired import Levels
from adaptkit.stats.table import Table


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(text: str) -> dict[str, float]:
    return {f"row{i:03d}": float(c) for i, c in enumerate(text)}


def by_id(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, float]:
    return {f"row{i:03d}": float(v) for i, v in enumerate(values)}


def halls_interval(
    differences: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    confidence: float = 0.95,
    *,
    tied: float = 0.0,
    square: float = 0.0,
) -> tuple[float, float]:
    """The interval by the formula as published, its cubic solved by trial."""
    n, mean = len(differences), float(differences.mean())
    squares = float(differences.var()) * n
    error = math.sqrt((squares + tied * square) / (n - 1 + tied) / n)
    third = float(np.mean((differences - mean) ** 3)) * math.sqrt(n * (n - 1)) / (n - 2)
    k = third / n**2 / error**3
    quantile = scipy_stats.t.ppf((1 + confidence) / 2, n - 1)

    def gap(bound: float, target: float) -> float:
        t = (mean - bound) / error
        return float(t + k * t**2 / 3 + k**2 * t**3 / 27 + k / 6 - target)

    far = 50 * error
    low, high = (optimize.brentq(gap, mean - far, mean + far, args=(q,)) for q in (quantile, -quantile))
    return float(low), float(high)


def test_the_worked_example() -> None:
    d = paired_difference(scores("1110101101"), scores("1010001110"), rng=rng())
    assert (d.n, d.n_unpaired, d.gained, d.lost) == (10, 0, 3, 1)
    assert d.delta == pytest.approx(0.2)
    assert d.p_value == 0.625
    assert d.test == "exact McNemar test"


def test_rows_join_by_id_and_the_rest_is_listed() -> None:
    a = {"x": 1.0, "y": 0.0, "only-a": 1.0}
    b = {"y": 1.0, "x": 0.0, "only-b": 1.0, "also-b": 0.0}
    d = paired_difference(a, b, rng=rng())
    assert (d.n, d.n_unpaired, d.gained, d.lost, d.delta) == (2, 3, 1, 1, 0.0)
    assert d.unpaired == ("also-b", "only-a", "only-b")


def test_nothing_shared_is_undefined() -> None:
    d = paired_difference({"a": 1.0}, {"b": 1.0}, rng=rng(), margin=0.02)
    assert (d.n, d.n_unpaired, d.delta, d.low, d.high, d.p_value) == (0, 2, None, None, None, None)
    assert (d.equivalence_low, d.detectable, d.n_to_decide, d.non_inferior) == (None, None, None, None)
    assert (d.p_adjusted, d.verdict, d.test) == (None, "undecided", "no shared rows")


def test_one_row_has_no_interval() -> None:
    d = paired_difference({"a": 1.0}, {"a": 0.0}, rng=rng())
    assert (d.delta, d.low, d.high, d.p_value) == (1.0, None, None, 1.0)
    assert (d.detectable, d.n_to_decide) == (None, None)
    assert d.test == "exact McNemar test"
    graded = paired_difference({"a": 0.9}, {"a": 0.4}, rng=rng())
    assert (graded.p_value, graded.test) == (1.0, "exact sign-flip permutation test")
    # Two rows have one, wide as it is.
    two = paired_difference({"a": 0.9, "b": 0.8}, {"a": 0.6, "b": 0.6}, rng=rng())
    half = float(scipy_stats.t.ppf(0.975, 1)) * 0.05
    assert (two.low, two.high) == pytest.approx((0.25 - half, 0.25 + half))


def test_rows_are_counted_only_where_both_are_right_or_wrong() -> None:
    right, graded = scores("1101001"), by_id(np.array([0.2, 0.5, 0.1, 0.9, 0.4, 0.3, 0.7]))
    for a, b in ((right, graded), (graded, right)):
        assert paired_difference(a, b, rng=rng()).test == "exact sign-flip permutation test"


def test_the_interval_of_graded_scores_is_students_corrected_for_skew() -> None:
    a, b = rng(1).random(40), rng(2).random(40) ** 3
    d = paired_difference(by_id(a), by_id(b), rng=rng())
    assert d.test == "sign-flip permutation test (10,000 flips)"
    assert (d.low, d.high) == pytest.approx(halls_interval(a - b))
    assert (d.equivalence_low, d.equivalence_high) == pytest.approx(halls_interval(a - b, 0.90))
    plain = scipy_stats.t.interval(0.95, 39, np.mean(a - b), scipy_stats.sem(a - b))
    assert (d.low, d.high) == pytest.approx(plain, abs=0.02)
    assert (d.low, d.high) != pytest.approx(plain, abs=1e-4)


def test_strategies_that_mostly_agree_are_not_all_too_sure() -> None:
    """One row of 60 differs: t alone gives -1.7 to 5 points; a unit that was not seen widens it."""
    d = paired_difference(scores("1" * 60), scores("0" + "1" * 59), rng=rng())
    differences = np.zeros(60)
    differences[0] = 1.0
    assert (d.low, d.high) == pytest.approx(halls_interval(differences, tied=(59 / 60) ** 2, square=1.0))
    assert d.high is not None
    assert d.high > 0.08


def test_small_differences_of_few_rows() -> None:
    """The unit that was not seen lies between the largest difference seen, 0.3, and the largest there is."""
    differences = np.zeros(30)
    differences[:4] = [0.3, -0.1, 0.2, 0.25]
    d = paired_difference(by_id(0.5 + differences), by_id(np.full(30, 0.5)), rng=rng())
    expected = halls_interval(differences, tied=(26 / 30) ** 2, square=0.3)
    assert (d.low, d.high) == pytest.approx(expected)


def test_clusters_that_mostly_agree_are_not_all_too_sure() -> None:
    """Four documents of 20 differ, by 0.3 on each of their two rows; one that was not seen, as much."""
    by_document = [0.8, 0.8, 0.2, 0.2, *[0.5] * 16]
    a = {f"{i:02d} {k}": by_document[i] for i in range(20) for k in range(2)}
    d = paired_difference(a, dict.fromkeys(a, 0.5), rng=rng(), clusters={i: i[:2] for i in a})
    means = np.array(by_document) - 0.5
    tied = (16 / 20) ** 2
    variance = (means.var(ddof=1) * 19 + tied * 0.3) / (19 + tied) / 20
    half = scipy_stats.t.ppf(0.975, 19) * math.sqrt(variance)
    assert (d.low, d.high) == pytest.approx((-half, half))
    assert d.test == "exact sign-flip permutation test over 20 clusters"


def test_strategies_that_agree_everywhere_are_not_certainly_equal() -> None:
    d = paired_difference(scores("1" * 60), scores("1" * 60), rng=rng())
    assert d.low is not None
    assert d.high is not None
    assert d.low == -d.high
    # As one row more would, that differs by all it can.
    assert d.high == pytest.approx(float(scipy_stats.t.ppf(0.975, 59)) / 60)
    assert d.p_value == 1.0


def test_differences_of_rounding_are_none() -> None:
    """0.1 + 0.2 and 0.3 are one score."""
    a, b = dict.fromkeys("abcdefgh", 0.1 + 0.2), dict.fromkeys("abcdefgh", 0.3)
    d = paired_difference(a, b, rng=rng())
    assert (d.gained, d.lost, d.delta, d.p_value) == (0, 0, 0.0, 1.0)
    assert d.high is not None
    assert d.high > 0.1


def test_differences_beyond_0_to_1() -> None:
    a = {f"r{i}": 2.0 + i for i in range(10)}
    equal = paired_difference(a, {i: v - 3.1 for i, v in a.items()}, rng=rng())
    assert equal.delta == pytest.approx(3.1)
    assert (equal.low, equal.detectable) == (None, None)
    wide = paired_difference(a, dict.fromkeys(a, 0.0), rng=rng())
    assert wide.high is not None
    assert wide.high > 8
    assert wide.detectable is not None
    assert wide.detectable > 1


def test_bounds_stay_within_what_scores_allow() -> None:
    d = paired_difference(scores("11111"), scores("00001"), rng=rng())
    assert d.high == 1.0
    assert d.low is not None
    assert d.low < 0.5
    tiny = paired_difference(scores("110"), scores("001"), rng=rng())
    assert (tiny.low, tiny.high) == (-1.0, 1.0)
    # No true difference of scores in 0..1 is as large as three rows would need.
    assert tiny.detectable is None
    a, b = by_id(np.array([0.9, 0.5, 0.3])), by_id(np.array([0.2, 0.4, 0.6]))
    few = paired_difference(a, b, rng=rng())
    error = float(np.std([0.7, 0.1, -0.3], ddof=1)) / 3**0.5
    assert 1 < float(scipy_stats.t.ppf(0.975, 2)) * error / 1.959964 * 2.801585 < 2
    assert few.detectable is None


def test_clusters_flip_together() -> None:
    """Thirty rows won in six documents are six wins: p = 2 / 2^6, not 2 / 2^30."""
    a = {f"row{i}": 1.0 for i in range(30)}
    b = dict.fromkeys(a, 0.0)
    clusters = {f"row{i}": f"doc{i // 5}" for i in range(30)}
    d = paired_difference(a, b, rng=rng(), clusters=clusters)
    assert d.p_value == 2 / 64
    assert d.test == "exact sign-flip permutation test over 6 clusters"
    assert paired_difference(a, b, rng=rng(), clusters={}).test == "exact McNemar test"
    some = paired_difference(a, b, rng=rng(), clusters={"row0": "doc", "row1": "doc"})
    assert some.test == "sign-flip permutation test (10,000 flips) over 29 clusters"


def test_clusters_widen_the_interval() -> None:
    values = np.repeat(rng(3).uniform(-0.2, 0.45, size=20), 5)
    a, b = by_id(0.5 + values), by_id(np.full(100, 0.5))
    clusters = {f"row{i:03d}": str(i // 5) for i in range(100)}
    alone, together = (paired_difference(a, b, rng=rng(), clusters=c) for c in (None, clusters))
    assert alone.low is not None
    assert together.low is not None
    assert together.low < alone.low
    assert (together.low, together.high) == pytest.approx(halls_interval(values[::5]))


def test_clusters_of_which_some_are_equal_have_a_wider_interval() -> None:
    """Two of six documents are equal: a document that was not seen has the weight (1 / 3)^2."""
    values = np.array([0.1, 0.1, 0.3, -0.2, 0.25, 0.05])
    clusters = {f"row{i:03d}": str(i // 2) for i in range(12)}
    a = by_id(0.5 + np.repeat(values, 2))
    d = paired_difference(a, by_id(np.full(12, 0.5)), rng=rng(), clusters=clusters)
    expected = halls_interval(values, tied=(1 / 3) ** 2, square=0.3)
    assert (d.low, d.high) == pytest.approx(expected)


def seeded(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, seeds_vary: bool = True) -> Scores:
    return Scores(tuple(f"row{i:03d}" for i in range(len(values))), values, seeds_vary)


def test_training_seeds_are_a_second_level() -> None:
    """The strategy wins on every row; its three seeds differ so much that another three might not."""
    base = rng(4).random((100, 1)) * 0.3
    lucky = seeded(base + np.array([0.1, 0.35, 0.6]))
    plain = seeded(base, seeds_vary=False)
    d = paired_difference(lucky, plain, rng=rng())
    assert d.delta == pytest.approx(0.35)
    assert d.p_value == pytest.approx(2 * scipy_stats.t.sf(0.35 / (0.25 / math.sqrt(3)), 2), abs=0.01)
    assert d.test == "t test over rows and seeds, sign-flip permutation test (10,000 flips): the larger p"
    assert d.low is not None
    assert d.low < 0
    repeats = paired_difference(seeded(lucky.values, seeds_vary=False), plain, rng=rng())
    assert repeats.p_value == pytest.approx(1 / 10_001)
    # No number of rows makes up for three seeds.
    assert d.n_to_decide is None
    assert d.detectable is not None
    assert d.detectable > 0.8


def test_more_rows_make_up_for_their_own_part_only() -> None:
    """The seeds' part of an interval stays as it is, whatever the number of rows."""
    base = rng(4).random((100, 1)) * 0.3
    steady = seeded(base + np.array([0.27, 0.31, 0.35]) + rng(5).normal(0, 0.5, (100, 3)))
    table = Table.of({"a": steady, "b": seeded(base, seeds_vary=False)}, None)
    (found,) = measured(table)
    assert found.spread is not None
    rows, whole = found.spread.rows.half_width(0.95), found.spread.half_width(0.95)
    d = found.difference(Levels())
    assert d.delta is not None
    factor = (2.801585 / 1.959964) ** 2
    left = d.delta**2 - factor * (whole**2 - rows**2)
    assert d.n_to_decide == math.ceil(100 * factor * rows**2 / left)
    assert d.detectable == pytest.approx(factor**0.5 * whole, rel=1e-5)


def test_seeds_that_agree_do_not_make_few_rows_sure() -> None:
    """Five rows of sixty differ, all one way: 2 / 2^5, whatever t says."""
    values = np.tile(np.array([[1.0]] * 60), (1, 3))
    other = values.copy()
    other[:5, 0] = 0.0
    d = paired_difference(seeded(values), seeded(other), rng=rng())
    assert d.p_value is not None
    assert d.p_value >= 0.0625


def test_one_training_seed_is_told() -> None:
    values = (rng().random((50, 1)) < 0.5).astype(np.float64)
    d = paired_difference(seeded(values), seeded(1 - values, seeds_vary=False), rng=rng())
    assert d.test == "exact McNemar test; 1 seed: the luck of training is not covered"


def test_what_rows_can_show() -> None:
    a, b = scores("1" * 60 + "0" * 40), scores("1" * 50 + "0" * 45 + "1" * 5)
    d = paired_difference(a, b, rng=rng())
    assert d.delta == pytest.approx(0.05)
    differences = np.array([a[i] - b[i] for i in a])
    tied = 0.85**2
    half = scipy_stats.t.ppf(0.975, 99) * math.sqrt((differences.var() * 100 + tied) / (99 + tied) / 100)
    detectable = detectable_difference(-half, half)
    assert d.detectable == pytest.approx(detectable)
    assert d.n_to_decide == math.ceil(100 * (detectable / 0.05) ** 2)
    assert paired_difference(scores("10"), scores("01"), rng=rng()).n_to_decide is None


def test_non_inferior_is_a_matter_of_the_margin() -> None:
    a, b = scores("1" * 97 + "0" * 3 + "1" * 100), scores("1" * 198 + "00")
    for margin, expected in ((0.05, True), (0.001, False)):
        d = paired_difference(a, b, rng=rng(), margin=margin)
        assert d.equivalence_low is not None
        assert d.non_inferior is expected
        assert d.non_inferior is (d.equivalence_low > -margin)
        # A loss of the whole margin is too much.
        assert paired_difference(a, b, rng=rng(), margin=-d.equivalence_low).non_inferior is False
    assert paired_difference(a, b, rng=rng()).non_inferior is None


def test_the_turned_difference() -> None:
    d = paired_difference(scores("1" * 80 + "0" * 20), scores("0" * 30 + "1" * 70), rng=rng(), margin=0.02)
    t = d.turned(0.02)
    assert (t.strategy, t.baseline, t.gained, t.lost) == (d.baseline, d.strategy, d.lost, d.gained)
    assert d.delta is not None
    assert t.delta == -d.delta
    for ours, theirs in ((t.low, d.high), (t.high, d.low), (t.equivalence_low, d.equivalence_high)):
        assert ours is not None
        assert theirs is not None
        assert ours == -theirs
    assert (t.p_value, t.n, t.test, t.detectable) == (d.p_value, d.n, d.test, d.detectable)
    assert t.turned(0.02) == d
    assert t.turned(None).non_inferior is None


def test_flips_name_the_rows() -> None:
    a = Scores.from_rows({"w": 1.0, "x": 0.0, "y": 0.5, "z": 1.0, "only-a": 1.0})
    b = Scores.from_rows({"w": 0.0, "x": 1.0, "y": 0.5 + 1e-12, "z": 0.2, "only-b": 1.0})
    assert flips(a, b) == (("w", "z"), ("x",))
    assert flips(b, a) == (("x",), ("w", "z"))


def test_intervals_at_other_levels() -> None:
    a, b = rng(1).random(40), rng(2).random(40)
    table = Table.of({"a": Scores.from_rows(by_id(a)), "b": Scores.from_rows(by_id(b))}, None)
    (found,) = compared(measured(table), table, rng=rng(), levels=Levels(interval=0.99, equivalence=0.8))
    assert (found.low, found.high) == pytest.approx(halls_interval(b - a, 0.99))
    assert (found.equivalence_low, found.equivalence_high) == pytest.approx(halls_interval(b - a, 0.8))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=25),
    st.integers(1, 4),
)
def test_exchanging_the_two_turns_the_sign(rows: list[tuple[float, float]], per_cluster: int) -> None:
    a = {f"r{i}": x for i, (x, _) in enumerate(rows)}
    b = {f"r{i}": y for i, (_, y) in enumerate(rows)}
    clusters = {f"r{i}": f"c{i // per_cluster}" for i in range(len(rows))}
    one = paired_difference(a, b, rng=rng(), clusters=clusters)
    two = paired_difference(b, a, rng=rng(), clusters=clusters)
    assert one.delta is not None
    assert two.delta == pytest.approx(-one.delta)
    assert (one.gained, one.lost) == (two.lost, two.gained)
    assert one.p_value == two.p_value
    assert one.p_value is not None
    assert 0 < one.p_value <= 1
    if one.low is not None and one.high is not None and one.equivalence_low is not None:
        assert one.low <= one.equivalence_low <= one.delta + 1e-9
        assert one.delta <= one.high + 1e-9


def test_two_equal_strategies_are_seldom_told_apart() -> None:
    """At a 5 % level, at most about 5 % false alarms; the exact test gives fewer. 400 simulated sets."""
    generator, alarms, hits = rng(7), 0, 0
    for _ in range(400):
        difficulty = generator.beta(2, 1, size=80)
        a, b = (by_id((generator.random(80) < difficulty).astype(float)) for _ in range(2))
        d = paired_difference(a, b, rng=generator)
        assert d.p_value is not None
        assert d.low is not None
        assert d.high is not None
        alarms += d.p_value < 0.05
        hits += d.low <= 0 <= d.high
    assert alarms / 400 <= 0.06
    assert 0.92 <= hits / 400 <= 0.98


def test_a_planted_winner_is_found() -> None:
    generator, found = rng(8), 0
    for _ in range(100):
        base = generator.random(200)
        a, b = by_id((base < 0.85).astype(float)), by_id((base < 0.7).astype(float))
        d = paired_difference(a, b, rng=generator)
        assert d.p_value == mcnemar_exact(d.gained, d.lost)
        found += d.verdict == "better"
    assert found >= 95
