from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import TASKS, arithmetic_task, classification_task, qa_task, structured_task, tiny_model

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.types import Completion, Example, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy, parse_strategy
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.tasks import Task

LABELS = classification_task().labels


class ScoringModel(FakeModel):
    """Tells a log-probability of each choice."""

    def __init__(self, score: Callable[[str, str], float]) -> None:
        super().__init__(lambda request: "")
        self._score = score

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        scored = []
        for request, completion in zip(requests, super().complete(requests), strict=True):
            logprobs = {c: self._score(request.prompt.input, c) for c in request.choices or ()}
            best = max(logprobs, key=lambda c: logprobs[c])
            scored.append(dataclasses.replace(completion, text=best, choice_logprobs=logprobs))
        return scored


def likes_alarm(text: str, label: str) -> float:
    """Always prefers alarm, less so where the input speaks for music."""
    if label == "alarm":
        return {"play": -1.5, "wake me": -0.2}.get(text, -0.5)
    return -2.0 if (text, label) == ("play", "music") else -4.0


def prior_of(strategy: PromptEngineering) -> Mapping[str, float]:
    assert strategy.label_reader_ is not None
    assert strategy.label_reader_.prior is not None
    return strategy.label_reader_.prior.logprobs


def test_label_that_gains_most_over_inputs_without_content_wins() -> None:
    strategy = PromptEngineering(calibrate=True, search=0).fit(
        ScoringModel(likes_alarm), classification_task()
    )
    prior = prior_of(strategy)
    gap = prior["alarm"] - prior["music"]
    assert gap == pytest.approx(3.5)
    assert [p.output for p in strategy.generate(["play", "wake me"])] == ["music", "alarm"]
    assert strategy.fit_notes_["labels_by"]["way"] == "calibrated"


def test_without_calibration_the_likeliest_label_wins() -> None:
    model = ScoringModel(likes_alarm)
    strategy = PromptEngineering(calibrate=False, search=0).fit(model, classification_task())
    assert model.requests == []
    assert [p.output for p in strategy.generate(["play", "wake me"])] == ["alarm", "alarm"]


def test_model_that_tells_no_probabilities_is_not_calibrated() -> None:
    given = FakeModel(lambda _: "weather")
    strategy = PromptEngineering(calibrate=True, search=0).fit(given, classification_task())
    assert strategy.fit_notes_["labels_by"]["way"] == "the model's own pick"
    assert strategy.generate("play").output == "weather"


@pytest.mark.parametrize("kind", [k for k in TASKS if k != "classification"])
def test_free_text_is_not_calibrated(kind: str) -> None:
    model = FakeModel(lambda _: "x")
    strategy = PromptEngineering(search=0).fit(model, TASKS[kind]())
    assert strategy.label_reader_ is None
    assert model.requests == []


def test_calibration_changes_what_a_real_model_answers() -> None:
    """A random model prefers one label whatever is asked; calibrated, its answers spread."""
    task = classification_task()
    inputs = [e.input for e in (*task.train, *task.test)]
    model = tiny_model("llama")
    raw = PromptEngineering(calibrate=False, search=0).fit(model, task)
    calibrated = PromptEngineering(calibrate=True, search=0).fit(model, task)
    before, after = ({p.output for p in s.generate(inputs)} for s in (raw, calibrated))
    assert len(after) >= len(before)
    for text, prediction in zip(inputs[:3], calibrated.generate(inputs[:3]), strict=True):
        (request,) = [calibrated._request(p) for p in calibrated.prompts([text])]
        scores = model.complete([request])[0].choice_logprobs
        assert scores is not None
        prior = prior_of(calibrated)
        gains = {label: scores[label] - prior[label] for label in LABELS}
        assert prediction.output == max(gains, key=lambda label: gains[label])


def test_without_validation_rows_or_probabilities_labels_are_scored_by_the_mean_over_their_tokens() -> None:
    task = classification_task()
    model = ScoringModel(likes_alarm)
    strategy = PromptEngineering().fit(model, dataclasses.replace(task, validation=()))
    assert model.requests == []
    assert strategy.label_reader_ is not None
    assert strategy.label_reader_.n_tokens is not None
    assert strategy.fit_notes_["labels_by"] == {"way": "mean per token", "n_rows": 0, "scores": {}}
    silent = PromptEngineering().fit(FakeModel(lambda _: "weather"), task)
    assert silent.fit_notes_["labels_by"] == {"way": "the model's own pick", "n_rows": 0, "scores": {}}
    assert silent.generate("play").output == "weather"


def long_label_task() -> Task:
    task = classification_task()
    names = {"music": "music", "weather": "the weather of today", "alarm": "alarm"}

    def renamed(rows: Sequence[Example] | None) -> tuple[Example, ...]:
        return tuple(dataclasses.replace(e, target=names[e.target]) for e in rows or ())

    return dataclasses.replace(
        task,
        labels=tuple(names.values()),
        train=renamed(task.train),
        validation=renamed(task.validation),
        test=renamed(task.test),
    )


