from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from tiny import TASKS, arithmetic_task, classification_task, qa_task, structured_task, tiny_model

from adaptkit.core.types import Completion, FinishReason, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.thinking import CLOSING


class Rambling(FakeModel):
    """Reasons as told, and answers as told when asked for the answer alone."""

    def __init__(self, thoughts: str, answer: str, *, ends: FinishReason = "length") -> None:
        super().__init__(lambda r: answer if self.is_closing(r) else thoughts)
        self._ends = ends

    def is_closing(self, request: Request) -> bool:
        return "Now give the answer only." in request.prompt.input

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            c if self.is_closing(r) else dataclasses.replace(c, finish_reason=self._ends)
            for r, c in zip(requests, super().complete(requests), strict=True)
        ]


def test_reasoning_that_was_cut_off_is_asked_for_its_answer() -> None:
    model = Rambling("Step 1: 3 apples. Step 2: 4", "7")
    strategy = PromptEngineering(thinking=True).fit(model, arithmetic_task())
    prediction = strategy.generate("3 + 4")
    assert prediction.output == "7"
    first, second = model.requests
    assert second.prompt.input == "3 + 4\n\n" + CLOSING.format(thoughts="Step 1: 3 apples. Step 2: 4")
    assert second.prompt.instruction == first.prompt.instruction
    plain = PromptEngineering().fit(model, arithmetic_task()).format_
    assert (second.max_new_tokens, second.stop) == (plain.max_new_tokens, plain.stop)
    assert prediction.usage.tokens_in == sum(model.count_prompt_tokens(r.prompt) for r in (first, second))
    assert prediction.usage.tokens_out == 7 + 1
    assert prediction.latency_s is not None
    assert prediction.first_token_s is not None
    assert prediction.first_token_s <= prediction.latency_s


@pytest.mark.parametrize(
    ("kind", "thoughts", "ends"),
    [
        ("arithmetic", "It makes 7", "stop"),
        ("arithmetic", "Answer: 7\nAnd then", "length"),
        ("classification", "It is music", "stop"),
        ("qa", "It is Lima", "stop"),
        ("structured", 'So {"city": "Rome", "day": "today"}', "stop"),
    ],
)
def test_answer_that_can_be_read_is_not_asked_for_again(kind: str, thoughts: str, ends: FinishReason) -> None:
    model = Rambling(thoughts, "again", ends=ends)
    strategy = PromptEngineering(thinking=True).fit(model, TASKS[kind]())
    assert "again" not in strategy.generate("x").output
    assert len(model.requests) == 1


@pytest.mark.parametrize(
    ("kind", "thoughts"),
    [
        ("classification", "Hard to say"),
        ("arithmetic", "Nobody knows"),
        ("structured", '{"city": "R'),
        ("qa", ""),
    ],
)
def test_reasoning_to_no_answer_is_asked_for_it(kind: str, thoughts: str) -> None:
    model = Rambling(thoughts, "none", ends="stop")
    PromptEngineering(thinking=True).fit(model, TASKS[kind]()).generate("x")
    assert len(model.requests) == 2


def test_only_rows_that_owe_an_answer_are_asked_again_and_order_is_kept() -> None:
    task = qa_task()
    model = Rambling("", "")
    model._answer = lambda r: (
        "closed" if model.is_closing(r) else "Answer: open" if r.prompt.input == "b" else "Hm"
    )
    strategy = PromptEngineering(thinking=True).fit(model, task)
    assert [p.output for p in strategy.generate(["a", "b", "c"])] == ["closed", "open", "closed"]
    assert [r.prompt.input[0] for r in model.requests] == ["a", "b", "c", "a", "c"]


def test_labels_are_scored_where_reasoning_names_none() -> None:
    """A random model reasons to nothing; its answers are labels all the same, and its own choice."""
    task = classification_task()
    model = tiny_model("llama", stop_every=40)
    strategy = PromptEngineering(thinking=True, thinking_tokens=12).fit(model, task)
    inputs = [e.input for e in (*task.train, *task.test)]
    predictions = strategy.generate(inputs)
    assert {p.output for p in predictions} <= set(task.labels)
    assert {p.finish_reason for p in predictions} == {"choice"}


def test_json_is_held_to_the_schema_where_reasoning_writes_none() -> None:
    task = structured_task()
    strategy = PromptEngineering(thinking=True, thinking_tokens=12)
    strategy.fit(tiny_model("llama"), task)
    assert strategy.format_.schema is None
    for prediction in strategy.generate([e.input for e in task.test]):
        assert prediction.output.startswith('{"city": "')


def test_drawn_reasoning_is_closed_before_the_vote() -> None:
    model = Rambling("Hm", "music")
    strategy = PromptEngineering(thinking=True, samples=3).fit(model, classification_task())
    prediction = strategy.generate("x")
    assert prediction.output == "music"
    assert len(model.requests) == 6
    assert [r.temperature for r in model.requests] == [0.7] * 3 + [0.0] * 3
    assert prediction.usage.tokens_out == 3 * (1 + 1)


def test_prompt_with_thoughts_fits_the_context_window() -> None:
    task = arithmetic_task()
    model = tiny_model("llama", context_tokens=400)
    strategy = PromptEngineering(thinking=True, thinking_tokens=40).fit(model, task)
    assert [p.error for p in strategy.generate([e.input for e in task.test])] == [None] * len(task.test)
