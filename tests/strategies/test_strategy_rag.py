from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Example
from adaptkit.models.fake import FakeModel
from adaptkit.models.render import user_text
from adaptkit.retrieval import Method, Retriever, RetrieverSettings
from adaptkit.retrieval.embed import Vectors
from adaptkit.strategies import load_strategy
from adaptkit.strategies.rag import RAG
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = qa_task()
QUESTIONS = [f"What is the capital of {country}?" for country in CAPITALS]
SMALL: dict[str, Any] = {"chunk_tokens": 20, "overlap_tokens": 4}


def fitted(**params: Any) -> RAG:
    return RAG(**{**SMALL, **params}).fit(FakeModel(lambda _: "Lima"), TASK)


def test_prompt_holds_the_nearest_passages_and_the_prediction_tells_them() -> None:
    model = FakeModel(lambda _: "Lima")
    strategy = RAG(k=2, **SMALL).fit(model, TASK)
    for country, question in zip(CAPITALS, QUESTIONS, strict=True):
        prediction = strategy.generate(question)
        assert prediction.contexts == model.requests[-1].prompt.context
        assert prediction.contexts[0].document_id == country.lower()
        assert all(0 < p.score <= 1 for p in prediction.contexts)
        assert prediction.retrieve_s is not None
    assert strategy.fit_notes_["n_chunks"] == len(strategy.retriever_.chunks) > len(TASK.documents)


def test_notes_tell_the_index_and_what_came_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path))
    first, second = fitted(), fitted()
    assert (first.fit_notes_["index"], first.fit_notes_["recall_at_10"]) == ("flat", 1.0)
    assert first.fit_notes_["n_embedded"] == second.fit_notes_["n_from_cache"] > 0
    assert second.fit_notes_["n_embedded"] == 0
    assert second.fit_notes_["embed_s_uncached"] > second.fit_notes_["embed_s"]


def test_passages_are_those_of_the_retriever() -> None:
    strategy = fitted(k=3)
    found = strategy.retriever_.retrieve(QUESTIONS, 3)
    assert [list(p.context) for p in strategy.prompts(QUESTIONS)] == found


def test_shuffled_passages_are_as_many_of_other_documents() -> None:
    retrieved, shuffled = fitted(k=2), fitted(k=2, passages="shuffled")
    for own, other in zip(retrieved.prompts(QUESTIONS), shuffled.prompts(QUESTIONS), strict=True):
        assert len(other.context) == len(own.context) == 2
        assert not {p.document_id for p in own.context} & {p.document_id for p in other.context}
        assert len({p.id for p in other.context}) == 2


def test_shuffled_passages_depend_on_input_and_seed_only() -> None:
    strategy = fitted(k=2, passages="shuffled")
    together = [p.context for p in strategy.prompts(QUESTIONS)]
    assert [strategy.prompts([q])[0].context for q in QUESTIONS] == together
    assert [p.context for p in strategy.prompts(QUESTIONS[::-1])] == together[::-1]
    assert [p.context for p in fitted(k=2, passages="shuffled").prompts(QUESTIONS)] == together
    assert [p.context for p in fitted(k=2, passages="shuffled", seed=1).prompts(QUESTIONS)] != together
    assert len(set(together)) > len(QUESTIONS) // 2


def test_only_the_control_draws_at_random() -> None:
    assert RAG(passages="shuffled").draws_at_random
    assert not RAG().draws_at_random


def test_instruction_says_what_the_documents_are_for() -> None:
    assert "Use the documents" in fitted().instruction_
    assert fitted().instruction_.startswith(TASK.instruction)


def test_passages_that_do_not_fit_are_left_out_the_worst_first() -> None:
    model = FakeModel(lambda _: "Lima", context_tokens=85)
    strategy = RAG(k=6, **SMALL).fit(model, TASK)
    prediction = strategy.generate(QUESTIONS[0])
    whole = strategy.prompts(QUESTIONS[:1])[0].context
    assert 0 < len(prediction.contexts) < len(whole)
    assert prediction.contexts == whole[: len(prediction.contexts)]


def test_task_without_documents_is_refused() -> None:
    task = dataclasses.replace(TASK, documents=())
    assert RAG().refusal(task) == "RAG needs documents, and the task 'capitals' has none."
    with pytest.raises(CapabilityError, match="RAG needs documents"):
        RAG().fit(FakeModel(lambda _: ""), task)


@pytest.mark.parametrize("method", ["dense", "bm25", "hybrid"])
def test_method_decides_what_is_found(method: Method) -> None:
    strategy = fitted(method=method)
    assert strategy.fit_notes_["method"] == strategy.retriever_.settings.method == method
    settings = RetrieverSettings(method=method, chunk_tokens=20, overlap_tokens=4)
    expected = Retriever.built_as(settings, TASK.documents, embedder=HashEmbedder()).retrieve(QUESTIONS, 3)
    assert [list(p.context) for p in strategy.prompts(QUESTIONS)] == expected


def test_order_is_how_the_passages_are_shown_and_not_which() -> None:
    last, first = fitted().prompts(QUESTIONS[:1])[0], fitted(order="best-first").prompts(QUESTIONS[:1])[0]
    assert first.context == last.context
    texts = [p.text for p in first.context]
    assert positions(user_text(first), texts) == sorted(positions(user_text(first), texts))
    assert positions(user_text(last), texts) == sorted(positions(user_text(last), texts), reverse=True)


