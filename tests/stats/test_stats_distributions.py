"""Student's t: printed values and laws."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaptkit.stats.distributions import t_quantile, t_tail


@pytest.mark.parametrize(
    ("q", "df", "expected"),
    [
        (0.975, 1, 12.7062047362),
        (0.975, 7, 2.36462425159),
        (0.95, 2, 2.91998558036),
        (0.999, 30, 3.38518486683),
    ],
)
def test_t_quantiles_are_the_printed_ones(q: float, df: float, expected: float) -> None:
    assert t_quantile(q, df) == pytest.approx(expected, rel=1e-11)
    assert t_tail(expected, df) == pytest.approx(2 * (1 - q), rel=1e-10)


@pytest.mark.parametrize("q", [0.5 + 1e-15, 0.5 + 1e-9, 0.5 + 1e-6, 1 - 1e-15])
@pytest.mark.parametrize("df", [0.5, 2.5, 1e6])
def test_quantiles_near_the_ends(q: float, df: float) -> None:
    assert t_tail(t_quantile(q, df), df) == pytest.approx(2 * (1 - q), rel=1e-5)


def test_t_tail_of_nothing_is_all() -> None:
    assert t_tail(0.0, 5) == 1.0
    assert t_tail(8e-162, 26.0) == 1.0
    assert t_tail(-2.0, 5) == t_tail(2.0, 5)


@settings(max_examples=60)
@given(st.floats(0.501, 0.9999), st.floats(0.6, 3000))
def test_quantile_and_tail_are_inverse(q: float, df: float) -> None:
    assert t_tail(t_quantile(q, df), df) == pytest.approx(2 * (1 - q), rel=1e-9)
