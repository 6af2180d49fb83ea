"""What a saved retriever must survive, and what it must refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CAPITALS, HashEmbedder, qa_task

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval import Method, Retriever, RetrieverSettings
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.sidecar import read_sidecar

METHODS = get_args(Method)
QUESTIONS = [f"What is the capital of {country}?" for country in CAPITALS]
FILES = {
    "dense": {"chunks.json", "retriever.json", "index.faiss", "index.json"},
    "bm25": {"chunks.json", "retriever.json", "lexical.safetensors", "lexical.json"},
}
FILES["hybrid"] = FILES["dense"] | FILES["bm25"]


class Constant:
    """A reranker that likes all texts alike."""

    name = "constant"

    def __init__(self, revision: str = "1") -> None:
        self.revision = revision

    def scores(self, query: str, texts: Sequence[str]) -> Vectors:
        return np.zeros(len(texts), dtype=np.float32)


def build(method: Method = "hybrid") -> Retriever:
    cut = RetrieverSettings(method=method, chunk_tokens=16, overlap_tokens=4)
    return Retriever.built_as(cut, qa_task().documents, embedder=HashEmbedder())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a retriever that uses all kinds of them."""
    folder = tmp_path_factory.mktemp("saved")
    build().save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_saved_retriever_finds_the_same(method: Method, tmp_path: Path) -> None:
    retriever = build(method)
    retriever.save(tmp_path / "new" / "folder")
    loaded = Retriever.load(tmp_path / "new" / "folder", embedder=HashEmbedder())
    assert {p.name for p in (tmp_path / "new" / "folder").iterdir()} == FILES[method]
    assert loaded.chunks == retriever.chunks
    assert loaded.settings == retriever.settings
    assert loaded.retrieve(QUESTIONS, 3) == retriever.retrieve(QUESTIONS, 3)
    for question in (["xylophone"], ["a"], [""]):
        assert loaded.retrieve(question, 3) == retriever.retrieve(question, 3)


@pytest.mark.parametrize("method", METHODS)
def test_empty_retriever_can_be_saved(method: Method, tmp_path: Path) -> None:
    empty = Retriever.built_as(RetrieverSettings(method=method), [], embedder=HashEmbedder())
    empty.save(tmp_path)
    assert Retriever.load(tmp_path, embedder=HashEmbedder()).retrieve(["a"], 3) == [[]]


def test_no_file_is_pickled(saved: dict[str, bytes]) -> None:
    assert {Path(name).suffix for name in saved} == {".json", ".faiss", ".safetensors"}
    assert not any(content.startswith((b"\x80\x04", b"\x80\x02", b"PK")) for content in saved.values())


@settings(max_examples=60)
@given(data=st.data())
def test_one_changed_byte_is_noticed(
    data: st.DataObject, saved: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = data.draw(st.sampled_from(sorted(saved)))
    content = bytearray(saved[name])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.sampled_from([1 << bit for bit in range(8)]))
    folder = write(tmp_path_factory.mktemp("changed"), {**saved, name: bytes(content)})
    with pytest.raises(ConfigError, match=r"Build the index again\.$") as caught:
        Retriever.load(folder, embedder=HashEmbedder())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(FILES["hybrid"]))
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99, None])
def test_file_that_is_cut_short_or_missing_is_noticed(
    name: str, kept: float | None, saved: dict[str, bytes], tmp_path: Path
) -> None:
    write(tmp_path, saved)
    if kept is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(saved[name][: int(len(saved[name]) * kept)])
    with pytest.raises(ConfigError, match=r"Build the index again\.$"):
        Retriever.load(tmp_path, embedder=HashEmbedder())


@pytest.mark.parametrize("name", sorted(FILES["hybrid"]))
def test_file_of_another_retriever_is_noticed(name: str, saved: dict[str, bytes], tmp_path: Path) -> None:
    documents = qa_task().documents[1:]
    other = RetrieverSettings(chunk_tokens=16, overlap_tokens=4)
    Retriever.built_as(other, documents, embedder=HashEmbedder()).save(tmp_path / "other")
    write(tmp_path, {**saved, name: (tmp_path / "other" / name).read_bytes()})
    with pytest.raises(ConfigError, match="Build the index again"):
        Retriever.load(tmp_path, embedder=HashEmbedder())


@pytest.mark.parametrize("method", METHODS)
def test_retriever_of_another_embedder_is_refused(method: Method, tmp_path: Path) -> None:
    build(method).save(tmp_path)
    with pytest.raises(ConfigError, match=r"made by the embedder .*'1'.* given is .*'2'.* Build the index"):
        Retriever.load(tmp_path, embedder=HashEmbedder(revision="2"))


def test_retriever_of_another_reranker_is_refused(tmp_path: Path) -> None:
    retriever = build()
    retriever.reranker = Constant()
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path, embedder=HashEmbedder(), reranker=Constant())
    assert loaded.retrieve(QUESTIONS, 3) == retriever.retrieve(QUESTIONS, 3)
    for other in (None, Constant(revision="2")):
        with pytest.raises(ConfigError, match="made by the reranker"):
            Retriever.load(tmp_path, embedder=HashEmbedder(), reranker=other)


def test_save_over_another_one_leaves_the_new_one(tmp_path: Path) -> None:
    build("hybrid").save(tmp_path)
    build("bm25").save(tmp_path)
    loaded = Retriever.load(tmp_path, embedder=HashEmbedder())
    assert loaded.search.index is None
    assert loaded.retrieve(QUESTIONS, 3) == build("bm25").retrieve(QUESTIONS, 3)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("retriever.json", '"chunk_tokens": 16', '"chunk_tokens": 17'),
        ("retriever.json", '"n_chunks": ', '"n_chunks": 1'),
        ("index.json", '"recall_at_10": 1.0', '"recall_at_10": 0.9'),
        ("lexical.json", '"n_texts": ', '"n_texts": 1'),
    ],
)
def test_description_that_was_changed_to_another_right_one_is_noticed(
    name: str, old: str, new: str, saved: dict[str, bytes], tmp_path: Path
) -> None:
    write(tmp_path, saved)
    text = saved[name].decode()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"json is damaged \(it is not as it was saved\)"):
        read_sidecar(tmp_path / name)
    with pytest.raises(ConfigError, match="Build the index again"):
        Retriever.load(tmp_path, embedder=HashEmbedder())


def test_description_tells_how_the_index_was_made(tmp_path: Path) -> None:
    build("bm25").save(tmp_path)
    described = json.loads((tmp_path / "retriever.json").read_text(encoding="utf-8"))
    assert described["settings"] == {
        "method": "bm25",
        "chunk_tokens": 16,
        "overlap_tokens": 4,
        "titles": True,
    }
    assert described["files"].keys() == {"chunks.json", "lexical.json"}
