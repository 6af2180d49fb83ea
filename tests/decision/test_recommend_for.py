"""Recommendations under requirements: what is left out, what it costs, and what would change it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from accounts import MACHINE, billed, measured
from measurements import pairs_of, row

from adaptkit.core.codec import to_json
from adaptkit.core.results import TaskRecommendation
from adaptkit.costs import CostAssumptions, MeasuredCost, Spent
from adaptkit.decision import DataFacts, Evidence, Recommendation, Requirements, recommend_for
from adaptkit.decision.turning_points import TurningPoint
from adaptkit.stats import Gaps


def evidence(
    quality: dict[str, float],
    *,
    half: float = 0.01,
    n: int = 400,
    rows: dict[str, dict[str, Any]] | None = None,
    costs: tuple[MeasuredCost, ...] = (),
    **changes: Any,
) -> Evidence:
    found = [row(s, q, n=n, **(rows or {}).get(s, {})) for s, q in quality.items()]
    pairs = tuple(pairs_of(quality, half=half, n=n))
    return Evidence(task="intents", rows=tuple(found), pairs=pairs, measured=costs, **changes)


def recommended(found: Evidence, **required: Any) -> Recommendation:
    return recommend_for(found, Requirements(**required))


def turn(found: Recommendation, name: str, *, above: bool = True) -> TurningPoint:
    return next(p for p in found.would_change if p.name == name and (p.above is above or p.at is None))


# Requirements.

QUALITY = {"prompt": 0.5, "few-shot": 0.7, "lora": 0.9}
LIMITED = {
    "prompt": {"p95_latency_s": 0.2, "first_token_p50_s": 0.1},
    "few-shot": {"p95_latency_s": 0.6, "first_token_p50_s": 0.5},
    "lora": {"p95_latency_s": 0.3, "first_token_p50_s": 0.2},
}


@pytest.mark.parametrize(
    ("required", "left"),
    [
        ({}, "lora"),
        ({"max_p95_s": 0.3}, "lora"),
        ({"max_p95_s": 0.25}, "prompt"),
        ({"max_first_token_s": 0.15}, "prompt"),
        ({"may_enter_weights": False}, "few-shot"),
        ({"may_enter_weights": True}, "lora"),
        ({"needs_citations": True}, None),
        ({"needs_actions": True}, None),
        ({"knowledge_changes_every_days": 1, "days_to_retrain": 2}, "few-shot"),
        ({"knowledge_changes_every_days": 3, "days_to_retrain": 2}, "lora"),
        ({"max_p95_s": 0.1}, None),
    ],
)
def test_what_breaks_a_requirement_is_left_out(required: dict[str, Any], left: str | None) -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED), **required)
    assert found.strategy == left
    assert (found.verdict == "none") is (left is None)


def test_the_margin_by_which_a_requirement_is_missed_is_told() -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED), max_p95_s=0.4)
    (out,) = found.excluded
    assert (out.strategy, out.requirement, out.value, out.limit) == ("few-shot", "max_p95_s", 0.6, 0.4)
    assert out.miss == pytest.approx(0.5)
    assert out.text == "95 % of the requests within 0.6 s, at most 0.4 s allowed: 50 % over"
    assert "few-shot left out by max_p95_s" in found.reason


def test_an_impossible_requirement_names_the_nearest_miss() -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED), target_quality=0.99)
    assert (found.verdict, found.strategy) == ("none", None)
    assert found.reason.startswith(
        "None meets the requirements. lora comes nearest: quality 90.0 % [82.0, 98.0]"
    )
    assert "9.0 points short" in found.reason
    both = recommended(evidence(QUALITY, rows=LIMITED), target_quality=0.99, may_enter_weights=False)
    assert "few-shot comes nearest" in both.reason


def test_a_target_takes_the_cheapest_that_surely_reaches_it() -> None:
    assert recommended(evidence(QUALITY), target_quality=0.6).strategy == "few-shot"
    found = recommended(evidence(QUALITY), target_quality=0.7)
    assert found.strategy == "lora"
    assert "few-shot 70.0 % [62.0, 78.0] may, and would cost less" in found.reason


def test_a_target_within_all_intervals_is_undecided_with_the_rows_it_takes() -> None:
    found = recommended(evidence(QUALITY), target_quality=0.88)
    assert (found.verdict, found.for_now) == ("undecided", "lora")
    # An interval of 8 points has to shrink to 2: 16 times the rows.
    assert found.rows_needed == 6400


def test_what_was_not_measured_excludes_nothing_and_is_told() -> None:
    found = recommended(evidence(QUALITY), max_p95_s=0.1, max_usd_per_month=5.0)
    assert found.strategy == "lora"
    assert any(
        c.startswith("max_p95_s could not be checked of prompt, few-shot and lora") for c in found.cautions
    )
    assert any(c.startswith("max_usd_per_month could not be checked") for c in found.cautions)


def test_usd_of_a_month_count_the_highest_volume() -> None:
    costs = tuple(measured(strategy=s) for s in QUALITY)  # 2 s of a machine at 0.001 USD, used by 30 %
    found = evidence(QUALITY, costs=costs, machine=MACHINE)
    each = 2 * 0.001 / 0.3
    assert recommended(found, requests_per_month=(10, 1000), max_usd_per_month=1001 * each).strategy == "lora"
    assert recommended(found, requests_per_month=(10, 1000), max_usd_per_month=999 * each).verdict == "none"


# Costs.

TIE = {"few-shot": 0.8, "lora": 0.8}
TUNING_USD = 1.35


def worked_example(few_shot_usd: float) -> Evidence:
    """Section 5.8 of the evidence: a long prompt, or tuning for 1.35 USD and a short one."""
    costs = (
        billed({"a": few_shot_usd, "b": few_shot_usd}, strategy="few-shot"),
        billed(
            {"a": 0.00018, "b": 0.00018}, strategy="lora", training=Spent(seconds=0.0, billed_usd=TUNING_USD)
        ),
    )
    return evidence(TIE, costs=costs, assumptions=CostAssumptions(horizon_months=1.0))


@pytest.mark.parametrize(("usd", "requests"), [(0.00039, 1.35 / 0.00021), (0.00024, 22_500.0)])
def test_the_worked_example_turns_where_tuning_pays(usd: float, requests: float) -> None:
    found = worked_example(usd)
    low, high = (recommended(found, requests_per_month=v) for v in (requests - 1, requests + 1))
    assert (low.verdict, low.strategy, high.strategy) == ("equivalent", "few-shot", "lora")
    assert round(turn(low, "requests_per_month").at or 0) == round(requests)
    assert turn(low, "requests_per_month").strategy == "lora"
    assert turn(high, "requests_per_month", above=False).strategy == "few-shot"
    unstated = recommended(found)
    assert unstated.strategy == "few-shot"
    assert round(turn(unstated, "requests_per_month").at or 0) == round(requests)


def test_a_cached_prompt_that_costs_less_than_tuned_requests_is_never_left() -> None:
    found = recommended(worked_example(0.00012), requests_per_month=1e6)
    assert found.strategy == "few-shot"
    assert turn(found, "requests_per_month").at is None
    assert "nowhere between 1 and 1,000,000,000" in found.to_text()


def test_the_worth_of_answers_counts_against_their_cost() -> None:
    """lora is 10 points better and 0.02 USD a request dearer: it pays from 0.2 USD an answer on."""
    costs = (billed({"a": 0.0}, strategy="prompt"), billed({"a": 0.02}, strategy="lora"))
    found = evidence({"prompt": 0.8, "lora": 0.9}, costs=costs)
    assert recommended(found).strategy == "lora"
    poor, rich = recommended(found, usd_per_success=0.1), recommended(found, usd_per_success=1.0)
    assert (poor.strategy, rich.strategy) == ("prompt", "lora")
    assert recommended(found, usd_per_success=0.05, usd_per_failure=0.05).strategy == "prompt"
    assert 0.2 < (turn(poor, "usd_per_success").at or 0) < 0.23
    # Within a quarter of a point of each other, which is less than the margin.
    assert recommended(found, usd_per_success=0.205).verdict == "equivalent"
    assert (
        recommended(
            evidence({"prompt": 0.8, "lora": 0.9}, half=0.1, costs=costs), usd_per_success=0.205
        ).verdict
        == "undecided"
    )


def test_worth_without_the_price_of_each_request_is_left_out_with_a_word() -> None:
    costs = (measured(strategy="prompt"), billed({"a": 0.02}, strategy="lora"))  # no price of a machine
    found = recommended(evidence({"prompt": 0.8, "lora": 0.9}, costs=costs), usd_per_success=0.1)
    assert found.strategy == "lora"
    assert any("what requests cost is not known" in c for c in found.cautions)


# What would change it.


def test_latency_and_margin_turn_where_they_should() -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED))
    limit = turn(found, "max_p95_s", above=False)
    assert limit.at == pytest.approx(0.3)
    assert limit.strategy == "prompt"
    # 90 % of few-shot within .0084 of its lead of 20 points.
    margin = turn(found, "margin")
    assert margin.at == pytest.approx(0.2084)
    assert margin.strategy == "few-shot"


@pytest.mark.parametrize("name", ["usd_per_hour", "utilisation"])
def test_a_price_that_changes_nothing_is_told_as_such(name: str) -> None:
    costs = tuple(measured(strategy=s) for s in QUALITY)
    found = recommended(evidence(QUALITY, costs=costs, machine=MACHINE), requests_per_month=100)
    assert turn(found, name).at is None


def test_labels_that_cost_more_than_they_save_turn_the_choice() -> None:
    costs = (
        billed({"a": 0.002}, strategy="few-shot"),
        billed({"a": 0.001}, strategy="lora", n_labels=600, training=Spent(seconds=0.0, billed_usd=10.0)),
    )
    assumed = CostAssumptions(horizon_months=1.0, minutes_per_label=1.0, usd_per_hour_of_labelling=20.0)
    found = recommended(evidence(TIE, costs=costs, assumptions=assumed), requests_per_month=300_000)
    assert found.strategy == "lora"  # saves 300 USD, for 200 of labels and 10 of training
    wage = turn(found, "usd_per_hour_of_labelling")
    assert wage.at == pytest.approx(29.0)
    assert wage.strategy == "few-shot"
    retraining = turn(found, "n_retrain_per_month")
    assert retraining.now is None
    assert retraining.at == pytest.approx(9.0)


# How sure it is.


def test_how_often_it_would_stand() -> None:
    values = np.array([[0.0, 0.1], [0.0, 0.01], [0.0, -0.01], [0.0, -0.1]])
    gaps = Gaps(("prompt", "lora"), values)
    found = recommended(evidence({"prompt": 0.8, "lora": 0.9}, gaps=gaps))
    assert (found.strategy, found.p_best, found.p_near_best) == ("lora", 0.5, 0.75)
    out = recommended(evidence({"prompt": 0.8, "lora": 0.9}, gaps=gaps), may_enter_weights=False)
    assert (out.strategy, out.p_best) == ("prompt", 1.0)
    assert "would be within the margin of the best candidate in 75 %" in " ".join(found.to_text().split())


def test_costs_are_drawn_again_too() -> None:
    """Equal quality: what a request costs decides, and it varies from request to request."""
    gaps = Gaps(("prompt", "lora"), np.zeros((4000, 2)))
    costs = (billed({"a": 1.0, "b": 3.0}, strategy="prompt"), billed({"a": 1.0, "b": 2.0}, strategy="lora"))
    found = recommended(evidence({"prompt": 0.8, "lora": 0.8}, gaps=gaps, costs=costs), usd_per_success=1.0)
    assert found.for_now == "lora" or found.strategy == "lora"
    # Means 2.0 and 1.5 with standard errors of 1.0 and 0.5: Phi(0.5 / 1.118).
    assert found.p_best == pytest.approx(0.673, abs=0.02)


def test_few_timed_requests_and_a_late_margin_are_warned_of() -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED), max_p95_s=1.0, margin=0.05)
    assert any(c.startswith("p95 latency rests on 0 requests") for c in found.cautions)
    assert any("margin of 5 points was chosen after the run" in c for c in found.cautions)


# What was expected.

FACTS = DataFacts(
    task="intents", kind="classification", metrics=("accuracy",), n_train=900, n_validation=100, n_test=400,
    input_chars=40, target_chars=8, n_classes=7, examples_per_class=128.0, fewest_per_class=90,
)  # fmt: skip


def statuses(quality: dict[str, float], half: float = 0.01) -> dict[str, str]:
    found = recommended(evidence(quality, half=half, facts=FACTS, model_parameters=1.35e8))
    assert [h.first for h in found.hypotheses] == [n == 0 for n in range(len(found.hypotheses))]
    return {h.strategy: h.status for h in found.hypotheses}


def test_hypotheses_are_held_against_the_rows() -> None:
    won = statuses({"tfidf": 0.6, "prompt": 0.5, "few-shot": 0.7, "lora": 0.9})
    assert (won["lora"], won["full-sft"]) == ("confirmed", "untested")
    lost = statuses({"tfidf": 0.6, "prompt": 0.5, "few-shot": 0.95, "lora": 0.9})
    assert lost["lora"] == "rejected"
    baseline = statuses({"tfidf": 0.95, "prompt": 0.5, "few-shot": 0.7, "lora": 0.9})
    assert baseline["lora"] == "rejected"
    assert statuses({"prompt": 0.5, "few-shot": 0.85, "lora": 0.9}, half=0.2)["lora"] == "open"


# The whole.


def test_it_is_text_markdown_html_and_json() -> None:
    found = recommended(evidence(QUALITY, rows=LIMITED, facts=FACTS), max_p95_s=0.4)
    text = found.to_text()
    assert text.startswith("intents: take lora\n==================\n")
    assert max(map(len, text.splitlines())) <= 100
    assert found.to_markdown().startswith("# intents: take lora\n")
    assert "<h3>intents: take lora</h3>" in found._repr_html_()
    assert json.loads(json.dumps(to_json(found)))["excluded"][0]["strategy"] == "few-shot"
    assert type(found.short()) is TaskRecommendation


def test_what_cannot_be_ranked_has_no_turning_points_that_name_a_strategy() -> None:
    found = recommended(evidence({"prompt": 0.0, "lora": 0.0}, rows=LIMITED))
    assert (found.verdict, found.strategy, found.for_now, found.p_best) == ("undecided", None, None, None)
    assert all(p.at is None for p in found.would_change)


def test_the_machine_has_no_say_where_nothing_is_priced() -> None:
    found = recommended(replace(evidence(QUALITY), machine=MACHINE))
    assert not [p for p in found.would_change if p.name in ("usd_per_hour", "requests_per_month")]
