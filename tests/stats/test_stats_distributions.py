"""Beta, t and chi-square against scipy, and laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adaptkit.stats.distributions import beta_cdf, beta_quantile, chi_square_tail, t_quantile, t_tail

shapes = st.floats(0.3, 2000)


@settings(max_examples=150)
@given(st.floats(0.001, 0.999), shapes, shapes)
def test_beta_cdf_equals_scipy(x: float, a: float, b: float) -> None:
    assert beta_cdf(x, a, b) == pytest.approx(scipy_stats.beta.cdf(x, a, b), abs=1e-11)


def test_beta_cdf_beyond_its_range() -> None:
    assert (beta_cdf(0.0, 2, 3), beta_cdf(-1.0, 2, 3)) == (0.0, 0.0)
    assert (beta_cdf(1.0, 2, 3), beta_cdf(2.0, 2, 3)) == (1.0, 1.0)


def test_a_small_beta_probability_keeps_its_digits() -> None:
    assert beta_cdf(1e-6, 3, 40) == pytest.approx(scipy_stats.beta.cdf(1e-6, 3, 40), rel=1e-10)


@pytest.mark.parametrize("q", [1e-6, 0.025, 0.5, 0.975])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 1), (2, 30), (46, 6), (5000, 77), (77, 5000)])
def test_beta_quantile_equals_scipy(q: float, a: float, b: float) -> None:
    assert beta_quantile(q, a, b) == pytest.approx(scipy_stats.beta.ppf(q, a, b), abs=1e-12)


@pytest.mark.parametrize("df", [0.7, 1, 1.5, 2, 3, 4.2, 7, 30, 99.5, 1000, 9999])
@pytest.mark.parametrize("q", [0.50001, 0.6, 0.95, 0.975, 0.999, 0.999999])
def test_t_quantile_equals_scipy(q: float, df: float) -> None:
    assert t_quantile(q, df) == pytest.approx(scipy_stats.t.ppf(q, df), rel=1e-9)


@pytest.mark.parametrize(("df", "most"), [(0.7, 19), (1, 16), (3, 10), (30, 7), (99.5, 7), (9999, 6)])
def test_a_t_quantile_is_found_in_few_steps(df: float, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tails: list[float] = []

    def counted(t: float, df: float) -> float:
        tails.append(t)
        return t_tail(t, df)

    monkeypatch.setattr("adaptkit.stats.distributions.t_tail", counted)
    uncached = getattr(t_quantile, "__wrapped__", t_quantile)
    for q in (0.50001, 0.6, 0.975, 0.999999):
        tails.clear()
        uncached(q, df)
        assert len(tails) <= (5 if q < 0.7 else most), q


@pytest.mark.parametrize("q", [0.5 + 1e-15, 0.5 + 1e-9, 0.5 + 1e-6, 1 - 1e-15])
@pytest.mark.parametrize("df", [0.5, 2.5, 1e6])
def test_t_quantile_ends_wherever_it_is_asked_for(q: float, df: float) -> None:
    assert t_quantile(q, df) == pytest.approx(scipy_stats.t.ppf(q, df), rel=1e-5, abs=1e-13)


@settings(max_examples=150)
@given(st.floats(0, 50), st.floats(0.5, 5000))
def test_t_tail_equals_scipy(t: float, df: float) -> None:
    assert t_tail(t, df) == pytest.approx(2 * scipy_stats.t.sf(t, df), rel=1e-8, abs=1e-300)


def test_t_tail_of_nothing_is_all() -> None:
    assert t_tail(0.0, 5) == 1.0
    assert t_tail(8e-162, 26.0) == 1.0
    assert t_tail(-2.0, 5) == t_tail(2.0, 5)


@settings(max_examples=60)
@given(st.floats(0.501, 0.9999), st.floats(0.6, 3000))
def test_quantile_and_tail_are_inverse(q: float, df: float) -> None:
    assert t_tail(t_quantile(q, df), df) == pytest.approx(2 * (1 - q), rel=1e-9)


@pytest.mark.parametrize("x", [0.0, 0.1, 3.841458820694124, 25.0])
def test_chi_square_equals_scipy(x: float) -> None:
    assert chi_square_tail(x) == pytest.approx(scipy_stats.chi2.sf(x, 1), rel=1e-12)
