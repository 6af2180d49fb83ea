"""A saved strategy vouches for its files; whatever else lies in the folder is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.sealed import is_sealed, sealed
from adaptkit.strategies.seal import check_files, file_hashes, written_apart


def test_files_that_stood_there_before_are_neither_lost_nor_vouched_for(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("mine.txt", "deep/mine.txt", "deep/both.txt"):
        (tmp_path / name).write_text("mine", encoding="utf-8")

    def save(name: str) -> None:
        with written_apart(tmp_path) as made:
            assert made.parent == tmp_path
            (made / "deep").mkdir()
            (made / "deep" / name).write_text("saved", encoding="utf-8")
            assert list(file_hashes(made)) == [f"deep/{name}"]

    save("other.txt")
    with pytest.raises(ConfigError, match=r"both\.txt' was not saved by a strategy"):
        save("both.txt")
    found = {
        p.relative_to(tmp_path).as_posix(): p.read_text(encoding="utf-8") for p in tmp_path.rglob("*.txt")
    }
    assert found == {
        "mine.txt": "mine",
        "deep/mine.txt": "mine",
        "deep/both.txt": "mine",
        "deep/other.txt": "saved",
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "mine.txt"]


def test_writing_that_fails_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old", encoding="utf-8")

    def fail() -> None:
        with written_apart(tmp_path) as made:
            (made / "a").write_text("new", encoding="utf-8")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_part_vouches_for_its_own_files(tmp_path: Path) -> None:
    for name in ("own/weights", "part-0/strategy.json", "part-0/weights", "deep/part-1/strategy.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    hashes = file_hashes(tmp_path)
    assert sorted(hashes) == ["deep/part-1/strategy.json", "own/weights", "part-0/strategy.json"]
    assert hashes["own/weights"] == file_sha256(tmp_path / "own" / "weights")


@pytest.mark.parametrize(
    ("harm", "found"),
    [
        (lambda p: p.unlink(), "missing"),
        (lambda p: p.write_bytes(b"\0one"), "not as saved"),
        (lambda p: p.write_bytes(b""), "not as saved"),
    ],
)
def test_a_file_that_is_not_the_one_saved_is_named(
    harm: Callable[[Path], object], found: str, tmp_path: Path
) -> None:
    path = tmp_path / "index" / "index.faiss"
    path.parent.mkdir()
    path.write_bytes(b"\1one")
    hashes = file_hashes(tmp_path)
    check_files(tmp_path, hashes)
    harm(path)
    with pytest.raises(ConfigError, match=rf"index\.faiss is {found}\. Copy the whole folder again"):
        check_files(tmp_path, hashes)


def test_an_object_that_was_changed_by_hand_is_not_sealed_any_more(tmp_path: Path) -> None:
    path = tmp_path / "strategy.json"
    write_json_atomic(path, sealed({"pool": ("a", "é"), "rate": 1e-3, "n": {1: None}}))
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert is_sealed(saved)
    for other in (
        {"rate": 2e-3},
        {"more": 1},
        {"content_hash": None},
        {"pool": ["a", "\ud800"]},
        {"n": float("nan")},
    ):
        assert not is_sealed({**saved, **other})
    del saved["content_hash"]
    assert not is_sealed(saved)
