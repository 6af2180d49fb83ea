from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tiny import CAPITALS, qa_task

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.rag import RAG

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
        assert prediction.contexts[0].score > prediction.contexts[1].score
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
            "The 'passages' parameter of RAG must be 'retrieved' or 'shuffled'. Got 'best' instead.",
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
