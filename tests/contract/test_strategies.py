"""What every strategy keeps to, by its name in the registry: a new one is tested by being registered.

The checks themselves are those of ``adaptkit.testing``, which users run on theirs.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import contract_models
import pytest

from adaptkit.core.codec import canonical_json
from adaptkit.models.load import load_model
from adaptkit.strategies import STRATEGIES, Strategy, make_strategy
from adaptkit.testing import (
    CheckFailed,
    NotApplicable,
    StrategyCase,
    check_strategy,
    share_new_process,
    strategy_checks,
)
from adaptkit.testing.suite import run_checks
from adaptkit.testing.tasks import OWN, commands, questions

pytestmark = pytest.mark.usefixtures("hash_embedder")

# Small parameters by name: a strategy that is not here is checked with its defaults.
SMALL: dict[str, dict[str, Any]] = {
    "few-shot": {"k": 3},
    "rag": {"k": 2, "chunk_tokens": 24, "overlap_tokens": 4},
    "lora": {"rank": 2, "epochs": 2, "learning_rate": 0.02},
    "full-sft": {"epochs": 2, "learning_rate": 0.005},
    "function-calling": {"tools": ["calculator"], "max_calls": 2, "max_call_tokens": 24},
}
SMALL["compose"] = {"parts": [{"name": n, "params": SMALL[n]} for n in ("few-shot", "rag")]}
SMALL["tuned"] = {
    "strategy": {"name": "few-shot", "params": SMALL["few-shot"]},
    "budget": {"trials": 2},
    "n_rows": 4,
}
COMPOSED = ("few-shot+rag", "rag+lora", "few-shot+prompt")
TRAINED = ("lora", "full-sft", "rag+lora")
NAMES = [*STRATEGIES.names(), *COMPOSED]
ON_GEMMA = ("few-shot", "lora")
CASES = [*(("llama", name) for name in NAMES), *(("gemma", name) for name in ON_GEMMA)]
IN_A_NEW_PROCESS = "a_saved_strategy_answers_alike_in_a_new_process"
CHECKS = dict(strategy_checks())
# Each with a strategy to which it does apply.
MAY_NOT_APPLY = {
    "another_seed_gives_the_same_answers_where_nothing_is_drawn": "few-shot",
    "answers_to_a_classification_are_labels": "prompt",
    "an_input_that_fails_loses_no_other": "rag",
    "files_of_another_strategy_are_refused": "lora",
}
# Those that a fit or two and a few dozen answers are enough for, and in which the model has a part.
ON_A_REAL_MODEL = {
    "fit_leaves_the_model_alone",
    "a_string_gives_one_timed_prediction",
    "a_list_gives_untimed_predictions",
    "usage_is_what_the_requests_took",
    "answers_come_in_the_order_of_the_inputs",
    "answers_do_not_depend_on_the_batch",
    "the_same_input_twice_gets_the_same_answer",
    "asking_again_gives_the_same_answers",
    "odd_inputs_are_answered",
    "answers_to_a_classification_are_labels",
    "an_input_that_fails_loses_no_other",
    "an_input_that_is_too_long_loses_no_other",
    "a_saved_strategy_answers_as_before",
    "a_loaded_strategy_leaves_the_model_alone",
}
WRITTEN = {".json", ".safetensors", ".faiss"}


def make(name: str) -> Strategy:
    parts = name.split("+")
    params = SMALL.get(name, {}) if len(parts) == 1 else {part: SMALL.get(part, {}) for part in parts}
    return make_strategy(name, params)


@cache
def case_of(model: str, name: str) -> StrategyCase:
    return StrategyCase(lambda: make(name), model=getattr(contract_models, model))


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    yield
    case_of.cache_clear()


@pytest.mark.parametrize("check", [n for n in CHECKS if n != IN_A_NEW_PROCESS])
@pytest.mark.parametrize(("model", "name"), CASES)
def test_contract(model: str, name: str, check: str) -> None:
    try:
        CHECKS[check](case_of(model, name))
    except NotApplicable as reason:
        if check not in MAY_NOT_APPLY:
            raise
        pytest.skip(str(reason))


@pytest.mark.parametrize(("check", "name"), MAY_NOT_APPLY.items())
def test_a_check_that_may_not_apply_does_to_some(check: str, name: str) -> None:
    CHECKS[check](case_of("llama", name))


def test_saved_strategies_answer_alike_in_a_new_process() -> None:
    """All in one: loading torch takes longer than all their answers."""
    cases = {name: case_of("llama", name) for name in NAMES}
    share_new_process(list(cases.values()))
    failed = {}
    for name, case in cases.items():
        try:
            CHECKS[IN_A_NEW_PROCESS](case)
        except CheckFailed as error:
            failed[name] = str(error)
    assert not failed


@pytest.mark.parametrize("name", [n for n in NAMES if n not in TRAINED])
def test_a_model_without_weights_serves_strategies_that_need_none(name: str) -> None:
    checks = [check for n, check in CHECKS.items() if n != IN_A_NEW_PROCESS]
    report = run_checks(checks, case_of("stand_in", name))
    assert not report.failed, report
    assert len(report.passed) > 0.8 * len(checks)


@pytest.mark.slow
def test_the_four_main_strategies_keep_to_the_contract_on_the_embedded_model() -> None:
    models = itertools.cycle([load_model(dtype="float32"), load_model(dtype="float32")])
    small = commands()
    # Choices are scored in one pass, and there is something to look up.
    task = dataclasses.replace(
        small,
        train=small.train[:12],
        validation=(small.validation or ())[:3],
        documents=questions().documents[:4],
    )
    for name in ("prompt", "few-shot", "rag", "lora"):
        params = {**SMALL.get(name, {}), **({"max_tokens": 400} if name == "lora" else {})}
        strategy = make_strategy(name, params)
        report = check_strategy(strategy, model=lambda: next(models), task=task, only=ON_A_REAL_MODEL)
        # Where labels are written, which few validation rows may choose, an answer may be none.
        written = [c for c in report.skipped if c == "answers_to_a_classification_are_labels"]
        assert {*report.passed, *written} == ON_A_REAL_MODEL


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_in_formats_that_are_known(name: str) -> None:
    files = [p for p in case_of("llama", name).saved.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= WRITTEN


@pytest.mark.parametrize("name", NAMES)
def test_answers_of_validation_rows_are_in_no_prompt(name: str) -> None:
    """They are what configurations are chosen by."""
    prompts = case_of("llama", name).watched.prompts
    assert not [p for p in prompts if f"{OWN}-validation" in canonical_json(p)]


@pytest.mark.parametrize("name", NAMES)
def test_a_list_is_answered_by_several_answers(name: str) -> None:
    """Otherwise checks of order and batch would compare like with like."""
    assert len({told.output for told in case_of("llama", name).together}) > 1
