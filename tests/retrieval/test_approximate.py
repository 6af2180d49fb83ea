from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from tiny import HashEmbedder

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import VectorIndex, approximate
from adaptkit.retrieval.approximate import build_approximate, n_lists
from adaptkit.retrieval.embed import Vectors

EMBEDDER = HashEmbedder()
NO_QUERIES = np.zeros((0, 64), dtype=np.float32)


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.retrieval.index.FLAT_LIMIT", 500)


def clustered(n: int, seed: int = 0) -> Vectors:
    """Around 40 centres that every seed shares."""
    centres = np.random.default_rng(99).standard_normal((40, 64))
    rng = np.random.default_rng(seed)
    return scaled(centres[rng.integers(0, 40, n)] + 0.7 * rng.standard_normal((n, 64)))


def scaled(vectors: np.ndarray) -> Vectors:
    made: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return made


def nearest(queries: Vectors, vectors: Vectors, k: int) -> list[set[int]]:
    return [set(row[:k].tolist()) for row in np.argsort(-(queries @ vectors.T), axis=1)]


def recall(index: VectorIndex, queries: Vectors, vectors: Vectors) -> float:
    found = index.search(queries, 10)[1]
    shared = [len(set(a) & b) for a, b in zip(found.tolist(), nearest(queries, vectors, 10), strict=True)]
    return sum(shared) / (10 * len(queries))


def test_index_is_exact_up_to_the_limit_and_approximate_above(small_limit: None) -> None:
    assert VectorIndex(clustered(500), EMBEDDER).notes == {"index": "flat", "recall_at_10": 1.0}
    assert VectorIndex(clustered(501), EMBEDDER).notes["index"] == "ivf-sq8"


def test_recall_noted_is_what_brute_force_measures(small_limit: None) -> None:
    vectors, queries = clustered(4000), clustered(400, seed=1)
    index = VectorIndex(vectors, EMBEDDER)
    assert index.notes["recall_at_10"] >= 0.95
    assert index.notes["n_probe"] < index.notes["n_lists"]
    # Both are samples of a share: of 200 and of 400 queries, ten neighbours each.
    assert recall(index, queries, vectors) == pytest.approx(index.notes["recall_at_10"], abs=0.03)


def test_recall_is_measured_on_queries_that_were_not_tuned_on() -> None:
    vectors, queries = clustered(3000), clustered(200, seed=1)
    made = build_approximate(vectors, queries=queries)
    assert (made.queries, made.n_queries) == ("given", 100)
    exact = nearest(queries[1::2], vectors, 10)
    found = made.index.search(queries[1::2], 10)[1].tolist()
    expected = sum(len(set(a) & b) for a, b in zip(found, exact, strict=True)) / 1000
    assert made.recall_at_10 == pytest.approx(expected, abs=0.002)


def test_low_recall_is_reported_as_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(approximate, "_tune", lambda index, _: setattr(index, "nprobe", 1))
    vectors = scaled(np.random.default_rng(0).standard_normal((3000, 64)))
    with caplog.at_level(logging.WARNING):
        made = build_approximate(vectors, queries=NO_QUERIES)
    assert made.recall_at_10 < 0.5
    assert "% of the 10 nearest" in caplog.text


def test_vectors_without_structure_are_searched_until_enough_is_found() -> None:
    vectors = scaled(np.random.default_rng(0).standard_normal((3000, 64)))
    made = build_approximate(vectors, queries=NO_QUERIES)
    assert made.recall_at_10 >= 0.95
    assert made.index.nprobe > made.index.nlist // 4


def test_copies_of_a_vector_are_as_good_as_each_other() -> None:
    vectors = np.repeat(clustered(100), 30, axis=0)
    # By their positions instead of their scores, ten of 30 copies are found by luck.
    assert build_approximate(vectors, queries=NO_QUERIES).recall_at_10 >= 0.95