@pytest.mark.parametrize(
    ("params", "answer"),
    [
        ({"calibrate": False, "decode": False}, "music"),
        ({"calibrate": False, "normalise_length": True}, "the weather of today"),
        ({"normalise_length": True}, "alarm"),
    ],
)
def test_long_labels_are_scored_by_the_mean_over_their_tokens(params: dict[str, Any], answer: str) -> None:
    # Words are the tokens here, and the end is one more: 2, 5 and 2 of them.
    asked = {"music": -4.0, "the weather of today": -5.0, "alarm": -4.4}
    without = {"music": -4.0, "the weather of today": -5.0, "alarm": -8.0}
    model = ScoringModel(lambda text, label: (asked if text == "rain?" else without)[label])
    strategy = PromptEngineering(**params, search=0).fit(model, long_label_task())
    assert strategy.generate("rain?").output == answer
    if strategy.fit_notes_["labels_by"]["way"].startswith("calibrated"):
        prior = prior_of(strategy)
        assert prior["the weather of today"] - prior["music"] == pytest.approx(1.0)
        assert math.exp(prior["music"]) < 1 / 3


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        (classification_task(), "exactly one of these labels and nothing else: music, weather, alarm."),
        (qa_task(), "Reply with the answer only, in a few words"),
        (arithmetic_task(), "Reply with the final number only"),
        (structured_task(), 'JSON Schema: {"type": "object", "properties": {"city"'),
    ],
)
def test_instruction_tells_the_shape_of_the_reply(task: Task, rule: str) -> None:
    instruction = PromptEngineering().instruction(task)
    assert instruction.startswith(task.instruction + "\n")
    assert rule in instruction


def test_instruction_may_be_replaced() -> None:
    model = FakeModel(lambda _: "x")
    PromptEngineering(instruction_text="Guess.").fit(model, qa_task()).generate(["a"])
    assert [r.prompt.instruction for r in model.requests] == ["Guess."]


@pytest.mark.parametrize("wording", ["full", "listed", "short"])
def test_role_and_rules_stand_around_the_instruction(wording: str) -> None:
    strategy = PromptEngineering(role="You are a clerk.", rules=["Be quick.", "Be kind."], wording=wording)
    lines = strategy.instruction(arithmetic_task()).splitlines()
    assert lines[:2] == ["You are a clerk.", "Add the numbers."]
    shape = "Reply with the final number only: no words, no units."
    rest = {
        "full": [shape, "Be quick.", "Be kind."],
        "listed": ["Rules:", f"- {shape}", "- Be quick.", "- Be kind."],
        "short": ["Be quick.", "Be kind."],
    }
    assert lines[2:] == rest[wording]


def test_a_single_rule_may_be_given_as_text() -> None:
    strategy = PromptEngineering(instruction_text="Guess.", rules="Be quick.")
    assert strategy.instruction(qa_task()) == "Guess.\nBe quick."


def test_default_prompt_is_the_plain_one() -> None:
    model = FakeModel(lambda _: "x")
    strategy = PromptEngineering(search=0).fit(model, qa_task())
    strategy.generate("Who?")
    (request,) = model.requests
    assert request.prompt.input == "Who?"
    assert request.prompt.instruction == strategy.instruction_
    assert (request.temperature, request.stop) == (0.0, ("\n",))


@pytest.mark.parametrize(
    ("kind", "reply", "answer"),
    [
        ("classification", "It rings.\nSo it is an alarm, I think.\nAnswer: Alarm", "alarm"),
        ("classification", "It is about music, is it not", "music"),
        ("classification", "Answer: cooking", "cooking"),
        ("arithmetic", "3 and 4\nare 7.\nAnswer: 7 in all", "7"),
        ("qa", "Peru is in America.\nAnswer: Lima", "Lima"),
        (
            "structured",
            'Rome it is.\nAnswer: {"city":"Rome", "day":"today"}',
            '{"city": "Rome", "day": "today"}',
        ),
    ],
)
def test_answer_after_reasoning_is_told_apart(kind: str, reply: str, answer: str) -> None:
    strategy = PromptEngineering(thinking=True).fit(FakeModel(lambda _: reply), TASKS[kind]())
    assert strategy.generate("x").output == answer


@pytest.mark.parametrize("kind", TASKS)
def test_reasoning_is_decoded_freely_with_room_for_it(kind: str) -> None:
    task = TASKS[kind]()
    model = tiny_model("llama", stop_every=40)
    form = PromptEngineering(thinking=True, thinking_tokens=100).fit(model, task).format_
    assert (form.choices, form.schema, form.stop) == (None, None, ())
    plain = PromptEngineering().fit(model, task).format_
    assert 100 < form.max_new_tokens - plain.max_new_tokens < 120
    assert (form.decoded_freely is not None) == (kind in ("structured", "arithmetic"))


