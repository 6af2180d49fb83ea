"""Break-even before measuring: computed from prices, with the worked example to the cent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from situations import PRICES, at, says

from adaptkit.decision.rules import find_all, payback
from adaptkit.decision.situation import Situation

# Tokens of the worked example: 2,000 of a prompt that all requests share, 200 of the question, 100 of the
# answer; tuned, the 2,000 fall away. A million tokens cost 0.15 in and 0.60 out, tuned 0.30 and 1.20, and
# 3 to train on.
SHARED, OWN, OUT = 2000, 200, 100
TUNED_USD = (OWN * 0.30 + OUT * 1.20) / 1e6
TRAINING_USD = 500 * 300 * 3 * 3.0 / 1e6


def prompted_usd(discount: float) -> float:
    return (SHARED * 0.15 * (1 - discount) + OWN * 0.15 + OUT * 0.60) / 1e6


def worked(discount: float, requests: float | None, **more: Any) -> Situation:
    return at(
        usd_per_request_prompted=prompted_usd(discount),
        usd_per_request_tuned=TUNED_USD,
        usd_to_tune=TRAINING_USD,
        requests_per_month=requests,
        horizon_months=1,
        **more,
    )


def test_the_worked_example_has_its_prices() -> None:
    assert pytest.approx(1.35) == TRAINING_USD
    assert pytest.approx(0.000180) == TUNED_USD
    assert [prompted_usd(d) for d in (0, 0.5, 0.9)] == pytest.approx([0.000390, 0.000240, 0.000120])


@pytest.mark.parametrize(("discount", "flip"), [(0.0, 6429), (0.5, 22_500)])
def test_tuning_pays_from_the_break_even_on(discount: float, flip: int) -> None:
    found = says("R15", worked(discount, flip))
    assert found.text == (
        f"Tuning pays from {flip:,} requests in all on; {flip:,} are expected in 1 month: it pays."
    )
    assert found.scores["lora"] == 2
    short = says("R15b", worked(discount, flip - 1))
    assert short.text.endswith(f"{flip - 1:,} are expected in 1 month: it does not pay.")
    assert short.scores["lora"] == -1


def test_with_nine_tenths_off_for_cached_tokens_tuning_never_pays() -> None:
    for requests in (1, 1e12, None):
        found = says("R15b", worked(0.9, requests))
        assert found.text == (
            "A tuned request costs $0.000180 and a prompted one $0.000120: on price tuning never pays."
        )
        assert found.scores["lora"] == -1


def test_a_volume_that_is_not_known_leaves_it_open() -> None:
    found = says("R15c", worked(0, None))
    assert "6,429 requests in all on; how many there will be is not known" in found.text
    assert found.warns
    assert not found.scores
    wide = says("R15c", at(**PRICES, requests_per_month=(10, 1e6)))
    assert "120 to 12,000,000 are expected in 12 months: whether it pays is open." in wide.text


def test_hosting_is_paid_over_the_whole_horizon() -> None:
    found = payback(at(**PRICES, hosting_usd_per_month=10, horizon_months=6, requests_per_month=1000))
    assert found is not None
    assert found.from_requests == pytest.approx((1.35 + 60) / 0.00021)
    assert (found.low, found.high, found.pays, found.fails) == (6000, 6000, False, True)


@pytest.mark.parametrize("unknown", PRICES)
def test_without_a_price_nothing_is_said_of_cost(unknown: str) -> None:
    given = {k: v for k, v in PRICES.items() if k != unknown}
    situation = at(**given, requests_per_month=1e9)
    assert payback(situation) is None
    assert not [f for f in find_all(situation) if f.rule.startswith("R15")]


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_no_number_of_requests_is_high_by_itself(volume: float, other: float) -> None:
    def weights(requests: float) -> list[Any]:
        found = find_all(at(requests_per_month=requests, examples_now=500))
        return [(f.rule, f.scores) for f in found]

    assert weights(volume) == weights(other)
