"""The hold of a run folder: one process at a time, told apart by name, with room for what is paid."""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock
from test_compare_store import RESULT, numbered

from adaptkit.comparison.lock import HOLDER, LOCK, RESERVE, RESERVE_BYTES
from adaptkit.comparison.store import RunStore
from adaptkit.core.errors import StoreError

ROOT = Path(__file__).parents[2]
HOST = platform.node()


@contextmanager
def another_process(code: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Runs ``code``, in which ``store`` is the folder's store."""
    start = "import sys, os, time; from pathlib import Path; from adaptkit.comparison.store import RunStore;"
    command = [sys.executable, "-c", f"{start} store = RunStore(Path(sys.argv[1]))\n{code}", str(folder)]
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent), str(Path(__file__).parents[1])])
    env = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


HOLD_ON = """
with store.locked():
    print("held", flush=True)
    time.sleep(60)
"""


def refusal(folder: Path) -> str:
    with pytest.raises(StoreError) as caught, RunStore(folder).locked():
        pass
    return str(caught.value)


def test_another_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    with another_process(HOLD_ON, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        since = json.loads((tmp_path / HOLDER).read_text(encoding="utf-8"))["since"]
        who = f"process {holder.pid} on {HOST}, since {since}"
        what = f"{tmp_path}: Another run is writing to this folder: {who}."
        assert refusal(tmp_path) == f"{what} Wait for it, or choose another folder."
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with RunStore(tmp_path).locked():  # the lock goes with its process; what it left is no obstacle
        assert json.loads((tmp_path / HOLDER).read_text(encoding="utf-8"))["pid"] == os.getpid()


def test_a_second_run_of_the_same_process_is_told_so(tmp_path: Path) -> None:
    with RunStore(tmp_path).locked():
        assert f"process {os.getpid()} (this one) on {HOST}, since 2" in refusal(tmp_path)


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def acquire(*_: object, **__: object) -> None:
        raise NotImplementedError("no flock here")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    assert refusal(tmp_path) == (
        f"{tmp_path}: The run folder cannot be used (no flock here). Choose another one."
    )


NO_PROCESS = 2**30
LONG_AGO = "2001-01-01T00:00:00+00:00"
NOW = "2999-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("holder", "told"),
    [
        (None, False),
        ("{", False),
        ("[]", False),
        ('{"pid": 1}', False),
        ({"pid": 1, "host": HOST, "since": "yesterday"}, False),
        # A killed run's, whose number has gone or now belongs to a younger process.
        ({"pid": NO_PROCESS, "host": HOST, "since": NOW}, False),
        ({"pid": os.getpid(), "host": HOST, "since": LONG_AGO}, False),
        ({"pid": os.getpid(), "host": HOST, "since": NOW}, True),
        ({"pid": 7, "host": f"not-{HOST}", "since": LONG_AGO}, True),
    ],
)
def test_only_a_holder_that_may_be_alive_is_named(tmp_path: Path, holder: object, told: bool) -> None:
    with FileLock(tmp_path / LOCK):
        if holder is not None:
            text = holder if isinstance(holder, str) else json.dumps(holder)
            (tmp_path / HOLDER).write_text(text, encoding="utf-8")
        message = refusal(tmp_path)
    assert ("writing to this folder: process " in message) == told
    assert ("writing to this folder. Wait for it" in message) == (not told)


