"""The power law: exact data give its parameters back, and bounds hold whatever the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.decision.curves import PowerLaw, fit_many, fit_power_law
from adaptkit.decision.curves.power_law import MAX_RATE, MIN_RATE, qualities_at

SIZES = (16, 64, 256, 1000)
LAWS = [(0.9, 0.8, 0.5), (1.0, 2.0, 0.9), (0.7, 0.3, 0.2), (0.95, 9.0, 1.4), (0.55, 0.5, 0.07)]
QUALITIES = st.lists(st.floats(0, 1), min_size=3, max_size=6)


@pytest.mark.parametrize(("ceiling", "amplitude", "rate"), LAWS)
@pytest.mark.parametrize("sizes", [(16, 64, 256), SIZES, (5, 10, 20, 40, 80, 160, 320)])
def test_exact_data_give_the_parameters_back(
    ceiling: float, amplitude: float, rate: float, sizes: tuple[int, ...]
) -> None:
    found = fit_power_law(sizes, [ceiling - amplitude * n**-rate for n in sizes])
    assert found.ceiling == pytest.approx(ceiling, abs=1e-6)
    assert found.amplitude == pytest.approx(amplitude, abs=1e-6)
    assert found.rate == pytest.approx(rate, abs=1e-6)


def test_it_is_the_least_squares_that_a_general_optimiser_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(3)
    for _ in range(10):
        values = np.clip(0.9 - 0.9 * np.array(SIZES) ** -0.5 + rng.normal(0, 0.03, len(SIZES)), 0, 1)
        weights = rng.uniform(0.5, 2, len(SIZES))
        found = fit_power_law(SIZES, values, weights)

        def miss(
            p: tuple[float, float, float], values: np.ndarray = values, weights: np.ndarray = weights
        ) -> float:
            law = p[0] - p[1] * np.array(SIZES, dtype=float) ** -p[2]
            return float(weights @ np.square(values - law))

        bounds = [(0, 1), (0, 60), (MIN_RATE, MAX_RATE)]
        starts = [(0.9, 0.5, 0.3), (1, 2, 1), (0.8, 5, 1.5)]
        best = min(optimize.minimize(miss, s, bounds=bounds, method="L-BFGS-B").fun for s in starts)
        assert miss((found.ceiling, found.amplitude, found.rate)) <= best + 1e-7


def test_a_size_without_weight_does_not_count() -> None:
    exact = [0.9 - 0.8 * n**-0.5 for n in SIZES]
    found = fit_power_law((*SIZES, 2000), [*exact, 0.2], [1, 1, 1, 1, 0])
    assert found.rate == pytest.approx(0.5, abs=1e-6)


def test_many_curves_are_fitted_as_each_alone() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (30, 4))
    many = fit_many(SIZES, values, rounds=24)
    for row, found in zip(values, many, strict=True):
        alone = fit_power_law(SIZES, row)
        assert tuple(found) == pytest.approx((alone.ceiling, alone.amplitude, alone.rate), abs=1e-9)


@given(QUALITIES)
def test_a_law_rises_and_stays_within_bounds(values: list[float]) -> None:
    sizes = [4 * 3**i for i in range(len(values))]
    found = fit_power_law(sizes, values)
    assert 0 <= found.ceiling <= 1
    assert found.amplitude >= 0
    assert MIN_RATE * 0.999 <= found.rate <= MAX_RATE * 1.001
    at = [found.at(n) for n in (1, 2, 5, 10, 100, 1000, 10_000)]
    assert all(0 <= q <= 1 for q in at)
    assert at == sorted(at)


@given(QUALITIES)
def test_no_law_is_worse_than_a_flat_line(values: list[float]) -> None:
    sizes = [4 * 3**i for i in range(len(values))]
    found = fit_power_law(sizes, values)
    missed = [
        found.ceiling - found.amplitude * n**-found.rate - v for n, v in zip(sizes, values, strict=True)
    ]
    assert np.square(missed).sum() <= np.square(np.array(values) - np.mean(values)).sum() + 1e-9


def test_a_falling_curve_is_a_flat_law() -> None:
    found = fit_power_law(SIZES, [0.8, 0.7, 0.6, 0.5])
    assert found.amplitude == 0
    assert found.ceiling == pytest.approx(0.65)


def test_a_line_without_end_stops_at_the_ceiling_of_1() -> None:
    found = fit_power_law(SIZES, [0.2, 0.45, 0.7, 0.95])
    assert found.ceiling == 1


def test_a_higher_ceiling_may_be_allowed() -> None:
    exact = np.array([[1.05 - 0.9 * n**-0.3 for n in SIZES]])
    (free,), (held,) = fit_many(SIZES, exact, rounds=24, max_ceiling=1.1), fit_many(SIZES, exact, rounds=24)
    assert free.tolist() == pytest.approx([1.05, 0.9, 0.3], abs=1e-6)
    assert held[0] == 1


@pytest.mark.parametrize("sizes", [(16, 64), (16, 16, 64), (0, 16, 64)])
def test_fewer_than_three_numbers_are_refused(sizes: tuple[int, ...]) -> None:
    with np.errstate(divide="ignore"), pytest.raises(ConfigError, match="at least 3 numbers above 0"):
        fit_power_law(sizes, [0.5] * len(sizes))


def test_qualities_are_cut_off_at_0_and_1() -> None:
    law = PowerLaw(ceiling=0.9, amplitude=5.0, rate=0.5)
    assert law.at(1) == 0
    assert qualities_at(np.array([[0.9, 5.0, 0.5], [1.0, 0.0, 1.0]]), [1, 10_000]).tolist() == [
        [0.0, pytest.approx(0.85)],
        [1.0, 1.0],
    ]
