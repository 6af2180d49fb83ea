"""Texts made comparable, similarity by letters, the index of words, and sentences of documents."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.types import Document
from adaptkit.leakage.canonical import canonical
from adaptkit.leakage.documents import passages, sentences
from adaptkit.leakage.lexical import alike, is_judged, similarity
from adaptkit.leakage.words import WordIndex

WORDS = ("red", "green", "blue", "house", "tree", "car", "runs", "sleeps", "3", "14")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("What's the  time?", "what\u2019s the time"),
        ("Stra\u00dfe \u2026 CAFE\u0301", "STRASSE caf\u00e9"),
        ("\uff32\uff21\uff27 costs \u00a329!", "rag costs \u00a3 29"),
        ("1,900.5 metres", "1900.5 metres"),
        ("“cancel_booking”", "cancel booking"),
        ("6*7", "6 * 7"),
        ("東京に行く", "東京 に 行く。"),
    ],
)
def test_texts_that_differ_in_form_only_are_equal(a: str, b: str) -> None:
    assert canonical(a) == canonical(b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("7 - 3", "7 * 3"), ("-5 + 3", "5 + 3"), ("1.9", "19"), ("3 > 2", "3 < 2"),
        ("good \U0001f642", "good \U0001f641"),
        ("\u0915\u093f", "\u0915\u0940"), ("a house", "house"), ("?", "!"), ("pay 5 $", "pay 5 \u20ac"),
    ],
)  # fmt: skip
def test_texts_that_differ_in_what_they_say_are_not(a: str, b: str) -> None:
    assert canonical(a) != canonical(b)


@given(st.text(max_size=60))
def test_canonical_texts_stay_as_they_are(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert once == " ".join(once.split())


@given(texts, texts)
def test_similarity_is_symmetric_and_one_for_the_same_words_in_any_order(a: str, b: str) -> None:
    assert similarity(a, b) == pytest.approx(similarity(b, a))
    assert similarity(a, " ".join(reversed(a.split()))) == 1
    assert 0 <= similarity(a, b) <= 1
    if sorted(a.split()) != sorted(b.split()):
        assert similarity(a, b) < 1


@given(st.lists(texts, max_size=5), st.lists(texts, max_size=8), st.sampled_from([0.6, 0.75, 0.9]))
def test_alike_finds_what_comparing_all_finds(rows: list[str], others: list[str], least: float) -> None:
    expected = {
        (i, j)
        for i, a in enumerate(rows)
        for j, b in enumerate(others)
        if is_judged(a) and a != b and similarity(a, b) >= least
    }
    assert {(i, j) for i, j, _ in alike(rows, others, least=least)} == expected


def test_a_near_copy_of_a_long_text_is_found_among_many_of_the_same_words() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghij", k=6)) for _ in range(400)]
    others = [" ".join(rng.choices(words, k=120)) for _ in range(300)]
    changed = others[200].split()
    for i in range(0, 120, 12):
        changed[i] = "other"
    rows = [" ".join(changed), " ".join(rng.choices(words, k=120))]
    found = list(alike(rows, others, least=0.75))
    assert [(i, j) for i, j, _ in found] == [(0, 200)]
    assert found[0][2] == pytest.approx(similarity(rows[0], others[200]), abs=1e-6)


def test_too_many_pairs_are_compared_by_shared_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.leakage.lexical.MOST_PAIRS", 1)
    rows = ["the red car sleeps in the house", "play a song by the sea"]
    others = ["a tree", "the red cat sleeps in the house", "a car", "play a long song by the lake"]
    assert [(i, j) for i, j, _ in alike(rows, others, least=0.9)] == [(0, 1)]


@given(st.lists(texts, max_size=8), texts)
def test_a_phrase_is_found_where_it_stands_as_whole_words(many: list[str], phrase: str) -> None:
    index = WordIndex(many)
    expected = [i for i, text in enumerate(many) if f" {phrase} " in f" {text} "]
    assert list(index.holding(phrase)) == expected
    assert [i for i in range(len(index)) if index.holds(phrase, i)] == expected


def test_closest_texts_share_rare_words_first() -> None:
    index = WordIndex(["the car", "the tree", "the house", "the zebra sleeps", "nothing"])
    assert index.closest("the zebra", 2)[0] == 3
    assert index.closest("the zebra", 9) == [3, 0, 1, 2]
    assert index.closest("quokka", 3) == []


def test_sentences_lose_their_marks_and_no_text() -> None:
    text = "Notes\nQ: Is it open? A: Yes (mostly). 2. Call 4.30 pm.\n\n“Really?” 東京。 End"
    units = sentences(text)
    assert units == ["Notes", "Is it open?", "Yes (mostly).", "Call 4.30 pm.", "“Really?", "東京。", "End"]


def test_passages_are_runs_of_sentences_within_one_document() -> None:
    documents = [Document(id="a", text="One. Two? Three."), Document(id="b", text="Four?")]
    found = passages(enumerate(documents), [1, 2])
    expected = ["One.", "Two?", "Three.", "One. Two?", "Two? Three.", "Four?"]
    assert [p.text for p in found.entries] == expected
    assert list(found.documents) == [0, 0, 0, 0, 0, 1]
    assert [found.entries[i].text for i in found.questions] == ["Two?", "One. Two?", "Four?"]
