from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import LexicalIndex
from adaptkit.retrieval.lexical import K1, B, words
from adaptkit.retrieval.sidecar import write_sidecar

TEXTS = ["Trams run daily in Lima.", "A tram's fare in Rome is two coins.", "Rice, tea and long walks.", ""]


def bm25(texts: list[str], query: str) -> list[float]:
    """The formula of Lucene: idf * tf / (tf + k1 * (1 - b + b * length / mean length))."""
    counted = [Counter(words(text)) for text in texts]
    mean = sum(map(Counter.total, counted)) / len(texts)
    scores = []
    for counts in counted:
        score = 0.0
        for word in words(query):
            n = sum(word in other for other in counted)
            idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            norm = K1 * (1 - B + B * counts.total() / mean)
            score += idf * counts[word] / (counts[word] + norm) if counts[word] else 0.0
        scores.append(score)
    return scores


@pytest.mark.parametrize("query", ["trams in Lima", "fares", "tea tea tea", "a walk in Rome", "zebra", ""])
def test_scores_are_those_of_the_formula(query: str) -> None:
    index = LexicalIndex(TEXTS)
    assert len(index) == len(TEXTS)
    np.testing.assert_allclose(index.scores(query), bm25(TEXTS, query), rtol=1e-5, atol=1e-7)


def test_words_are_found_whatever_their_form() -> None:
    assert words("Trams, TRAM's trammed") == ["tram", "tram", "tram"]
    assert words("Straße im Café") == words("STRASSE im cafe\u0301")
    assert words("T9 a 7 2-day") == ["t9", "a", "7", "2", "day"]
    assert words("東京は") == ["東", "京", "は"]
    assert words("мамы мыла") == ["мамы", "мыла"]


@given(
    texts=st.lists(st.text("abc \n", max_size=12), max_size=12),
    query=st.text("abc ", max_size=8),
    k=st.integers(1, 5),
)
def test_best_texts_are_those_of_all_scores_ties_in_order(texts: list[str], query: str, k: int) -> None:
    index = LexicalIndex(texts)
    scores = index.scores(query).tolist()
    places = [i for i in sorted(range(len(texts)), key=lambda i: -scores[i]) if scores[i] > 0]
    assert list(index.search(query, k).items()) == [(i, scores[i]) for i in places[:k]]


@pytest.mark.parametrize("texts", [TEXTS, [""], []])
def test_saved_index_finds_the_same(texts: list[str], tmp_path: Path) -> None:
    index = LexicalIndex(texts)
    index.save(tmp_path / "new" / "folder")
    loaded = LexicalIndex.load(tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == [
        "lexical.json",
        "lexical.safetensors",
    ]
    assert len(loaded) == len(index)
    for query in ("trams in Lima", "zebra", ""):
        np.testing.assert_array_equal(loaded.scores(query), index.scores(query))


def test_saved_files_are_the_same_whoever_writes_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        LexicalIndex(TEXTS).save(tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "change"),
    [("indices", 4), ("indices", -1), ("indptr", 2), ("data", None), ("indptr", None)],
)
def test_foreign_scores_with_a_right_hash_are_refused(name: str, change: int | None, tmp_path: Path) -> None:
    LexicalIndex(TEXTS).save(tmp_path)
    arrays = load_file(tmp_path / "lexical.safetensors")
    if change is None:
        del arrays[name]
    else:
        arrays[name][-1] = change
    save_file(arrays, tmp_path / "lexical.safetensors")
    reseal(tmp_path)
    with pytest.raises(
        ConfigError, match=r"lexical\.safetensors is no index of words .* Build the index again"
    ):
        LexicalIndex.load(tmp_path)


def test_file_that_is_none_with_a_right_hash_is_refused(tmp_path: Path) -> None:
    LexicalIndex(TEXTS).save(tmp_path)
    (tmp_path / "lexical.safetensors").write_bytes(b"not an index")
    reseal(tmp_path)
    with pytest.raises(ConfigError, match=r"is no index of words"):
        LexicalIndex.load(tmp_path)


def test_changed_file_is_refused(tmp_path: Path) -> None:
    LexicalIndex(TEXTS).save(tmp_path)
    (tmp_path / "lexical.safetensors").write_bytes(b"not an index")
    with pytest.raises(ConfigError, match=r"lexical\.safetensors is not the file that was saved"):
        LexicalIndex.load(tmp_path)


def reseal(folder: Path) -> None:
    described = json.loads((folder / "lexical.json").read_text(encoding="utf-8"))
    kept = {k: v for k, v in described.items() if k not in ("files", "format_version", "content_hash")}
    write_sidecar(folder / "lexical.json", kept, ["lexical.safetensors"])


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("C++", "Written in C++ by a student.", "Written in C by a student."),
        ("C#", "Written in C# by a student.", "Written in C by a student."),
        ("plan B", "The plan B of the town.", "The plan of the town."),
        ("type 2", "Of the type 2 here.", "Of the type 1 here."),
        ("vitamin C", "There is vitamin C in it.", "There is vitamin D in it."),
        ("don't", "They don't go.", "They don go."),
        ("timetable", "The time\u00adtable of a tram.", "The time of a tram table."),
        ("timetable", "The time\u200btable of a tram.", "The time of a tram table."),
        ("eau", "Un verre d\u2019eau", "Un verre de vin"),
        ("tram's fare", "A tram fare", "A trams fair"),
    ],
)
def test_signs_single_letters_and_broken_words_are_found(query: str, right: str, wrong: str) -> None:
    scores = LexicalIndex([wrong, right]).scores(query)
    assert scores[1] > scores[0]
