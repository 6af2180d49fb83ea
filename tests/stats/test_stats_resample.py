"""Counts of draws, and BCa to the digit against scipy on the same resamples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from adaptkit.stats.resample import (
    bca_interval,
    draw_counts,
    percentile_interval,
    resampled_means,
    resampled_sums,
)
from adaptkit.stats.units import Units


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def percentiles(units: Units, seed: int = 1) -> tuple[float, float]:
    return percentile_interval(resampled_means(units, rng=rng(seed)))


def independent(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Units:
    return Units(sums=values, sizes=np.ones(len(values)))


@pytest.mark.parametrize("n", [1, 7, 70_000])
def test_every_resample_draws_as_many_units_as_there_are(n: int) -> None:
    pieces = list(draw_counts(n, rng=rng(), n_resamples=9))
    counts = np.concatenate(pieces)
    assert counts.shape == (9, n)
    assert np.all(counts.sum(axis=1) == n)
    assert counts.min() >= 0


def test_units_are_drawn_alike_and_independently() -> None:
    """A count is binomial: mean 1, variance 1 - 1/n, and two of them have covariance -1/n."""
    counts = np.concatenate(list(draw_counts(20, rng=rng(), n_resamples=40_000)))
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.025)
    covariance = np.cov(counts.T)
    np.testing.assert_allclose(np.diag(covariance), 0.95, atol=0.05)
    off = covariance[~np.eye(20, dtype=bool)]
    assert off.mean() == pytest.approx(-0.05, abs=0.002)


def test_many_units_are_drawn_from_all_of_them() -> None:
    """More than 2^16 units need a wider index."""
    (counts,) = draw_counts(70_000, rng=rng(), n_resamples=1)
    assert counts[0, 66_000:].sum() == pytest.approx(4000, rel=0.1)


def test_columns_are_summed_over_the_same_draws() -> None:
    columns = rng(1).random((30, 2))
    sums = resampled_sums(np.column_stack([columns, columns.sum(axis=1)]), rng=rng(2), n_resamples=500)
    assert sums.shape == (500, 3)
    np.testing.assert_allclose(sums[:, 0] + sums[:, 1], sums[:, 2])
    assert len(np.unique(np.round(sums[:, 0], 9))) > 400


def test_resampled_means_of_clusters_weigh_rows() -> None:
    units = Units(sums=np.array([3.0, 0.0]), sizes=np.array([3.0, 1.0]))
    means = resampled_means(units, rng=rng(), n_resamples=2000)
    values, counts = np.unique(means, return_counts=True)
    assert values.tolist() == [0.0, 0.75, 1.0]
    assert counts[1] == pytest.approx(1000, abs=100)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bca_equals_scipy_on_the_same_resamples(confidence: float) -> None:
    values = rng(3).lognormal(0, 1, size=40)
    plain = scipy_stats.bootstrap((values,), np.mean, method="percentile", rng=rng(4), n_resamples=3000)
    other = scipy_stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=0, bootstrap_result=plain, confidence_level=confidence
    ).confidence_interval
    units = Units(sums=values, sizes=np.ones(40))
    found = bca_interval(plain.bootstrap_distribution, units, confidence)
    assert found is not None
    assert list(found) == pytest.approx([other.low, other.high], abs=1e-9)


def test_bca_leaves_out_whole_clusters_and_weighs_rows() -> None:
    """Against the textbook's steps (B. Efron, R. J. Tibshirani, 1993, 14.3), each written out."""
    rows = [[0.1, 0.2, 0.9], [0.8], [0.3, 0.35], [0.05, 0.0, 0.1, 0.2], [1.0, 0.9]]
    units = Units(sums=np.array([sum(r) for r in rows]), sizes=np.array([float(len(r)) for r in rows]))
    means = resampled_means(units, rng=rng(5), n_resamples=5000)
    everything = np.concatenate(rows)
    jackknife = [np.concatenate([*rows[:i], *rows[i + 1 :]]).mean() for i in range(len(rows))]
    gaps = np.mean(jackknife) - np.array(jackknife)
    acceleration = (gaps**3).sum() / (6 * (gaps**2).sum() ** 1.5)
    normal = scipy_stats.norm
    bias = normal.ppf((np.mean(means < everything.mean()) + np.mean(means <= everything.mean())) / 2)
    z = bias + normal.ppf([0.025, 0.975])
    expected = np.quantile(means, normal.cdf(bias + z / (1 - acceleration * z)))
    assert abs(acceleration) > 0.02
    found = bca_interval(means, units)
    assert found is not None
    assert list(found) == pytest.approx(expected.tolist(), abs=1e-12)


def test_percentiles_equal_scipys_on_the_same_resamples() -> None:
    values = rng(3).random(40)
    plain = scipy_stats.bootstrap((values,), np.mean, method="percentile", rng=rng(4), n_resamples=3000)
    found = percentile_interval(plain.bootstrap_distribution)
    expected = [plain.confidence_interval.low, plain.confidence_interval.high]
    assert list(found) == pytest.approx(expected, abs=1e-12)


def test_bca_is_undefined_where_nothing_varies() -> None:
    units = Units(sums=np.full(5, 0.5), sizes=np.ones(5))
    assert bca_interval(np.full(100, 0.5), units) is None
    skewed = Units(sums=np.array([0.0, 1.0]), sizes=np.ones(2))
    assert bca_interval(np.full(100, 0.7), skewed) is None


def test_intervals_of_own_draws_agree_with_scipys() -> None:
    units = independent(rng(3).beta(2, 1, size=80))
    means = resampled_means(units, rng=rng(5))
    for method, found in (("percentile", percentile_interval(means)), ("BCa", bca_interval(means, units))):
        other = scipy_stats.bootstrap((units.sums,), np.mean, method=method, rng=rng(4), n_resamples=10_000)
        expected = [other.confidence_interval.low, other.confidence_interval.high]
        assert found is not None
        assert list(found) == pytest.approx(expected, abs=0.004)


def test_bca_leans_to_where_the_tail_is() -> None:
    units = independent(rng(1).lognormal(0, 1, size=60))
    means = resampled_means(units, rng=rng(2))
    plain, skewed = percentile_interval(means), bca_interval(means, units)
    assert skewed is not None
    assert skewed[0] > plain[0]
    assert skewed[1] > plain[1]


def test_bootstrap_is_the_same_for_the_same_generator_and_chunked_alike() -> None:
    units = independent(rng().random(3000))  # 3,000 rows x 10,000 resamples are drawn in several chunks
    low, high = percentiles(units)
    assert (low, high) == percentiles(units)
    assert high - low == pytest.approx(2 * 1.96 * units.sums.std() / math.sqrt(3000), rel=0.05)


def test_clusters_are_drawn_as_wholes() -> None:
    """Ten copies of each value are ten times the rows and no more evidence."""
    values = rng().random(30)
    alone = percentiles(independent(values))
    clustered = percentiles(Units(sums=10 * values, sizes=np.full(30, 10.0)))
    pretending = percentiles(independent(np.repeat(values, 10)))
    assert list(clustered) == pytest.approx(list(alone))
    assert pretending[1] - pretending[0] < 0.5 * (clustered[1] - clustered[0])
