"""Disks full, limited or read-only, folders that go away: what was paid is kept where it can be."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import disaster_comparison
import pytest
from disaster_comparison import N_ANSWERS, N_ROWS, Attempts

SCRIPT = Path(disaster_comparison.__file__)
ROOT = Path(__file__).parents[2]
# Options of the file system: room for the reserve, the strategies and a part of the records.
SMALL = "size=1400k"


@pytest.fixture
def mount_point(tmp_path: Path) -> Path:
    """A folder to mount something on, in a namespace that needs no privileges."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
        subprocess.run(probe, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"this system lets nobody mount a file system of its own: {error}")
    return folder


def runs_of(how: str, folder: Path, *, mounted: str = "") -> list[dict[str, Any]]:
    """Run the script, on a fresh file system with the options ``mounted`` where there are any."""
    command = [sys.executable, str(SCRIPT), how, str(folder)]
    if mounted:
        script = 'mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@"'
        command = ["unshare", "-rm", "sh", "-c", script, mounted, str(folder), *command]
    path = os.pathsep.join([str(ROOT), str(SCRIPT.parent), str(SCRIPT.parents[1])])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    runs: list[dict[str, Any]] = json.loads(done.stdout)
    return runs


def test_on_a_disk_that_fills_up_every_row_is_paid_once(mount_point: Path) -> None:
    first, second, third = runs_of("full", mount_point, mounted=SMALL)
    assert "records.jsonl: It could not be written (No space left on device)" in first["error"]
    # The row that the disk had no room for is stored all the same.
    assert 0 < first["n_stored"] == first["n_paid"] < N_ANSWERS
    assert "The run folder cannot be used (No space left on device). Make room, or" in second["error"]
    assert second["n_paid"] == first["n_paid"]
    assert not second["finished"]
    assert third == {
        "error": None, "n_paid": N_ANSWERS, "n_paid_twice": 0, "n_stored": N_ANSWERS, "finished": True,
    }  # fmt: skip


def test_in_a_read_only_folder_nothing_is_paid(mount_point: Path) -> None:
    first, second, third = runs_of("read-only", mount_point, mounted="size=64m")
    assert (first["n_paid"], first["n_stored"]) == (10, 10)
    assert "The run folder cannot be used (Read-only file system). Choose another one." in second["error"]
    assert (second["n_paid"], second["n_stored"]) == (10, 10)
    assert (third["n_paid"], third["n_paid_twice"], third["finished"]) == (N_ANSWERS, 0, True)


def test_at_a_limit_of_file_sizes_only_the_row_under_way_is_paid_again(tmp_path: Path) -> None:
    first, second = runs_of("limited", tmp_path / "run")
    assert "records.jsonl: It could not be written (File too large)" in first["error"]
    assert first["n_stored"] == first["n_paid"] - 1
    assert 10 < first["n_paid"] < N_ANSWERS
    assert (second["n_paid"], second["n_paid_twice"]) == (N_ANSWERS + 1, 1)
    assert (second["n_stored"], second["finished"]) == (N_ANSWERS, True)


def test_a_disk_that_turns_read_only_under_the_run_costs_the_row_under_way(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path)
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if attempts.paid.total() > 7:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(handle, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        assert attempts.run() is None
    assert attempts.run() is not None
    first, second = attempts.runs
    assert "Read-only file system" in first["error"]
    assert (first["n_paid"], first["n_stored"]) == (8, 7)
    assert (second["n_paid"], second["n_paid_twice"], second["n_stored"]) == (N_ANSWERS + 1, 1, N_ANSWERS)


def test_a_folder_that_is_deleted_under_the_run_is_not_made_again_behind_ones_back(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "run")

    def delete(n_paid: int) -> None:
        if n_paid == 7:
            shutil.rmtree(attempts.folder)

    attempts.before_row = delete
    assert attempts.run() is None
    (first,) = attempts.runs
    assert "The run folder was deleted, moved or replaced while the run was writing to it" in first["error"]
    assert first["n_paid"] == 8
    assert not attempts.folder.exists()
    attempts.before_row = lambda _: None
    assert attempts.run() is not None
    # Nothing was left to go on from, so what was measured is measured again.
    assert attempts.runs[1]["n_paid"] == 8 + N_ANSWERS


def test_a_folder_that_is_moved_away_and_back_costs_the_row_under_way(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path / "run")

    def move(n_paid: int) -> None:
        if n_paid == 7:
            attempts.folder.rename(tmp_path / "elsewhere")

    attempts.before_row = move
    assert attempts.run() is None
    (tmp_path / "elsewhere").rename(attempts.folder)
    attempts.before_row = lambda _: None
    comparison = attempts.run()
    assert comparison is not None
    assert [row.n for row in comparison.rows] == [N_ROWS, N_ROWS]
    assert (attempts.runs[1]["n_paid"], attempts.runs[1]["n_paid_twice"]) == (N_ANSWERS + 1, 1)


@pytest.mark.parametrize(
    "spoilt", [b"", b"\0" * 4096, b"\x80garbage\nmore\xff", b'{"schema_version": 2, "tr']
)
def test_after_a_power_cut_the_run_goes_on_and_pays_what_was_lost(tmp_path: Path, spoilt: bytes) -> None:
    attempts = Attempts(tmp_path)

    def interrupt(n_paid: int) -> None:
        if n_paid == N_ROWS + 7:
            raise KeyboardInterrupt

    attempts.before_row = interrupt
    attempts.run()
    path = tmp_path / "records.jsonl"
    last = path.read_bytes().rfind(b"\n", 0, -1) + 1
    path.write_bytes(path.read_bytes()[: last + 9] + spoilt)
    attempts.before_row = lambda _: None
    assert attempts.run() is not None
    assert (attempts.runs[1]["n_paid"], attempts.runs[1]["n_paid_twice"]) == (N_ANSWERS + 1, 1)
    assert attempts.runs[1]["n_stored"] == N_ANSWERS
