"""What right and wrong answers are worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.costs import break_even_accuracy, expected_utility


def test_the_worked_business_case() -> None:
    """A solved call is worth 20; of failures 95 % cost 40 and 5 % lose a customer, 1,000."""
    least = break_even_accuracy(20.0, 0.95 * 40 + 0.05 * 1000)
    assert least == pytest.approx(0.8148, abs=5e-5)
    assert least == pytest.approx(88 / 108)


def test_a_request_has_to_be_paid_too() -> None:
    assert break_even_accuracy(20.0, 88.0, 5.4) == pytest.approx(93.4 / 108)
    assert break_even_accuracy(1.0, 0.0, 2.0) == 2.0
    assert break_even_accuracy(0.0, 0.0) is None
    assert break_even_accuracy(0.0, 1.0) == 1.0
    for name, bad in (
        ("usd_per_success", -1.0),
        ("usd_per_failure", -1.0),
        ("usd_per_success", float("nan")),
    ):
        amounts = {"usd_per_success": 1.0, "usd_per_failure": 1.0, name: bad}
        with pytest.raises(ConfigError) as caught:
            break_even_accuracy(**amounts)
        assert str(caught.value) == (
            f"The '{name}' parameter of break_even_accuracy() must be a number >= 0. Got {bad} instead."
        )


def test_utility() -> None:
    assert expected_utility(0.9, 0.5, 20.0, 88.0) == pytest.approx(18 - 8.8 - 0.5)
    assert expected_utility(1.0, 0.0, 0.0, 0.0) == 0.0
    known = [0.9, 0.5, 20.0, 88.0]
    for unknown in range(4):
        values = [None if i == unknown else x for i, x in enumerate(known)]
        assert expected_utility(*values) is None


money = st.floats(0.01, 1e4)


@given(money, money, st.floats(0, 100))
def test_utility_is_nought_at_the_break_even_accuracy(success: float, failure: float, cost: float) -> None:
    least = break_even_accuracy(success, failure, cost)
    assert least is not None
    at = expected_utility(least, cost, success, failure)
    assert at == pytest.approx(0, abs=1e-9 * (success + failure + cost))
    more = expected_utility(least + 0.01, cost, success, failure)
    assert more is not None
    assert more > 0


@given(money, money, money)
def test_dearer_failures_ask_for_more(success: float, failure: float, more: float) -> None:
    low, high = break_even_accuracy(success, failure), break_even_accuracy(success, failure + more)
    assert low is not None
    assert high is not None
    assert 0 < low <= high < 1 or high == pytest.approx(1)
