"""A provider's bill from tokens: worked examples, laws, and that unknown is not free."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.types import Usage
from adaptkit.costs import (
    ModelPrice,
    TokenBills,
    load_prices,
    request_usd,
    token_bills,
    uncached,
)

PRICE = ModelPrice(
    input=1.0, cached=0.1, cache_write=1.25, output=4.0, reasoning=8.0, training=3.0, label="m", source="s"
)


def sheet_price(name: str) -> ModelPrice:
    price = load_prices().model(name)
    assert price is not None
    return price


def tokens(total: int, out: int, *, cached: int = 0, written: int = 0, reasoning: int = 0) -> Usage:
    return Usage(
        tokens_in=total,
        tokens_out=out,
        tokens_cached=cached,
        tokens_written=written,
        tokens_reasoning=reasoning,
    )


@pytest.mark.parametrize(
    ("name", "usage", "usd"),
    [
        ("gpt-4o-mini", tokens(2200, 100), 0.000390),
        ("ft:gpt-4o-mini", tokens(200, 100), 0.000180),
        ("gpt-4o-mini", tokens(2200, 100, cached=2000), 0.000240),
        ("gpt-4o", tokens(2200, 100), 0.0065),
        ("ft:gpt-4o", tokens(200, 100), 0.00225),
        ("gpt-4o", tokens(2200, 100, cached=2000), 0.0040),
    ],
)
def test_the_worked_requests(name: str, usage: Usage, usd: float) -> None:
    cost = request_usd(usage, sheet_price(name))
    assert cost.usd == pytest.approx(usd, rel=1e-12)
    assert cost.reason is None


def test_a_discount_of_90_percent() -> None:
    price = replace(sheet_price("gpt-4o-mini"), cached=0.015)
    assert request_usd(tokens(2200, 100, cached=2000), price).usd == pytest.approx(0.000120, rel=1e-12)


def test_each_kind_of_token_has_its_own_price() -> None:
    cost = request_usd(tokens(1000, 100, cached=600, written=300, reasoning=40), PRICE)
    assert cost.usd == pytest.approx((100 * 1 + 600 * 0.1 + 300 * 1.25 + 60 * 4 + 40 * 8) / 1e6, rel=1e-12)


def test_reasoning_is_billed_as_output_unless_it_has_a_price() -> None:
    usage = tokens(0, 100, reasoning=40)
    assert request_usd(usage, replace(PRICE, reasoning=None)).usd == pytest.approx(400 / 1e6)
    assert request_usd(usage, replace(PRICE, reasoning=0.0)).usd == pytest.approx(240 / 1e6)


KINDS = {
    "input": tokens(10, 0),
    "cached": tokens(10, 0, cached=10),
    "cache_write": tokens(10, 0, written=10),
    "output": tokens(0, 10),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_without_a_price_makes_the_whole_unknown_where_it_occurs(kind: str) -> None:
    unknown: dict[str, Any] = {kind: None}
    price = replace(PRICE, **unknown)
    assert request_usd(KINDS[kind], price).usd is None
    assert request_usd(KINDS[kind], price).reason == f"the price of m has no '{kind}'"
    for other, usage in KINDS.items():
        if other != kind:
            assert request_usd(usage, price) == request_usd(usage, PRICE)


def test_all_missing_kinds_are_named() -> None:
    price = replace(PRICE, cached=None, output=None, reasoning=None)
    reason = request_usd(tokens(10, 10, cached=5, reasoning=2), price).reason
    assert reason == "the price of m has no 'cached' and no 'output' and no 'reasoning'"
    assert request_usd(tokens(10, 10), None).reason == "no price is known for this model"


def test_counts_beside_the_tokens_in_are_refused_and_not_billed_twice() -> None:
    # As a provider reports them that counts cached tokens beside the others.
    cost = request_usd(tokens(200, 100, cached=2000), PRICE)
    assert cost.usd is None
    assert cost.reason == (
        "2000 tokens cached or written are more than the 200 tokens in, which they are part of"
    )
    assert request_usd(tokens(200, 0, cached=100, written=100), PRICE).usd is not None
    assert request_usd(tokens(200, 0, cached=100, written=101), PRICE).usd is None
    assert request_usd(tokens(0, 10, reasoning=10), PRICE).usd is not None
    cost = request_usd(tokens(0, 10, reasoning=11), PRICE)
    assert cost.usd is None
    assert "11 reasoning tokens are more than the 10 tokens out" in (cost.reason or "")


counts = st.integers(0, 10_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    parts = [draw(counts) for _ in range(5)]
    return Usage(
        tokens_in=parts[0] + parts[1] + parts[2],
        tokens_cached=parts[1],
        tokens_written=parts[2],
        tokens_out=parts[3] + parts[4],
        tokens_reasoning=parts[4],
    )


def usd(usage: Usage, price: ModelPrice = PRICE) -> float:
    cost = request_usd(usage, price).usd
    assert cost is not None
    return cost


@given(usages(), usages())
def test_bills_add_up(a: Usage, b: Usage) -> None:
    assert usd(a + b) == pytest.approx(usd(a) + usd(b), rel=1e-12, abs=1e-15)


@given(usages(), st.floats(0.01, 100))
def test_bills_scale_with_prices(usage: Usage, factor: float) -> None:
    kinds = ("input", "cached", "cache_write", "output", "reasoning")
    dearer = replace(PRICE, **{kind: factor * getattr(PRICE, kind) for kind in kinds})
    assert usd(usage, dearer) == pytest.approx(factor * usd(usage), rel=1e-9)


@given(usages())
def test_a_cache_that_reads_cheaper_never_costs_more_than_none(usage: Usage) -> None:
    free_to_write = replace(PRICE, cache_write=PRICE.input)
    assert usd(usage, free_to_write) <= usd(uncached(usage), free_to_write) + 1e-15
    assert uncached(usage).tokens_in == usage.tokens_in
    assert usd(uncached(usage)) == pytest.approx(
        (usage.tokens_in + (usage.tokens_out - usage.tokens_reasoning) * 4 + usage.tokens_reasoning * 8) / 1e6
    )


def test_bills_are_the_mean_over_the_answers_to_an_example() -> None:
    bills = token_bills({"a": [tokens(1000, 0), tokens(3000, 0)], "b": [tokens(1000, 0, cached=1000)]}, PRICE)
    assert bills.usd == pytest.approx({"a": 0.002, "b": 0.0001})
    assert bills.uncached_usd == pytest.approx({"a": 0.002, "b": 0.001})
    assert bills.total_usd == pytest.approx(0.0041)
    assert (bills.reason, bills.uncached_reason) == (None, None)


def test_one_unknown_answer_makes_all_unknown() -> None:
    price = replace(PRICE, cached=None)
    bills = token_bills({"a": [tokens(1000, 0)], "b": [tokens(1000, 0, cached=1)]}, price)
    assert (bills.usd, bills.total_usd) == ({}, None)
    assert bills.reason == "the price of m has no 'cached'"
    assert TokenBills() == TokenBills(
        usd={}, uncached_usd={}, total_usd=None, reason=None, uncached_reason=None
    )
    unpriced = token_bills({"a": [tokens(1, 1)]}, replace(PRICE, input=None))
    assert unpriced.reason == unpriced.uncached_reason == "the price of m has no 'input'"
    # Without the cache its price is not needed.
    assert bills.uncached_usd == pytest.approx({"a": 0.001, "b": 0.001})
    assert bills.uncached_reason is None
    empty: tuple[dict[str, list[Usage]], ...] = ({}, {"a": []})
    for nothing in empty:
        why = "no request was answered"
        assert token_bills(nothing, PRICE) == TokenBills(reason=why, uncached_reason=why)
    assert token_bills({"a": [tokens(1, 1)]}, None).reason == "no price is known for this model"
