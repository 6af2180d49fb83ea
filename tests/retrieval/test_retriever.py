from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import Retriever
from adaptkit.retrieval.embed import Vectors

QUESTIONS = [f"What is the capital of {country}?" for country in CAPITALS]


def build(embedder: HashEmbedder | None = None, *, chunk_tokens: int = 16) -> Retriever:
    return Retriever.build(
        qa_task().documents,
        embedder=embedder or HashEmbedder(),
        chunk_tokens=chunk_tokens,
        overlap_tokens=4,
    )


def test_passages_come_best_first_from_the_right_document() -> None:
    found = build().retrieve(QUESTIONS, 3)
    for country, passages in zip(CAPITALS, found, strict=True):
        assert len(passages) == 3
        assert passages[0].document_id == country.lower()
        scores = [p.score for p in passages]
        assert scores == sorted(scores, reverse=True)


def test_passage_is_the_chunk_with_its_score() -> None:
    retriever = build()
    embedder = retriever.index.embedder
    chunks = {c.id: c for c in retriever.chunks}
    (query,) = embedder.embed(QUESTIONS[:1])
    for passage in retriever.retrieve(QUESTIONS[:1], 4)[0]:
        chunk = chunks[passage.id]
        assert (passage.text, passage.title) == (chunk.text, chunk.title)
        expected = float(embedder.embed([chunk.embedded_text])[0] @ query)
        assert passage.score == pytest.approx(expected, abs=1e-5)


def test_retrieval_does_not_depend_on_the_other_queries() -> None:
    retriever = build()
    together = retriever.retrieve(QUESTIONS, 2)
    assert [retriever.retrieve([q], 2)[0] for q in QUESTIONS] == together
    assert retriever.retrieve(QUESTIONS[::-1], 2) == together[::-1]


def test_no_more_passages_than_chunks() -> None:
    retriever = build(chunk_tokens=200)
    assert len(retriever.chunks) == len(CAPITALS)
    assert len(retriever.retrieve(QUESTIONS[:1], 50)[0]) == len(CAPITALS)


def test_chunks_longer_than_the_embedder_reads_are_refused() -> None:
    small = HashEmbedder(max_tokens=20)
    with pytest.raises(ConfigError, match="chunk_tokens is 19 and the embedder 'hash' reads 18 word pieces"):
        build(small, chunk_tokens=19)
    build(small, chunk_tokens=18)


def test_saved_retriever_finds_the_same(tmp_path: Path) -> None:
    retriever = build()
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path, embedder=HashEmbedder())
    assert loaded.chunks == retriever.chunks
    assert loaded.retrieve(QUESTIONS, 3) == retriever.retrieve(QUESTIONS, 3)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".faiss"}


def test_chunks_that_do_not_fit_the_index_are_refused(tmp_path: Path) -> None:
    build().save(tmp_path)
    path = tmp_path / "chunks.json"
    chunks = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(chunks[:-1]), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{len(chunks) - 1} chunks and {len(chunks)} vectors"):
        Retriever.load(tmp_path, embedder=HashEmbedder())
    path.unlink()
    with pytest.raises(ConfigError, match=r"chunks\.json is missing or damaged"):
        Retriever.load(tmp_path, embedder=HashEmbedder())


def test_retriever_of_another_embedder_is_refused(tmp_path: Path) -> None:
    build().save(tmp_path)
    with pytest.raises(ConfigError, match="Build the index again"):
        Retriever.load(tmp_path, embedder=HashEmbedder(revision="2"))


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
