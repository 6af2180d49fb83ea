from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import LexicalIndex, Method, Reranker, Retriever, RetrieverSettings
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.fusion import fuse_ranks
from adaptkit.retrieval.retriever import RERANKED
from adaptkit.retrieval.search import FUSED

QUESTIONS = [f"What is the capital of {country}?" for country in CAPITALS]


METHODS = get_args(Method)


def build(
    embedder: HashEmbedder | None = None,
    *,
    method: Method = "dense",
    chunk_tokens: int = 16,
    reranker: Reranker | None = None,
) -> Retriever:
    return Retriever.built_as(
        RetrieverSettings(method=method, chunk_tokens=chunk_tokens, overlap_tokens=4),
        qa_task().documents,
        embedder=embedder or HashEmbedder(),
        reranker=reranker,
    )


@pytest.mark.parametrize("method", METHODS)
def test_passages_come_best_first_from_the_right_document(method: Method) -> None:
    found = build(method=method).retrieve(QUESTIONS, 3)
    for country, passages in zip(CAPITALS, found, strict=True):
        assert len(passages) == 3
        assert passages[0].document_id == country.lower()
        scores = [p.score for p in passages]
        assert method == "hybrid" or scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("method", ["dense", "hybrid"])
def test_passage_is_the_chunk_with_its_cosine(method: Method) -> None:
    retriever = build(method=method)
    embedder = retriever.search.embedder
    chunks = {c.id: c for c in retriever.chunks}
    (query,) = embedder.embed(QUESTIONS[:1])
    for passage in retriever.retrieve(QUESTIONS[:1], 9)[0]:
        chunk = chunks[passage.id]
        assert (passage.text, passage.title) == (chunk.text, chunk.title)
        expected = float(embedder.embed([chunk.embedded_text])[0] @ query)
        assert passage.score == pytest.approx(expected, abs=1e-5)


def test_score_of_words_is_that_of_the_lexical_index() -> None:
    retriever = build(method="bm25")
    assert retriever.search.index is None
    expected = LexicalIndex([c.embedded_text for c in retriever.chunks]).scores(QUESTIONS[0])
    for passage in retriever.retrieve(QUESTIONS[:1], 4)[0]:
        at = [c.id for c in retriever.chunks].index(passage.id)
        assert passage.score == pytest.approx(float(expected[at]))


def test_hybrid_fuses_the_rankings_of_vectors_and_words() -> None:
    query = "Which city governs Peru, and when do trains leave in Ghana?"
    words, vectors = ([p.id for p in build(method=m).retrieve([query], FUSED)[0]] for m in ("bm25", "dense"))
    assert words != vectors
    ids = {id_: i for i, id_ in enumerate(dict.fromkeys([*words, *vectors]))}
    fused = fuse_ranks([[ids[w] for w in words], [ids[v] for v in vectors]])
    expected = [list(ids)[i] for i in fused][:5]
    assert [p.id for p in build(method="hybrid").retrieve([query], 5)[0]] == expected
    assert expected not in (words[:5], vectors[:5])


def test_input_that_shares_no_word_finds_nothing_by_words_and_something_by_vectors() -> None:
    query = ["xylophone"]
    assert build(method="bm25").retrieve(query, 3) == [[]]
    assert len(build(method="hybrid").retrieve(query, 3)[0]) == 3


def test_nothing_is_found_where_nothing_is() -> None:
    empty = RetrieverSettings()
    for method in METHODS:
        settings = dataclasses.replace(empty, method=method)
        retriever = Retriever.built_as(settings, [], embedder=HashEmbedder())
        assert retriever.retrieve(["a", "b"], 3) == [[], []]
        assert build(method=method).retrieve([], 3) == []


def test_settings_of_the_short_form_are_the_default_ones() -> None:
    documents = qa_task().documents
    short = Retriever.build(documents, embedder=HashEmbedder(), chunk_tokens=16, overlap_tokens=4)
    assert short.settings == RetrieverSettings(chunk_tokens=16, overlap_tokens=4)
    assert short.settings.method == short.notes["method"] == "hybrid"


def test_titles_can_be_left_out() -> None:
    settings = RetrieverSettings(method="bm25", chunk_tokens=16, overlap_tokens=4, titles=False)
    retriever = Retriever.built_as(settings, qa_task().documents, embedder=HashEmbedder())
    assert all(c.title is None for c in retriever.chunks)
    assert "title" not in {p.title for p in retriever.retrieve(QUESTIONS[:1], 3)[0]} - {None}
    (passages,) = retriever.retrieve(["Chile long walks rice tea"], 9)
    titled = build(method="bm25").retrieve(["Chile long walks rice tea"], 1)
    assert titled[0][0].title == "Chile"
    assert len(passages) > 1


@pytest.mark.parametrize("method", METHODS)
def test_retrieval_does_not_depend_on_the_other_queries(method: Method) -> None:
    retriever = build(method=method)
    together = retriever.retrieve(QUESTIONS, 2)
    assert [retriever.retrieve([q], 2)[0] for q in QUESTIONS] == together
    assert retriever.retrieve(QUESTIONS[::-1], 2) == together[::-1]


