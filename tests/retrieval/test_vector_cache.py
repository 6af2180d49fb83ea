from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import HashEmbedder

from adaptkit.retrieval import vector_cache
from adaptkit.retrieval.documents import DocumentVectors, embed_documents
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.vector_cache import CachedVector, VectorCache, cache_folder

TEXTS = [f"document {i} about {'words ' * (i % 7)}" for i in range(20)]


class CountingEmbedder(HashEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self, *, revision: str = "1", max_tokens: int = 256) -> None:
        super().__init__(revision=revision, max_tokens=max_tokens)
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return super().embed(texts)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path / "vectors"))
    return tmp_path / "vectors"


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.vec"))


def embed(texts: Sequence[str] = TEXTS) -> tuple[DocumentVectors, list[str]]:
    """What a new process would get, and what it would have to embed."""
    embedder = CountingEmbedder()
    return embed_documents(texts, embedder), embedder.asked


def test_second_time_nothing_is_embedded_and_the_vectors_are_the_same_bits(folder: Path) -> None:
    first, asked = embed()
    assert sorted(asked) == sorted(TEXTS)
    second, asked = embed()
    assert asked == []
    assert second.vectors.tobytes() == first.vectors.tobytes() == HashEmbedder().embed(TEXTS).tobytes()
    assert (first.n_embedded, first.n_from_cache) == (20, 0)
    assert (second.n_embedded, second.n_from_cache) == (0, 20)


def test_text_that_changed_is_the_only_one_embedded(folder: Path) -> None:
    embed()
    changed = [*TEXTS[:5], "something else", *TEXTS[6:]]
    made, asked = embed(changed)
    assert asked == ["something else"]
    np.testing.assert_array_equal(made.vectors, HashEmbedder().embed(changed))


@given(texts=st.lists(st.sampled_from(TEXTS[:6]), max_size=30))
def test_duplicates_are_embedded_once_and_rows_keep_their_order(texts: list[str]) -> None:
    made, asked = embed(texts)
    assert sorted(asked) == sorted(set(texts))
    np.testing.assert_array_equal(made.vectors, HashEmbedder().embed(texts))


def test_another_embedder_revision_or_limit_shares_nothing(folder: Path) -> None:
    embed()
    for other in (CountingEmbedder(revision="2"), CountingEmbedder(max_tokens=8)):
        assert embed_documents(TEXTS, other).n_from_cache == 0
        assert len(other.asked) == 20


