"""Money arithmetic: worked examples, laws, and that unknown never becomes 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.costs import (
    break_even_requests,
    fixed_usd_per_hour,
    percentile,
    usd_for_seconds,
    usd_per_correct,
)


def api_cost(static: float, query: float, out: float, prices: tuple[float, float, float]) -> float:
    """USD of one request; prices a million tokens, of the static part, the query and the output."""
    return (static * prices[0] + query * prices[1] + out * prices[2]) / 1e6


@pytest.mark.parametrize(
    ("train", "fine_tuned", "few_shot", "requests"),
    [
        # 2,000 static tokens, 200 of the query, 100 out; fine-tuned without the static ones.
        (1.35, (0.30, 0.30, 1.20), (0.15, 0.15, 0.60), 6429),
        (1.35, (0.30, 0.30, 1.20), (0.075, 0.15, 0.60), 22500),  # static part cached at half price
        (11.25, (3.75, 3.75, 15.0), (2.50, 2.50, 10.0), 2647),
        (11.25, (3.75, 3.75, 15.0), (1.25, 2.50, 10.0), 6429),
    ],
)
def test_the_worked_break_even(
    train: float,
    fine_tuned: tuple[float, float, float],
    few_shot: tuple[float, float, float],
    requests: int,
) -> None:
    tuned, prompted = api_cost(0, 200, 100, fine_tuned), api_cost(2000, 200, 100, few_shot)
    found = break_even_requests(train, tuned, 0.0, prompted)
    assert found is not None
    assert round(found) == requests


def test_prompt_caching_can_make_fine_tuning_never_pay() -> None:
    prompted = api_cost(2000, 200, 100, (0.015, 0.15, 0.60))
    assert prompted == pytest.approx(0.00012)
    assert break_even_requests(1.35, 0.00018, 0.0, prompted) is None


def test_break_even_edges() -> None:
    assert break_even_requests(0.0, 1.0, 5.0, 1.0) is None  # equal costs a request: no number of them decides
    assert break_even_requests(0.0, 0.5, 5.0, 1.0) == 0.0


money = st.floats(0, 1e3)


@given(money, st.floats(1e-4, 1), money, st.floats(1e-4, 1))
def test_totals_meet_at_the_break_even(fit_a: float, cost_a: float, fit_b: float, cost_b: float) -> None:
    found = break_even_requests(fit_a, cost_a, fit_b, cost_b)
    if found:
        assert fit_a + found * cost_a == pytest.approx(fit_b + found * cost_b, rel=1e-6)
    assert (found is None) == (cost_a >= cost_b)


def test_seconds_to_usd() -> None:
    assert usd_for_seconds(1800, fixed_usd_per_hour(2.0)) == 1.0
    assert usd_for_seconds(0.0, fixed_usd_per_hour(2.0)) == 0.0
    assert usd_for_seconds(None, fixed_usd_per_hour(2.0)) is None
    assert usd_for_seconds(1800, None) is None


def test_usd_per_correct() -> None:
    assert usd_per_correct(0.01, 0.5) == 0.02
    assert usd_per_correct(0.01, 0.0) is None
    assert usd_per_correct(0.01, None) is None
    assert usd_per_correct(None, 0.5) is None
    assert usd_per_correct(0.0, 0.5) == 0.0


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50), st.floats(0, 100))
def test_percentile_equals_numpys(values: list[float], q: float) -> None:
    assert percentile(values, q) == pytest.approx(float(np.percentile(values, q)), abs=1e-9)


def test_percentile_of_nothing_is_undefined() -> None:
    assert percentile([], 95) is None
    with pytest.raises(ConfigError, match="between 0 and 100"):
        percentile([1.0], 101)
