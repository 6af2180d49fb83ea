"""Intervals as published: golden values, scipy and statsmodels, laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import proportion_confint

from adaptkit.core.errors import ConfigError
from adaptkit.stats import bootstrap_mean, clopper_pearson, clustered_se, t_interval, wilson

CONFIDENCES = [0.5, 0.9, 0.95, 0.99]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(45, 50, 0.7864, 0.9565), (0, 20, 0, 0.1611), (70, 100, 0.6042, 0.7811), (99, 198, 0.431, 0.569)],
)
def test_wilson_gives_the_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert list(wilson(successes, n)) == pytest.approx([low, high], abs=1e-4)


@given(st.integers(1, 500), st.data(), st.sampled_from(CONFIDENCES))
def test_wilson_equals_scipy_and_contains_the_share(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    low, high = wilson(k, n, confidence)
    other = scipy_stats.binomtest(k, n).proportion_ci(confidence, method="wilson")
    assert low == pytest.approx(other.low, abs=1e-9)
    assert high == pytest.approx(other.high, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1
    assert low < high


@settings(max_examples=50)
@given(st.integers(1, 400), st.data(), st.sampled_from(CONFIDENCES))
def test_shares_equal_statsmodels(n: int, data: st.DataObject, confidence: float) -> None:
    k = data.draw(st.integers(0, n))
    for method, ours in (("wilson", wilson), ("beta", clopper_pearson)):
        theirs = proportion_confint(k, n, alpha=1 - confidence, method=method)
        assert list(ours(k, n, confidence)) == pytest.approx(list(theirs), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.data(), st.sampled_from(CONFIDENCES))
def test_the_exact_interval_equals_scipy_and_holds_wilsons_share(
    n: int, data: st.DataObject, confidence: float
) -> None:
    k = data.draw(st.integers(0, n))
    low, high = clopper_pearson(k, n, confidence)
    other = scipy_stats.binomtest(k, n).proportion_ci(confidence, method="exact")
    assert low == pytest.approx(other.low, abs=1e-9)
    assert high == pytest.approx(other.high, abs=1e-9)
    assert 0 <= low <= k / n <= high <= 1


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5)])
@pytest.mark.parametrize("interval", [wilson, clopper_pearson])
def test_what_is_no_share_is_refused(interval: Any, successes: float, n: int) -> None:
    with pytest.raises(ConfigError, match=f"{interval.__name__} must be between 0 and n"):
        interval(successes, n)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=40).filter(lambda v: np.std(v) > 1e-3))
def test_t_interval_equals_scipy(values: list[float]) -> None:
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    assert list(t_interval(values)) == pytest.approx([low, high], abs=1e-9)
    low, high = scipy_stats.t.interval(0.8, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    assert list(t_interval(values, 0.8)) == pytest.approx([low, high], abs=1e-9)


def test_t_interval_needs_two_values() -> None:
    with pytest.raises(ConfigError, match="at least 2"):
        t_interval([0.5])


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_agrees_with_scipys(method: Any) -> None:
    values = rng(3).beta(2, 1, size=80)
    other = scipy_stats.bootstrap((values,), np.mean, method=method, rng=rng(4), n_resamples=10_000)
    low, high = bootstrap_mean(values.tolist(), rng=rng(5), method=method)
    assert low == pytest.approx(other.confidence_interval.low, abs=0.004)
    assert high == pytest.approx(other.confidence_interval.high, abs=0.004)


def test_bca_leans_to_where_the_tail_is() -> None:
    values = rng(1).lognormal(0, 1, size=60).tolist()
    plain = bootstrap_mean(values, rng=rng(2))
    skewed = bootstrap_mean(values, rng=rng(2), method="bca")
    assert skewed[0] > plain[0]
    assert skewed[1] > plain[1]


def test_bca_of_equal_values_falls_back_on_percentiles() -> None:
    assert bootstrap_mean([0.5] * 10, rng=rng(), method="bca") == (0.5, 0.5)


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
    with pytest.raises(ConfigError, match="50 values have 2 cluster labels"):
        bootstrap_mean(values, rng=rng(), clusters=["a", "b"])
    with pytest.raises(ConfigError, match="at least 1"):
        bootstrap_mean([], rng=rng())
    with pytest.raises(ConfigError, match="'percentile' or 'bca'"):
        bootstrap_mean(values, rng=rng(), method="t")  # type: ignore[arg-type]


def test_a_clustered_error_gives_the_published_values() -> None:
    """Clusters {1, 1, 0}, {0, 0}, {1, 0, 1}: 0.1531 as it stands, 0.1875 corrected for three clusters."""
    values, labels = [1.0, 1, 0, 0, 0, 1, 0, 1], ["a"] * 3 + ["b"] * 2 + ["c"] * 3
    assert clustered_se(values, labels, correction="none") == pytest.approx(0.1531, abs=5e-5)
    assert clustered_se(values, labels) == pytest.approx(0.1875, abs=5e-5)
    assert float(np.std(values, ddof=1)) / math.sqrt(8) == pytest.approx(0.1890, abs=5e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 6)), min_size=6, max_size=40))
def test_a_clustered_error_equals_statsmodels(rows: list[tuple[float, int]]) -> None:
    values, groups = np.array([v for v, _ in rows]), np.array([g for _, g in rows])
    if len(set(groups.tolist())) < 2 or np.std(values) < 1e-3:
        return
    fitted = sm.OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    ours = clustered_se(values.tolist(), [str(g) for g in groups])
    assert ours == pytest.approx(float(fitted.bse[0]), abs=1e-9)


def test_one_cluster_has_no_error() -> None:
    assert clustered_se([0.0, 1.0], ["a", "a"]) is None
    # Rows without a label are their own clusters.
    assert clustered_se([0.0, 1.0, 1.0], [None] * 3) == pytest.approx(1 / 3)
