"""Every strategy that asks for a label has the same ways to get it, and chooses on validation rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import classification_task, qa_task, tiny_model

import adaptkit as ak
from adaptkit.core.errors import CapabilityError
from adaptkit.core.types import Completion, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.label_ways import WAYS
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")
TASK = dataclasses.replace(classification_task(), documents=qa_task().documents)
VALIDATION = TASK.validation or ()
RAG = ak.RAG(k=1, chunk_tokens=24, overlap_tokens=4)
STRATEGIES = [
    ak.PromptEngineering(),
    ak.PromptEngineering(search=0),
    ak.FewShot(k=2),
    ak.FewShot(k=2, selection="random"),
    RAG,
    ak.Compose((RAG, ak.FewShot(k=2))),
    ak.Compose((ak.FewShot(k=2), ak.PromptEngineering())),
    ak.Compose((ak.FewShot(k=1, selection="random"), ak.Tuned(RAG))),
]


class WaysModel(FakeModel):
    """Is right on an input by one way of getting a label only, and answers music by the others."""

    def __init__(self, way: str, task: Task) -> None:
        super().__init__(lambda request: "")
        self._way = way
        self._right = {e.input: e.target for e in (*task.train, *task.test, *(task.validation or ()))}

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        made = []
        for request, completion in zip(requests, super().complete(requests), strict=True):
            right = self._right.get(request.prompt.input.strip('"\n'))
            if request.choices is None:
                text = f"It is {right}." if self._way == "written" else "music"
                made.append(dataclasses.replace(completion, text=text))
                continue
            scores = {c: self._score(c, right) for c in request.choices}
            best = max(scores, key=lambda c: scores[c])
            made.append(dataclasses.replace(completion, text=best, choice_logprobs=scores))
        return made

    def _score(self, label: str, right: str | None) -> float:
        n_tokens = len(label.split()) + 1
        if self._way == "sum":  # by the mean over tokens the longest label wins
            return {right: -8.0}.get(label, -8.1 if n_tokens > 2 else -9.0)
        if self._way == "mean per token":  # by the sum a short label wins
            return n_tokens * (-5.0 if label == right else -6.0) + (100 if right is None else 0) * n_tokens
        if self._way == "calibrated":  # music is liked most whatever is asked
            return -1.0 * (label != "music") + (0.5 if label == right else 0.0)
        return 0.0 if label == "music" else -9.0


@pytest.mark.parametrize("way", ["sum", "calibrated", "written"])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.label)
def test_the_way_is_chosen_on_validation_rows(strategy: ak.Strategy, way: str, tmp_path: Path) -> None:
    model = WaysModel(way, TASK)
    strategy = dataclasses.replace(strategy).fit(model, TASK)
    told = strategy.fit_notes_["labels_by"]
    assert (told["way"], told["scores"][way], list(told["scores"])) == (way, 1.0, list(WAYS))
    assert not {r.prompt.input for r in model.requests} & {e.input for e in TASK.test}
    inputs = [e.input for e in TASK.test]
    outputs = [p.output for p in strategy.generate(inputs)]
    assert outputs == [e.target for e in TASK.test]
    assert "validation" in strategy.labels_used(TASK)
    loaded = load_strategy(strategy.save(tmp_path), model)
    assert [p.output for p in loaded.generate(inputs)] == outputs


def test_trained_weights_have_the_same_choice(tmp_path: Path) -> None:
    model = tiny_model("llama", stop_every=40)
    lora = ak.LoRASFT(rank=2, epochs=1)
    strategies: list[ak.Strategy] = [lora, ak.Compose((RAG, lora))]
    for strategy in strategies:
        fitted = strategy.fit(model, TASK)
        told = fitted.fit_notes_["labels_by"]
        assert list(told["scores"]) == list(WAYS)
        assert told["n_rows"] == len(VALIDATION)
        inputs = [e.input for e in (*VALIDATION, *TASK.test)]
        outputs = [p.output for p in fitted.generate(inputs)]
        right = [o == e.target for o, e in zip(outputs, VALIDATION, strict=False)]
        assert sum(right) / len(right) == pytest.approx(told["scores"][told["way"]])
        loaded = load_strategy(fitted.save(tmp_path / fitted.label), model)
        assert [p.output for p in loaded.generate(inputs)] == outputs


def test_a_part_that_does_not_ask_has_nothing_to_choose() -> None:
    model = WaysModel("sum", TASK)
    strategy = ak.Compose((ak.PromptEngineering(), RAG, ak.FewShot(k=2))).fit(model, TASK)
    assert "format_spread" not in strategy.fit_notes_
    assert {(len(r.prompt.context), len(r.prompt.demonstrations)) for r in model.requests} == {(1, 2)}


class Picky(WaysModel):
    """Fails on one row."""

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        if any(r.prompt.input == VALIDATION[1].input for r in requests):
            raise CapabilityError("That one is too long.")
        return super().complete(requests)


@pytest.mark.parametrize("way", ["sum", "calibrated", "written"])
def test_a_row_that_fails_takes_no_other_along(way: str) -> None:
    strategy = ak.FewShot(k=2).fit(Picky(way, TASK), TASK)
    told: Any = strategy.fit_notes_["labels_by"]
    assert told["way"] == way
    assert told["scores"][way] == pytest.approx(1 - 1 / len(VALIDATION))


def test_a_strategy_that_decides_itself_is_left_alone() -> None:
    class Own(ak.PromptEngineering):
        def decide(self, completion: Completion) -> str:
            return completion.text.upper()

    model = WaysModel("sum", TASK)
    strategy = Own(search=0).fit(model, TASK)
    assert model.requests == []
    assert strategy.generate(TASK.test[0].input).output == TASK.test[0].target.upper()
