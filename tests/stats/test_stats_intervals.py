"""Intervals of a mean: golden values, scipy, laws, and coverage on simulated test sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.core.errors import ConfigError
from adaptkit.stats import bootstrap_mean, mean_estimate, t_interval, wilson
from adaptkit.stats.intervals import t_quantile

unit = st.floats(0, 1, allow_subnormal=False)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(45, 50, 0.7864, 0.9565), (0, 20, 0, 0.1611), (70, 100, 0.6042, 0.7811), (99, 198, 0.431, 0.569)],
)
def test_wilson_gives_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert list(wilson(successes, n)) == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 500), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_equals_scipy_and_contains_the_share(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    low, high = wilson(k, n, confidence)
    other = scipy_stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert low == pytest.approx(other.low, abs=1e-9)
    assert high == pytest.approx(other.high, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5)])
def test_wilson_refuses_what_is_no_share(successes: float, n: int) -> None:
    with pytest.raises(ConfigError, match="wilson"):
        wilson(successes, n)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 7, 30, 99, 1000])
@pytest.mark.parametrize("q", [0.6, 0.95, 0.975, 0.999])
def test_t_quantile_equals_scipy(q: float, df: int) -> None:
    assert t_quantile(q, df) == pytest.approx(scipy_stats.t.ppf(q, df), rel=1e-9)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40).filter(lambda v: np.std(v) > 1e-3))
def test_t_interval_equals_scipy(values: list[float]) -> None:
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    assert list(t_interval(values)) == pytest.approx([low, high], abs=1e-9)


def test_t_interval_needs_two_values() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        t_interval([0.5])


def test_bootstrap_agrees_with_scipys() -> None:
    values = rng(3).beta(2, 1, size=80)
    other = scipy_stats.bootstrap((values,), np.mean, method="percentile", rng=rng(4), n_resamples=10_000)
    low, high = bootstrap_mean(values.tolist(), rng=rng(5))
    assert low == pytest.approx(other.confidence_interval.low, abs=0.004)
    assert high == pytest.approx(other.confidence_interval.high, abs=0.004)


def test_bootstrap_is_the_same_for_the_same_generator_and_chunked_alike() -> None:
    values = rng().random(3000).tolist()  # 3,000 rows x 10,000 resamples are drawn in several chunks
    first, second = bootstrap_mean(values, rng=rng(1)), bootstrap_mean(values, rng=rng(1))
    assert first == second
    half = 1.96 * np.std(values) / math.sqrt(3000)
    assert first[1] - first[0] == pytest.approx(2 * half, rel=0.05)


def test_clusters_are_drawn_as_wholes() -> None:
    """Ten copies of each value are ten times the rows and no more evidence."""
    values = rng().random(30).tolist()
    copied = [v for v in values for _ in range(10)]
    labels = [str(i) for i in range(30) for _ in range(10)]
    alone = bootstrap_mean(values, rng=rng(1))
    clustered = bootstrap_mean(copied, rng=rng(1), clusters=labels)
    pretending = bootstrap_mean(copied, rng=rng(1))
    assert list(clustered) == pytest.approx(list(alone))
    assert pretending[1] - pretending[0] < 0.5 * (clustered[1] - clustered[0])


def test_a_cluster_counts_by_its_rows() -> None:
    """Means of resampled clusters are over rows: a cluster of 3 weighs three times one of 1."""
    values, labels = [1.0, 1.0, 1.0, 0.0], ["a", "a", "a", "b"]
    low, high = bootstrap_mean(values, rng=rng(), clusters=labels, confidence=0.4)
    assert (low, high) == (0.75, 0.75)  # half of all draws take one of each


def test_rows_without_a_label_are_independent() -> None:
    values = rng().random(50).tolist()
    assert bootstrap_mean(values, rng=rng(1), clusters=[None] * 50) == bootstrap_mean(values, rng=rng(1))
    with pytest.raises(ValueError, match="50 values have 2 cluster labels"):
        bootstrap_mean(values, rng=rng(), clusters=["a", "b"])
    with pytest.raises(ConfigError, match="at least 1"):
        bootstrap_mean([], rng=rng())


def test_estimate_of_nothing_is_undefined_not_zero() -> None:
    estimate = mean_estimate([], rng=rng())
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)


def test_estimate_of_one_row() -> None:
    graded = mean_estimate([0.4], rng=rng())
    assert (graded.value, graded.low, graded.high) == (0.4, None, None)
    right = mean_estimate([1.0], rng=rng())
    assert (right.low, right.high) == wilson(1, 1)


def test_estimate_of_right_or_wrong_rows_is_wilsons() -> None:
    estimate = mean_estimate([1] * 45 + [0] * 5, rng=rng())
    assert (estimate.value, estimate.n, estimate.method) == (0.9, 50, "Wilson interval")
    assert (estimate.low, estimate.high) == wilson(45, 50)


def test_estimate_of_graded_rows_is_a_bootstrap() -> None:
    values = rng().random(40).tolist()
    estimate = mean_estimate(values, rng=rng(1))
    assert estimate.method == "percentile bootstrap over 40 rows"
    assert (estimate.low, estimate.high) == bootstrap_mean(values, rng=rng(1))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_rows_never_give_an_interval_of_no_width(value: float) -> None:
    labels = [f"d{i // 2}" for i in range(20)]
    estimate = mean_estimate([value] * 20, rng=rng(), clusters=labels)
    assert estimate.low is not None
    assert estimate.high is not None
    assert (estimate.low, estimate.high) == wilson(10 * value, 10)  # ten clusters, not twenty rows
    assert "10 clusters" in estimate.method


def test_one_odd_row_does_not_make_the_others_certain() -> None:
    """59 rows right and one two-thirds right: as wide as 60 of 60, where a bootstrap gives .98 to 1."""
    estimate = mean_estimate([1.0] * 59 + [2 / 3], rng=rng())
    assert estimate.low is not None
    assert estimate.low < wilson(60, 60)[0] + 0.002


def test_equal_values_outside_0_to_1_have_no_bounds() -> None:
    estimate = mean_estimate([3.0] * 20, rng=rng())
    assert (estimate.value, estimate.low, estimate.high) == (3.0, None, None)


def test_one_cluster_has_no_bounds_and_few_are_named() -> None:
    one = mean_estimate([0.1, 0.9, 0.5], rng=rng(), clusters=["a"] * 3)
    assert (one.low, one.high, one.method) == (None, None, "no interval from one cluster")
    few = mean_estimate(rng().random(24).tolist(), rng=rng(), clusters=[str(i // 2) for i in range(24)])
    assert "few" in few.method


@settings(max_examples=60, deadline=None)
@given(st.lists(unit, min_size=1, max_size=30), st.booleans())
def test_estimate_lies_within_its_bounds(values: list[float], clustered: bool) -> None:
    clusters = [str(i // 3) for i in range(len(values))] if clustered else None
    e = mean_estimate(values, rng=rng(), clusters=clusters)
    assert e.value == pytest.approx(np.mean(values))
    if e.low is not None and e.high is not None and e.value is not None:
        assert -1e-12 <= e.low <= e.value + 1e-12
        assert e.value - 1e-12 <= e.high <= 1 + 1e-12
        assert e.low < e.high


def _coverage(draw: str, runs: int) -> float:
    """Share of simulated test sets whose interval holds the truth."""
    generator, hits = rng(11), 0
    for _ in range(runs):
        clusters: list[str] | None = None
        if draw == "binary":
            truth, values = 0.8, (generator.random(60) < 0.8).astype(float)
        elif draw == "graded":
            truth, values = 0.6, generator.beta(3, 2, size=60)
        else:  # rows of a document share its difficulty
            truth = 0.6
            values = (generator.random((40, 4)) < generator.beta(3, 2, size=(40, 1))).astype(float).ravel()
            clusters = [str(i // 4) for i in range(160)]
        e = mean_estimate(values.tolist(), rng=generator, clusters=clusters)
        hits += e.low is not None and e.high is not None and e.low <= truth <= e.high
    return hits / runs


@pytest.mark.parametrize("draw", ["binary", "graded", "clustered"])
def test_intervals_hold_the_truth_as_often_as_they_say(draw: str) -> None:
    assert 0.92 <= _coverage(draw, 300) <= 0.98
