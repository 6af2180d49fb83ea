from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tiny import qa_task, tiny_model

import adaptkit as ak
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.types import Completion, Example, Prompt
from adaptkit.strategies import load_strategy, make_strategy, parse_strategy

pytestmark = pytest.mark.usefixtures("hash_embedder")
TASK = qa_task()
SHOTS = ak.FewShot(k=2)
PASSAGES = ak.RAG(k=2, chunk_tokens=24, overlap_tokens=4)


@dataclasses.dataclass(kw_only=True)
class Leading(ak.Strategy):
    """Asks in a way of its own, wherever it stands."""

    name: ClassVar[str] = "leading"

    @property
    def _leads(self) -> bool:
        return True

    def instruction(self, task: ak.Task) -> str:
        return "my own words"

    def decide(self, completion: Completion) -> str:
        return completion.text.upper()

    def completion(self, example: Example) -> str:
        return f"<{example.target}>"


@dataclasses.dataclass(kw_only=True)
class Learner(ak.Strategy):
    """Keeps the prompts that it would train on."""

    name: ClassVar[str] = "learner"

    def instruction(self, task: ak.Task) -> str:
        return "short"

    def learn(self, model: Any, task: ak.Task) -> Any:
        self.seen_: Sequence[Prompt] = self.prompts([e.input for e in task.train])
        return model


def test_prompts_hold_what_every_part_adds_and_the_words_of_the_last() -> None:
    model = ak.FakeModel(lambda _: "Lima")
    both = ak.Compose((SHOTS, PASSAGES)).fit(model, TASK)
    (prediction,) = both.generate([TASK.test[0].input])
    (request,) = model.requests
    alone = ak.FakeModel(lambda _: "Lima")
    PASSAGES.with_seed(0).fit(alone, TASK).generate([TASK.test[0].input])
    assert len(request.prompt.demonstrations) == 2
    assert request.prompt.context == alone.requests[0].prompt.context
    assert request.prompt.instruction == alone.requests[0].prompt.instruction
    assert prediction.contexts == request.prompt.context


def test_a_part_that_leads_gives_words_answers_and_what_is_learnt() -> None:
    model = ak.FakeModel(lambda r: f"{r.prompt.instruction}: lima")
    made = ak.Compose((Leading(), PASSAGES)).fit(model, TASK)
    assert made.generate("capital of Peru?").output == "MY OWN WORDS: LIMA"
    assert made.completion(TASK.train[0]) == f"<{TASK.train[0].target}>"
    plain = ak.Compose((SHOTS, PASSAGES)).fit(model, TASK)
    assert plain.completion(TASK.train[0]) == TASK.train[0].target


def test_each_part_is_fitted_to_the_prompts_of_those_before_it_without_their_answers() -> None:
    made = ak.Compose((SHOTS, PASSAGES, Learner())).fit(ak.FakeModel({}), TASK)
    learner = made.parts_[-1]
    assert isinstance(learner, Learner)
    for prompt in learner.seen_:
        assert len(prompt.demonstrations) == 2
        assert len(prompt.context) == 2
        assert prompt.instruction == "short"
        assert prompt.input not in [d.input for d in prompt.demonstrations]


def test_answers_come_from_the_weights_that_the_last_part_left() -> None:
    model = tiny_model("llama", stop_every=40)
    lora = ak.LoRASFT(rank=2, epochs=2, learning_rate=0.05)
    made = ak.Compose((PASSAGES, lora)).fit(model, TASK)
    assert made.model_.info.notes != model.info.notes
    assert all(p.model_ is made.model_ for p in made.parts_)
    inputs = [e.input for e in TASK.test]
    again = [p.output for p in ak.Compose((PASSAGES, lora)).fit(model, TASK).generate(inputs)]
    assert [p.output for p in made.generate(inputs)] == again
    assert "train_tokens" in made.fit_notes_
    assert "n_chunks" in made.fit_notes_


def test_parameters_stay_unfitted_and_seeds_count_on_in_all_parts() -> None:
    parts = (ak.FewShot(k=2, selection="random"), ak.LoRASFT(seed=3))
    made = ak.Compose(parts)
    assert made.takes_seed
    assert [p.params()["seed"] for p in made.with_seed(2).parts] == [2, 5]
    assert not ak.Compose((SHOTS, PASSAGES)).takes_seed
    fitted = ak.Compose((SHOTS, PASSAGES)).fit(ak.FakeModel({}), TASK)
    assert all(not hasattr(p, "model_") for p in fitted.parts)


def test_written_as_text_and_as_a_table_it_is_the_same() -> None:
    made = parse_strategy("few-shot:k=2 + rag:k=3")
    assert made == ak.Compose((ak.FewShot(k=2), ak.RAG(k=3)))
    assert make_strategy("few-shot+rag", {"few-shot": {"k": 2}, "rag": {"k": 3}}) == made
    assert made.label == "few-shot+rag"
    assert made.changed_params() == {"few-shot.k": 2}
    assert type(made).from_params(made.described_params()) == made
    assert parse_strategy("lora:learning_rate=1e+3") == ak.LoRASFT(learning_rate=1e3)
    with pytest.raises(UnknownNameError, match="part of few-shot\\+rag 'lora'"):
        make_strategy("few-shot+rag", {"lora": {}})


@pytest.mark.parametrize("parts", [(), (SHOTS,), (SHOTS, "rag"), (SHOTS, ak.RAG(k=0))])
def test_what_cannot_be_composed_is_refused(parts: Any) -> None:
    with pytest.raises(ConfigError):
        ak.Compose(parts).fit(ak.FakeModel({}), TASK)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rag:k=1+rag:k=2", "rag stands in it twice."),
        ("knn-vote+lora", "knn-vote answers without the model"),
    ],
)
def test_parts_that_do_not_go_together_are_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_strategy(text)


def test_alternatives_change_one_part_at_a_time() -> None:
    made = ak.Compose((SHOTS, PASSAGES))
    found = made.alternatives(TASK)
    assert found[0] == made
    for other in found[1:]:
        changed = [i for i, (a, b) in enumerate(zip(made.parts, other.parts, strict=True)) if a != b]
        assert len(changed) == 1


def test_a_damaged_part_is_refused(tmp_path: Path) -> None:
    model = ak.FakeModel({})
    ak.Compose((SHOTS, PASSAGES)).fit(model, TASK).save(tmp_path)
    (tmp_path / "part-1" / "strategy.json").unlink()
    with pytest.raises(ConfigError):
        load_strategy(tmp_path, model)
