from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import HashEmbedder

from adaptkit.core.errors import ConfigError, ModelError
from adaptkit.models.embedded import EMBEDDED
from adaptkit.retrieval import VectorIndex, load_embedder
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.sidecar import write_sidecar

EMBEDDER = HashEmbedder()


def unit_vectors(n: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((n, EMBEDDER.dimension)).astype(np.float32)
    scaled: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


@settings(deadline=None, max_examples=30)
@given(n=st.integers(1, 200), k=st.integers(1, 20), seed=st.integers(0, 1000))
def test_search_finds_what_comparing_with_every_vector_finds(n: int, k: int, seed: int) -> None:
    vectors, queries = unit_vectors(n, seed), unit_vectors(7, seed + 1)
    scores, positions = VectorIndex(vectors, EMBEDDER).search(queries, k)
    brute = queries @ vectors.T
    assert positions.shape == scores.shape == (7, min(k, n))
    assert positions.tolist() == np.argsort(-brute, axis=1)[:, :k].tolist()
    np.testing.assert_allclose(scores, -np.sort(-brute, axis=1)[:, :k], rtol=1e-5, atol=1e-6)


def test_saved_index_finds_the_same(tmp_path: Path) -> None:
    index = VectorIndex(unit_vectors(50, 0), EMBEDDER)
    index.save(tmp_path / "new" / "folder")
    loaded = VectorIndex.load(tmp_path / "new" / "folder", HashEmbedder())
    queries = unit_vectors(5, 1)
    assert len(loaded) == len(index) == 50
    for before, after in zip(index.search(queries, 4), loaded.search(queries, 4), strict=True):
        np.testing.assert_array_equal(before, after)


def test_folder_holds_an_index_and_a_description_and_no_pickle(tmp_path: Path) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.faiss", "index.json"]
    described = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert described["embedder"] == {"name": "hash", "revision": "1", "dimension": EMBEDDER.dimension}
    assert (described["n_vectors"], described["metric"]) == (3, "inner product of unit vectors")
    assert described["files"].keys() == {"index.faiss"}


def test_index_of_another_embedder_is_refused(tmp_path: Path) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
    with pytest.raises(ConfigError, match=r"made by the embedder .*'1'.*, the one given is .*'2'"):
        VectorIndex.load(tmp_path, HashEmbedder(revision="2"))


@pytest.mark.parametrize("content", [b"", b"not an index", None])
def test_changed_or_missing_index_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
    if content is None:
        (tmp_path / "index.faiss").unlink()
    else:
        (tmp_path / "index.faiss").write_bytes(content)
    with pytest.raises(ConfigError, match="is not the file that was saved"):
        VectorIndex.load(tmp_path, EMBEDDER)


def test_index_file_of_another_save_is_refused(tmp_path: Path) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path / "a")
    VectorIndex(unit_vectors(3, 1), EMBEDDER).save(tmp_path / "b")
    (tmp_path / "b" / "index.faiss").replace(tmp_path / "a" / "index.faiss")
    with pytest.raises(ConfigError, match="is not the file that was saved"):
        VectorIndex.load(tmp_path / "a", EMBEDDER)


@pytest.mark.parametrize("content", [b"not an index", b""])
def test_foreign_index_file_with_a_right_hash_is_refused(tmp_path: Path, content: bytes) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
    reseal(tmp_path, content)
    with pytest.raises(ConfigError, match=r"index\.faiss is no index of vectors .* Build the index again"):
        VectorIndex.load(tmp_path, EMBEDDER)


def test_index_of_another_dimension_or_metric_with_a_right_hash_is_refused(tmp_path: Path) -> None:
    import faiss

    for other in (faiss.IndexFlatIP(8), faiss.IndexFlatL2(EMBEDDER.dimension)):
        VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
        other.add(np.ones((3, other.d), dtype=np.float32))
        reseal(tmp_path, faiss.serialize_index(other).tobytes())
        with pytest.raises(ConfigError, match=r"is not the index that index\.json describes"):
            VectorIndex.load(tmp_path, EMBEDDER)


def reseal(folder: Path, content: bytes) -> None:
    """Put another file in the index's place, with a description that vouches for it."""
    (folder / "index.faiss").write_bytes(content)
    described = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    kept = {k: v for k, v in described.items() if k not in ("files", "format_version", "content_hash")}
    write_sidecar(folder / "index.json", kept, ["index.faiss"])


def test_vectors_can_be_had_again() -> None:
    vectors = unit_vectors(9, 0)
    index = VectorIndex(vectors, EMBEDDER)
    assert index.is_exact
    np.testing.assert_array_equal(index.vectors([8, 0, 8]), vectors[[8, 0, 8]])


@pytest.mark.parametrize("content", ["", "{", None])
def test_damaged_or_missing_description_is_refused(tmp_path: Path, content: str | None) -> None:
    VectorIndex(unit_vectors(3, 0), EMBEDDER).save(tmp_path)
    (tmp_path / "index.json").unlink()
    if content is not None:
        (tmp_path / "index.json").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"index\.json is missing or damaged"):
        VectorIndex.load(tmp_path, EMBEDDER)


def test_embedder_that_is_none_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"The embedder '{tmp_path}' could not be loaded"):
        load_embedder(str(tmp_path))


@pytest.mark.slow
def test_embedded_embedder_gives_unit_vectors_near_for_near_meanings() -> None:
    embedder = load_embedder()
    assert embedder is load_embedder()
    assert embedder.name in EMBEDDED
    vectors = embedder.embed(["a cat sleeps", "the kitten is napping", "interest rates rose"])
    assert vectors.shape == (3, embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert embedder.embed([]).shape == (0, embedder.dimension)


@pytest.mark.slow
def test_embedded_embedder_tells_where_its_word_pieces_stand() -> None:
    embedder = load_embedder()
    text = "Electroencephalography " * 300
    spans = embedder.offsets(text)
    assert len(spans) > embedder.max_tokens
    assert "".join(text[a:b] for a, b in spans) == "Electroencephalography" * 300
    # Asking for offsets must not switch off the cut that embedding relies on, nor embedding leave filler.
    assert embedder.embed([text, "short"]).shape == (2, embedder.dimension)
    assert len(embedder.offsets("short")) == 1
