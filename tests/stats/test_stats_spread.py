"""Parts of a variance: rows, clusters, seeds, and the interval and p-value that take each with its own t."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.stats import Scores
from adaptkit.stats.luck import Luck, luck_of, luck_part, one_seed
from adaptkit.stats.spread import Part, Spread
from adaptkit.stats.units import Units


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows(n: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.arange(n, dtype=np.intp)


def test_one_part_is_students_t() -> None:
    values = rng().normal(0.3, 1, size=25)
    units = Units.of(values, rows(25))
    part = units.part()
    assert part.variance == pytest.approx(float(values.var(ddof=1)) / 25)
    assert part.df == pytest.approx(24)
    half = scipy_stats.t.ppf(0.975, 24) * scipy_stats.sem(values)
    spread = Spread(rows=part)
    assert spread.half_width(0.95) == pytest.approx(half)
    assert spread.p_value(units.mean) == pytest.approx(scipy_stats.ttest_1samp(values, 0).pvalue, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(1e-6, 1), st.floats(1, 300), st.floats(1e-6, 1), st.sampled_from([1, 2, 4]), st.floats(0.05, 5)
)
def test_a_p_value_is_where_the_interval_ends_at_zero(
    of_rows: float, df: float, of_seeds: float, seeds_df: float, mean: float
) -> None:
    spread = Spread(rows=Part(variance=of_rows, df=df), seeds=Part(variance=of_seeds, df=seeds_df))
    p = spread.p_value(mean)
    assert p is not None
    assert 0 < p <= 1
    if 1e-10 < p < 0.999:
        assert spread.half_width(1 - p) == pytest.approx(mean, rel=1e-6)
    assert spread.p_value(-mean) == p


def test_p_values_at_the_ends() -> None:
    spread = Spread(rows=Part(variance=0.01, df=9), seeds=Part(variance=0.02, df=2))
    assert spread.p_value(0.0) == 1.0
    assert spread.p_value(1e-18) == 1.0
    sure = Spread(rows=Part(variance=1e-12, df=500), seeds=Part(variance=1e-14, df=400))
    assert sure.p_value(1.0) == 1e-12
    assert Spread(rows=Part(variance=1e-12, df=500)).p_value(1.0) == 1e-12
    nothing = Spread(rows=Part(variance=0.0, df=9))
    assert nothing.p_value(0.0) == 1.0
    assert nothing.p_value(0.1) is None


def test_rows_and_seeds_lie_midway_between_one_quantile_for_all_and_one_for_each() -> None:
    """Three seeds have 2 degrees of freedom: 4.30 standard errors, whatever the number of rows."""
    t = scipy_stats.t.ppf
    spread = Spread(rows=Part(variance=0.0004, df=999), seeds=Part(variance=0.01, df=2, gross=0.011))
    assert spread.variance == pytest.approx(0.0104)
    apart = math.hypot(t(0.975, 999) * 0.02, t(0.975, 2) * 0.1)
    df = 0.0104**2 / (0.0004**2 / 999 + 0.011**2 / 2)
    together = t(0.975, df) * math.sqrt(0.0104)
    assert spread.half_width(0.95) == pytest.approx((apart + together) / 2)
    # Luck that was taken off altogether still leaves it less certain how much there is.
    none = Spread(rows=Part(variance=0.0004, df=999), seeds=Part(variance=0.0, df=2, gross=0.0004))
    assert none.half_width(0.95) > 1.05 * none.rows.half_width(0.95)
    still = Spread(rows=Part(variance=0.0, df=9), seeds=Part(variance=0.0, df=2, gross=0.0))
    assert still.half_width(0.95) == 0.0


def test_bounds_of_what_is_not_skewed_are_symmetric() -> None:
    spread = Spread(rows=Part(variance=0.01, df=30))
    half = spread.half_width(0.9)
    assert spread.bounds(0.5, 0.9) == (0.5 - half, 0.5 + half)


@settings(max_examples=100)
@given(st.floats(-1, 1), st.floats(1e-4, 1), st.floats(2, 500), st.floats(-0.8, 0.8))
def test_bounds_are_where_halls_cubic_of_the_statistic_is_a_quantile_of_t(
    mean: float, error: float, df: float, skewness: float
) -> None:
    spread = Spread(rows=Part(variance=error**2, df=df, third=skewness * error**3))
    low, high = spread.bounds(mean, 0.95)
    assert low < mean + 1e-12
    assert high > mean - 1e-12
    quantile = scipy_stats.t.ppf(0.975, df)
    for bound, expected in ((low, quantile), (high, -quantile)):
        t = (mean - bound) / error
        cubic = t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6
        assert cubic == pytest.approx(expected, rel=1e-6, abs=1e-6)
    turned = Spread(rows=Part(variance=error**2, df=df, third=-skewness * error**3)).bounds(-mean, 0.95)
    assert turned == (-high, -low)


def test_the_third_moment_is_that_of_the_mean() -> None:
    values = rng(3).exponential(1, size=50)
    part = Units.of(values, rows(50)).part()
    skewness = scipy_stats.skew(values, bias=False)
    expected = skewness * values.std() ** 3 / 50**2
    assert part.third == pytest.approx(float(expected))
    assert Units.of(np.array([0.0, 1.0]), rows(2)).part().third == 0.0
    # Five copies of each row, as clusters, say the same.
    copied = Units.of(np.repeat(values, 5), np.repeat(rows(50), 5)).part()
    assert copied.third == pytest.approx(part.third)


def test_clusters_of_one_size_are_cr1() -> None:
    values, labels = rng(1).random(24), np.repeat(np.arange(8), 3)
    part = Units.of(values, labels).part()
    fitted = sm.OLS(values, np.ones(24)).fit(cov_type="cluster", cov_kwds={"groups": labels})
    assert part.variance == pytest.approx(float(fitted.bse[0]) ** 2)
    assert part.df == pytest.approx(7)


def test_a_large_cluster_counts_for_few() -> None:
    """Nine rows of one document and three alone weigh as 144 / 84 units, not as four."""
    units = Units.of(np.ones(12), np.array([0] * 9 + [1, 2, 3]))
    assert units.effective == pytest.approx(144 / 84)
    assert units.part().df == 1.0  # never fewer
    assert not units.independent
    residuals = np.array([2.0, -1.0, -0.5, -0.5])
    varied = Units(sums=units.sizes * 0.5 + residuals, sizes=units.sizes)
    h = units.sizes / 12
    mean = varied.mean
    expected = np.sum((varied.sums - mean * varied.sizes) ** 2 / (1 - h)) / 144
    assert varied.variance() == pytest.approx(float(expected))


def test_units_without_rows_are_left_out() -> None:
    units = Units.of(np.array([1.0, 2.0, 4.0]), np.array([0, 3, 3]))
    assert units.sums.tolist() == [1.0, 6.0]
    assert units.sizes.tolist() == [1.0, 2.0]
    assert units.mean == pytest.approx(7 / 3)


def test_equal_units_are_counted() -> None:
    assert Units.of(np.array([0.1 + 0.2, 0.3, 0.5]), rows(3)).n_commonest() == 2
    assert Units.of(np.array([0.1, 0.2]), rows(2)).n_commonest() == 0
    assert Units.of(np.full(4, 0.7), rows(4)).all_equal
    assert Units.of(np.array([0.7]), rows(1)).all_equal
    assert not Units.of(np.array([0.7, 0.7, 0.1]), rows(3)).all_equal


def test_a_unit_that_was_not_seen_steadies_the_variance() -> None:
    equal = Units.of(np.zeros(10), rows(10))
    assert equal.part().variance == 0
    assert equal.part(tied=1.0, square=0.5).variance == pytest.approx(0.05 / 10)
    varied = Units.of(rng().random(10), rows(10))
    assert varied.part(tied=0.0, square=9.0).variance == pytest.approx(varied.variance())
    half = varied.part(tied=0.5, square=0.3).variance
    assert half == pytest.approx((varied.variance() * 9 + 0.5 * 0.3 / 10) / 9.5)


def scores_of(values: list[list[float]], *, seeds_vary: bool = True) -> Scores:
    return Scores(tuple(f"r{i:03d}" for i in range(len(values))), np.array(values), seeds_vary)


def test_seeds_are_a_part_only_where_they_vary_and_are_several() -> None:
    two = [[0.0, 1.0], [1.0, 1.0]]
    assert luck_of(scores_of(two, seeds_vary=False), rows(2)) is None
    assert luck_of(scores_of([[0.0], [1.0]]), rows(2)) is None
    assert luck_of(Scores((), np.zeros((0, 2)), seeds_vary=True), rows(0)) is None
    part = luck_of(scores_of(two), rows(2))
    assert part is not None
    assert part.df == 1
    # Means of the seeds 0.5 and 1: variance 0.125 over 2 seeds, and nothing taken off for two.
    assert part.gross == pytest.approx(0.125 / 2)
    assert part.rest == 0.0
    assert part.variance == part.gross


def test_what_varies_from_row_to_row_is_not_counted_twice() -> None:
    """Three seeds that differ on single rows only: the seeds' part is what is left of their means."""
    values = rng(5).random((40, 3))
    part = luck_of(scores_of(values.tolist()), rows(40))
    assert part is not None
    means = values.mean(axis=0)
    rest = values - values.mean(axis=1, keepdims=True) - means + values.mean()
    mean_square = np.square(rest).sum() / (39 * 2)
    assert part.gross == pytest.approx(float(means.var(ddof=1)) / 3)
    assert part.rest == pytest.approx(float(mean_square) / (40 * 3))
    assert part.variance == max(0.0, part.gross - part.rest)
    assert part.df == 2


