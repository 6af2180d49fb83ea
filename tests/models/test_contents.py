from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from adaptkit.core.codec import file_sha256
from adaptkit.models import contents
from adaptkit.models.contents import HASHES, contents_revision, file_hashes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, in which hashes of files are kept that were written just now."""
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(contents, "SETTLED_S", -1.0)
    return tmp_path / "cache" / HASHES


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(random.Random(0).randbytes(3 << 20))
    return path


def hashed(path: Path) -> str:
    return file_hashes([path], name="a model")[path]


def change(path: Path, at: int) -> None:
    """Change one byte in place, and set the times back to what they were."""
    stat = path.stat()
    with path.open("r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_large_file_is_read_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = hashed(large)
    assert first == file_sha256(large)
    with monkeypatch.context() as patch:
        patch.setattr(contents, "_hashed", lambda *_: pytest.fail("read again"))
        assert hashed(large) == first
        link = large.with_name("link")
        link.symlink_to(large)
        assert hashed(link) == first


@pytest.mark.parametrize("at", [0, 3 << 19, (3 << 20) - 1])
def test_a_byte_that_changes_anywhere_is_seen_although_size_and_time_stay(large: Path, at: int) -> None:
    first = hashed(large)
    change(large, at)
    assert hashed(large) == file_sha256(large) != first


def test_another_file_in_its_place_is_read(large: Path, tmp_path: Path) -> None:
    first = hashed(large)
    other = tmp_path / "other"
    other.write_bytes(random.Random(1).randbytes(3 << 20))
    stat = large.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(large)
    assert hashed(large) != first


def test_file_that_changed_just_now_is_not_relied_on(
    large: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "SETTLED_S", 60.0)
    hashed(large)
    assert not cache.exists()


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "null", '{"path": 1}', "[" * 5_000, '{"path": "x", "state": [], "sha256": "zz"}']
)
def test_damaged_cache_means_reading_again(large: Path, cache: Path, kept: str) -> None:
    first = hashed(large)
    (entry,) = cache.iterdir()
    whole = entry.read_text(encoding="utf-8")
    for text in (kept, whole[: len(whole) // 2], whole.replace(first, first[:-1]), whole.replace(first, "é")):
        entry.write_text(text, encoding="utf-8")
        assert hashed(large) == first
    assert entry.read_text(encoding="utf-8") == whole


def test_cache_that_cannot_be_written_costs_time_only(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "file"))
    assert hashed(large) == hashed(large) == file_sha256(large)


def test_only_so_many_hashes_are_kept(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MAX_KEPT", 2)
    for i in range(4):
        path = tmp_path / f"{i}.bin"
        path.write_bytes(bytes([i]) * (1 << 20))
        hashed(path)
    assert len(list(cache.iterdir())) == 2


def test_revision_follows_names_and_contents_and_not_the_place(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_bytes(b"1")
    a, b = (tmp_path / folder / "x" for folder in ("a", "b"))
    assert contents_revision({"x": a}, name="m") == contents_revision({"x": b}, name="m")
    assert contents_revision({"x": a}, name="m") != contents_revision({"y": a}, name="m")
    b.write_bytes(b"2")
    assert contents_revision({"x": a}, name="m") != contents_revision({"x": b}, name="m")


def test_long_read_is_shown(
    large: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hashed(large)
    assert capfd.readouterr() == ("", "")
    monkeypatch.setattr(contents, "SHOWN_BYTES", 1)
    change(large, 5)
    hashed(large)
    out, err = capfd.readouterr()
    assert (out, err.strip()) == ("", "Reading a model to identify it (0.0 GB, once) ...")
