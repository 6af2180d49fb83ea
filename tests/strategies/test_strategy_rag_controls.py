"""The control with gold documents: an upper bound, and never anything else."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from tiny import CAPITALS, qa_task

from adaptkit.core.errors import CapabilityError
from adaptkit.core.types import Example
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.controls import GoldDocuments
from adaptkit.strategies.rag import RAG
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

SMALL: dict[str, Any] = {"chunk_tokens": 20, "overlap_tokens": 4}
OTHER = {country.lower(): "japan" if country != "Japan" else "peru" for country in CAPITALS}
"""Gold documents that retrieval would not find: so it is seen where passages come from."""


def gold_task(**changes: Any) -> Task:
    """Each question names another country's document as gold."""

    def row(example: Example) -> Example:
        country = next(c.lower() for c in CAPITALS if c in example.input)
        return dataclasses.replace(example, gold_documents=(OTHER[country],))

    task = qa_task()
    rows = {"train": task.train, "validation": task.validation or (), "test": task.test}
    return dataclasses.replace(task, **{k: tuple(map(row, v)) for k, v in rows.items()} | changes)


def fitted(task: Task | None = None, **params: Any) -> RAG:
    params = {"passages": "oracle", "k": 2, **SMALL, **params}
    return RAG(**params).fit(FakeModel(lambda _: "Lima"), task or gold_task())


def documents_shown(strategy: RAG, text: str) -> set[str]:
    return {p.document_id for p in strategy.prompts([text])[0].context}


def test_passages_are_of_the_gold_documents_in_every_split() -> None:
    task, strategy = gold_task(), fitted()
    for example in (*task.train, *(task.validation or ()), *task.test):
        assert documents_shown(strategy, example.input) == set(example.gold_documents)
    assert len(strategy.prompts([task.test[0].input])[0].context) == 2
    assert strategy.fit_notes_["oracle"]["n_unknown_inputs"] == 0


def test_every_gold_document_gets_its_turn() -> None:
    task = gold_task()
    first = dataclasses.replace(task.test[0], gold_documents=("cuba", "spain"))
    strategy = fitted(dataclasses.replace(task, test=(first, *task.test[1:])))
    assert documents_shown(strategy, first.input) == {"cuba", "spain"}


def test_rows_of_the_same_input_share_their_gold_documents() -> None:
    task = gold_task()
    twin = dataclasses.replace(task.test[0], id="twin", gold_documents=("cuba",))
    gold = GoldDocuments.of(dataclasses.replace(task, test=(*task.test, twin)))
    assert set(gold.by_input.values()) >= {(*task.test[0].gold_documents, "cuba")}


def test_unknown_inputs_get_retrieved_passages_and_are_counted() -> None:
    strategy, retrieved = fitted(), fitted(passages="retrieved")
    unknown = ["Where is the capital of Ghana?", "Which trains leave Cuba?", "Where is the capital of Ghana?"]
    inputs = [unknown[0], gold_task().test[0].input, *unknown[1:]]
    shown, expected = strategy.prompts(inputs), retrieved.prompts(inputs)
    assert [shown[i].context for i in (0, 2, 3)] == [expected[i].context for i in (0, 2, 3)]
    assert shown[1].context != expected[1].context
    assert strategy.fit_notes_["oracle"]["n_unknown_inputs"] == 2


def test_gold_documents_that_are_gone_count_as_unknown() -> None:
    example = gold_task().test[0]
    strategy = fitted().update_documents(remove=example.gold_documents)
    assert len(strategy.prompts([example.input])[0].context) == 2
    assert strategy.fit_notes_["oracle"]["n_unknown_inputs"] == 1


def test_notes_say_that_it_is_an_upper_bound() -> None:
    told = fitted().fit_notes_["oracle"]
    assert told["upper_bound"].startswith("Upper bound, not a strategy to deploy")
    assert told["n_inputs"] == 20
    assert fitted().fit_notes_["control"] == "passages oracle"
    assert fitted(passages="shuffled").fit_notes_["control"] == "passages shuffled"
    assert not {"oracle", "control"} & fitted(passages="retrieved").fit_notes_.keys()


def test_task_without_gold_documents_is_refused() -> None:
    reason = RAG(passages="oracle").refusal(qa_task())
    assert reason == (
        "RAG with passages='oracle' needs gold documents, and no example of the task 'capitals' names any."
    )
    with pytest.raises(CapabilityError, match="needs gold documents"):
        fitted(qa_task())


def test_saved_control_answers_as_before_and_holds_no_input(tmp_path: Path) -> None:
    strategy = fitted()
    inputs = [e.input for e in gold_task().test] + ["Where is the capital of Ghana?"]
    before = strategy.prompts(inputs)
    folder = strategy.save(tmp_path)
    loaded = load_strategy(folder, FakeModel(lambda _: "Lima"))
    assert loaded.prompts(inputs) == before
    state = json.loads((folder / "strategy.json").read_text(encoding="utf-8"))["state"]
    assert len(state["gold"]) == 20
    written = "".join(p.read_text(encoding="utf-8") for p in folder.rglob("*.json"))
    assert not any(text in written for text in inputs)


def test_gold_documents_are_read_by_the_control_only() -> None:
    task = gold_task()
    strategy = fitted(passages="retrieved")
    plain = RAG(k=2, **SMALL).fit(FakeModel(lambda _: "Lima"), qa_task())
    inputs = [e.input for e in task.test]
    assert strategy.prompts(inputs) == plain.prompts(inputs)