def test_room_is_kept_while_the_folder_is_held_and_given_back_after(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with store.locked():
        room = (tmp_path / RESERVE).stat()
        assert room.st_size == RESERVE_BYTES
        assert room.st_blocks * 512 >= RESERVE_BYTES
        assert store.held().give_reserve()
        assert not store.held().give_reserve()
    with store.locked():
        assert (tmp_path / RESERVE).stat().st_size == RESERVE_BYTES
    assert [p.name for p in tmp_path.iterdir()] == [LOCK]


def test_a_folder_without_room_for_the_reserve_is_refused_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        # The error keeps alive what raised it: the lock must not wait for that to go.
        with pytest.raises(StoreError, match=r"No space left on device.*Make room") as caught:
            RunStore(tmp_path).locked().__enter__()
    assert [p.name for p in tmp_path.iterdir()] == [LOCK]
    with RunStore(tmp_path).locked():
        assert caught.value.path == tmp_path


def test_what_killed_runs_left_is_cleaned_up(tmp_path: Path) -> None:
    unfinished = [
        tmp_path / ".comparison.json.abc.tmp",
        tmp_path / ".report.html.abc.tmp",
        tmp_path / "trials" / "k" / ".result.json.abc.tmp",
    ]
    mine = [tmp_path / ".notes.tmp", tmp_path / "trials" / "k" / ".mine.abc.tmp"]
    (tmp_path / "trials" / "k").mkdir(parents=True)
    for path in (*unfinished, *mine):
        path.write_text("half", encoding="utf-8")
    (tmp_path / RESERVE).write_bytes(b"half")
    with RunStore(tmp_path).locked():
        assert not any(p.exists() for p in unfinished)
        assert (tmp_path / RESERVE).stat().st_size >= RESERVE_BYTES
    assert all(p.exists() for p in mine)


def delete(folder: Path) -> None:
    shutil.rmtree(folder)


def move(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def replace_it(folder: Path) -> None:
    move(folder)
    folder.mkdir()
    (folder / LOCK).touch()


@pytest.mark.parametrize("lose", [delete, move, replace_it])
def test_nothing_is_written_where_the_folder_no_longer_is(
    tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    folder = tmp_path / "run"
    store = RunStore(folder)
    with store.locked():
        store.append(numbered(2))
        lose(folder)
        writes: list[Callable[[], object]] = [
            lambda: store.append(numbered(1)),
            store.repair,
            store.clear,
            lambda: store.write_trial_result(RESULT),
            lambda: store.prepare_artifact("artifacts/prompt"),
            lambda: store.mark_artifact("artifacts/prompt", "k", {}),
        ]
        for write in writes:
            with pytest.raises(StoreError, match="was deleted, moved or replaced while the run was writing"):
                write()
        assert not folder.exists() or [p.name for p in folder.iterdir()] == [LOCK]
    if lose is not delete:
        assert len(RunStore(tmp_path / "elsewhere").records()) == 2


def test_letting_go_does_not_touch_the_hold_that_has_taken_ones_place(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first, second = RunStore(folder), RunStore(folder)
    with first.locked():
        move(folder)
        holding = second.locked()
        holding.__enter__()
    assert (folder / RESERVE).exists()
    assert (folder / HOLDER).exists()
    second.append(numbered(1))
    holding.__exit__(None, None, None)
    assert not (folder / RESERVE).exists()


def test_only_a_holder_may_write(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    writes: list[Callable[[], object]] = [lambda: store.append(numbered(1)), store.repair, store.clear]
    for write in writes:
        with pytest.raises(StoreError, match="Only a run that holds this folder may write to it"):
            write()
    with store.locked():
        store.append(numbered(1))
    with pytest.raises(StoreError, match="Only a run that holds"):
        store.append(numbered(1))
    assert store.records() == numbered(1)


TAKE_TURNS = """
from adaptkit.core.errors import StoreError
from dataclasses import replace
from test_compare_store import RECORD
n = 0
while n < 12:
    try:
        with store.locked():
            mine = replace(RECORD, strategy=str(os.getpid()))
            for i in range(4):
                store.append([replace(mine, example_id=f"{n}.{i}.{j}") for j in (0, 1)])
            n += 1
    except StoreError as error:
        assert "Another run is writing" in str(error), error
"""


def test_processes_that_want_to_write_at_once_never_interleave(tmp_path: Path) -> None:
    with another_process(TAKE_TURNS, tmp_path) as a, another_process(TAKE_TURNS, tmp_path) as b:
        assert (a.wait(timeout=120), b.wait(timeout=120)) == (0, 0)
        pids = {str(a.pid), str(b.pid)}
    records = RunStore(tmp_path).records()
    assert Counter(r.strategy for r in records) == dict.fromkeys(pids, 12 * 8)
    for start in range(0, len(records), 8):
        turn = records[start : start + 8]
        assert len({r.strategy for r in turn}) == 1
        n = turn[0].example_id.partition(".")[0]
        assert [r.example_id for r in turn] == [f"{n}.{i}.{j}" for i in range(4) for j in (0, 1)]
