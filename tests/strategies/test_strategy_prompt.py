from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest
from tiny import TASKS, arithmetic_task, classification_task, qa_task, structured_task, tiny_model

from adaptkit.core.types import Completion, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.prompt import CONTENT_FREE, PromptEngineering
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


def test_label_that_gains_most_over_inputs_without_content_wins() -> None:
    strategy = PromptEngineering().fit(ScoringModel(likes_alarm), classification_task())
    assert strategy.prior_ == {"alarm": -0.5, "music": -4.0, "weather": -4.0}
    assert [p.output for p in strategy.generate(["play", "wake me"])] == ["music", "alarm"]
    assert strategy.fit_notes_["calibrated"] is True


def test_without_calibration_the_likeliest_label_wins() -> None:
    model = ScoringModel(likes_alarm)
    strategy = PromptEngineering(calibrate=False).fit(model, classification_task())
    assert model.requests == []
    assert [p.output for p in strategy.generate(["play", "wake me"])] == ["alarm", "alarm"]


def test_prior_is_the_mean_over_the_inputs_without_content() -> None:
    values = dict(zip(CONTENT_FREE, (-1.0, -2.0, -6.0), strict=True))
    model = ScoringModel(lambda text, label: values[text] if label == "music" else -1.0)
    strategy = PromptEngineering().fit(model, classification_task())
    assert strategy.prior_ == {"alarm": -1.0, "music": -3.0, "weather": -1.0}
    assert [r.prompt.instruction for r in model.requests] == [strategy.instruction_] * 3


def test_model_that_tells_no_probabilities_is_not_calibrated() -> None:
    strategy = PromptEngineering().fit(FakeModel(lambda _: "weather"), classification_task())
    assert strategy.prior_ is None
    assert strategy.fit_notes_["calibrated"] is False
    assert strategy.generate("play").output == "weather"


@pytest.mark.parametrize("kind", [k for k in TASKS if k != "classification"])
def test_free_text_is_not_calibrated(kind: str) -> None:
    model = FakeModel(lambda _: "x")
    strategy = PromptEngineering().fit(model, TASKS[kind]())
    assert strategy.prior_ is None
    assert model.requests == []


def test_calibration_changes_what_a_real_model_answers() -> None:
    """A random model prefers one label whatever is asked; calibrated, its answers spread."""
    task = classification_task()
    inputs = [e.input for e in (*task.train, *task.test)]
    model = tiny_model("llama")
    raw = PromptEngineering(calibrate=False).fit(model, task)
    calibrated = PromptEngineering().fit(model, task)
    assert calibrated.prior_ is not None
    before, after = ({p.output for p in s.generate(inputs)} for s in (raw, calibrated))
    assert len(after) >= len(before)
    for text, prediction in zip(inputs[:3], calibrated.generate(inputs[:3]), strict=True):
        (request,) = [calibrated._request(p) for p in calibrated.prompts([text])]
        scores = model.complete([request])[0].choice_logprobs
        assert scores is not None
        prior = calibrated.prior_
        gains = {label: scores[label] - prior[label] for label in LABELS}
        assert prediction.output == max(gains, key=lambda label: gains[label])


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