def test_the_seeds_part_is_right_on_average() -> None:
    """Luck of 0.05, three seeds: 0.05^2 / 3, beside rows that vary ten times as much."""
    generator, found = rng(6), []
    for _ in range(600):
        luck, base = generator.normal(0, 0.05, 3), generator.normal(0, 0.5, (50, 1))
        values = base + luck + generator.normal(0, 0.1, (50, 3))
        part = luck_of(scores_of(values.tolist()), rows(50))
        assert part is not None
        found.append(part.variance)
    assert np.mean(found) == pytest.approx(0.05**2 / 3, rel=0.12)


def test_rows_of_a_cluster_may_err_together_under_a_seed() -> None:
    """Clusters that each seed shifts as wholes: noise of 10 clusters, not of 100 rows, is taken off."""
    generator = rng(7)
    of_rows: list[float] = []
    of_clusters: list[float] = []
    labels = np.repeat(np.arange(10), 10)
    for _ in range(400):
        shifts = generator.normal(0, 0.3, (10, 3))
        values = scores_of((0.5 + shifts[labels]).tolist())
        for unit, found in ((rows(100), of_rows), (labels, of_clusters)):
            part = luck_of(values, unit)
            assert part is not None
            found.append(part.variance)
    # There is no luck that all clusters share; truncating at 0 leaves a little.
    assert np.mean(of_clusters) < 0.5 * np.mean(of_rows)


