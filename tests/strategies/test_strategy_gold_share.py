"""What a composition trains on: a share of rows with the gold passage; and nothing of it when it answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CAPITALS, qa_task, tiny_model

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Example, Passage, Prompt
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies.training import sft
from adaptkit.strategies.tuned import Budget, Tuned

pytestmark = pytest.mark.usefixtures("hash_embedder")

K = 3
SMALL: dict[str, Any] = {"k": K, "chunk_tokens": 20, "overlap_tokens": 4}
COUNTS = ("n_gold", "n_distractors_only", "n_unknown")


@dataclasses.dataclass(kw_only=True)
class Learner(ak.Strategy):
    """Keeps the prompts that it would train on."""

    name: ClassVar[str] = "learner"

    traits: ClassVar[ak.Traits] = ak.Traits(trains_weights=True)

    def instruction(self, task: ak.Task) -> str:
        return "short"

    def learn(self, model: Any, task: ak.Task) -> Any:
        self.seen_: Sequence[Prompt] = self.training_prompts(task.train)
        return model


def gold_of(example: Example) -> str:
    return next(c.lower() for c in CAPITALS if c in example.input)


def gold_task(n_unknown: int = 0, copies: int = 1) -> ak.Task:
    """Questions with the documents that answer them, but for the first train rows."""
    task = qa_task()

    def row(example: Example) -> Example:
        return dataclasses.replace(example, gold_documents=(gold_of(example),))

    train = [
        dataclasses.replace(row(e), id=f"{e.id}-{i}", gold_documents=() if i < 0 else (gold_of(e),))
        for i in range(copies)
        for e in task.train
    ]
    train[:n_unknown] = [dataclasses.replace(e, gold_documents=()) for e in train[:n_unknown]]
    return dataclasses.replace(
        task,
        train=tuple(train),
        validation=tuple(map(row, task.validation or ())),
        test=tuple(map(row, task.test)),
    )


def trained_on(task: ak.Task, *, model: Any = None, **params: Any) -> tuple[ak.Compose, Sequence[Prompt]]:
    made = ak.Compose((ak.RAG(**{**SMALL, **params}), Learner()))
    made.fit(model or ak.FakeModel(lambda _: "Lima"), task)
    learner = made.parts_[-1]
    assert isinstance(learner, Learner)
    return made, learner.seen_


def is_gold(passage: Passage, example: Example) -> bool:
    return passage.document_id in example.gold_documents


def n_gold(prompt: Prompt, example: Example) -> int:
    return sum(is_gold(p, example) for p in prompt.context)


def notes(made: ak.Compose) -> list[int]:
    return [made.fit_notes_["gold_share"][name] for name in COUNTS]


def test_all_rows_get_the_best_chunk_of_their_gold_document_among_passages_of_others() -> None:
    task = gold_task()
    made, seen = trained_on(task, gold_share=1.0)
    rag = made.parts_[0]
    assert isinstance(rag, ak.RAG)
    for prompt, example in zip(seen, task.train, strict=True):
        assert len(prompt.context) == K
        assert n_gold(prompt, example) == 1
        ((best,),) = rag.retriever_.retrieve_of([example.input], [example.gold_documents], 1)
        assert best in prompt.context
    assert notes(made) == [len(task.train), 0, 0]


@pytest.mark.parametrize("method", ["dense", "bm25", "hybrid"])
def test_no_row_gets_its_gold_document_where_the_share_is_nothing(method: str) -> None:
    task = gold_task()
    made, seen = trained_on(task, gold_share=0.0, method=method)
    rag = made.parts_[0]
    assert isinstance(rag, ak.RAG)
    for prompt, example in zip(seen, task.train, strict=True):
        assert len(prompt.context) == K
        assert n_gold(prompt, example) == 0
        # The nearest of the others, as they would be served if the gold document were not there.
        n_own = sum(c.document_id in example.gold_documents for c in rag.retriever_.chunks)
        (ranked,) = rag.retriever_.retrieve([example.input], K + n_own)
        nearest = [p.id for p in ranked if not is_gold(p, example)][:K]
        assert {p.id for p in prompt.context} == set(nearest)
    assert notes(made) == [0, len(task.train), 0]


@pytest.mark.parametrize("share", [0.2, 0.8])
def test_share_of_rows_is_as_asked(share: float) -> None:
    task = gold_task(copies=12)
    made, seen = trained_on(task, gold_share=share)
    found = sum(n_gold(p, e) for p, e in zip(seen, task.train, strict=True))
    assert notes(made) == [found, len(task.train) - found, 0]
    # 168 rows: four standard deviations of a draw are 12 points.
    assert found / len(task.train) == pytest.approx(share, abs=0.12)


def test_rows_without_known_gold_documents_are_trained_on_as_retrieved() -> None:
    task = gold_task(n_unknown=5)
    made, seen = trained_on(task, gold_share=0.0)
    plain = ak.RAG(**SMALL).fit(ak.FakeModel({}), task)
    expected = plain.prompts([e.input for e in task.train])
    assert [p.context for p in seen[:5]] == [p.context for p in expected[:5]]
    assert notes(made) == [0, len(task.train) - 5, 5]


def test_gold_documents_take_turns_and_leave_no_room_beyond_k() -> None:
    task = gold_task()
    both = dataclasses.replace(task.train[0], gold_documents=("cuba", "spain"))
    task = dataclasses.replace(task, train=(both, *task.train[1:]))
    _, seen = trained_on(task, gold_share=1.0)
    assert len(seen[0].context) == K
    assert {"cuba", "spain"} <= {p.document_id for p in seen[0].context}
    assert n_gold(seen[0], both) == 2
    _, seen = trained_on(task, gold_share=1.0, k=1)
    assert [len(p.context) for p in seen] == [1] * len(seen)
    assert all(n_gold(p, e) == 1 for p, e in zip(seen, task.train, strict=True))


def test_place_of_the_gold_passage_tells_nothing() -> None:
    task = gold_task(copies=12)
    _, seen = trained_on(task, gold_share=1.0)
    places = [
        next(i for i, p in enumerate(prompt.context) if is_gold(p, example))
        for prompt, example in zip(seen, task.train, strict=True)
    ]
    for place in range(K):
        # 168 rows over 3 places: 56 each, four standard deviations are 24.
        assert places.count(place) == pytest.approx(len(places) / K, abs=25)


@cache
def drawing(seed: int) -> ak.RAG:
    return ak.RAG(**SMALL, gold_share=0.5, seed=seed).fit(ak.FakeModel({}), gold_task(n_unknown=2))


@settings(max_examples=20)
@given(order=st.permutations(range(12)), size=st.integers(1, 12), seed=st.integers(0, 1))
def test_prompts_depend_on_the_row_and_the_seed_and_not_on_the_batch(
    order: list[int], size: int, seed: int
) -> None:
    task, rag = gold_task(n_unknown=2), drawing(seed)
    together = rag.training_prompts(task.train)
    some = order[:size]
    assert rag.training_prompts([task.train[i] for i in some]) == [together[i] for i in some]


def test_another_seed_draws_other_rows() -> None:
    task = gold_task(copies=3)
    first, again, other = (trained_on(task, gold_share=0.5, seed=seed)[1] for seed in (0, 0, 1))
    assert first == again

    def drawn(prompts: Sequence[Prompt]) -> list[int]:
        return [n_gold(p, e) for p, e in zip(prompts, task.train, strict=True)]

    assert drawn(first) != drawn(other)


def test_answers_never_depend_on_it() -> None:
    task = gold_task()
    inputs = [e.input for split in (task.test, task.validation or (), task.train) for e in split]
    shown = [
        ak.Compose((ak.RAG(**SMALL, gold_share=share), Learner())).fit(ak.FakeModel({}), task).prompts(inputs)
        for share in (None, 0.0, 1.0)
    ]
    assert shown[0] == shown[1] == shown[2]
    model = ak.FakeModel(lambda _: "Lima")
    made, _ = trained_on(task, model=model, gold_share=0.0)
    predictions = made.generate(inputs)
    assert [p.contexts for p in predictions] == [p.context for p in shown[0]]


def test_without_it_rows_are_trained_on_as_they_are_served() -> None:
    task = gold_task()
    made, seen = trained_on(task)
    assert list(seen) == made.prompts([e.input for e in task.train])
    assert "gold_share" not in made.fit_notes_


def test_weights_are_trained_on_drawn_passages_and_chosen_by_served_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, kept = gold_task(), sft.train
    seen: dict[str, list[str]] = {}
    model = tiny_model("llama", stop_every=40)

    def train(module: Any, rows: Any, validation: Any, *rest: Any, **options: Any) -> Any:
        for split, encoded in (("train", rows), ("validation", validation)):
            seen[split] = [model.tokenizer.decode(r.prompt) for r in encoded]
        return kept(module, rows, validation, *rest, **options)

    monkeypatch.setattr(sft, "train", train)
    lora = ak.LoRASFT(rank=2, epochs=1, learning_rate=0.02)
    made = ak.Compose((ak.RAG(**SMALL, gold_share=0.0), lora)).fit(model, task)
    assert isinstance(made.model_, LocalModel)
    answer = "The capital of {} is"

    def holds(text: str, example: Example) -> bool:
        return answer.format(gold_of(example).title()) in text

    assert not any(holds(t, e) for t, e in zip(seen["train"], task.train, strict=True))
    assert any(holds(t, e) for t, e in zip(seen["validation"], task.validation or (), strict=True))
    assert notes(made) == [0, len(task.train), 0]


def test_gold_passages_stay_where_others_have_no_room() -> None:
    task = gold_task()
    model = ak.FakeModel(lambda _: "Lima", context_tokens=70)
    made, seen = trained_on(task, model=model, gold_share=1.0, k=8)
    assert all(0 < len(p.context) < 8 for p in seen)
    assert all(n_gold(p, e) == 1 for p, e in zip(seen, task.train, strict=True))
    assert notes(made) == [len(task.train), 0, 0]


def test_parts_in_a_tuned_strategy_or_a_composition_hand_it_on() -> None:
    task = gold_task()
    rag = ak.RAG(**SMALL, gold_share=1.0)
    tuned = Tuned(rag, grid={"gold_share": [1.0]}, budget=Budget(trials=1))
    shots = ak.Compose((ak.FewShot(k=1), rag))
    for first in (tuned, shots):
        made = ak.Compose((first, Learner())).fit(ak.FakeModel(lambda _: "Lima"), task)
        learner = made.parts_[-1]
        assert isinstance(learner, Learner)
        assert all(n_gold(p, e) == 1 for p, e in zip(learner.seen_, task.train, strict=True))
        assert notes(made)[0] == len(task.train)


def test_alone_nobody_trains_on_it() -> None:
    rag = ak.RAG(**SMALL, gold_share=0.8).fit(ak.FakeModel({}), gold_task())
    assert [rag.fit_notes_["gold_share"][name] for name in COUNTS] == [0, 0, 0]
    assert not rag.draws_at_random


@pytest.mark.parametrize(
    ("params", "got"),
    [
        ({"gold_share": 1.1}, "1.1"),
        ({"gold_share": True}, "True"),
        ({"gold_share": 0.5, "passages": "oracle"}, "0.5"),
        ({"gold_share": 0.5, "passages": "shuffled"}, "0.5"),
    ],
)
def test_bad_share_is_told(params: dict[str, Any], got: str) -> None:
    expected = (
        "The 'gold_share' parameter of RAG must be a number from 0 to 1, or None; None where passages is a "
        f"control. Got {got} instead."
    )
    with pytest.raises(ConfigError) as caught:
        ak.RAG(**params).check()
    assert str(caught.value) == expected


def test_train_rows_without_any_gold_document_are_refused() -> None:
    only_test = dataclasses.replace(gold_task(), train=qa_task().train)
    reason = (
        "RAG with gold_share=0.8 needs gold documents, and no train example of the task 'capitals' names any."
    )
    assert ak.RAG(gold_share=0.8).refusal(only_test) == reason
    assert ak.RAG(gold_share=0.8).refusal(gold_task()) is None
    with pytest.raises(CapabilityError, match="needs gold documents"):
        ak.RAG(gold_share=0.8).fit(ak.FakeModel({}), only_test)


WARNING = (
    "learner was trained without passages and is given them afterwards: retrieval may make it worse (RAFT, "
    "Zhang et al. 2024)."
)
PASSAGES, SHOTS = ak.RAG(**SMALL), ak.FewShot(k=1)


@pytest.mark.parametrize(
    ("parts", "warned"),
    [
        ((Learner(), PASSAGES), True),
        ((SHOTS, Learner(), PASSAGES), True),
        ((PASSAGES, Learner()), False),
        ((Learner(), SHOTS), False),
        ((SHOTS, PASSAGES), False),
        ((Learner(), Tuned(PASSAGES, budget=Budget(trials=1))), True),
        ((Learner(), ak.Compose((SHOTS, PASSAGES))), True),
        ((ak.Compose((PASSAGES, Learner())), SHOTS), False),
        ((ak.Compose((Learner(), PASSAGES)), SHOTS), True),
    ],
)
def test_passages_after_training_are_warned_of(parts: tuple[ak.Strategy, ...], warned: bool) -> None:
    made = ak.Compose(parts).fit(ak.FakeModel(lambda _: "Lima"), gold_task())
    assert made.fit_notes_.get("warning", []) == ([WARNING] if warned else [])


def test_warning_names_the_part_that_was_trained() -> None:
    lora = ak.LoRASFT(rank=2, epochs=1, learning_rate=0.02)
    made = ak.Compose((lora, PASSAGES)).fit(tiny_model("llama", stop_every=40), gold_task())
    assert made.fit_notes_["warning"] == [WARNING.replace("learner", "lora")]