def test_no_more_passages_than_chunks() -> None:
    retriever = build(chunk_tokens=200)
    assert len(retriever.chunks) == len(CAPITALS)
    assert len(retriever.retrieve(QUESTIONS[:1], 50)[0]) == len(CAPITALS)


def test_documents_of_the_same_id_are_refused() -> None:
    twice = [*qa_task().documents, qa_task().documents[3]]
    with pytest.raises(ConfigError, match="The document 'japan' is given twice"):
        Retriever.build(twice, embedder=HashEmbedder(), chunk_tokens=16, overlap_tokens=4)


@pytest.mark.parametrize("method", METHODS)
def test_passages_of_given_documents_are_the_best_of_each_in_turn(method: Method) -> None:
    retriever = build(method=method)
    (found,) = retriever.retrieve_of(["When do trains leave?"], [("peru", "ghana", "nowhere")], 4)
    assert [p.document_id for p in found[:2]] in (["peru", "ghana"], ["ghana", "peru"])
    assert {p.document_id for p in found} == {"peru", "ghana"}
    assert len(found) == 4
    for country in ("peru", "ghana"):
        own = [p for p in found if p.document_id == country]
        assert "noon" in own[0].text
        assert own[0].score > own[1].score
    assert retriever.retrieve_of(["a", "b"], [("nowhere",), ()], 4) == [[], []]


class Backwards:
    """A reranker that likes best what others like least: the shortest text."""

    name, revision = "backwards", "1"

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def scores(self, query: str, texts: Sequence[str]) -> Vectors:
        self.asked.append((query, list(texts)))
        return np.array([-len(text) for text in texts], dtype=np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_reranker_orders_what_was_found(method: Method) -> None:
    reranker = Backwards()
    plain, again = build(method=method), build(method=method, reranker=reranker)
    (found,) = again.retrieve(QUESTIONS[:1], 3)
    ((query, texts),) = reranker.asked
    candidates = plain.retrieve(QUESTIONS[:1], RERANKED)[0]
    assert query == QUESTIONS[0]
    assert texts == [f"{p.title}\n{p.text}" for p in candidates]
    assert len(texts) == min(RERANKED, len(plain.chunks)) > 3
    assert [p.score for p in found] == sorted((-float(len(t)) for t in texts), reverse=True)[:3]
    by_length = sorted(candidates, key=lambda p: len(f"{p.title}\n{p.text}"))
    assert [p.id for p in found] == [p.id for p in by_length[:3]]


def test_chunks_longer_than_the_embedder_reads_are_refused() -> None:
    small = HashEmbedder(max_tokens=20)
    with pytest.raises(ConfigError, match="chunk_tokens is 19 and the embedder 'hash' reads 18 word pieces"):
        build(small, chunk_tokens=19)
    build(small, chunk_tokens=18)


def test_title_decides_between_chunks_of_the_same_words() -> None:
    retriever = build()
    (passages,) = retriever.retrieve(["Chile long walks rice tea"], 1)
    assert passages[0].document_id == "chile"
    assert np.isfinite(passages[0].score)


class CountingEmbedder(HashEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return super().embed(texts)


def test_changing_a_document_embeds_its_chunks_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path))
    documents = list(qa_task().documents)
    cut: dict[str, Any] = {"chunk_tokens": 16, "overlap_tokens": 4}
    before = Retriever.build(documents, embedder=CountingEmbedder(), **cut)
    documents[2] = dataclasses.replace(documents[2], text=documents[2].text.replace("noon", "midnight"))
    embedder = CountingEmbedder()
    after = Retriever.build(documents, embedder=embedder, **cut)
    changed = {c.embedded_text for c in after.chunks} - {c.embedded_text for c in before.chunks}
    assert set(embedder.asked) == changed
    assert {c.document_id for c in after.chunks if c.embedded_text in changed} == {documents[2].id}
    assert after.notes["n_embedded"] == len(changed)
    assert after.notes["n_from_cache"] == len(after.chunks) - len(changed)
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", "off")
    uncached = Retriever.build(documents, embedder=HashEmbedder(), **cut)
    assert after.retrieve(QUESTIONS, 3) == uncached.retrieve(QUESTIONS, 3)


def test_queries_are_embedded_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path))
    embedder = CountingEmbedder()
    retriever = build(embedder)
    text = retriever.chunks[0].embedded_text
    embedder.asked.clear()
    retriever.retrieve([text], 1)
    retriever.retrieve([text], 1)
    assert embedder.asked == [text, text]


def test_large_index_is_tuned_on_questions_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.retrieval.index.FLAT_LIMIT", 10)
    told: list[tuple[int, int]] = []
    retriever = Retriever.build(
        qa_task().documents,
        embedder=HashEmbedder(),
        chunk_tokens=16,
        overlap_tokens=4,
        questions=QUESTIONS * 12,
        progress=lambda done, total: told.append((done, total)),
    )
    assert retriever.notes["index"] == "ivf-sq8"
    assert retriever.notes["recall_queries"] == "given"
    assert retriever.notes["recall_at_10"] > 0.9
    assert told[-1] == (len(retriever.chunks), len(retriever.chunks))
    found = retriever.retrieve(QUESTIONS, 50)
    assert all(0 < len(passages) <= 50 for passages in found)
