from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import Retriever

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