def test_a_seed_that_lacks_rows_counts_by_those_it_has() -> None:
    values = np.array([[0.2, 0.4, np.nan], [0.6, 0.8, 0.7], [0.1, 0.3, 0.2]])
    part = luck_of(Scores(("a", "b", "c"), values, seeds_vary=True), rows(3))
    assert part is not None
    assert 0 < part.variance < 0.01


def test_luck_of_two_strategies_adds_up() -> None:
    one, two = Luck(gross=0.03, rest=0.01, df=2), Luck(gross=0.01, rest=0.02, df=4)
    part = luck_part([one, None, two])
    assert part is not None
    # What is too much of the one may be taken off the other's, before either is cut off at 0.
    assert part.variance == pytest.approx(0.01)
    assert part.gross == pytest.approx(0.04)
    assert part.df == pytest.approx(0.04**2 / (0.03**2 / 2 + 0.01**2 / 4))
    alone = luck_part([two])
    assert alone is not None
    assert alone.variance == 0.0
    assert alone.gross == 0.01
    assert alone.df == 4
    assert luck_part([None, None]) is None
    still = luck_part([Luck(gross=0.0, rest=0.0, df=2), Luck(gross=0.0, rest=0.0, df=4)])
    assert still == Part(variance=0.0, df=2.0, gross=0.0)


def test_one_seed_is_told() -> None:
    single, several = scores_of([[0.0], [1.0]]), scores_of([[0.0, 1.0], [1.0, 1.0]])
    assert one_seed([several, single])
    assert not one_seed([several])
    assert not one_seed([scores_of([[0.0], [1.0]], seeds_vary=False)])
