"""Curves from scores: intervals hold the truth, and what a curve does not determine is not invented."""

from __future__ import annotations

import numpy as np
import pytest
from labelled import LAW, SIZES, curve_of, curves_of, exactly, names, scored

from adaptkit.core.errors import ConfigError
from adaptkit.decision.curves import LearningCurve, PowerLaw, worth_of_labels
from adaptkit.decision.curves.resampling import resample
from adaptkit.stats import Scores

RISING = [LAW.at(n) for n in SIZES]


@pytest.mark.parametrize(("n_seeds", "luck"), [(1, 0.0), (3, 0.0), (3, 0.04)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(n_seeds: int, luck: float) -> None:
    """150 simulated curves each. With 3 seeds and no luck intervals are wide, as those of points are."""
    places = (16, 120, 1000, 1500)
    held = dict.fromkeys((*places, "gain"), 0)
    n_fitted = 0
    for run in range(150):
        curve = curve_of(scored(LAW.at, np.random.default_rng(run), n_seeds=n_seeds, luck=luck))
        if curve.fit is None:
            continue
        n_fitted += 1
        for n in places:
            held[n] += _holds(LAW.at(n), *_bounds(curve, n))
        worth = worth_of_labels(curve, 500)
        assert worth.low is not None
        assert worth.high is not None
        held["gain"] += _holds(LAW.at(1500) - LAW.at(1000), worth.low, worth.high)
    assert n_fitted >= 145
    assert all(count / n_fitted >= 0.91 for count in held.values()), held
    if n_seeds == 1:
        assert all(count / n_fitted <= 0.985 for count in held.values()), held


def test_gains_are_held_where_the_ceiling_is_1_too() -> None:
    law, held = PowerLaw(ceiling=1, amplitude=1.5, rate=0.3), 0
    for run in range(100):
        worth = worth_of_labels(curve_of(scored(law.at, np.random.default_rng(run), n_seeds=1)), 200)
        held += worth.low is None or _holds(law.at(1200) - law.at(1000), worth.low, worth.high or 0.0)
    assert held >= 92


def _bounds(curve: LearningCurve, n: float) -> tuple[float, float]:
    found = curve.quality_at(n)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def _holds(truth: float, low: float, high: float) -> bool:
    return low <= truth <= high


def test_points_are_the_means_with_the_interval_of_a_comparison() -> None:
    curve = curve_of(exactly(RISING))
    assert [p.n_labels for p in curve.points] == list(SIZES) == list(curve.sizes)
    assert [p.quality for p in curve.points] == pytest.approx(RISING, abs=0.003)
    assert all(p.low is not None and p.quality is not None and p.low < p.quality for p in curve.points)
    assert (curve.points[0].n_rows, curve.points[0].n_seeds) == (200, 1)
    assert curve.fit is not None
    assert curve.fit.ceiling[0] <= curve.fit.law.ceiling <= curve.fit.ceiling[1] <= 1
    assert curve.fit.rate[0] <= curve.fit.law.rate <= curve.fit.rate[1]
    assert curve.fit.largest_miss < 0.005


def test_two_sizes_determine_no_law_and_are_read_between() -> None:
    curve = curve_of(exactly([0.4, 0.8], sizes=(16, 256)))
    assert curve.fit is None
    assert curve.undetermined == "a power law takes 4 numbers of labels, and 2 were measured"
    found = curve.quality_at(64)  # half way on the log axis
    assert found.value == pytest.approx(0.6)
    assert found.low is not None
    assert found.low < 0.6
    assert found.method == "between points"
    with pytest.raises(
        ConfigError, match=r"measured with 16 to 256 labels, which says nothing of .* than 256"
    ):
        curve.quality_at(300)


@pytest.mark.parametrize("qualities", [[0.6] * 4, [0.6, 0.61, 0.6, 0.605]])
def test_a_flat_curve_determines_no_law(qualities: list[float]) -> None:
    curve = curve_of(
        scored(lambda n: dict(zip(SIZES, qualities, strict=True))[int(n)], np.random.default_rng(0))
    )
    assert curve.fit is None
    assert curve.undetermined == "1,000 labels are not clearly better than 16"


@pytest.mark.parametrize("qualities", [[0.3, 0.5, 0.6], [0.2, 0.7, 0.71], [0.1, 0.1, 0.9]])
def test_three_sizes_are_fitted_by_any_three_parameters_and_determine_no_law(qualities: list[float]) -> None:
    curve = curve_of(exactly(qualities, sizes=(16, 64, 164)))
    assert curve.fit is None
    assert curve.undetermined == "a power law takes 4 numbers of labels, and 3 were measured"


@pytest.mark.parametrize("qualities", [[0.2, 0.8, 0.81, 0.81], [0.05, 0.9, 0.9, 0.92]])
def test_a_step_is_no_power_law(qualities: list[float]) -> None:
    curve = curve_of(exactly(qualities))
    assert curve.fit is None
    assert curve.undetermined is not None
    assert "in a step rather than gradually" in curve.undetermined
    assert "measure sizes between 16 and 1,000" in curve.undetermined


def test_a_curve_that_falls_determines_no_law() -> None:
    curve = curve_of(exactly([0.3, 0.9, 0.5, 0.8]))
    assert curve.fit is None
    assert curve.undetermined == "quality falls from 64 to 256 labels"


def test_a_fall_by_chance_is_no_fall() -> None:
    rng = np.random.default_rng(4)
    right = [rng.random(100) < q for q in (0.4, 0.75, 0.74, 0.9)]
    by_size = {n: Scores(names(100), r.astype(float)[:, None]) for n, r in zip(SIZES, right, strict=True)}
    assert curve_of(by_size).fit is not None


def test_a_strategy_without_labels_is_a_flat_line() -> None:
    curve = curve_of({0: exactly([0.5], sizes=(0,))[0]}, learns=False)
    assert curve.fit is None
    assert curve.undetermined == "it learns from no labels"
    assert [curve.quality_at(n).value for n in (1, 100, 10**6)] == [0.5] * 3


def test_beyond_twice_the_most_labels_nothing_is_said() -> None:
    curve = curve_of(exactly(RISING))
    assert curve.quality_at(500).method == "power law"
    assert curve.quality_at(2000).method == "power law, beyond what was measured"
    assert curve.quality_at(8).method == "power law, beyond what was measured"
    for n in (2001, 7):
        with pytest.raises(ConfigError, match="fewer than 8 or more than 2,000"):
            curve.quality_at(n)


def test_sizes_share_their_rows_in_every_resample() -> None:
    """Where the larger size has all rows of the smaller right and some more, no resample says otherwise."""
    (found,) = resample([list(exactly(RISING).values())], rng=np.random.default_rng(0))
    assert (np.diff(found.resamples, axis=1) > 0).mean() > 0.99
    assert found.means.tolist() == pytest.approx(RISING, abs=0.003)


def test_strategies_share_rows_and_seeds() -> None:
    by_size = scored(LAW.at, np.random.default_rng(0), luck=0.05)
    one, two = curves_of({"a": by_size, "b": by_size})
    assert one.resampled is not None
    assert two.resampled is not None
    assert np.array_equal(one.resampled.resamples, two.resampled.resamples)


def test_seeds_that_differ_widen_the_interval() -> None:
    values = np.zeros((100, 3))
    values[:80, 0], values[:60, 1], values[:40, 2] = 1, 1, 1
    wide, narrow = (
        resample([[Scores(names(100), values, seeds_vary=vary)]], rng=np.random.default_rng(0))[0]
        for vary in (True, False)
    )
    spread = [float(np.diff(np.quantile(r.resamples[:, 0], [0.025, 0.975]))[0]) for r in (wide, narrow)]
    # Student's t over three seeds alone: 4.30 * 0.2 / sqrt(3) on either side.
    assert spread[0] == pytest.approx(2 * 4.303 * 0.2 / 3**0.5, rel=0.15)
    assert spread[1] < 0.2


def test_rows_of_a_cluster_are_drawn_together() -> None:
    scores = Scores(names(60), np.repeat([1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 10)[:, None])
    clusters = {i: f"c{n // 10}" for n, i in enumerate(names(60))}
    apart, together = (
        resample([[scores]], rng=np.random.default_rng(0), clusters=c)[0].resamples.std()
        for c in (None, clusters)
    )
    assert together > 2.5 * apart


def test_the_same_scores_give_the_same_curve() -> None:
    by_size = scored(LAW.at, np.random.default_rng(0))
    first, second = curve_of(by_size), curve_of(by_size)
    assert first.points == second.points
    assert first.fit is not None
    assert second.fit is not None
    assert first.fit.law == second.fit.law
    assert np.array_equal(first.fit.resampled, second.fit.resampled)


def test_a_curve_without_a_point_says_so() -> None:
    curve = LearningCurve(task="t", strategy="lora", metric="accuracy", points=())
    assert curve.most_labels == 0
    with pytest.raises(ConfigError, match="Nothing was measured of lora on 't'"):
        curve.quality_at(10)
