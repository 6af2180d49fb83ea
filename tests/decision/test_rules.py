"""The rules: when each speaks, what it weighs, and what it may cite."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from situations import PRICES, at, requirements, rows, says

from adaptkit.core.types import Document
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.rules import (
    BASELINES,
    COMPOSED,
    GRADES,
    KEYS,
    ORDER,
    RULES,
    STRATEGIES,
    TUNED,
    find_all,
    size,
    tie,
)
from adaptkit.decision.rules.base import with_combinations
from adaptkit.decision.situation import situation_of

BY_ID = {rule.id: rule for rule in RULES}
SIMPLE = ("prompt", "few-shot", "rag", "lora", "full-sft", "function-calling")
DOCUMENTS = (Document(id="d", text="a text"),)

# How each text was consulted, by the marks of the evidence that the rules were written from.
READ = (
    "ANTH", "AWS", "Azure", "BAL", "BID", "CBU", "FIRE", "Google", "HAM", "KATE", "LITM", "LORA", "MIL",
    "MS-Learn", "OAI", "PEC", "SOU", "TFEW", "TIN", "applied-llms",
)  # fmt: skip
REPORTED = ("BUC", "FTB", "GEK", "Meta", "PLE", "RAFT", "SCL")
CONSULTED: dict[str, set[str]] = {
    **{key: {"read"} for key in READ},
    **{key: {"reported"} for key in REPORTED},
    "OVA": {"read", "computed"},
    "BER": {"read", "computed"},
    "MOS": {"read", "reported"},
}


QA: dict[str, Any] = {"kind": "qa", "metrics": ("token_f1",), "documents": DOCUMENTS}
# A situation in which each rule speaks, and a near one in which it does not.
SPEAKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "R1": ({"task": {}}, {"task": {"test": rows(20, "ab", "t")}}),
    "R2": (
        {"task": {"test": rows(150, "ab", "t")}, "margin": 0.09},
        {"task": {"test": rows(150, "ab", "t")}, "margin": 0.11},
    ),
    "R3b": (
        {"target_quality": 0.8, "prompt_quality": 0.8},
        {"target_quality": 0.8, "prompt_quality": 0.79},
    ),
    "R3c": (
        {"target_quality": 0.8, "prompt_quality": 0.72},
        {"target_quality": 0.8, "prompt_quality": 0.71},
    ),
    "R4": ({"missing": "both"}, {"missing": "format"}),
    "R5": ({"missing": "both"}, {"missing": "knowledge"}),
    "R6a": ({"examples_now": 9}, {"examples_now": 10}),
    "R6b": ({"examples_now": 49}, {"examples_now": 50}),
    "R6c": ({"examples_now": 50}, {"examples_now": 100}),
    "R6d": ({"examples_now": 1000}, {"examples_now": 1001}),
    "R6e": ({"examples_now": 1001}, {"examples_now": 1000}),
    "R6u": ({}, {"examples_now": 0}),
    "R7": ({"n_classes": 50, "examples_now": 2499}, {"n_classes": 50, "examples_now": 2500}),
    "R8": (
        {"model_parameters": 1.1e9, "examples_now": 10},
        {"model_parameters": 1.2e9, "examples_now": 10},
    ),
    "R8b": (
        {"model_parameters": 1e9, "examples_now": 9},
        {"model_parameters": 1e9, "examples_now": 10},
    ),
    "R9": ({"missing": "both"}, {"missing": "both", "may_enter_weights": False}),
    "R9b": ({"missing": "format"}, {"missing": "both"}),
    "R10": ({"missing": "knowledge", "n_facts": 501}, {"missing": "knowledge", "n_facts": 500}),
    "R11": ({"missing": "knowledge", "examples_now": 9}, {"missing": "knowledge", "examples_now": 10}),
    "R12": ({"keeps_other_tasks": True}, {"keeps_other_tasks": False}),
    "R13": ({}, {"task": {}}),
    "R14": (
        {"needs_actions": True, "missing": "format", "examples_now": 10},
        {"needs_actions": True, "examples_now": 10},
    ),
    "R14b": (
        {"needs_actions": True, "examples_now": 10},
        {"needs_actions": True, "missing": "format", "examples_now": 10},
    ),
    "R14c": ({"n_tools": 10}, {"n_tools": 9}),
    "R15": ({**PRICES, "requests_per_month": 536}, {**PRICES, "requests_per_month": 535}),
    "R15b": ({**PRICES, "requests_per_month": 535}, {**PRICES, "requests_per_month": 536}),
    "R15c": (
        {**PRICES, "requests_per_month": (10, 1000)},
        {**PRICES, "requests_per_month": (10, 20)},
    ),
    "R16": (
        {"knowledge_changes_every_days": 2, "days_to_retrain": 2},
        {"knowledge_changes_every_days": 3, "days_to_retrain": 2},
    ),
    "R19": ({}, {"task": {}}),
    "C2": ({"knowledge_changes_every_days": 7}, {"knowledge_changes_every_days": 8}),
    "C2b": ({"knowledge_changes_every_days": 8}, {"knowledge_changes_every_days": 7}),
    "C3": ({"rare_entities": True}, {"rare_entities": False}),
    "C5": (
        {"kind": "classification", "n_classes": 50, "examples_now": 2500},
        {"kind": "classification", "n_classes": 50, "examples_now": 2499},
    ),
    "C9": ({"needs_citations": True}, {"needs_citations": False}),
    "C10": ({"max_first_token_s": 1}, {"target_quality": 0.9}),
    "C12": ({"requests_per_month": "unknown"}, {"requests_per_month": 5}),
    "C13": ({"has_gpu": False}, {"has_gpu": True}),
    "C14": ({"may_enter_weights": False}, {"may_enter_weights": True}),
    "C15": ({"may_leave_premises": False}, {"may_leave_premises": False, "model_parameters": 7e9}),
    "C17": ({"n_tenants": 2}, {"n_tenants": 1}),
    "C18": ({"n_tools": 1}, {"n_tools": 0}),
    "C19": ({"kind": "summarization"}, {"kind": "summarization", "whole_document": False}),
    "C20": ({"needs_robust_prompt": True}, {"needs_robust_prompt": False}),
    "N1": ({"task": {}}, {"task": {"documents": DOCUMENTS}}),
    "N2": ({"examples_now": 0}, {"examples_now": 1}),
    "N3": ({}, {"n_tools": 1}),
    "V1": ({"usd_per_success": 20, "usd_per_failure": 88}, {"usd_per_success": 20}),
}
ALWAYS = {"R3", "R18", "R20"}


@pytest.mark.parametrize("rule", SPEAKS)
def test_a_rule_speaks_where_it_should_and_only_there(rule: str) -> None:
    speaks, is_silent = SPEAKS[rule]
    assert BY_ID[rule].find(at(**speaks)) is not None
    assert BY_ID[rule].find(at(**is_silent)) is None


def test_every_rule_is_tried_above_or_speaks_always() -> None:
    assert len(BY_ID) == len(RULES)
    assert BY_ID.keys() == SPEAKS.keys() | ALWAYS
    assert all(BY_ID[rule].find(at()) for rule in ALWAYS)


def test_all_twenty_rules_of_the_evidence_are_there() -> None:
    numbers = {int(m[1]) for rule in RULES if (m := re.fullmatch(r"R(\d+)\w*", rule.id))}
    # R17 speaks of strategies that are equally advised: it follows from the others.
    assert numbers | {17} == set(range(1, 21))
    assert tie("prompt", ("few-shot",)).rule == "R17"


# The criteria as the evidence has them: prompt, few-shot, rag, lora, full-sft, function-calling. None is "not
# applicable". Where it gives a range, the value that the rule's own comment argues for.
WEIGHTS: dict[str, tuple[int | None, ...]] = {
    "R4": (-2, -1, 2, -1, -1, 1),
    "C2": (-1, -1, 2, -2, -2, 2),
    "C3": (-2, -1, 2, 0, 0, 1),
    "R5": (0, 1, 0, 2, 2, 1),
    "C5": (0, 1, 0, 2, 2, 0),
    "R7": (-1, 2, 1, 0, 0, 0),
    "R6a": (2, 1, None, -2, -2, None),
    "R6b": (1, 2, None, -1, -2, None),
    "R6c": (0, 1, None, 0, -1, None),
    "R6d": (0, 1, None, 1, 0, None),
    "R6e": (0, 1, None, 2, 2, None),
    "R8": (-1, -2, 0, 2, 2, -2),
    "C9": (0, 0, 2, -1, -1, 1),
    "C10": (0, -1, -1, 1, 1, -1),
    "R15": (0, -2, -1, 2, 1, -1),
    "R15b": (2, 2, 1, -1, -2, 0),
    "C12": (2, 2, 1, -1, -2, 0),
    "C13": (2, 2, 1, -1, -2, 1),
    "C15": (-1, -1, 0, 2, 1, 0),
    "R12": (2, 2, 2, 1, -1, 2),
    "C17": (1, 1, 1, 1, -2, 1),
    "C18": (-1, 0, -1, 1, 1, 2),
    "C19": (1, 0, -1, 1, 1, 0),
    "C20": (-1, -1, 0, 1, 1, 0),
}


@pytest.mark.parametrize("rule", WEIGHTS)
def test_weights_are_those_of_the_evidence(rule: str) -> None:
    scores = says(rule, at(**SPEAKS[rule][0])).scores
    assert tuple(scores.get(name) for name in SIMPLE) == WEIGHTS[rule]


def test_passages_do_not_help_form_unless_facts_are_missing_too() -> None:
    assert says("R5", at(missing="format")).scores["rag"] == -1
    assert says("R5", at(missing="both")).scores["rag"] == 0


def test_an_index_is_worth_something_where_facts_are_missing() -> None:
    weights = [says("C14", at(may_enter_weights=False, missing=m)).scores["rag"] for m in ("format", "both")]
    assert weights == [0, 2]
    assert says("C14", at(may_enter_weights=False)).excludes == TUNED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_reason_has_words_a_source_a_grade_and_a_measurement(rule: Any) -> None:
    found = says(rule.id, at(**SPEAKS.get(rule.id, ({}, {}))[0]))
    assert found.sources
    assert found.grade in GRADES
    assert 20 < len(found.text) < 330
    assert not found.text[0].islower()
    assert found.text.endswith(".")
    assert len(found.measure) > 10
    assert not found.measure.endswith(".")
    named = {*found.scores, *found.favours, *found.excludes, *found.defers, *found.settings}
    assert named <= set(ORDER)
    assert all(-2 <= score <= 2 for score in found.scores.values())
    if any(found.scores.values()) or found.excludes:
        assert not re.search(r"[.?!] [A-Z]", found.text), "a reason is one sentence"
    assert found.scores or found.favours or found.excludes or found.settings or found.warns


def test_only_texts_that_were_consulted_are_cited_and_as_what() -> None:
    cited = [c for rule in RULES for c in rule.sources] + list(tie("prompt", ()).sources)
    assert {c.key for c in cited} == set(KEYS) == set(CONSULTED)
    for citation in cited:
        assert citation.consulted in CONSULTED[citation.key], citation.key
        assert ("as reported by" in str(citation)) == (citation.consulted == "reported")
        assert re.search(r"arXiv:\d{4}\.\d{5}|\.(com|org|dev|ai)|Azure OpenAI", citation.reference), citation


def test_a_combination_closes_gaps_together_and_breaks_limits_alone() -> None:
    scores = {"rag": 2, "lora": -1, "function-calling": 1}
    assert with_combinations(scores, "gap")["rag+lora"] == 2
    assert with_combinations(scores, "need")["function-calling+lora"] == 1
    assert with_combinations(scores, "limit")["rag+lora"] == -1
    assert with_combinations({"lora": 2}, "limit")["rag+lora"] == 2  # no word on retrieval
    assert with_combinations({"prompt": 2}, "gap") == {"prompt": 2}
    assert with_combinations({"rag": 2, "rag+lora": -2}, "gap")["rag+lora"] == -2
    assert with_combinations({"lora": 2}, "method") == {"lora": 2}
    assert set(COMPOSED) == {"rag+lora", "function-calling+lora"}
    assert (*BASELINES, *STRATEGIES) == ORDER


# Evaluation ---------------------------------------------------------------------------------------------
def test_too_few_rows_and_no_metric_are_told_apart() -> None:
    assert says("R1", at(task={})).text.startswith("Build the evaluation first: 4 test rows decide nothing.")
    assert "no metric is named" in says("R1", at()).text
    assert BY_ID["R1"].find(at(metric="accuracy")) is None


def test_what_the_test_rows_can_show_is_stated() -> None:
    # sqrt(7.849 * 0.2 / (100 + 7.849)) = 12.1 points
    hundred = {"test": rows(100, "ab", "t")}
    found = says("R2", at(task=hundred, margin=0.05))
    assert "100 test rows show a difference of 12.1 points" in found.text
    assert "5.0 are to be seen" in found.text
    # The gain that is needed counts before the margin.
    assert BY_ID["R2"].find(at(task=hundred, margin=0.05, prompt_quality=0.6, target_quality=0.9)) is None
    assert BY_ID["R2"].find(at(task=hundred)) is None


def test_what_answers_are_worth_sets_the_accuracy_that_pays() -> None:
    assert "pays from 81.5 % right on" in says("V1", at(usd_per_success=20, usd_per_failure=88)).text
    assert "sets no target" in says("V1", at(usd_per_success=0, usd_per_failure=0)).text


def test_facts_by_heart_are_refused_for_their_number_or_their_changes() -> None:
    assert "3,000 facts" in says("R10", at(missing="knowledge", n_facts=3000)).text
    assert "every 12 hours" in says("R10", at(knowledge_changes_every_days=0.5)).text
    documents = tuple(Document(id=str(i), text=f"text {i}") for i in range(501))
    assert "501 facts" in says("R10", at(task={**QA, "documents": documents})).text
    assert BY_ID["R10"].find(at(task=QA)) is None


def test_sizes_are_written_as_people_say_them() -> None:
    assert [size(n) for n in (134_515_008, 1.1e9, 70e9)] == ["135 million", "1.1 billion", "70 billion"]


@given(requirements, st.none() | st.floats(1e6, 1e12))
def test_any_situation_is_judged(required: Requirements, model_parameters: float | None) -> None:
    found = find_all(situation_of(required, model_parameters=model_parameters))
    assert all(f.text.endswith(".") and f.sources for f in found)
    assert len({f.rule for f in found}) == len(found)
    # Of the rules for a number of examples, exactly one speaks.
    assert len([f for f in found if f.rule.startswith("R6")]) == 1
