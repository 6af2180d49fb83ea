"""From how many requests on one strategy is cheaper: worked examples, all signs, and doubtful ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from accounts import MACHINE, billed, measured
from hypothesis import assume, given
from hypothesis import strategies as st

from adaptkit.core.types import Usage
from adaptkit.costs import (
    BreakEvenVolume,
    CostAssumptions,
    MeasuredCost,
    ModelPrice,
    Spent,
    StrategyCosts,
    break_even_between,
    break_even_volume,
    load_prices,
    request_usd,
    strategy_costs,
    total_usd,
)
from adaptkit.costs.cost.saving import Saving, exact_saving


def known(usd: float, low: float | None = None, high: float | None = None) -> Saving:
    return replace(exact_saving(usd, "given"), low=low, high=high)


def price(name: str) -> ModelPrice:
    found = load_prices().model(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("base", "cached", "n_cached", "requests"),
    [
        ("gpt-4o-mini", None, 0, 6429),
        ("gpt-4o-mini", None, 2000, 22_500),
        ("gpt-4o-mini", 0.015, 2000, None),
        ("gpt-4o", None, 0, 2647),
        ("gpt-4o", None, 2000, 6429),
    ],
)
def test_the_worked_example_from_tokens_to_requests(
    base: str, cached: float | None, n_cached: int, requests: int | None
) -> None:
    """2,000 static tokens, 200 of the query, 100 out; 500 examples of 300 tokens, 3 epochs."""
    sheet = price(base) if cached is None else replace(price(base), cached=cached)
    long = request_usd(Usage(tokens_in=2200, tokens_cached=n_cached, tokens_out=100), sheet).usd
    short = request_usd(Usage(tokens_in=200, tokens_out=100), price(f"ft:{base}")).usd
    assert sheet.training is not None
    training = 500 * 300 * 3 * sheet.training / 1e6
    assert long is not None
    assert short is not None
    found = break_even_volume(training, exact_saving(long - short, "stated"), monthly=False)
    assert found.kind == ("never" if requests is None else "from")
    assert (None if found.requests is None else round(found.requests)) == requests


@pytest.mark.parametrize(
    ("advance", "saving", "kind", "requests"),
    [
        (10.0, 0.5, "from", 20.0),
        (10.0, 0.0, "never", None),
        (10.0, -0.5, "never", None),
        (0.0, 0.5, "always", None),
        (0.0, 0.0, "never", None),
        (0.0, -0.5, "never", None),
        (-10.0, 0.5, "always", None),
        (-10.0, 0.0, "always", None),
        (-10.0, -0.5, "up to", 20.0),
        (-0.5, -0.5, "up to", 1.0),
        (0.5, 0.25, "from", 2.0),
    ],
)
def test_the_signs_decide(advance: float, saving: float, kind: str, requests: float | None) -> None:
    found = break_even_volume(advance, known(saving))
    assert (found.kind, found.requests) == (kind, requests)
    assert (found.low, found.high, found.certain) == (None, None, None)


@pytest.mark.parametrize(
    ("advance", "saving", "expected", "words"),
    [
        (10, (0.5, 0.4, 0.8), ("from", 20, 12.5, 25, True), "from 20 {} (12 to 25)"),
        (10, (0.5, 0.0, 0.8), ("from", 20, 12.5, None, False), "from 20 {} (12 or more, perhaps never)"),
        (10, (0.5, -0.1, 0.8), ("from", 20, 12.5, None, False), "from 20 {} (12 or more, perhaps never)"),
        (10, (-0.1, -0.8, 0.5), ("never", None, 20, None, False), "never by these rows, perhaps from 20 {}"),
        (10, (-0.4, -0.8, -0.1), ("never", None, None, None, True), "never"),
        (10, (-0.4, -0.8, 0.0), ("never", None, None, None, True), "never"),
        (-10, (-0.5, -0.8, -0.4), ("up to", 20, 12.5, 25, True), "up to 20 {} (12 to 25)"),
        (
            -10,
            (-0.5, -0.8, 0.1),
            ("up to", 20, 12.5, None, False),
            "up to 20 {} (12 or more, perhaps always)",
        ),
        (
            -10,
            (0.1, -0.5, 0.8),
            ("always", None, 20, None, False),
            "always by these rows, perhaps only up to 20 {}",
        ),
        (-10, (0.4, 0.1, 0.8), ("always", None, None, None, True), "always"),
        (-0.5, (-0.5, -0.8, -0.4), ("up to", 1, 0.625, 1.25, True), "up to 1 {} (0.62 to 1.2)"),
        (0, (0.1, -0.5, 0.8), ("always", None, None, None, False), "always by these rows, perhaps never"),
        (0, (-0.1, -0.5, 0.8), ("never", None, None, None, False), "never by these rows, perhaps always"),
        (0, (0.4, 0.1, 0.8), ("always", None, None, None, True), "always"),
    ],
)
def test_an_interval_says_where_the_sign_itself_is_uncertain(
    advance: float, saving: tuple[float, float, float], expected: tuple[Any, ...], words: str
) -> None:
    found = break_even_volume(advance, known(*saving))
    assert (found.kind, found.requests, found.low, found.high, found.certain) == expected
    assert found.words == words.format("requests a month")
    assert found.reason is None


def test_words() -> None:
    assert break_even_volume(1.35, known(0.00021), monthly=False).words == "from 6,429 requests"
    assert break_even_volume(1.0, known(3.0)).words == "from 0.33 requests a month"
    assert break_even_volume(10.0, known(1.0)).words == "from 10 requests a month"
    assert BreakEvenVolume(kind="unknown", reason="no price").words == "unknown: no price"
    assert break_even_volume(9.4, known(1.0)).words == "from 9.4 requests a month"
    assert break_even_volume(10.4, known(1.0)).words == "from 10 requests a month"
    assert break_even_volume(1.0, known(1.0)).reason == "given"
    assert break_even_volume(1.0, known(1.0)).monthly
    assert BreakEvenVolume(kind="never").monthly
    # One bound alone is no interval.
    assert break_even_volume(1.0, known(1.0, low=0.5)).certain is None
    assert break_even_volume(1.0, known(1.0, high=2.0)).certain is None


money = st.floats(0, 1e4)
small = st.floats(1e-6, 1)


@given(st.tuples(money, money, small), st.tuples(money, money, small), st.floats(1, 60))
def test_it_parts_the_volumes_at_which_each_is_cheaper(
    s: tuple[float, float, float], t: tuple[float, float, float], months: float
) -> None:
    advance = (s[0] - t[0]) / months + s[1] - t[1]
    saving = t[2] - s[2]
    assume(advance == 0 or abs(advance) > 1e-3)
    assume(saving == 0 or abs(saving) > 1e-4 * max(s[2], t[2]))
    found = break_even_volume(advance, known(saving))

    def cheaper(volume: float) -> bool:
        return total_usd(*s, volume, months) < total_usd(*t, volume, months)

    if found.requests is None:
        assert all(cheaper(v) is (found.kind == "always") for v in (1e-2, 1e3, 1e12) if saving)
    else:
        assert cheaper(1.01 * found.requests) is (found.kind == "from")
        assert cheaper(0.99 * found.requests) is (found.kind == "up to")


@given(st.floats(-1e4, 1e4), small, small, small, st.floats(1e-3, 1e3))
def test_the_currency_does_not_matter(advance: float, a: float, b: float, c: float, factor: float) -> None:
    low, usd, high = sorted((a - 0.5, b - 0.5, c - 0.5))
    assume(min(abs(x) for x in (low, usd, high)) > 1e-9)
    assume(advance == 0 or abs(advance) > 1e-9)
    found = break_even_volume(advance, known(usd, low, high))
    scaled = break_even_volume(factor * advance, known(factor * usd, factor * low, factor * high))
    assert (scaled.kind, scaled.certain) == (found.kind, found.certain)
    for name in ("requests", "low", "high"):
        was, now = getattr(found, name), getattr(scaled, name)
        assert (was is None) == (now is None)
        assert was is None or now == pytest.approx(was, rel=1e-9)


@given(st.floats(1, 1e4), small, small, small)
def test_the_interval_holds_the_point_and_is_the_saving_turned_over(
    advance: float, a: float, b: float, c: float
) -> None:
    low, usd, high = sorted((a - 0.5, b - 0.5, c - 0.5))
    found = break_even_volume(advance, known(usd, low, high))
    infinite = float("inf")
    assert (found.high or infinite) >= (found.requests or infinite)
    if found.low is None:
        assert high <= 0
    else:
        assert found.low <= (found.requests or infinite)
        assert found.low == pytest.approx(advance / high)
    assert found.certain is ((low > 0) == (high > 0))


def account(m: MeasuredCost, **assumed: Any) -> StrategyCosts:
    return strategy_costs(m, CostAssumptions(utilisation=1, **assumed), machine=MACHINE)


def bounds(found: BreakEvenVolume) -> tuple[float, float, float]:
    assert found.requests is not None
    assert found.low is not None
    assert found.high is not None
    return found.low, found.requests, found.high


def between(s: StrategyCosts, t: StrategyCosts) -> BreakEvenVolume:
    return break_even_between(s, t, rng=np.random.default_rng(0))


ROWS = {str(i): 0.001 + 0.0001 * (i % 10) for i in range(50)}
CHEAP = {i: c / 2 for i, c in ROWS.items()}


def test_two_accounts_over_a_horizon() -> None:
    tuned = billed(CHEAP, strategy="tuned", training=Spent(seconds=0, billed_usd=120.0))
    s = account(tuned, maintenance_usd_per_month=2, horizon_months=12)
    t = account(billed(ROWS), maintenance_usd_per_month=1, horizon_months=12)
    found = between(s, t)
    saving = sum(CHEAP.values()) / 50
    low, requests, high = bounds(found)
    assert found.kind == "from"
    assert requests == pytest.approx((120 / 12 + 1) / saving)
    assert low < requests < high
    assert found.certain
    assert found.reason is None
    # At that volume the totals are equal.
    assert s.total(requests).usd == pytest.approx(t.total(requests).usd)
    other_way = between(t, s)
    assert other_way.kind == "up to"
    assert bounds(other_way) == pytest.approx((low, requests, high), rel=1e-2)


def test_without_a_horizon_requests_are_counted_in_all() -> None:
    tuned = billed(CHEAP, training=Spent(seconds=0, billed_usd=120.0))
    found = between(account(tuned, horizon_months=None), account(billed(ROWS), horizon_months=None))
    assert found.requests == pytest.approx(120 / (sum(CHEAP.values()) / 50))
    assert not found.monthly
    dear = account(tuned, horizon_months=None, maintenance_usd_per_month=1)
    unknown = between(dear, account(billed(ROWS), horizon_months=None))
    assert unknown.kind == "unknown"
    assert unknown.reason == "monthly costs differ, and horizon_months is not given"
    alike = account(billed(ROWS), horizon_months=None, maintenance_usd_per_month=1)
    assert between(dear, alike).kind == "from"


def test_what_is_unknown_is_named_with_its_strategy() -> None:
    s = account(billed(CHEAP, strategy="tuned", n_labels=5, failed=Spent(seconds=None)))
    t = account(measured(strategy="plain", machine_s={}))
    found = between(s, t)
    assert found.kind == "unknown"
    assert (found.requests, found.low, found.high) == (None, None, None)
    assert found.reason == (
        "tuned: labels: minutes_per_label and usd_per_hour_of_labelling are not given; "
        "failed trials: its seconds were not measured; plain: request: no request was timed"
    )


def test_equal_costs_summed_in_another_order_are_equal() -> None:
    s = account(
        billed(CHEAP, training=Spent(seconds=0, billed_usd=0.1), tuning=Spent(seconds=0, billed_usd=0.2))
    )
    t = account(billed(ROWS, training=Spent(seconds=0, billed_usd=0.3)))
    assert between(s, t).kind == "always"
    assert between(t, s).kind == "never"


def test_without_single_requests_there_is_a_point_and_no_interval() -> None:
    s = account(measured(rows_per_s=10.0, machine_s={}, training=Spent(seconds=1000)))
    found = between(s, account(measured(rows_per_s=5.0, machine_s={"a": 1.0})))
    assert found.requests == pytest.approx(1 / 12 / 0.0001)
    assert (found.low, found.high, found.certain) == (None, None, None)
    assert found.reason == "no interval: no single requests were measured"


def test_a_machine_that_is_kept_on_beside_a_provider() -> None:
    own = account(measured(strategy="own", machine_s={"z": 2.0}), machine_hours_per_month=730)
    bought = account(billed(ROWS), machine_hours_per_month=730)
    found = between(own, bought)
    mean = sum(ROWS.values()) / 50
    low, requests, _ = bounds(found)
    assert requests == pytest.approx(730 * 3.6 / mean)
    assert low < requests
    # 730 hours hold 1,314,000 requests of 2 seconds, and it would take more.
    assert found.reason == "machine_hours_per_month suffice for 1,314,000 requests a month only"
    turned = between(bought, own)
    assert turned.kind == "up to"
    assert bounds(turned) == pytest.approx(bounds(found), rel=1e-2)
    quick = account(measured(machine_s={"z": 0.001}), machine_hours_per_month=730)
    assert between(quick, bought).reason is None
    # Just so many requests as its hours suffice for, and one more.
    enough = replace(own, capacity=requests)
    assert between(enough, bought).reason is None
    assert between(replace(own, capacity=requests - 1), bought).reason is not None
    both = between(own, quick)
    assert (both.kind, both.certain) == ("never", None)
    assert both.reason == "no interval: no request adds to either bill"


def test_bounds_stay_around_the_figure_of_the_account() -> None:
    """Seconds of a row that no bill is known of count for the machine's mean, not for the samples'."""
    seconds = {"0": 1.0, "1": 1.0, "elsewhere": 4.0}
    s = account(billed(CHEAP, machine_s=seconds, training=Spent(seconds=0, billed_usd=500.0)))
    assert s.samples is not None
    sampled = sum(s.samples.values()) / len(s.samples)
    assert s.marginal.usd != pytest.approx(sampled, rel=1e-3)
    t = account(billed({i: c + 0.005 for i, c in ROWS.items()}))
    found = between(s, t)
    saving = (t.marginal.usd or 0) - (s.marginal.usd or 0)
    low, requests, high = bounds(found)
    assert requests == pytest.approx(500 / 12 / saving)
    assert low < requests < high
    assert (1 / high + 1 / low) / 2 == pytest.approx(1 / requests, rel=2e-3)


def test_clusters_of_either_account_count() -> None:
    documents = {str(i): str(i // 10) for i in range(50)}
    uneven = {str(i): 0.001 * (1 + i // 10) for i in range(50)}
    s = account(billed(dict.fromkeys(uneven, 0.0), training=Spent(seconds=0, billed_usd=1.0)))
    rows, told = account(billed(uneven)), account(billed(uneven, clusters=documents))
    assert between(s, rows).certain
    # Five documents alone: fewer than five differ from the commonest one.
    assert between(s, told).low is None
    assert between(account(billed(dict.fromkeys(uneven, 0.0), clusters=documents)), rows).low is None
