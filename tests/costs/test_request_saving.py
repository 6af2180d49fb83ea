"""What a request costs less, with its interval: against scipy, by its laws, and where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.core.errors import ConfigError
from adaptkit.costs import request_saving
from adaptkit.costs.cost.saving import Saving, _usual_resamples, difference, exact_saving


def drawn(n: int, seed: int = 0) -> tuple[dict[str, float], dict[str, float]]:
    """Costs of two strategies on the same rows: long rows are dear for both."""
    rng = np.random.default_rng(seed)
    shared = rng.lognormal(0, 1, n)
    names = [f"row {i}" for i in range(n)]
    costs = 0.5 * shared + rng.lognormal(-2, 0.5, n)
    other = shared + rng.lognormal(-2, 0.5, n)
    return dict(zip(names, costs.tolist(), strict=True)), dict(zip(names, other.tolist(), strict=True))


def saving(costs: Mapping[str, float], other: Mapping[str, float], **options: object) -> Saving:
    return request_saving(costs, other, rng=np.random.default_rng(7), **options)  # type: ignore[arg-type]


def bounds(found: Saving) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_it_is_the_difference_of_the_means() -> None:
    found = saving({"a": 1.0, "b": 2.0}, {"a": 4.0, "b": 6.0, "c": 5.0})
    assert found.usd == 3.5
    assert (found.n_paired, found.n_unpaired) == (2, 1)
    assert saving({"a": 0.1 + 0.2}, {"a": 0.3}).usd == 0.0
    assert difference(0.1 + 0.2, 0.3) == 0.0
    assert difference(1.0, 0.0) == 1.0
    assert difference(1.0, 1.0 + 1e-10) != 0.0
    assert exact_saving(2.0, "why") == Saving(
        usd=2.0, low=None, high=None, n_paired=0, n_unpaired=0, method="why"
    )


def test_the_interval_is_the_wider_of_scipys_two_on_many_rows() -> None:
    costs, other = drawn(400)
    differences = np.array([other[i] - costs[i] for i in costs])
    bca = scipy_stats.bootstrap(
        (differences,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    student = scipy_stats.ttest_1samp(differences, 0.0).confidence_interval()
    low, high = bounds(saving(costs, other))
    width = high - low
    assert bca.low > student.low + 0.02 * width
    assert low == pytest.approx(student.low, abs=1e-3 * width)
    assert bca.high > student.high + 0.04 * width
    assert high == pytest.approx(bca.high, abs=0.02 * width)


def test_the_skew_counts_as_scipys_does() -> None:
    costs, other = drawn(100, 4)
    differences = np.array([other[i] - costs[i] for i in costs])
    bca = scipy_stats.bootstrap(
        (differences,), np.mean, n_resamples=100_000, batch=10_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    _, high = bounds(saving(costs, other, n_resamples=100_000))
    # Wider than scipy's by what few rows ask for, Student's quantile and n / (n - 1), and by nothing else.
    room = float(scipy_stats.t.ppf(0.975, 99) / scipy_stats.norm.ppf(0.975)) * (100 / 99) ** 0.5
    mean = float(differences.mean())
    assert (high - mean) / (bca.high - mean) == pytest.approx(room, abs=0.01)


def test_few_rows_are_given_room() -> None:
    """Wider than percentiles by what Student's quantile and ``n / (n - 1)`` add, 22 % for 10 rows."""
    values = {str(i): float(v) for i, v in enumerate([-9, -7, -5, -3, -1, 1, 3, 5, 7, 9])}
    low, high = bounds(saving(values, dict.fromkeys(values, 0.0)))
    centred = np.array(list(values.values()))
    error = float(centred.std(ddof=1)) / 10**0.5
    assert high == pytest.approx(float(scipy_stats.t.ppf(0.975, 9)) * error, rel=0.04)
    # Sums of these ten lie 5 % of it apart.
    assert low == pytest.approx(-high, rel=0.06)


