from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny import word_pieces

from adaptkit.core.types import Document
from adaptkit.retrieval import load_embedder
from adaptkit.retrieval.chunk import Chunk, chunk_documents, sentence_ends, split_text

texts = st.text("ab cdefgh.!?\n é日本\u200b\t", max_size=300)


def pieces(text: str) -> list[str]:
    return [text[a:b] for a, b in word_pieces(text)]


def letters(text: str) -> list[tuple[int, int]]:
    """A tokenizer of a script without spaces: every letter its own piece."""
    return [(i, i + 1) for i, c in enumerate(text) if not c.isspace()]


def words(text: str) -> list[tuple[int, int]]:
    """A tokenizer whose pieces are whole words, however long."""
    return [m.span() for m in re.finditer(r"\S+", text)]


@given(text=texts, limit=st.integers(1, 20), overlap=st.integers(0, 19))
# Line breaks before the first word once took the first word with them.
@example(text="          \nab cd", limit=1, overlap=0)
# A sentence end before that of the last chunk is no place to end at.
@example(text="a a. a a", limit=2, overlap=1)
def test_chunks_cover_the_text_and_each_ends_further_on(text: str, limit: int, overlap: int) -> None:
    for tokenise in (word_pieces, letters, words):
        spans = split_text(text, tokenise, max_tokens=limit, overlap_tokens=overlap)
        assert spans[0][0] == 0
        assert spans[-1][1] == len(text)
        for (start, end), (next_start, next_end) in pairwise(spans):
            assert start < next_start <= end < next_end


@given(text=texts, limit=st.integers(1, 20), overlap=st.integers(0, 19))
def test_chunks_hold_no_more_pieces_than_the_limit(text: str, limit: int, overlap: int) -> None:
    for tokenise in (word_pieces, letters):
        spans = split_text(text, tokenise, max_tokens=limit, overlap_tokens=overlap)
        assert all(len(tokenise(text[a:b])) <= limit for a, b in spans)


@given(text=texts, limit=st.integers(2, 20), overlap=st.integers(0, 19))
def test_neighbours_overlap_by_what_was_asked_or_half_a_chunk(text: str, limit: int, overlap: int) -> None:
    spans = split_text(text, letters, max_tokens=limit, overlap_tokens=overlap)
    for (start, end), (next_start, _) in pairwise(spans):
        chunk, shared = len(letters(text[start:end])), len(letters(text[next_start:end]))
        assert shared >= min(overlap, chunk // 2)


def test_number_of_chunks_stays_small_when_the_overlap_is_nearly_the_chunk() -> None:
    text = "One two three four. " * 100
    spans = split_text(text, word_pieces, max_tokens=20, overlap_tokens=19)
    assert len(spans) < 100


def test_chunk_ends_with_a_sentence_where_one_is_near() -> None:
    text = "First one here. Second one here. Third one here. Fourth one here."
    spans = split_text(text, word_pieces, max_tokens=13, overlap_tokens=0)
    assert [text[a:b].strip() for a, b in spans] == [
        "First one here. Second one here.",
        "Third one here. Fourth one here.",
    ]


def test_chunk_without_a_sentence_end_stops_and_starts_between_words() -> None:
    text = " ".join(f"extraordinary{i}" for i in range(30))
    spans = split_text(text, word_pieces, max_tokens=10, overlap_tokens=3)
    assert len(spans) > 5
    for a, b in spans:
        assert text[a:b].split()[0].startswith("extraordinary")
        assert text[a:b].split()[-1] in text.split()


def test_overlap_is_at_least_what_was_asked_for() -> None:
    text = "word " * 100
    spans = split_text(text, word_pieces, max_tokens=20, overlap_tokens=5)
    for (_, end), (start, _) in pairwise(spans):
        assert len(pieces(text[start:end])) == 5


def test_short_text_is_one_chunk() -> None:
    assert split_text("a b c", word_pieces, max_tokens=3, overlap_tokens=1) == [(0, 5)]
    assert split_text("", word_pieces, max_tokens=3, overlap_tokens=1) == [(0, 0)]


def test_sentences_end_at_marks_and_line_breaks() -> None:
    text = 'He said "no." Then\nleft. 3.5 is a number'
    assert [text[:e] for e in sentence_ends(text)] == [
        'He said "no." ',
        'He said "no." Then\n',
        'He said "no." Then\nleft. ',
    ]


def chunked(*documents: Document, limit: int = 12, overlap: int = 2) -> list[Chunk]:
    return chunk_documents(documents, word_pieces, max_tokens=limit, overlap_tokens=overlap)


def test_chunks_are_named_after_their_document_and_know_their_place() -> None:
    long = Document(id="long", title="Peru", text="The capital is Lima. " * 5)
    chunks = chunked(long, Document(id="short", text="Tea."))
    assert [c.id for c in chunks] == [f"long#{i}" for i in range(len(chunks) - 1)] + ["short#0"]
    assert {c.document_id for c in chunks} == {"long", "short"}
    for chunk in chunks[:-1]:
        assert long.text[chunk.start : chunk.end].strip() == chunk.text
    assert chunks[-1].text == chunks[-1].embedded_text == "Tea."


def test_embedder_reads_the_title_with_every_chunk_and_all_of_it_fits() -> None:
    document = Document(id="d", title="Peru and Chile", text="The capital is Lima. " * 8)
    chunks = chunked(document)
    assert len(chunks) > 3
    for chunk in chunks:
        assert chunk.embedded_text == f"Peru and Chile\n{chunk.text}"
        assert len(word_pieces(chunk.embedded_text)) <= 12


@given(title=st.text("abcd ", max_size=80), text=texts, limit=st.integers(1, 12))
def test_long_title_leaves_room_for_the_text(title: str, text: str, limit: int) -> None:
    chunks = chunked(Document(id="d", title=title, text=text), limit=limit, overlap=0)
    for chunk in chunks:
        assert len(word_pieces(chunk.embedded_text)) <= limit
        assert title.startswith(chunk.title or "") or (chunk.title or "") in title
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(text.split())


@pytest.mark.slow
def test_chunks_fit_the_real_embedder() -> None:
    embedder = load_embedder()
    text = "Antidisestablishmentarianism, electroencephalographically speaking, is 日本語テキスト. " * 60
    chunks = chunk_documents(
        [Document(id="d", title="Über naïve façades", text=text)],
        embedder.offsets,
        max_tokens=embedder.max_tokens - 2,
        overlap_tokens=40,
    )
    assert len(chunks) > 3
    assert all(len(embedder.offsets(c.embedded_text)) <= embedder.max_tokens - 2 for c in chunks)
