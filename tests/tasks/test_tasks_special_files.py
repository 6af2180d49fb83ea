"""What is named like a file of rows and is none: an error with its path, never zero rows, and no waiting."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adaptkit.core.errors import DataError
from adaptkit.tasks import load_task

MAKE: dict[str, Callable[[Path], object]] = {
    "a link to nothing": lambda path: path.symlink_to(path.with_name("gone")),
    "a link to itself": lambda path: path.symlink_to(path),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a folder": lambda path: path.symlink_to(path.parent.parent),
}
ROWS = "".join(json.dumps({"input": f"q{i}", "target": f"a{i}"}) + "\n" for i in range(9))


@pytest.mark.parametrize("what", MAKE)
@pytest.mark.parametrize(
    "name",
    ["train.jsonl", "validation.csv", "test.jsonl", "documents.jsonl", "task.json"],
)
def test_in_a_folder(tmp_path: Path, name: str, what: str) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    for split in {"train", "test"} - {name.partition(".")[0]}:
        (folder / f"{split}.jsonl").write_text(ROWS.replace("q", split))
    MAKE[what](folder / name)
    with pytest.raises(DataError) as caught:
        load_task(folder, instruction="Do.")
    assert caught.value.path == folder / name


@pytest.mark.parametrize("what", [what for what in MAKE if "folder" not in what])
@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_given_alone(tmp_path: Path, suffix: str, what: str) -> None:
    path = tmp_path / f"rows{suffix}"
    MAKE[what](path)
    with pytest.raises(DataError) as caught:
        load_task(path, instruction="Do.")
    assert caught.value.path == path


def test_a_link_to_a_file_of_rows_is_one(tmp_path: Path) -> None:
    (tmp_path / "rows").write_text(ROWS)
    (tmp_path / "task.jsonl").symlink_to("rows")
    assert load_task(tmp_path / "task.jsonl", instruction="Do.").name == "task"