def test_away_from_the_tail_it_is_students() -> None:
    costs, other = drawn(10)
    found = saving(costs, other)
    differences = np.array([other[i] - costs[i] for i in costs])
    student = scipy_stats.ttest_1samp(differences, 0.0).confidence_interval()
    assert found.low == pytest.approx(student.low, abs=2e-3 * (student.high - student.low))
    assert found.high is not None
    assert found.high >= student.high


def test_rows_of_both_and_of_one_vary_apart() -> None:
    """Long rows only one strategy was sent: their level is no variation, their spread is."""
    rng = np.random.default_rng(5)
    costs = {str(i): float(c) for i, c in enumerate(rng.normal(10, 1, 60))}
    other = {str(i): float(c) for i, c in enumerate(rng.normal(20, 1, 90), start=30)}
    other |= {str(i): other[str(i)] + 50 for i in range(60, 120)}
    found = saving(costs, other)
    assert (found.n_paired, found.n_unpaired) == (30, 90)
    low, high = bounds(found)
    # Influences of the rows: of both strategies for 30, of one for 30 and for 60.
    both = [other[str(i)] / 90 - costs[str(i)] / 60 for i in range(30, 60)]
    own = [costs[str(i)] / 60 for i in range(30)]
    others = [other[str(i)] / 90 for i in range(60, 120)]
    error = sum(len(part) * float(np.var(part, ddof=1)) for part in (both, own, others)) ** 0.5
    half = float(scipy_stats.t.ppf(0.975, 117)) * error
    assert found.usd - low == pytest.approx(half, rel=0.04)
    assert high - found.usd == pytest.approx(half, rel=0.04)


def test_one_row_alone_has_no_spread_of_its_own() -> None:
    costs, other = drawn(30)
    found = saving(costs, {**other, "alone": 1.0})
    assert (found.n_paired, found.n_unpaired) == (30, 1)
    low, high = bounds(found)
    assert low < found.usd < high


def test_two_rows_alone_are_given_room_as_all_are() -> None:
    costs, other = drawn(30)
    far = {"one": 1000.0, "another": 2000.0}
    found = saving(costs, {**other, **far})
    low, high = bounds(found)
    # All others together vary by a thousandth of these two, whose squares add up to 2 * 500^2 / (2 - 1).
    half = float(scipy_stats.t.ppf(0.975, 30)) * (2 * 2 * 500**2) ** 0.5 / 32
    assert found.usd - low == pytest.approx(half, rel=0.02)
    assert high - found.usd == pytest.approx(half, rel=0.02)


def test_what_parts_groups_of_rows_is_no_variation() -> None:
    """All rows of both strategies save alike, and so do those of one only: nothing says how far rows vary."""
    costs = dict.fromkeys(map(str, range(10)), 1.0) | {f"own {i}": 2.0 for i in range(6)}
    found = saving(costs, dict.fromkeys(map(str, range(10)), 3.0))
    assert (found.n_paired, found.n_unpaired) == (10, 6)
    assert (found.low, found.high) == (None, None)


def test_small_differences_of_many_rows_count() -> None:
    costs = dict.fromkeys(map(str, range(1000)), 1.0)
    other = {i: 2.00001 if int(i) < 10 else 2.0 for i in costs}
    low, high = bounds(saving(costs, other))
    assert low < 1.0000001 < high < 1.0000002


def test_what_makes_a_row_dear_for_both_cancels_out() -> None:
    costs, other = drawn(100)
    low, high = bounds(saving(costs, other))
    elsewhere = {f"other {i}": c for i, c in other.items()}
    unpaired = saving(costs, elsewhere)
    assert (unpaired.n_paired, unpaired.n_unpaired) == (0, 200)
    assert unpaired.usd == pytest.approx(saving(costs, other).usd)
    unpaired_low, unpaired_high = bounds(unpaired)
    assert unpaired_high - unpaired_low > 1.5 * (high - low)
    # Welch's, for two samples of rows.
    error = float(np.hypot(np.std(list(costs.values()), ddof=1), np.std(list(other.values()), ddof=1))) / 10
    assert unpaired_high - unpaired_low == pytest.approx(2 * 1.97 * error, rel=0.15)