def positions(text: str, parts: list[str]) -> list[int]:
    return [text.index(part) for part in parts]


def test_notes_tell_how_good_the_retriever_is() -> None:
    assert "retrieval" not in fitted().fit_notes_  # no row names its documents
    with_gold = RAG(k=2, **SMALL).fit(FakeModel(lambda _: "Lima"), gold_task())
    told = with_gold.fit_notes_["retrieval"]
    assert told["split"] == "validation"
    assert told.keys() == {"split", "n_rows", "recall_at_2", "mrr_at_10", "ndcg_at_10"}
    assert told["recall_at_2"] == 1.0
    train = dataclasses.replace(gold_task(), validation=TASK.validation)
    assert RAG(**SMALL).fit(FakeModel(lambda _: ""), train).fit_notes_["retrieval"]["split"] == "train"


def gold_task() -> Task:
    """The questions with the documents that answer them."""

    def row(example: Example) -> Example:
        gold = next(country.lower() for country in CAPITALS if country in example.input)
        return dataclasses.replace(example, gold_documents=(gold,))

    return dataclasses.replace(
        TASK,
        train=tuple(map(row, TASK.train)),
        validation=tuple(map(row, TASK.validation or ())),
        test=tuple(map(row, TASK.test)),
    )


def test_reranker_orders_the_passages_and_stays_after_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shortest:
        name, revision = "shortest", "1"

        def scores(self, query: str, texts: Sequence[str]) -> Vectors:
            return np.array([-len(text) for text in texts], dtype=np.float32)

    asked: list[str] = []

    def load(name: str) -> Shortest:
        asked.append(name)
        return Shortest()

    monkeypatch.setattr("adaptkit.strategies.rag.load_reranker", load)
    strategy = fitted(reranker="some/cross-encoder")
    shown = strategy.prompts(QUESTIONS)
    assert asked == ["some/cross-encoder"]
    assert all(p.score == -len(f"{p.title}\n{p.text}") for prompt in shown for p in prompt.context)
    assert [p.context for p in shown] != [p.context for p in fitted().prompts(QUESTIONS)]
    loaded = load_strategy(strategy.save(tmp_path), FakeModel(lambda _: "Lima"))
    assert loaded.prompts(QUESTIONS) == shown


def test_alternatives_vary_one_thing_each_and_begin_with_the_one_given() -> None:
    for given in (RAG(), RAG(k=5, method="bm25", chunk_tokens=80, overlap_tokens=10)):
        found = given.alternatives(TASK)
        assert found[0] is given
        assert 5 < len(found) <= 8
        assert len({str(a) for a in found}) == len(found)
        for other in found[1:]:
            other.check()
            assert other.passages == "retrieved"
            changed = {k for k, v in other.params().items() if v != given.params()[k]}
            assert changed in ({"k"}, {"method"}, {"chunk_tokens", "overlap_tokens"})
    assert {a.k for a in RAG().alternatives(TASK)} == {1, 3, 5, 10}
    assert {a.method for a in RAG().alternatives(TASK)} == {"dense", "bm25", "hybrid"}


@pytest.mark.parametrize("passages", ["oracle", "shuffled"])
def test_control_is_neither_varied_nor_ever_an_alternative(passages: Any) -> None:
    given = RAG(passages=passages)
    assert given.alternatives(gold_task()) == [given]
    assert all(a.passages == "retrieved" for a in RAG().alternatives(gold_task()))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"k": 0}, "The 'k' parameter of RAG must be an int >= 1. Got 0 instead."),
        ({"k": True}, "The 'k' parameter of RAG must be an int >= 1. Got True instead."),
        ({"chunk_tokens": 1.5}, "The 'chunk_tokens' parameter of RAG must be an int >= 1. Got 1.5 instead."),
        (
            {"chunk_tokens": 40, "overlap_tokens": 40},
            "The 'overlap_tokens' parameter of RAG must be between 0 and chunk_tokens - 1 (39). "
            "Got 40 instead.",
        ),
        (
            {"passages": "best"},
            "The 'passages' parameter of RAG must be 'retrieved' or 'shuffled' or 'oracle'. "
            "Got 'best' instead.",
        ),
        (
            {"method": "sparse"},
            "The 'method' parameter of RAG must be 'dense' or 'bm25' or 'hybrid'. Got 'sparse' instead.",
        ),
        (
            {"order": "random"},
            "The 'order' parameter of RAG must be 'best-last' or 'best-first'. Got 'random' instead.",
        ),
        (
            {"min_score": "0.3"},
            "The 'min_score' parameter of RAG must be a number, or None. Got '0.3' instead.",
        ),
        ({"cite": 1}, "The 'cite' parameter of RAG must be True or False. Got 1 instead."),
        ({"titles": None}, "The 'titles' parameter of RAG must be True or False. Got None instead."),
        (
            {"no_answer": " "},
            "The 'no_answer' parameter of RAG must be a text that is not empty, or None. Got ' ' instead.",
        ),
    ],
)
def test_bad_parameter_is_told_before_anything_is_embedded(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RAG(**params).fit(FakeModel(lambda _: ""), TASK)
    assert str(caught.value) == message


def test_chunks_longer_than_the_embedder_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match="chunk_tokens is 300 and the embedder 'hash' reads 254"):
        fitted(chunk_tokens=300)