def test_a_vector_drawn_as_a_query_does_not_count_as_its_own_neighbour() -> None:
    # Nearest in the same list: the vector itself and no other, if it looked into one list a vector.
    vectors = scaled(np.eye(64)[np.arange(64)] + 0.01 * np.random.default_rng(0).standard_normal((64, 64)))
    questions = approximate._Questions.drawn(vectors)
    for query, own, tenth in zip(questions.vectors, questions.own, questions.tenth, strict=True):
        others = np.delete(vectors, own, axis=0) @ query
        assert tenth == pytest.approx(np.sort(others)[-10], abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 11, 12])
def test_few_vectors_do(n: int) -> None:
    made = build_approximate(clustered(n), queries=NO_QUERIES)
    assert made.recall_at_10 == 1.0
    assert made.index.search(clustered(1), 1)[1].tolist() == [
        [int(np.argmax(clustered(n) @ clustered(1)[0]))]
    ]


def test_number_of_lists_grows_with_the_root() -> None:
    assert [n_lists(n) for n in (1, 3, 100, 50_001, 100_000, 1_000_000)] == [1, 2, 32, 512, 1024, 2048]


def test_progress_tells_vectors_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximate, "BLOCK", 300)
    told: list[tuple[int, int]] = []
    build_approximate(
        clustered(1000), queries=NO_QUERIES, progress=lambda done, total: told.append((done, total))
    )
    assert told == [(0, 1000), (300, 1000), (600, 1000), (900, 1000), (1000, 1000)]


def test_same_vectors_give_the_same_index() -> None:
    one, other = (build_approximate(clustered(2000), queries=NO_QUERIES) for _ in range(2))
    assert one.notes == other.notes
    queries = clustered(20, seed=1)
    np.testing.assert_array_equal(one.index.search(queries, 5)[1], other.index.search(queries, 5)[1])


def test_query_alone_finds_what_it_finds_among_others(small_limit: None) -> None:
    index, queries = VectorIndex(clustered(3000), EMBEDDER), clustered(30, seed=1)
    together = index.search(queries, 5)[1]
    alone = [index.search(queries[i : i + 1], 5)[1][0] for i in range(30)]
    np.testing.assert_array_equal(together, alone)


def test_scores_are_near_the_exact_ones(small_limit: None) -> None:
    vectors, queries = clustered(3000), clustered(30, seed=1)
    scores, positions = VectorIndex(vectors, EMBEDDER).search(queries, 5)
    exact = np.einsum("qkd,qd->qk", vectors[positions], queries)
    np.testing.assert_allclose(scores, exact, atol=0.01)


def test_saved_approximate_index_finds_the_same(small_limit: None, tmp_path: Path) -> None:
    index = VectorIndex(clustered(3000), EMBEDDER)
    index.save(tmp_path)
    loaded = VectorIndex.load(tmp_path, EMBEDDER)
    assert loaded.notes == index.notes
    assert json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))["notes"] == index.notes
    queries = clustered(20, seed=1)
    for before, after in zip(index.search(queries, 4), loaded.search(queries, 4), strict=True):
        np.testing.assert_array_equal(before, after)


def test_changed_approximate_index_is_refused(small_limit: None, tmp_path: Path) -> None:
    VectorIndex(clustered(3000), EMBEDDER).save(tmp_path)
    content = bytearray((tmp_path / "index.faiss").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "index.faiss").write_bytes(content)
    with pytest.raises(ConfigError, match="is not the file that was saved"):
        VectorIndex.load(tmp_path, EMBEDDER)


@pytest.mark.parametrize("version", [None, 1, 2, 4])
def test_index_of_another_version_is_refused(tmp_path: Path, version: int | None) -> None:
    VectorIndex(clustered(50), EMBEDDER).save(tmp_path)
    path = tmp_path / "index.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**described, "format_version": version}), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"format version {version}, this library reads 3. Build the index"):
        VectorIndex.load(tmp_path, EMBEDDER)


def test_vectors_of_an_approximate_index_can_be_had(small_limit: None, tmp_path: Path) -> None:
    vectors = clustered(3000)
    index = VectorIndex(vectors, EMBEDDER)
    index.save(tmp_path)
    for some in (index, VectorIndex.load(tmp_path, EMBEDDER)):
        assert not some.is_exact
        np.testing.assert_allclose(some.vectors([2999, 0]), vectors[[2999, 0]], atol=0.02)