def test_reasoning_is_asked_for_and_the_last_line_named() -> None:
    instruction = PromptEngineering(thinking=True).instruction(arithmetic_task())
    assert "Reply with the final number only" not in instruction
    assert instruction.endswith(
        "The answer is the final number: no words, no units.\n"
        "Think step by step first. Then end with a line that begins with 'Answer:' and holds only the answer."
    )


def test_reasoning_ends_between_the_tags_of_the_format() -> None:
    strategy = PromptEngineering(thinking=True, format="xml")
    strategy.fit(FakeModel(lambda _: "I weigh <answer>Rome</answer>, then\n<answer>Lima</answer>"), qa_task())
    assert "write the answer between <answer> and </answer>." in strategy.instruction_
    assert strategy.format_.stop == ()
    assert strategy.generate("x").output == "Lima"


@pytest.mark.usefixtures("hash_embedder")
def test_reasoning_leads_the_parts_after_it() -> None:
    model = FakeModel(lambda _: "Hm, it rings.\nAnswer: alarm")
    strategy = Compose((PromptEngineering(thinking=True), FewShot(k=2))).fit(model, classification_task())
    assert strategy.generate("wake me").output == "alarm"
    (request,) = model.requests[-1:]
    assert request.choices is None
    assert "step by step" in request.prompt.instruction
    assert all(d.target.startswith("Answer: ") for d in request.prompt.demonstrations)


@pytest.mark.parametrize(
    ("params", "task"),
    [
        ({}, classification_task()),
        ({"format": "options", "normalise_length": True}, classification_task()),
        ({"thinking": True, "thinking_tokens": 12, "samples": 2, "role": "Hm."}, classification_task()),
        ({"format": "xml", "rules": ("Be quick.",)}, qa_task()),
        ({"search": 3, "search_rows": 3}, arithmetic_task()),
    ],
)
def test_loaded_strategy_asks_and_answers_the_same(
    params: dict[str, Any], task: Task, tmp_path: Path
) -> None:
    model = tiny_model("llama", stop_every=40)
    strategy = PromptEngineering(**params).fit(model, task)
    loaded = load_strategy(strategy.save(tmp_path), model)
    inputs = [e.input for e in task.test]
    assert loaded.prompts(inputs) == strategy.prompts(inputs)
    assert [p.output for p in loaded.generate(inputs)] == [p.output for p in strategy.generate(inputs)]
    assert loaded.fit_notes_ == strategy.fit_notes_
    assert loaded.completion(task.train[0]) == strategy.completion(task.train[0])


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"samples": 0}, ConfigError),
        ({"samples": True}, ConfigError),
        ({"thinking": "yes"}, ConfigError),
        ({"thinking_tokens": 0}, ConfigError),
        ({"temperature": 0}, ConfigError),
        ({"temperature": float("inf")}, ConfigError),
        ({"top_p": 0}, ConfigError),
        ({"top_p": 1.5}, ConfigError),
        ({"search": -1}, ConfigError),
        ({"search_rows": 0}, ConfigError),
        ({"seed": -1}, ConfigError),
        ({"role": " "}, ConfigError),
        ({"instruction_text": ""}, ConfigError),
        ({"rules": ["ok", ""]}, ConfigError),
        ({"rules": 3}, ConfigError),
        ({"calibrate": 1}, ConfigError),
        ({"normalise_length": 1}, ConfigError),
        ({"decode": "yes"}, ConfigError),
        ({"format": "html"}, UnknownNameError),
        ({"wording": "long"}, UnknownNameError),
    ],
)
def test_parameter_out_of_range_is_named(params: dict[str, Any], error: type[Exception]) -> None:
    (name,) = params
    with pytest.raises(error, match=name):
        PromptEngineering(**params).fit(FakeModel({}), qa_task())


def test_parameters_may_be_written_as_text() -> None:
    strategy = parse_strategy("prompt:format=xml:thinking=true:samples=5:temperature=0.5:rules=Be quick.")
    assert strategy == PromptEngineering(
        format="xml", thinking=True, samples=5, temperature=0.5, rules="Be quick."
    )


@pytest.mark.parametrize("kind", TASKS)
def test_alternatives_begin_with_the_strategy_and_can_all_run(kind: str) -> None:
    task = TASKS[kind]()
    given = PromptEngineering(role="You are a clerk.")
    found = given.alternatives(task)
    assert found[0] is given
    assert 5 <= len(found) <= 8
    assert all(found.count(s) == 1 for s in found)
    assert all(s.role == "You are a clerk." for s in found)
    assert all(s.refusal(task) is None for s in found)
    changed = [set(s.changed_params()) - {"role", "search"} for s in found[1:5]]
    assert len(set.union(*changed)) >= 2  # not along one parameter


def test_search_is_an_alternative_of_its_own() -> None:
    strategy = PromptEngineering(search=4)
    assert strategy.alternatives(qa_task()) == [strategy]
