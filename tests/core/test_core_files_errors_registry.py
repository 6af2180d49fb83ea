"""Atomic files, errors that say what to do, and names that are loaded when asked for."""

from __future__ import annotations

import errno
import inspect
import os
import stat
import sys
from pathlib import Path

import pytest

from adaptkit.core import errors
from adaptkit.core.errors import (
    AdaptKitError,
    ConfigError,
    ContextLengthError,
    DataError,
    MissingDependencyError,
    StoreError,
    UnknownNameError,
)
from adaptkit.core.files import remove_unfinished, write_json_atomic, write_text_atomic
from adaptkit.core.registry import Registry


def test_a_file_is_made_with_its_folders_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sub" / "a.txt"
    write_text_atomic(path, "é\n")
    assert path.read_bytes() == "é\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_json_atomic(path, {"a": 1})
    with pytest.raises(ValueError, match="nan"):
        write_json_atomic(path, {"a": float("nan")})

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_json_atomic(path, {"a": 2})
    assert path.read_text(encoding="utf-8") == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_writers_left_is_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    with monkeypatch.context() as patch:
        # What kill -9 leaves: neither moved into place nor cleaned up.
        patch.setattr(Path, "replace", lambda *_: None)
        write_text_atomic(path, "1")
        write_text_atomic(tmp_path / "b.json", "1")
    (tmp_path / ".a.json").write_text("mine", encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 3
    remove_unfinished(path)
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left[0] == ".a.json"
    assert left[1].startswith(".b.json.")
    remove_unfinished(path)


def test_a_file_system_that_cannot_flush_folders_is_put_up_with_and_a_broken_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    number = errno.EINVAL

    def sync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    write_text_atomic(tmp_path / "a", "1")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "1"
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output error"):
        write_text_atomic(tmp_path / "a", "2")


def test_every_error_can_be_caught_as_one_and_as_pythons_own() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]
    assert all(issubclass(c, AdaptKitError) for c in classes)
    # The tree in the module's docstring is the one of the code.
    for cls in set(classes) - {ContextLengthError}:
        assert cls.__name__ in (errors.__doc__ or "")
    assert issubclass(ConfigError, ValueError)
    assert issubclass(UnknownNameError, LookupError)
    assert issubclass(MissingDependencyError, ImportError)


def test_messages_name_the_thing_the_value_and_the_remedy(tmp_path: Path) -> None:
    assert str(ConfigError.for_parameter("FewShot", "k", "an int >= 1", 0)) == (
        "The 'k' parameter of FewShot must be an int >= 1. Got 0 instead."
    )
    assert str(UnknownNameError.for_name("strategy", "fewshot", ["rag", "few-shot"])) == (
        "Unknown strategy 'fewshot'. Did you mean 'few-shot'? Known: few-shot, rag."
    )
    assert "Did you mean" not in str(UnknownNameError.for_name("strategy", "xyz", ["rag"]))
    assert "pip install 'adaptkit-llm[hub]'" in str(MissingDependencyError.for_extra("It", "datasets", "hub"))
    assert str(DataError("bad", path=tmp_path, line=3)) == f"{tmp_path} line 3: bad"
    assert str(DataError("bad", path=tmp_path)) == f"{tmp_path}: bad"
    assert str(DataError("bad")) == "bad"
    assert str(StoreError("bad", path=tmp_path, line=3)) == f"{tmp_path} line 3: bad"
    assert "needs 12 tokens" in str(ContextLengthError(12, 10))


def test_listing_names_imports_nothing() -> None:
    registry: Registry[object] = Registry("thing", {"tree": "this_is_no_module:x"}, group="adaptkit.no-such")
    assert registry.names() == ["tree"]
    with pytest.raises(ModuleNotFoundError):
        registry.get("tree")


def test_a_name_is_loaded_when_asked_for() -> None:
    registry: Registry[object] = Registry(
        "thing", {"words": "string:ascii_letters"}, group="adaptkit.no-such"
    )
    assert registry.get("words") == sys.modules["string"].ascii_letters
    with pytest.raises(UnknownNameError, match=r"Unknown thing 'word'. Did you mean 'words'?"):
        registry.get("word")


def test_names_of_other_packages_come_after_the_own_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint, EntryPoints

    point = EntryPoint(name="theirs", value="string:digits", group="adaptkit.things")

    def entry_points(group: str) -> EntryPoints:
        return EntryPoints([point]).select(group=group)

    monkeypatch.setattr("adaptkit.core.registry.entry_points", entry_points)
    registry: Registry[object] = Registry("thing", {"own": "string:ascii_letters"}, group="adaptkit.things")
    assert registry.names() == ["own", "theirs"]
    assert registry.get("theirs") == "0123456789"


def test_a_registry_takes_names_of_this_process_and_keeps_its_own() -> None:
    registry: Registry[str] = Registry("thing", {"own": "string:ascii_letters"}, group="adaptkit.no-such")
    registry.add("mine", "a")
    registry.add("mine", "b")
    assert registry.names() == ["own", "mine"]
    assert registry.get("mine") == "b"
    with pytest.raises(ConfigError, match="'own' is a known thing already"):
        registry.add("own", "c")
