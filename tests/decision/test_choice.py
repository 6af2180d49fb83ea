"""Candidates in order, their differences in value, and what is chosen among them: by figures."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import pytest
from accounts import billed
from measurements import MARGIN, pair, pairs_of, row
from sealed_values import assert_stays

from adaptkit.core.results import Pair
from adaptkit.costs import CostAssumptions, Spent, StrategyCosts, strategy_costs
from adaptkit.decision.candidates import CandidateSet, Differences, field_of
from adaptkit.decision.choice import MAX_ROWS, choose
from adaptkit.stats import holm, rows_for_difference, rows_for_equivalence

NOTHING_ASSUMED = CostAssumptions()


def costs(assumptions: CostAssumptions, **usd: float) -> dict[str, StrategyCosts]:
    """By strategy, USD a request; lora has cost 100 USD to train."""
    found = {}
    for name, each in ((n.replace("_", "-"), each) for n, each in usd.items()):
        trained = Spent(seconds=0.0, billed_usd=100.0 if name == "lora" else 0.0)
        account = billed({"a": each}, strategy=name, training=trained)
        found[name] = strategy_costs(account, assumptions, machine=None)
    return found


def field(
    quality: dict[str, float],
    *,
    half: float = 0.05,
    assumptions: CostAssumptions = NOTHING_ASSUMED,
    n: int = 400,
    **usd: float,
) -> CandidateSet:
    rows = [row(s, q, n=n) for s, q in quality.items()]
    return field_of(rows, pairs_of(quality, half=half, n=n), costs(assumptions, **usd), assumptions)


def difference(found: CandidateSet, strategy: str, other: str) -> Pair:
    pair = found.difference(strategy, other)
    assert pair is not None
    return pair


QUALITY = {"prompt": 0.6, "few-shot": 0.7, "lora": 0.9}


# Costs and order.


def test_without_a_worth_scores_are_qualities_and_pairs_stay() -> None:
    found = field(QUALITY, prompt=1.0, lora=2.0)
    assert [(c.strategy, c.score, c.offset) for c in found.candidates] == [
        ("prompt", 0.6, 0.0), ("few-shot", 0.7, 0.0), ("lora", 0.9, 0.0),
    ]  # fmt: skip
    assert found.at_stake_usd is None
    assert found.best.strategy == "lora"
    assert difference(found, "lora", "prompt") == pair(
        "lora", "prompt", QUALITY["lora"] - QUALITY["prompt"], half=0.05, n=400
    )
    assert difference(found, "prompt", "lora") == difference(found, "lora", "prompt").turned()


def test_a_request_costs_what_the_table_says_where_there_is_no_account() -> None:
    rows = [row("prompt", 0.6, usd_per_1k_requests=3.0), row("lora", 0.9)]
    prompt, lora = field_of(rows, [], {}, NOTHING_ASSUMED).candidates
    assert prompt.request_usd == pytest.approx(0.003)
    assert prompt.total_usd is None
    assert (lora.request_usd, lora.total_usd) == (None, None)


def test_with_a_volume_a_request_bears_its_share_of_all_costs() -> None:
    assumed = CostAssumptions(requests_per_month=(1000.0, 5000.0), horizon_months=10.0)
    found = field({"prompt": 0.6, "lora": 0.9}, assumptions=assumed, prompt=0.02, lora=0.005)
    by_name = {c.strategy: c for c in found.candidates}
    # The lowest volume: 10,000 requests in all.
    assert by_name["prompt"].total_usd == pytest.approx(200.0)
    assert by_name["lora"].total_usd == pytest.approx(150.0)
    assert by_name["lora"].request_usd == pytest.approx(0.015)
    assert found.by_total
    assert [c.strategy for c in found.candidates] == ["lora", "prompt"]


def test_totals_order_only_where_every_one_is_known() -> None:
    assumed = CostAssumptions(requests_per_month=1000.0)
    found = field({"prompt": 0.6, "lora": 0.9}, assumptions=assumed, lora=1e-6)
    assert not found.by_total
    assert [c.strategy for c in found.candidates] == ["prompt", "lora"]
    no_horizon = CostAssumptions(requests_per_month=1000.0, horizon_months=None)
    unbounded = field({"prompt": 0.6, "lora": 0.9}, assumptions=no_horizon, prompt=1.0, lora=1e-6)
    assert not unbounded.by_total
    assert {c.strategy: c.request_usd for c in unbounded.candidates} == {"prompt": 1.0, "lora": 1e-6}
    assert not field({"prompt": 0.6, "lora": 0.9}, prompt=1.0, lora=1e-6).by_total


@pytest.mark.parametrize(("success", "failure"), [(0.5, None), (None, 0.5), (0.2, 0.3)])
def test_worth_shifts_every_difference_by_what_requests_cost(
    success: float | None, failure: float | None
) -> None:
    assumed = CostAssumptions(usd_per_success=success, usd_per_failure=failure)
    found = field(QUALITY, assumptions=assumed, prompt=0.01, few_shot=0.02, lora=0.11)
    assert found.at_stake_usd == pytest.approx(0.5)
    assert not found.by_total
    assert {c.strategy: c.score for c in found.candidates} == pytest.approx(
        {"prompt": 0.58, "few-shot": 0.66, "lora": 0.68}
    )
    plain, moved = pair("lora", "prompt", 0.3, half=0.05, n=400), difference(found, "lora", "prompt")
    by = 0.2
    for name in ("delta", "delta_low", "delta_high", "equivalence_low", "equivalence_high"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name) - by)
    z = NormalDist()
    se = 0.05 / z.inv_cdf(0.975)
    assert moved.p_value == pytest.approx(2 * z.cdf(-0.1 / se))
    others = [
        difference(found, a, b) for a, b in (("few-shot", "prompt"), ("lora", "prompt"), ("lora", "few-shot"))
    ]
    assert [p.p_value_adjusted for p in others] == pytest.approx(holm([p.p_value for p in others]))
    assert [p.verdict for p in others] == ["better", "better", "undecided"]
    assert others[2].delta == pytest.approx(0.02)
    assert moved.n_to_decide is None


@pytest.mark.parametrize(("extra", "p"), [(0.0, 1.0), (0.01, 0.0)])
def test_a_difference_without_a_spread_is_sure_or_none(extra: float, p: float) -> None:
    assumed = CostAssumptions(usd_per_success=1.0)
    quality = {"prompt": 0.5, "lora": 0.75}
    found = field(quality, half=0.0, assumptions=assumed, prompt=0.0, lora=0.25 + extra)
    assert difference(found, "lora", "prompt").p_value == p


def test_worth_needs_the_price_of_every_request() -> None:
    found = field(QUALITY, assumptions=CostAssumptions(usd_per_success=1.0), prompt=0.01, lora=0.5)
    assert found.at_stake_usd is None
    assert {c.offset for c in found.candidates} == {0.0}


def test_pairs_without_bounds_stay_as_they_are() -> None:
    bare = replace(pair("lora", "prompt", 0.3), delta_low=None, delta_high=None, verdict="undecided")
    assumed = CostAssumptions(usd_per_success=1.0)
    rows = [row("prompt", 0.6), row("lora", 0.9)]
    found = field_of(rows, [bare], costs(assumed, prompt=0.0, lora=0.1), assumed)
    assert difference(found, "lora", "prompt").delta == 0.3
    no_equivalence = replace(pair("lora", "prompt", 0.3), equivalence_low=None, equivalence_high=None)
    found = field_of(rows, [no_equivalence], costs(assumed, prompt=0.0, lora=0.1), assumed)
    moved = difference(found, "lora", "prompt")
    assert (moved.equivalence_low, moved.equivalence_high, moved.non_inferior) == (None, None, None)


def test_another_margin_judges_anew() -> None:
    plain = pair("lora", "prompt", 0.0, half=0.1)  # 90 % interval of 8.4 points to each side
    wide, narrow, exact = (Differences([plain], m).of("lora", "prompt") for m in (0.09, 0.08, 0.084))
    assert wide is not None
    assert narrow is not None
    assert exact is not None
    assert (wide.verdict, wide.non_inferior, wide.margin) == ("equivalent", True, 0.09)
    assert (narrow.verdict, narrow.non_inferior) == ("undecided", False)
    # On the bound itself the two differ: an interval may touch the margin, a loss has to be smaller.
    assert (exact.verdict, exact.non_inferior) == ("equivalent", False)


def test_differences_are_none_where_nothing_was_compared() -> None:
    assert Differences([]).of("a", "b") is None


# The choice.


def test_for_now_the_margin_itself_still_counts() -> None:
    tie = {"prompt": 0.5, "lora": 0.5 + MARGIN}
    assert choose(field(tie, half=0.2), MARGIN).taken.strategy == "prompt"
    more = {"prompt": 0.5, "lora": 0.5 + 1.01 * MARGIN}
    assert choose(field(more, half=0.2), MARGIN).taken.strategy == "lora"


def test_rows_needed_are_those_of_the_hardest_difference() -> None:
    found = choose(field({"prompt": 0.5, "few-shot": 0.6, "lora": 0.63}, half=0.15), MARGIN)
    assert (found.taken.strategy, found.kind) == ("lora", "open")
    assert [(p.strategy, p.baseline) for p in found.blocked_by] == [("lora", "prompt"), ("lora", "few-shot")]
    shown = rows_for_difference(400, 0.63 - 0.6, 0.03 - 0.15, 0.03 + 0.15)
    assert found.rows_needed == shown
    # A cheap one that looks alike: that it is within the margin takes fewer rows than to show a difference.
    alike = choose(field({"prompt": 0.5, "lora": 0.49}, half=0.05), MARGIN)
    assert alike.taken.strategy == "prompt"
    assert alike.rows_needed == rows_for_equivalence(400, 0.01, -0.04, 0.06, margin=MARGIN)


@pytest.mark.parametrize(("half", "known"), [(0.049, True), (0.36, False)])
def test_rows_out_of_reach_are_not_told(half: float, known: bool) -> None:
    quality = {"prompt": 0.5, "lora": 0.521}
    found = choose(field(quality, half=half, n=10_000), MARGIN)
    needed = rows_for_difference(10_000, 0.021, 0.021 - half, 0.021 + half)
    assert needed is not None
    assert (needed <= MAX_ROWS) is known
    assert found.rows_needed == (needed if known else None)


def test_a_difference_without_bounds_leaves_the_rows_unknown() -> None:
    rows = [row("prompt", 0.5), row("lora", 0.6)]
    for missing in ("delta", "delta_low", "delta_high"):
        change: dict[str, Any] = {missing: None}
        bare = replace(pair("lora", "prompt", 0.1, half=0.2), **change)
        found = choose(field_of(rows, [bare], {}, NOTHING_ASSUMED), MARGIN)
        assert (found.kind, found.rows_needed) == ("open", None)


# A target.


def target(low: dict[str, float], at: float, *, n: int = 60) -> Any:
    """Qualities stand 8 points above these bounds."""
    rows = [row(s, v + 0.08, n=n) for s, v in low.items()]
    return choose(field_of(rows, pairs_of(low, n=n), {}, NOTHING_ASSUMED), MARGIN, at)


def test_the_bound_itself_reaches_the_target() -> None:
    rows = [replace(row("prompt", 0.8), quality_low=0.75), replace(row("lora", 0.9), quality_low=0.85)]
    found = choose(field_of(rows, [], {}, NOTHING_ASSUMED), MARGIN, 0.75)
    assert (found.kind, found.taken.strategy, found.tied) == ("target", "prompt", ("prompt", "lora"))
    assert choose(field_of(rows, [], {}, NOTHING_ASSUMED), MARGIN, 0.7500001).taken.strategy == "lora"


def test_nineteen_rows_reach_no_target() -> None:
    assert target({"prompt": 0.8}, 0.7, n=19).kind == "open"
    assert target({"prompt": 0.8}, 0.7, n=20).kind == "target"


def test_for_now_the_cheapest_that_looks_good_enough() -> None:
    found = target({"prompt": 0.5, "few-shot": 0.62, "lora": 0.66}, 0.7)
    assert (found.kind, found.taken.strategy, found.tied) == ("open", "few-shot", ("few-shot", "lora"))
    # At the target exactly, no number of rows tells on which side the truth lies.
    assert found.rows_needed is None
    nearer = target({"prompt": 0.5, "few-shot": 0.63, "lora": 0.66}, 0.7)
    assert nearer.rows_needed == 60 * 64  # 8 points have to shrink to 1


def test_where_none_looks_good_enough_the_best_is_named() -> None:
    found = target({"prompt": 0.5, "few-shot": 0.6, "lora": 0.55}, 0.7)
    assert (found.taken.strategy, found.tied) == ("few-shot", ("few-shot",))
    assert found.rows_needed == 60 * 16


def test_more_rows_than_there_are_is_the_least_that_is_asked_for() -> None:
    rows = [replace(row("prompt", 0.8, n=19), quality_low=0.79, quality_high=0.81)]
    assert choose(field_of(rows, [], {}, NOTHING_ASSUMED), MARGIN, 0.7).rows_needed == 20
    more = [replace(r, n=19, quality_low=0.71, quality_high=0.89) for r in rows]
    assert choose(field_of(more, [], {}, NOTHING_ASSUMED), MARGIN, 0.7).rows_needed == 20
    bare = [replace(r, quality_low=None) for r in rows]
    assert choose(field_of(bare, [], {}, NOTHING_ASSUMED), MARGIN, 0.7).rows_needed is None


def test_what_was_chosen_stays() -> None:
    found = choose(field(QUALITY), MARGIN)
    for value in (found, found.taken, field(QUALITY)):
        assert_stays(value)


def test_equal_ones_take_the_rows_that_show_them_to_be_within_the_margin() -> None:
    found = choose(field({"prompt": 0.5, "lora": 0.5}, half=0.05), MARGIN)
    assert (found.kind, found.taken.strategy) == ("open", "prompt")
    assert found.rows_needed == rows_for_equivalence(400, 0.0, -0.05, 0.05, margin=MARGIN)


def test_no_right_answer_is_a_quality_too() -> None:
    rows = [replace(row("prompt", 0.0), quality_low=0.0), replace(row("lora", 0.1), quality_low=0.02)]
    found = choose(field_of(rows, [], {}, NOTHING_ASSUMED), MARGIN, 0.5)
    assert (found.taken.strategy, found.kind) == ("lora", "open")
    assert [c.score for c in field_of(rows, [], {}, NOTHING_ASSUMED).candidates] == [0.0, 0.1]


def test_better_is_as_good_whatever_else_was_asked() -> None:
    """Pairs of old folders know of no margin: only verdicts count."""
    plain = pair("lora", "prompt", -0.3)
    assert plain.verdict == "worse"
    rows = [row("prompt", 0.9), row("lora", 0.6)]
    old = replace(plain, margin=None, equivalence_low=None, equivalence_high=None, non_inferior=None)
    assert choose(field_of(rows, [old], {}, NOTHING_ASSUMED), MARGIN).kind == "alone"
    alike = replace(old, verdict="equivalent", delta=-0.001)
    assert choose(field_of(rows, [alike], {}, NOTHING_ASSUMED), MARGIN).kind == "enough"