def test_rows_of_one_cluster_count_as_one() -> None:
    costs, other = drawn(40)
    five = {f"{i} {k}": c for i, c in costs.items() for k in range(5)}
    five_other = {f"{i} {k}": c for i, c in other.items() for k in range(5)}
    clusters = {name: name.rpartition(" ")[0] for name in five}
    low, high = bounds(saving(costs, other))
    clustered = saving(five, five_other, clusters=clusters)
    assert bounds(clustered) == pytest.approx((low, high), rel=0.02)
    assert clustered.method == "bootstrap over 40 clusters of requests"
    pretended_low, pretended_high = bounds(saving(five, five_other))
    assert pretended_high - pretended_low < 0.6 * (high - low)
    # Those without a cluster stand for themselves.
    none = saving(costs, other, clusters={"elsewhere": "x"})
    assert bounds(none) == bounds(saving(costs, other))
    assert saving(costs, other).method == "bootstrap over 40 requests"


def test_the_longer_tail_is_given_more_room() -> None:
    rng = np.random.default_rng(3)
    costs = dict.fromkeys(map(str, range(60)), 0.0)
    other = {i: float(rng.lognormal(0, 1)) for i in costs}
    found = saving(costs, other)
    low, high = bounds(found)
    assert high - found.usd > 1.2 * (found.usd - low)


def test_without_variation_there_is_no_interval() -> None:
    # Four rows differ from the rest: too few to show how far the mean may be off.
    costs = {str(i): float(i) for i in range(30)}
    other = {i: c + 0.1 for i, c in costs.items()}
    same = saving(costs, other)
    assert (same.low, same.high) == (None, None)
    assert same.usd == pytest.approx(0.1)
    assert same.method == "no interval: fewer than 5 requests differ in what they save"
    for n_other, has in ((4, False), (5, True)):
        changed = {i: c + (1.0 if int(i) < n_other else 0.0) for i, c in other.items()}
        found = saving(costs, changed)
        assert (found.low is not None) is has
        assert (found.high is not None) is has
    assert saving({"a": 1.0}, {"a": 2.0}).low is None
    assert saving(dict.fromkeys("abcdefgh", 0.0), dict.fromkeys("abcdefgh", 0.0)).low is None


def test_both_strategies_need_a_cost() -> None:
    for costs, other in (({}, {"a": 1.0}), ({"a": 1.0}, {})):
        with pytest.raises(ConfigError, match=r"^request_saving\(\) needs at least 1 cost of each strategy"):
            saving(costs, other)


def test_the_same_generator_gives_the_same_interval() -> None:
    costs, other = drawn(30)
    assert saving(costs, other) == saving(costs, other)
    backwards = dict(reversed(costs.items()))
    assert saving(backwards, other) == saving(costs, other)


@given(st.floats(1e-6, 1e6), st.integers(0, 5))
def test_it_scales_with_the_currency(factor: float, seed: int) -> None:
    costs, other = drawn(25, seed)
    found = saving(costs, other, n_resamples=500)
    scaled = saving(
        {i: factor * c for i, c in costs.items()},
        {i: factor * c for i, c in other.items()},
        n_resamples=500,
    )
    assert scaled.usd == pytest.approx(factor * found.usd, rel=1e-9)
    assert bounds(scaled) == pytest.approx(tuple(factor * b for b in bounds(found)), rel=1e-6)


@given(st.integers(0, 30), st.integers(10, 60))
def test_seen_from_the_other_side_it_is_turned_over(seed: int, n: int) -> None:
    costs, other = drawn(n, seed)
    found, turned = saving(costs, other, n_resamples=500), saving(other, costs, n_resamples=500)
    assert turned.usd == -found.usd
    low, high = bounds(found)
    scale = high - low
    assert bounds(turned) == pytest.approx((-high, -low), abs=1e-6 * scale)
    assert low < found.usd < high


def test_many_rows_take_fewer_resamples() -> None:
    assert [_usual_resamples(n) for n in (1, 2_000, 4_000, 10_000, 100_000)] == [
        10_000,
        10_000,
        5_000,
        2_000,
        2_000,
    ]
    found = saving(*drawn(2_500))
    assert found.method == "bootstrap over 2500 requests"
    low, high = bounds(found)
    assert low < found.usd < high