def test_seconds_of_what_was_cached_are_those_of_its_embedding(folder: Path) -> None:
    class Slow(HashEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            time.sleep(0.3)
            return super().embed(texts)

    first = embed_documents(TEXTS, Slow())
    second, _ = embed()
    assert first.embed_s >= 0.3
    assert first.embed_s_uncached == pytest.approx(first.embed_s)
    assert second.embed_s < 0.3 <= second.embed_s_uncached
    assert second.notes["n_from_cache"] == 20


def test_progress_counts_different_texts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.retrieval.documents.BLOCK_CHARACTERS", 100)
    embed(TEXTS[:5])
    told: list[tuple[int, int]] = []
    embed_documents(TEXTS + TEXTS, HashEmbedder(), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (5, 20)
    assert told[-1] == (20, 20)
    assert len(told) > 3
    assert told == sorted(told)


@pytest.mark.parametrize("off", ["off", "0", "OFF"])
def test_variable_switches_it_off(folder: Path, monkeypatch: pytest.MonkeyPatch, off: str) -> None:
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", off)
    monkeypatch.setenv("ADAPTKIT_CACHE", str(folder))
    assert cache_folder() is None
    embed()
    assert len(embed()[1]) == 20
    assert not folder.exists()


def test_vectors_stand_in_the_cache_folder_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAPTKIT_VECTOR_CACHE")
    monkeypatch.setenv("ADAPTKIT_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere/vectors")


@given(data=st.data())
def test_damaged_shard_is_dropped_and_its_texts_embedded_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADAPTKIT_VECTOR_CACHE", str(folder))
        whole = embed(TEXTS[:3])[0].vectors
        (path,) = shards(folder)
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del content[at:]
        path.write_bytes(content)
        made, asked = embed(TEXTS[:3])
        np.testing.assert_array_equal(made.vectors, whole)
        assert len(asked) == 3
        assert path not in shards(folder)
        assert embed(TEXTS[:3])[1] == []


def test_damage_is_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    embed()
    (path,) = shards(folder)
    path.write_bytes(b"")
    with caplog.at_level(logging.WARNING):
        embed()
    assert f"Ignored {path} of the vector cache (it is too short)" in caplog.text


def test_folder_that_cannot_be_written_is_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADAPTKIT_VECTOR_CACHE", str(tmp_path / "file" / "vectors"))
    assert len(embed()[1]) == 20
    assert "Vectors are not cached" in caplog.text


def test_full_disk_is_survived_and_leaves_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as f:
            f.write(content[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        made, _ = embed()
    np.testing.assert_array_equal(made.vectors, HashEmbedder().embed(TEXTS))
    assert "No space left on device" in caplog.text
    assert shards(folder) == []
    assert len(embed()[1]) == 20


def test_what_was_embedded_before_an_interruption_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptkit.retrieval.documents.BLOCK_CHARACTERS", 1)

    class Interrupted(CountingEmbedder):
        def embed(self, texts: Sequence[str]) -> Vectors:
            if len(self.asked) == 8:
                raise KeyboardInterrupt
            return super().embed(texts)

    with pytest.raises(KeyboardInterrupt):
        embed_documents(TEXTS, Interrupted())
    made, asked = embed()
    assert len(asked) == 12
    assert made.n_from_cache == 8


def test_shards_unused_for_longest_make_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, text in enumerate(TEXTS[:4]):
        embed([text])
        # Times that differ by more than a file system's clock can tell.
        os.utime(shards(folder)[-1], (1000 + number, 1000 + number))
    embed([TEXTS[0]])  # used again, so no longer the oldest
    size = shards(folder)[0].stat().st_size
    monkeypatch.setattr(vector_cache, "MAX_BYTES", 3 * size)
    embed(["one more"])
    assert sum(p.stat().st_size for p in shards(folder)) <= 3 * size
    monkeypatch.setattr(vector_cache, "MAX_BYTES", 10**9)
    assert embed([TEXTS[0]])[1] == embed([TEXTS[3]])[1] == []
    assert embed([TEXTS[1]])[1] == [TEXTS[1]]


def test_number_of_shards_is_bounded_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_cache, "MAX_SHARDS", 3)
    for text in TEXTS[:6]:
        embed([text])
    assert len(shards(folder)) == 3


def test_leftover_of_a_killed_process_is_not_read_and_goes_after_a_while(folder: Path) -> None:
    embed()
    (shard,) = shards(folder)
    old, new = (shard.with_name(f".0{name}.vec") for name in ("old", "new"))
    for draft in (old, new):
        draft.write_bytes(shard.read_bytes()[:50])
    os.utime(old, (0, 0))
    embed(["another"])
    assert not old.exists()
    assert new.exists()
    assert embed()[1] == []


WRITER = """
import sys
import numpy as np
from tiny import HashEmbedder
from adaptkit.retrieval.documents import embed_documents
texts = [f"text {i}" for i in range(int(sys.argv[1]), int(sys.argv[1]) + 60)]
print("ready", flush=True)
sys.stdin.read(1)
for i in range(0, len(texts), 3):
    embed_documents(texts[: i + 3], HashEmbedder())
"""


def _writer(folder: Path, first: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    env = {**os.environ, "ADAPTKIT_VECTOR_CACHE": str(folder), "PYTHONPATH": path}
    command = [sys.executable, "-c", WRITER, str(first)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)


def test_two_processes_write_at_once(folder: Path) -> None:
    writers = [_writer(folder, 0), _writer(folder, 30)]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        writer.communicate(b"x", timeout=60)
        assert writer.returncode == 0
    texts = [f"text {i}" for i in range(90)]
    made, asked = embed(texts)
    assert asked == []
    np.testing.assert_array_equal(made.vectors, HashEmbedder().embed(texts))


def test_process_killed_while_it_writes_leaves_a_sound_cache(folder: Path) -> None:
    writer = _writer(folder, 0)
    assert writer.stdin
    assert writer.stdout
    writer.stdout.readline()
    writer.stdin.write(b"x")
    writer.stdin.flush()
    # A file that begins with a dot is still being written: killed then, nothing is kept.
    while all(path.name.startswith(".") for path in shards(folder)):
        time.sleep(0.001)
    writer.kill()
    writer.communicate()
    texts = [f"text {i}" for i in range(60)]
    made, asked = embed(texts)
    assert len(asked) < 60
    np.testing.assert_array_equal(made.vectors, HashEmbedder().embed(texts))


def test_keys_differ_by_content_and_not_by_how_it_is_cut() -> None:
    one, other = HashEmbedder(revision="1"), HashEmbedder(revision="12")
    assert VectorCache(one, None).key("2 text") != VectorCache(other, None).key(" text")
    assert len(VectorCache(one, None).key("\udc80")) == 32


def test_cache_without_a_folder_keeps_nothing() -> None:
    cache = VectorCache(HashEmbedder(), None)
    cache.put({b"k" * 32: CachedVector(np.zeros(64, dtype=np.float32), 1.0)})
    assert cache.get([b"k" * 32]) == {}
