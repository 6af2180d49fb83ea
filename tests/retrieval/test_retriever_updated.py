"""Documents added, changed and removed: what is found is what a fresh build finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.types import Document
from adaptkit.retrieval import Method, Retriever, RetrieverSettings
from adaptkit.retrieval.embed import Vectors

METHODS = get_args(Method)
QUESTIONS = [f"What is the capital of {country}?" for country in CAPITALS]
DOCUMENTS = qa_task().documents
SETTINGS = {m: RetrieverSettings(method=m, chunk_tokens=16, overlap_tokens=4) for m in METHODS}


class CountingEmbedder(HashEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return super().embed(texts)


def build(method: Method, documents: Sequence[Document], embedder: HashEmbedder | None = None) -> Retriever:
    return Retriever.built_as(SETTINGS[method], documents, embedder=embedder or HashEmbedder())


def assert_same(one: Retriever, other: Retriever) -> None:
    assert one.chunks == other.chunks
    assert one.retrieve(QUESTIONS, 5) == other.retrieve(QUESTIONS, 5)


def moved(document: Document) -> Document:
    return dataclasses.replace(document, text=document.text.replace("noon", "midnight") + " Rain is rare.")


NEW = Document(id="mars", title="Mars", text="The capital of Mars is unknown. Trains in Mars leave at dawn.")


@pytest.mark.parametrize("method", METHODS)
def test_added_changed_and_removed_documents_are_found_as_by_a_fresh_build(method: Method) -> None:
    before = build(method, DOCUMENTS)
    found = before.retrieve(QUESTIONS, 5)
    after = before.updated([moved(DOCUMENTS[2]), NEW], remove=["peru", "ghana"])
    documents = [moved(d) if d.id == "norway" else d for d in DOCUMENTS if d.id not in ("peru", "ghana")]
    assert_same(after, build(method, [*documents, NEW]))
    assert after.retrieve(["capital of Mars"], 1)[0][0].document_id == "mars"
    # What it was made from is as it was.
    assert before.retrieve(QUESTIONS, 5) == found
    assert_same(before, build(method, DOCUMENTS))


@settings(max_examples=25)
@given(data=st.data(), method=st.sampled_from(METHODS))
def test_any_row_of_changes_ends_where_a_fresh_build_does(data: st.DataObject, method: Method) -> None:
    texts = ["The capital of Peru is Lima.", "Rain is rare. Trains leave at noon.", "tea", "", "東京"]
    ids = ["a", "b", "c", "d"]
    retriever = build(method, [])
    expected: dict[str, Document] = {}
    for _ in range(data.draw(st.integers(1, 4))):
        gone = data.draw(st.lists(st.sampled_from(sorted(expected)), unique=True)) if expected else []
        given_ids = data.draw(st.lists(st.sampled_from(ids), unique=True))
        given = [
            Document(id=i, text=data.draw(st.sampled_from(texts)), title=i)
            for i in given_ids
            if i not in gone
        ]
        retriever = retriever.updated(given, remove=gone)
        expected = {i: d for i, d in expected.items() if i not in gone} | {d.id: d for d in given}
    assert_same(retriever, build(method, list(expected.values())))


def test_only_chunks_of_new_text_are_embedded() -> None:
    embedder = CountingEmbedder()
    before = build("hybrid", DOCUMENTS, embedder)
    embedder.asked.clear()
    after = before.updated([moved(DOCUMENTS[2]), DOCUMENTS[4]], remove=["peru"])
    changed = {c.embedded_text for c in after.chunks} - {c.embedded_text for c in before.chunks}
    assert set(embedder.asked) == changed
    assert len(embedder.asked) == len(changed) == after.notes["n_embedded"] > 0
    assert after.notes["n_chunks"] == len(after.chunks)


def test_update_after_loading_is_that_of_the_one_that_was_saved(tmp_path: Path) -> None:
    build("hybrid", DOCUMENTS).save(tmp_path)
    embedder = CountingEmbedder()
    loaded = Retriever.load(tmp_path, embedder=embedder)
    after = loaded.updated([NEW])
    assert {t.partition("\n")[0] for t in embedder.asked} == {"Mars"}
    assert_same(after, build("hybrid", [*DOCUMENTS, NEW]))


def test_large_index_is_updated_through_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.retrieval.index.FLAT_LIMIT", 10)
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path))
    before = build("dense", DOCUMENTS)
    after = before.updated([NEW])
    assert after.notes["n_embedded"] < after.notes["n_from_cache"] == len(before.chunks)
    assert_same(after, build("dense", [*DOCUMENTS, NEW]))


def test_all_documents_can_go_and_others_come() -> None:
    empty = build("hybrid", DOCUMENTS).updated(remove=[d.id for d in DOCUMENTS])
    assert empty.retrieve(QUESTIONS[:1], 3) == [[]]
    assert_same(empty.updated(DOCUMENTS), build("hybrid", DOCUMENTS))


def test_reranker_stays() -> None:
    class Constant:
        name, revision = "constant", "1"

        def scores(self, query: str, texts: Sequence[str]) -> Vectors:
            raise NotImplementedError

    before = Retriever.built_as(
        SETTINGS["dense"], DOCUMENTS, embedder=HashEmbedder(), reranker=(reranker := Constant())
    )
    assert before.updated([NEW]).reranker is reranker


def test_document_that_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown document 'perus'\. Did you mean 'peru'"):
        build("bm25", DOCUMENTS).updated(remove=["perus"])


def test_document_given_twice_is_refused() -> None:
    retriever = build("bm25", DOCUMENTS)
    for documents, remove in (([NEW, NEW], []), ([DOCUMENTS[0]], [DOCUMENTS[0].id])):
        with pytest.raises(ConfigError, match="is given twice"):
            retriever.updated(documents, remove=remove)
