"""The interval of a strategy's mean: which one when, laws, and coverage on simulated test sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.core.errors import ConfigError
from adaptkit.stats import Scores, mean_estimate, t_interval, wilson
from adaptkit.stats.resample import bca_interval, resampled_means
from adaptkit.stats.units import Units

unit = st.floats(0, 1, allow_subnormal=False)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bounds(values: list[float], *, clusters: list[str | None] | None = None) -> tuple[float, float]:
    e = mean_estimate(values, rng=rng(), clusters=clusters)
    assert e.low is not None
    assert e.high is not None
    return e.low, e.high


def table(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], *, seeds_vary: bool = True) -> Scores:
    return Scores(tuple(f"r{i:04d}" for i in range(len(values))), values, seeds_vary)


def test_of_nothing_is_undefined_not_zero() -> None:
    estimate = mean_estimate([], rng=rng())
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)
    assert estimate.method == "no rows"


def test_of_one_row() -> None:
    graded = mean_estimate([0.4], rng=rng())
    assert (graded.value, graded.low, graded.high) == (0.4, None, None)
    assert graded.method == "no interval from one row"
    right = mean_estimate([1.0], rng=rng())
    assert (right.low, right.high) == wilson(1, 1)


def test_of_right_or_wrong_rows_is_wilsons() -> None:
    estimate = mean_estimate([1] * 45 + [0] * 5, rng=rng())
    assert (estimate.value, estimate.n, estimate.method) == (0.9, 50, "Wilson interval")
    assert (estimate.low, estimate.high) == wilson(45, 50)


def test_graded_rows_have_wilsons_interval_of_as_many_rows_as_would_vary_so_little() -> None:
    values = rng().random(40)
    estimate = mean_estimate(values.tolist(), rng=rng())
    mean = float(values.mean())
    scale = scipy_stats.t.ppf(0.975, 39) ** 2 * values.var(ddof=1) / 40 / (mean * (1 - mean))
    z = scipy_stats.norm.ppf(0.975)
    rows = z**2 / scale
    assert rows > 40
    assert (estimate.low, estimate.high) == pytest.approx(wilson(mean * rows, rows))
    assert estimate.method == "Wilson interval for the spread of 40 rows"


def test_graded_rows_near_one_lean_away_from_it() -> None:
    low, high = bounds([1.0] * 15 + [0.2, 0.7, 0.9, 0.4, 0.8])
    mean = 0.9
    assert mean - low > 1.5 * (high - mean)
    assert high < 1


def test_repeats_are_averaged_within_the_row() -> None:
    """Five answers to each of 60 rows are 60 rows, not 300."""
    chance = rng(2).beta(0.5, 0.3, size=(60, 1))
    answers = (rng(3).random((60, 5)) < chance).astype(np.float64)
    repeated = mean_estimate(table(answers, seeds_vary=False), rng=rng())
    plain = mean_estimate(answers.mean(axis=1).tolist(), rng=rng())
    assert (repeated.low, repeated.high, repeated.n) == (plain.low, plain.high, 60)
    pooled = wilson(answers.sum(), 300)
    assert repeated.high is not None
    assert repeated.low is not None
    assert repeated.high - repeated.low > 1.4 * (pooled[1] - pooled[0])


def test_training_seeds_widen_it_and_repeats_do_not() -> None:
    values = np.clip(rng(4).random((200, 3)) * 0.5 + np.array([0.1, 0.25, 0.4]), 0, 1)
    of_seeds = mean_estimate(table(values), rng=rng())
    of_repeats = mean_estimate(table(values, seeds_vary=False), rng=rng())
    widths = [e.high - e.low for e in (of_seeds, of_repeats) if e.low is not None and e.high is not None]
    # The seeds' means differ by 15 points, and three tell little: 4.3 x 0.15 / sqrt(3) to each side.
    assert widths[0] > 0.6
    assert widths[1] < 0.1
    assert of_seeds.method == "Wilson interval for the spread of 200 rows and 3 seeds"


def test_one_training_seed_says_what_is_not_covered() -> None:
    right = (rng().random((80, 1)) < 0.7).astype(np.float64)
    one = mean_estimate(table(right), rng=rng())
    assert one.method == "Wilson interval; 1 seed: the luck of training is not covered"
    assert (one.low, one.high) == wilson(float(right.sum()), 80)
    assert "luck" not in mean_estimate(table(right, seeds_vary=False), rng=rng()).method
    assert "luck" not in mean_estimate(table(np.array([[0.5]])), rng=rng()).method


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_equal_clusters_never_give_an_interval_of_no_width(value: float) -> None:
    labels: list[str | None] = [f"d{i // 2}" for i in range(20)]
    low, high = bounds([value] * 20, clusters=labels)
    plain = wilson(10 * value, 10)  # ten clusters, not twenty rows
    assert low <= plain[0] + 1e-12
    assert high >= plain[1] - 1e-12
    assert high - low < 1.4 * (plain[1] - plain[0])


def test_one_odd_row_does_not_make_the_others_certain() -> None:
    """59 rows right and one two-thirds right: as wide as 60 of 60, where a bootstrap gives .98 to 1."""
    assert bounds([1.0] * 59 + [2 / 3])[0] < wilson(60, 60)[0] + 0.002
    # Two odd rows show how rows differ, and the interval narrows to that.
    assert bounds([1.0] * 58 + [2 / 3, 1 / 3])[0] > wilson(59, 60)[0] + 0.002


def test_scores_beyond_0_to_1_are_resampled() -> None:
    values = rng().lognormal(0, 1, size=50)
    estimate = mean_estimate(values.tolist(), rng=rng(1))
    assert estimate.method == "BCa bootstrap over 50 rows"
    units = Units(sums=values, sizes=np.ones(50))
    assert (estimate.low, estimate.high) == bca_interval(resampled_means(units, rng=rng(1)), units)
    few = mean_estimate([1.5, 2.0, 4.0], rng=rng())
    assert (few.low, few.high) == pytest.approx(t_interval([1.5, 2.0, 4.0]))
    assert few.method == "t interval over 3 rows"


def test_equal_values_beyond_0_to_1_have_no_bounds() -> None:
    estimate = mean_estimate([3.1] * 20, rng=rng())
    assert estimate.value == pytest.approx(3.1)
    assert (estimate.low, estimate.high) == (None, None)
    assert estimate.method == "no interval: all of 20 rows are equal"


def test_seeds_beyond_0_to_1() -> None:
    values = 5 + rng().normal(size=(30, 1)) + np.array([0.0, 1.0, 2.0])
    estimate = mean_estimate(table(values), rng=rng())
    assert estimate.method == "t interval over 30 rows and 3 seeds"
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.low > 2 * 4.1 / 3**0.5
    # Equal rows under seeds that differ still have an interval: the seeds'.
    shifted = mean_estimate(table(np.tile([2.0, 3.0, 4.0], (5, 1))), rng=rng())
    assert shifted.low == pytest.approx(3 - 4.302653 / 3**0.5, abs=1e-5)


def test_one_cluster_has_no_bounds() -> None:
    one = mean_estimate([0.1, 0.9, 0.5], rng=rng(), clusters=["a"] * 3)
    assert (one.low, one.high, one.method) == (None, None, "no interval from one cluster")


def test_clusters_by_id_and_by_label_are_the_same() -> None:
    values = rng().random(24)
    labels: list[str | None] = [str(i // 3) for i in range(24)]
    by_label = mean_estimate(values.tolist(), rng=rng(), clusters=labels)
    scores = table(values[:, None], seeds_vary=False)
    by_id = mean_estimate(scores, rng=rng(), clusters=dict(zip(scores.ids, map(str, labels), strict=True)))
    assert by_label == by_id
    assert by_label.method == "Wilson interval for the spread of 8 clusters"
    assert mean_estimate(values.tolist(), rng=rng(), clusters=[None] * 24) == mean_estimate(
        values.tolist(), rng=rng()
    )
    with pytest.raises(ConfigError, match="24 values have 2 cluster labels"):
        mean_estimate(values.tolist(), rng=rng(), clusters=["a", "b"])


def test_a_lower_confidence_is_narrower() -> None:
    for values in ([1.0] * 30 + [0.0] * 10, rng().random(40).tolist(), rng().normal(size=40).tolist()):
        wide, narrow = (mean_estimate(values, rng=rng(), confidence=c) for c in (0.95, 0.5))
        assert wide.low is not None
        assert narrow.low is not None
        assert wide.low < narrow.low < np.mean(values)
    assert mean_estimate([1.0, 0.0], rng=rng(), confidence=0.5).low == wilson(1, 2, 0.5)[0]


@settings(max_examples=80, deadline=None)
@given(st.lists(unit, min_size=1, max_size=30), st.booleans(), st.integers(1, 3))
def test_the_mean_lies_within_its_bounds(values: list[float], clustered: bool, n_seeds: int) -> None:
    scores = table(np.tile(np.array(values)[:, None], (1, n_seeds)) ** np.arange(1, n_seeds + 1))
    clusters = {i: i[:4] for i in scores.ids} if clustered else None
    e = mean_estimate(scores, rng=rng(), clusters=clusters)
    assert e.value == pytest.approx(np.mean(scores.values))
    if e.low is not None and e.high is not None and e.value is not None:
        assert 0 <= e.low <= e.value + 1e-12
        assert e.value - 1e-12 <= e.high <= 1
        assert e.low < e.high


def covered(draw: str, runs: int) -> float:
    """Share of simulated test sets whose interval holds the truth."""
    generator, hits = rng(11), 0
    for _ in range(runs):
        clusters: list[str | None] | None = None
        if draw == "graded":
            truth, values = 0.6, generator.beta(3, 2, size=20)
        elif draw == "repeated":
            truth = 0.85
            chance = generator.beta(1.2 * 0.85, 1.2 * 0.15, size=20)
            values = generator.binomial(5, chance) / 5
        else:  # rows of a document share its difficulty
            truth = 0.6
            values = (generator.random((8, 4)) < generator.beta(3, 2, size=(8, 1))).astype(float).ravel()
            clusters = [str(i // 4) for i in range(32)]
        e = mean_estimate(values.tolist(), rng=generator, clusters=clusters)
        hits += e.low is not None and e.high is not None and e.low <= truth <= e.high
    return hits / runs


@pytest.mark.parametrize("draw", ["graded", "repeated", "clustered"])
def test_few_rows_hold_the_truth_as_often_as_they_say(draw: str) -> None:
    assert 0.93 <= covered(draw, 800) <= 0.975
