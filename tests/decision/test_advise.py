"""Advice: what comes first in the situations that the sources describe, its laws, and how it reads."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from advice_profiles import ARTICLE, PROFILES, Profile
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import models, n_examples, near_rules, requirements, routing, rows

from adaptkit.core.codec import canonical_json, to_json
from adaptkit.core.types import Document, Example
from adaptkit.decision.advice import Advice
from adaptkit.decision.advise import advise
from adaptkit.decision.hypotheses import Weighed, weigh
from adaptkit.decision.planning import Forecast
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.rules import BASELINES, ORDER, STRATEGIES, TUNED
from adaptkit.decision.situation import situation_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = (Document(id="d", text="a text"),)


def of(profile: Profile) -> Advice:
    required = Requirements(**profile.given)  # type: ignore[arg-type]
    return advise(required, model_parameters=profile.model_parameters)


def rejected(advice: Advice) -> set[str]:
    return {r.strategy for r in advice.not_worth_trying}


# The table: written from the sources before the rules ------------------------------------------------------
@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_the_first_hypothesis_is_that_of_the_source(profile: Profile) -> None:
    advice = of(profile)
    assert advice.first == profile.first
    cited = {c.key for reason in advice.hypotheses[0].because for c in reason.sources}
    assert profile.cites in cited
    assert set(profile.never) <= rejected(advice)


def test_the_table_is_large_and_tells_strategies_apart() -> None:
    assert len(PROFILES) >= 24
    assert len({p.name for p in PROFILES}) == len(PROFILES)
    assert len(ARTICLE) >= 9
    firsts = [p.first for p in PROFILES]
    assert set(firsts) >= {"prompt", "few-shot", "rag", "lora", "function-calling", "rag+lora"}
    # No constant answer comes near to passing.
    assert max(firsts.count(name) for name in firsts) <= len(firsts) / 2


# Laws ------------------------------------------------------------------------------------------------------
def weighed(required: Requirements, n: int, model_parameters: float | None) -> Weighed:
    given = required.with_values(examples_now=n)
    return weigh(situation_of(given, model_parameters=model_parameters))


def scores(found: Weighed) -> dict[str, int]:
    return {h.strategy: h.score for h in found.hypotheses} | {r.strategy: r.score for r in found.rejected}


def excluded(found: Weighed) -> set[str]:
    return {r.strategy for r in found.rejected if r.excluded}


@settings(max_examples=300)
@given(near_rules, n_examples, st.sampled_from([1, 2, 10, 100, 5000]), models)
def test_more_examples_never_speak_against_tuning(
    required: Requirements, n: int, more: int, model_parameters: float | None
) -> None:
    before, after = (weighed(required, k, model_parameters) for k in (n, n + more))
    was, now = scores(before), scores(after)
    for name in TUNED:
        assert now[name] >= was[name]
        if name in excluded(before):
            continue
        assert name not in excluded(after)
        for other in set(STRATEGIES) - set(TUNED):
            assert now[name] - now[other] >= was[name] - was[other], f"{name} lost to {other}"
    if before.first in TUNED:
        assert after.first in TUNED


@settings(max_examples=50)
@given(near_rules | requirements, models)
def test_what_may_not_enter_weights_is_never_trained_on(
    required: Requirements, model_parameters: float | None
) -> None:
    advice = advise(required.with_values(may_enter_weights=False), model_parameters=model_parameters)
    assert set(TUNED) <= rejected(advice)
    assert not set(TUNED) & {step.strategy for step in advice.plan.steps}


CALLING = {"function-calling", "function-calling+lora"}


@settings(max_examples=100)
@given(near_rules | requirements, models)
def test_what_a_task_has_no_functions_for_is_not_advised(
    required: Requirements, model_parameters: float | None
) -> None:
    advice = advise(
        required.with_values(needs_actions=None, n_tools=None, metric=None),
        routing(),
        model_parameters=model_parameters,
    )
    assert rejected(advice) >= CALLING
    assert not CALLING & {step.strategy for step in advice.plan.steps}
    assert not CALLING & {other.first for other in advice.would_change}


CALL = '{"name": "find", "arguments": {"city": "Oslo"}}'
CALLS = (
    {"train": tuple(Example(id=f"c{i}", input=f"question {i}", target=CALL) for i in range(10))},
    {"tools": ({"name": "find", "description": "d", "parameters": {"type": "object", "properties": {}}},)},
)


@pytest.mark.parametrize("given", CALLS, ids=["targets", "tools"])
@pytest.mark.parametrize("days", [None, 1])
def test_functions_are_advised_for_a_task_whose_targets_are_calls_or_that_has_tools(
    given: dict[str, Any], days: float | None
) -> None:
    test = tuple(Example(id=f"t{i}", input=f"another {i}", target="Oslo") for i in range(4))
    asked = routing(**{"kind": "generation", "metrics": ("exact_match",), "test": test, **given})
    advice = advise(Requirements(knowledge_changes_every_days=days), asked)
    assert "function-calling" not in rejected(advice)


@settings(max_examples=50)
@given(requirements, models)
def test_the_same_situation_has_the_same_advice(
    required: Requirements, model_parameters: float | None
) -> None:
    first, again = (advise(required, model_parameters=model_parameters) for _ in range(2))
    assert first == again
    assert canonical_json(first) == canonical_json(again)
    assert first.to_markdown() == again.to_markdown()


@settings(max_examples=50)
@given(near_rules | requirements, models)
def test_every_reason_has_a_source_and_every_strategy_a_place(
    required: Requirements, model_parameters: float | None
) -> None:
    advice = advise(required, model_parameters=model_parameters)
    reasons = [r for h in advice.hypotheses for r in (*h.because, *h.against)]
    reasons += [r for rejected in advice.not_worth_trying for r in rejected.because] + list(advice.warnings)
    assert all(r.sources and r.text and r.grade and r.measure for r in reasons)
    assert all(h.because for h in advice.hypotheses)
    places = [h.strategy for h in advice.hypotheses] + [r.strategy for r in advice.not_worth_trying]
    assert sorted(set(places) - set(BASELINES)) == sorted(STRATEGIES)
    assert len(set(places)) == len(places)
    for h in advice.hypotheses:
        assert h.score == sum(r.score for r in (*h.because, *h.against))


@settings(max_examples=50)
@given(near_rules | requirements, models)
def test_what_is_asked_for_is_never_given_up(required: Requirements, model_parameters: float | None) -> None:
    advice = advise(required, model_parameters=model_parameters)
    advised = {h.strategy for h in advice.hypotheses}
    if required.needs_actions:
        assert advised <= {"function-calling", "function-calling+lora"}
    if required.needs_citations:
        assert advised <= {"rag", "rag+lora", "function-calling", "function-calling+lora"}
    situation = situation_of(required)
    supplies = {"rag", "rag+lora", "function-calling", "function-calling+lora"} & advised
    deferred = {h.strategy for h in advice.hypotheses if h.deferred}
    if situation.lacks_knowledge and supplies - deferred:
        assert advice.first in supplies


@settings(max_examples=50)
@given(near_rules | requirements, models)
def test_what_would_change_it_does_so_when_it_is_stated(
    required: Requirements, model_parameters: float | None
) -> None:
    advice = advise(required, model_parameters=model_parameters)
    for other in advice.would_change:
        assert other.first != advice.first
        if other.field == "model_parameters":
            assert isinstance(other.value, float)
            assert advise(required, model_parameters=other.value).first == other.first
        else:
            stated = required.with_values(**{other.field: other.value})
            assert advise(stated, model_parameters=model_parameters).first == other.first


@settings(max_examples=50)
@given(requirements, models)
def test_any_advice_can_be_read_and_stored(required: Requirements, model_parameters: float | None) -> None:
    advice = advise(required, model_parameters=model_parameters)
    assert json.loads(json.dumps(to_json(advice), allow_nan=False))["requirements"]
    text = advice.to_text(90)
    for name in (*(h.strategy for h in advice.hypotheses), *rejected(advice)):
        assert name in text
        assert f"`{name}`" in advice.to_markdown()


# Order -----------------------------------------------------------------------------------------------------
def test_equal_scores_are_told_apart_by_what_is_cheaper_to_undo() -> None:
    advice = advise(Requirements(missing="format", examples_now=5000))
    first, second = advice.hypotheses[:2]
    assert (first.strategy, second.strategy) == ("lora", "full-sft")
    assert first.score == second.score
    reason = first.because[-1]
    assert (reason.rule, reason.score) == ("R17", 0)
    assert "Nothing tells it from full-sft" in reason.text
    assert "R17" not in {r.rule for r in second.because}


def test_facts_come_before_scores() -> None:
    required = Requirements(missing="knowledge", examples_now=30, requests_per_month="unknown", has_gpu=False)
    advice = advise(required)
    by_name = {h.strategy: h.score for h in advice.hypotheses}
    assert advice.first == "rag"
    assert by_name["few-shot"] > by_name["rag"]


def test_tuning_on_a_few_examples_comes_last_whatever_speaks_for_it() -> None:
    advice = advise(Requirements(missing="format", examples_now=49, max_p95_s=1, needs_robust_prompt=True))
    by_name = {h.strategy: h for h in advice.hypotheses}
    assert by_name["lora"].score > by_name["few-shot"].score
    assert by_name["lora"].deferred
    assert [h.deferred for h in advice.hypotheses] == sorted(h.deferred for h in advice.hypotheses)
    assert advice.first == "few-shot"
    assert {s.role for s in advice.plan.steps if s.strategy == "lora"} == {"exploratory"}


def test_a_hypothesis_says_what_it_should_be_better_than_in_quality() -> None:
    rag = advise(Requirements(missing="knowledge", examples_now=300)).hypotheses[0]
    assert rag.expected_to_beat == ("prompt", "few-shot", "lora")
    # What is only cheaper or has to be is not expected to be better.
    assert advise(Requirements(requests_per_month="unknown")).hypotheses[0].expected_to_beat == ()
    assert advise(Requirements(needs_citations=True)).hypotheses[0].expected_to_beat == ()


def test_a_baseline_is_a_hypothesis_where_a_rule_speaks_for_it() -> None:
    many = advise(Requirements(kind="classification", n_classes=77, examples_now=800))
    assert "knn-vote" in {h.strategy for h in many.hypotheses}
    few = advise(Requirements(kind="classification", n_classes=7, examples_now=800))
    assert "knn-vote" not in {h.strategy for h in few.hypotheses} | rejected(few)
    assert [s.strategy for s in few.plan.steps][:3] == ["knn-vote", "tfidf", "prompt"]


def test_a_baseline_gives_way_to_what_is_asked_for_and_it_cannot_do() -> None:
    many = Requirements(kind="classification", n_classes=77, examples_now=800)
    cited = advise(many.with_values(needs_citations=True))
    assert "knn-vote" in rejected(cited)
    assert "knn-vote" in {s.strategy for s in cited.plan.steps}  # as the floor
    acting = advise(many.with_values(needs_actions=True))
    assert "knn-vote" in rejected(acting)
    assert BASELINES[0] not in {s.strategy for s in acting.plan.steps}


@pytest.mark.parametrize("missing", ["knowledge", "format", "nothing", None])
def test_one_gap_is_not_closed_with_two_levers(missing: Any) -> None:
    advice = advise(Requirements(missing=missing, examples_now=4000), model_parameters=7e9)
    (found,) = [r for r in advice.not_worth_trying if r.strategy == "rag+lora"]
    assert found.excluded
    assert "R9b" in {r.rule for r in found.because}


def test_a_prompt_that_is_good_enough_may_still_be_too_slow() -> None:
    required = Requirements(missing="format", target_quality=0.8, prompt_quality=0.9, examples_now=5000)
    assert [h.strategy for h in advise(required).hypotheses] == ["prompt"]
    limited = {h.strategy for h in advise(required.with_values(max_p95_s=0.2)).hypotheses}
    assert {"prompt", "lora"} <= limited


def test_requirements_that_contradict_each_other_leave_nothing() -> None:
    advice = advise(Requirements(needs_citations=True), routing())
    assert advice.first is None
    assert advice.hypotheses == ()
    assert rejected(advice) == set(STRATEGIES)
    markdown = advice.to_markdown()
    assert markdown.startswith("# First hypothesis: no strategy fits what is required\n")
    assert "no documents (N1)" in markdown
    assert [s.strategy for s in advice.plan.steps] == ["knn-vote", "tfidf", "prompt"]


# Tasks -----------------------------------------------------------------------------------------------------
def test_a_task_speaks_for_itself() -> None:
    asked = routing(kind="qa", metrics=("token_f1",), train=rows(300, "abc"), documents=DOCUMENTS)
    advice = advise(task=asked, model_parameters=7e9)
    assert advice.first == "rag"
    assert advice.facts is not None
    assert advice.facts.n_train == 300
    assert "Read from the task: routing (qa): 300 train and 4 test rows, 1 documents" in advice.to_markdown()
    assert "top-passage" in {s.strategy for s in advice.plan.steps}


def test_rows_of_a_new_class_and_of_old_ones() -> None:
    few = advise(task=routing(train=rows(40, "ab")))
    many = advise(task=routing(train=rows(400, "ab")))
    assert (few.first, many.first) == ("few-shot", "lora")


def test_without_documents_nothing_is_retrieved() -> None:
    advice = advise(Requirements(missing="knowledge"), routing(train=rows(400, "ab")))
    assert {"rag", "rag+lora"} <= rejected(advice)
    why = next(r for r in advice.not_worth_trying if r.strategy == "rag")
    assert (why.excluded, why.because[0].rule) == (True, "N1")


# Warnings --------------------------------------------------------------------------------------------------
def warned(advice: Advice) -> set[str]:
    return {r.rule for r in advice.warnings}


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"task": routing()}, "R1"),
        ({"requirements": Requirements(margin=0.01), "task": routing(test=rows(300, "ab", "t"))}, "R2"),
        ({"requirements": Requirements(missing="both", examples_now=200)}, "R9"),
        ({"requirements": Requirements(missing="knowledge", n_facts=3000)}, "R10"),
        ({"requirements": Requirements(), "model_parameters": 135e6}, "R20"),
    ],
)
def test_what_must_be_known_before_is_a_warning(given: dict[str, Any], rule: str) -> None:
    advice = advise(**given)
    assert rule in warned(advice)
    (text,) = [r.text for r in advice.warnings if r.rule == rule]
    assert text in advice.to_markdown()


def test_a_warning_that_is_a_reason_too_is_told_once() -> None:
    advice = advise(Requirements(missing="both", examples_now=300))
    assert "R9" in warned(advice) & {r.rule for r in advice.hypotheses[0].because}
    assert advice.to_markdown().count("Both gaps are open") == 1


def test_the_size_of_the_model_stands_in_every_advice() -> None:
    assert "a model of 135 million weights" in advise(model_parameters=134_515_008).to_markdown()
    assert "The model's size is not given" in advise().to_markdown()


# Plan ------------------------------------------------------------------------------------------------------
def test_a_plan_goes_from_cheap_to_dear_with_seeds_for_what_draws() -> None:
    advice = advise(Requirements(missing="both", examples_now=300, margin=0.05))
    steps = {s.strategy: s for s in advice.plan.steps}
    names = list(steps)
    assert names == sorted(names, key=ORDER.index)
    assert names[:2] == ["knn-vote", "prompt"]
    assert steps["rag+lora"].role == "first"
    assert steps["prompt"].role == "baseline"
    assert {n: s.seeds for n, s in steps.items() if s.seeds > 1} == dict.fromkeys(
        ("few-shot", "lora", "rag+lora", "full-sft"), 3
    )
    assert advice.plan.n_runs == sum(s.seeds for s in steps.values())
    assert any("5 formats" in s.text for s in steps["prompt"].settings)
    assert all(s.sources for step in steps.values() for s in step.settings)


def test_rows_are_planned_by_the_margin() -> None:
    plan = advise(Requirements(margin=0.05)).plan
    assert (plan.rows_needed, plan.margin_is_stated, plan.rows_at_hand) == (626, True, None)  # Connor 1987
    plan = advise(task=routing(test=rows(100, "ab", "t"))).plan
    assert (plan.margin, plan.margin_is_stated, plan.rows_at_hand) == (0.02, False, 100)
    assert plan.detectable == pytest.approx(0.121, abs=5e-4)


@pytest.mark.parametrize(
    ("now", "more", "minutes", "planned"),
    [
        (60, 300, 3.0, (40, 2.0)),
        (60, 25, None, (25, None)),
        (100, 300, 3.0, (None, None)),
        (None, 300, 3.0, (None, None)),
        (60, None, 3.0, (None, None)),
    ],
)
def test_labels_are_planned_up_to_where_tuning_is_recommended(
    now: int | None, more: int | None, minutes: float | None, planned: tuple[int | None, float | None]
) -> None:
    required = Requirements(examples_now=now, examples_obtainable=more, minutes_per_label=minutes)
    plan = advise(required).plan
    assert (plan.labels_to_make, plan.label_hours) == planned
    assert ("Labels:" in advise(required).to_markdown()) == (planned[0] is not None)


def test_a_pilot_tells_what_it_will_take() -> None:
    advice = advise(Requirements(target_quality=0.9))
    assert advice.plan.pilot is None
    assert "are known after a pilot" in advice.to_markdown()
    assert "Stop at the first strategy whose interval lies above 90 %" in advice.to_markdown()
    pilot = Forecast(n_rows=5, minutes=(12, 19.6), tokens=(80_000, 95_000), usd=(0.5, 0.5))
    told = dataclasses.replace(advice, plan=dataclasses.replace(advice.plan, pilot=pilot)).to_markdown()
    assert "12 to 20 minutes, 80,000 to 95,000 tokens, 0.50 USD, by a pilot on 5 rows." in told
    unknown = dataclasses.replace(pilot, usd=None)
    told = dataclasses.replace(advice, plan=dataclasses.replace(advice.plan, pilot=unknown)).to_markdown()
    assert "an unknown price" in told


# What would change it --------------------------------------------------------------------------------------
def test_answers_that_would_change_it_are_named() -> None:
    advice = advise(Requirements(missing="format", examples_now=30))
    by_field = {other.field: other.first for other in advice.would_change}
    assert advice.first == "few-shot"
    assert by_field["examples_now"] == "lora"
    assert by_field["needs_actions"] in ("function-calling", "function-calling+lora")
    assert "missing" not in by_field
    assert "- `lora` comes first if there are 100 labelled examples" in advice.to_markdown()


def test_what_is_stated_or_shown_is_not_varied() -> None:
    required = Requirements(needs_actions=False, may_enter_weights=True, has_gpu=True)
    fields = {other.field for other in advise(required).would_change}
    assert fields.isdisjoint({"needs_actions", "may_enter_weights", "has_gpu"})
    asked = routing(kind="qa", metrics=("token_f1",), train=rows(300, "abc"), documents=DOCUMENTS)
    shown = [o.value for o in advise(task=asked, model_parameters=7e9).would_change if o.field == "missing"]
    assert shown == ["both"]


def test_profiles_can_be_stored_and_told_apart() -> None:
    stored = [canonical_json(of(p)) for p in PROFILES]
    assert len(set(stored)) >= len(PROFILES) - 1


def test_advice_needs_no_model() -> None:
    code = """
import sys
from adaptkit.decision.advise import advise
from adaptkit.decision.requirements import Requirements
print(advise(Requirements(missing="knowledge")).to_text() and "advised")
print(*[n for n in ("torch", "transformers", "faiss", "peft", "pandas", "matplotlib") if n in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["advised"]
