"""Reading files: of one folder, and of no other place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools import run_tool
from adaptkit.strategies.tools.files import MAX_BYTES, listed, read_file, read_text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "docs"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_text("Ärger", encoding="utf-8")
    (root / "sub" / "b.txt").write_text("b", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to(tmp_path)
    (root / "in.txt").symlink_to(root / "a.txt")
    return root


def test_files_of_the_folder_are_read(folder: Path) -> None:
    assert read_text(folder, "a.txt") == "Ärger"
    assert read_text(folder, "sub/b.txt") == "b"
    assert read_text(folder, "./sub/b.txt") == "b"
    assert read_text(folder, "in.txt") == "Ärger"


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "sub/../../secret.txt", "out.txt", "up/secret.txt", "/etc/passwd", "a.txt\0", "sub/.."],
)
def test_paths_that_lead_elsewhere_are_refused(folder: Path, path: str) -> None:
    with pytest.raises(PermissionError):
        read_text(folder, path)
    absolute = str(folder.parent / "secret.txt")
    with pytest.raises(PermissionError):
        read_text(folder, absolute)


def test_what_is_no_plain_file_is_not_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for name in ("pipe", "sub", "."):
        with pytest.raises(FileNotFoundError):
            read_text(folder, name)


def test_a_missing_file_is_told_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file 'a.text'\. Did you mean 'a.txt'"):
        read_text(folder, "a.text")
    with pytest.raises(FileNotFoundError, match=r"Files: a.txt, in.txt, out.txt, sub/b.txt"):
        read_text(folder, "zzzzzz")


def test_a_large_file_and_one_that_is_no_text_are_bounded(folder: Path) -> None:
    (folder / "large").write_bytes(b"\xff" * (MAX_BYTES + 10))
    assert read_text(folder, "large") == "\ufffd" * MAX_BYTES


def test_the_description_lists_files_and_the_tool_reads_them(folder: Path) -> None:
    tool = read_file(folder)
    assert tool.description.endswith("Files: a.txt, in.txt, out.txt, sub/b.txt")
    found = run_tool(tool, {"path": "a.txt"}, seconds=5, max_chars=3)
    assert found.text == "Ärg... (cut: 5 characters in all)"
    assert run_tool(tool, {"path": "out.txt"}, seconds=5, max_chars=99).failed


def test_links_to_folders_are_not_listed(folder: Path) -> None:
    (folder / "sub" / "round").symlink_to(folder)
    assert listed(folder) == ["a.txt", "in.txt", "out.txt", "sub/b.txt"]


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be 'read_file=' and a folder"):
        read_file(tmp_path / "missing")
