"""records.jsonl: whatever cuts or spoils its end, what was stored before stays, in order and alone."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from test_compare_store import RECORD, numbered

from adaptkit.comparison.lock import RESERVE
from adaptkit.comparison.store import RunStore
from adaptkit.core.errors import StoreError
from adaptkit.core.files import write_text_atomic
from adaptkit.core.reading import parse_json
from adaptkit.core.results import Record

OUTPUTS = st.lists(st.text(max_size=20), min_size=1, max_size=6)
FEW = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def a_store() -> Iterator[RunStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        with store.locked():
            yield store


def records_of(outputs: list[str]) -> list[Record]:
    return [replace(RECORD, output=text, example_id=f"row{i}") for i, text in enumerate(outputs)]


def is_object(line: bytes) -> bool:
    try:
        return isinstance(parse_json(line.decode()), dict)
    except ValueError:
        return False


@given(outputs=OUTPUTS, data=st.data())
@FEW
def test_a_cut_after_any_byte_costs_no_line_that_was_whole(outputs: list[str], data: st.DataObject) -> None:
    with a_store() as store:
        path, records = store.folder / "records.jsonl", records_of(outputs)
        store.append(records)
        whole = path.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        path.write_bytes(whole[:cut])
        store.repair()
        # A line that lacks its end only is whole.
        ends = [i for i, byte in enumerate(whole) if byte == ord("\n")]
        n_kept = sum(cut >= end for end in ends)
        assert store.records() == records[:n_kept]
        store.append(records[n_kept:])
        assert path.read_bytes() == whole


GARBAGE = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.integers(1, 9000).map(lambda n: b"\0" * n),
    st.sampled_from(
        [b"[" * 100_000, b"\xef\xbb\xbf", b"[1]\n", b"NaN\n", b"1", b"\n\n", b'{"a": NaN}\n', b'{"a"\0: 1}\n']
    ),
)


@given(outputs=OUTPUTS, garbage=GARBAGE, data=st.data())
@FEW
def test_garbage_after_any_byte_costs_no_line_that_was_whole_and_is_set_aside(
    outputs: list[str], garbage: bytes, data: st.DataObject
) -> None:
    with a_store() as store:
        path, records = store.folder / "records.jsonl", records_of(outputs)
        store.append(records)
        whole = path.read_bytes()
        spoilt = whole[: data.draw(st.integers(0, len(whole)))] + garbage
        lines, found = whole.split(b"\n")[:-1], spoilt.split(b"\n")
        n_kept = next((i for i, line in enumerate(lines) if i >= len(found) or found[i] != line), len(lines))
        assume(not any(map(is_object, found[n_kept:])))
        path.write_bytes(spoilt)
        store.repair()
        kept = b"".join(line + b"\n" for line in lines[:n_kept])
        assert path.read_bytes() == kept
        assert store.records() == records[:n_kept]
        aside = store.folder / "records.jsonl.damaged"
        rest = spoilt[len(kept) :]
        assert (aside.read_bytes() if aside.exists() else b"") == (rest if rest.strip() else b"")
        store.append(records[n_kept:])
        assert path.read_bytes() == whole


@given(outputs=OUTPUTS)
@FEW
def test_repairing_what_is_sound_changes_nothing(outputs: list[str]) -> None:
    with a_store() as store:
        store.append(records_of(outputs))
        before = (store.folder / "records.jsonl").read_bytes()
        store.repair()
        store.repair()
        assert (store.folder / "records.jsonl").read_bytes() == before
        assert not (store.folder / "records.jsonl.damaged").exists()


@given(batches=st.lists(st.lists(st.text(max_size=5), max_size=4), max_size=5), data=st.data())
@FEW
def test_records_keep_the_order_in_which_they_were_added(
    batches: list[list[str]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, added = RunStore(Path(folder)), list[Record]()
        for outputs in batches:
            store = data.draw(st.sampled_from([store, RunStore(Path(folder))]))
            records = records_of(outputs)
            with store.locked():
                store.append(records[:2])
                store.append(records[2:])
            added += records
            assert RunStore(Path(folder)).records() == added


class TwoWriters(RuleBasedStateMachine):
    """Two stores on one folder: what one of them holds, the other can neither take nor change."""

    @initialize()
    def start(self) -> None:
        self.scratch = tempfile.TemporaryDirectory()
        self.stores = [RunStore(Path(self.scratch.name)), RunStore(Path(self.scratch.name))]
        self.holding = [ExitStack(), ExitStack()]
        self.holder: int | None = None
        self.added: list[Record] = []

    @rule(who=st.sampled_from([0, 1]))
    def take(self, who: int) -> None:
        if self.holder is None:
            self.holding[who].enter_context(self.stores[who].locked())
            self.holder = who
        else:
            with pytest.raises(StoreError, match="Another run is writing"):
                self.holding[who].enter_context(self.stores[who].locked())

    @rule(who=st.sampled_from([0, 1]))
    def let_go(self, who: int) -> None:
        self.holding[who].close()
        self.holder = None if self.holder == who else self.holder

    @rule(who=st.sampled_from([0, 1]), outputs=OUTPUTS)
    def add(self, who: int, outputs: list[str]) -> None:
        records = records_of(outputs)
        if self.holder == who:
            self.stores[who].append(records)
            self.added += records
        else:
            with pytest.raises(StoreError, match="Only a run that holds this folder"):
                self.stores[who].append(records)

    @rule(cut=st.integers(1, 30))
    def crash(self, cut: int) -> None:
        """Nobody holds the folder any more, and the last line is torn."""
        for who in (0, 1):
            self.let_go(who)
        path = Path(self.scratch.name) / "records.jsonl"
        if path.exists() and (data := path.read_bytes()).endswith(b"\n"):
            # Never the line end alone, without which a line is whole.
            path.write_bytes(data[: -1 - cut])
            self.added.pop()

    @invariant()
    def holds_what_was_added(self) -> None:
        if hasattr(self, "stores"):
            assert self.stores[0].records() == self.added

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            for who in (0, 1):
                self.holding[who].close()
            self.scratch.cleanup()


TestTwoWriters = TwoWriters.TestCase
TestTwoWriters.settings = settings(max_examples=25, stateful_step_count=15)


@given(size=st.integers(1, 200), outputs=OUTPUTS)
@FEW
def test_a_system_that_takes_few_bytes_at_a_time_gets_all(size: int, outputs: list[str]) -> None:
    real = os.write
    with a_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: real(handle, data[:size]))
        store.append(records_of(outputs))
        store.append(records_of(outputs))
        assert store.records() == 2 * records_of(outputs)


def failing_after(n_bytes: int, number: int, patch: pytest.MonkeyPatch, *, times: int = 1) -> None:
    """Let ``os.write`` take so many bytes and then fail, for the first ``times`` that it is full."""
    real, room, left = os.write, n_bytes, times

    def write(handle: int, data: bytes) -> int:
        nonlocal room, left
        if left and not room:
            left -= 1
            raise OSError(number, os.strerror(number))
        written = real(handle, data[:room] if left else data)
        room -= written if left else 0
        return written

    patch.setattr(os, "write", write)


LINE_BYTES = 500


@pytest.mark.parametrize("n_bytes", [0, 1, LINE_BYTES, 2 * LINE_BYTES])
@pytest.mark.parametrize("number", [errno.EFBIG, errno.EROFS, errno.EIO])
def test_a_write_that_fails_keeps_its_whole_lines(tmp_path: Path, n_bytes: int, number: int) -> None:
    store = RunStore(tmp_path)
    with store.locked():
        store.append(numbered(1))
        before = (tmp_path / "records.jsonl").read_bytes()
        with pytest.MonkeyPatch.context() as patch:
            failing_after(n_bytes, number, patch)
            with pytest.raises(StoreError, match="What was measured before is safe") as caught:
                store.append(numbered(9)[1:])
        assert os.strerror(number) in str(caught.value)
        after = (tmp_path / "records.jsonl").read_bytes()
        assert after.startswith(before)
        n_kept = len(store.records())
        assert store.records() == numbered(9)[:n_kept]
        line_bytes = len(before)
        assert n_kept == 1 + n_bytes // line_bytes
        # Nothing torn stays: what comes next follows at once.
        store.append(numbered(9)[n_kept:])
        assert store.records() == numbered(9)


@pytest.mark.parametrize("n_bytes", [0, 1, LINE_BYTES, 2 * LINE_BYTES])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_takes_what_is_paid_for_from_the_reserve(
    tmp_path: Path, n_bytes: int, number: int
) -> None:
    store = RunStore(tmp_path)
    with store.locked():
        store.append(numbered(1))
        with pytest.MonkeyPatch.context() as patch:
            failing_after(n_bytes, number, patch)
            with pytest.raises(StoreError, match="could not be written"):
                store.append(numbered(9)[1:])
            assert not (tmp_path / RESERVE).exists()
            assert store.records() == numbered(9)
        with pytest.MonkeyPatch.context() as patch:
            failing_after(n_bytes, number, patch)
            with pytest.raises(StoreError, match="could not be written"):
                store.append(numbered(9))
        assert store.records()[:9] == numbered(9)
        assert len(store.records()) < 18


def test_a_file_that_somebody_else_writes_to_is_not_added_to(tmp_path: Path) -> None:
    store, path = RunStore(tmp_path), tmp_path / "records.jsonl"
    with store.locked():
        store.append(numbered(2))
        before = path.read_bytes()
        for changed in (before + b'{"trial', before[:-1], before * 2):
            path.write_bytes(changed)
            with pytest.raises(StoreError, match="Something else has changed this file") as caught:
                store.append(numbered(1))
            assert caught.value.path == path
            assert f"{len(changed)} bytes, and {len(before)} were written" in str(caught.value)
            assert path.read_bytes() == changed
        path.unlink()
        with pytest.raises(StoreError, match="could not be written"):
            store.append(numbered(1))
        assert not path.exists()


def test_records_are_on_disk_before_append_returns_and_a_file_before_it_is_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    write, sync, move = os.write, os.fsync, Path.replace

    def what(handle: int) -> str:
        return "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"

    def noted_write(handle: int, data: bytes) -> int:
        done.append("write")
        return write(handle, data)

    def noted_sync(handle: int) -> None:
        done.append(f"flush {what(handle)}")
        sync(handle)

    def noted_move(path: Path, target: Path) -> Path:
        done.append("move")
        return move(path, target)

    store = RunStore(tmp_path)
    with store.locked():
        monkeypatch.setattr(os, "write", noted_write)
        monkeypatch.setattr(os, "fsync", noted_sync)
        monkeypatch.setattr(Path, "replace", noted_move)
        store.append(numbered(3))
        assert done == ["write", "flush file", "flush folder"]
        done.clear()
        store.append(numbered(3))
        assert done == ["write", "flush file"]
    done.clear()
    write_text_atomic(tmp_path / "a.txt", "1")
    assert done == ["flush file", "move", "flush folder"]


def test_records_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(StoreError, match="It cannot be read: Is a directory"):
        RunStore(tmp_path).records()
