"""records.jsonl: one line a record, only ever added to.

A batch of records is handed to the system in one call and flushed to disk before the next batch starts: a
killed run loses at most the batch under way, and only the end of the file can be damaged by a crash.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adaptkit.comparison.lock import BINARY, NO_ROOM, RunLock, write_all, writing
from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.files import sync_folder
from adaptkit.core.reading import parse_json
from adaptkit.core.result_io import from_json, of_this_version, read_stored, versioned
from adaptkit.core.results import Record

logger = logging.getLogger(__name__)
DAMAGED = ".damaged"
_LINE_START = b'{"schema_version": '


class RecordFile:
    """Reads and adds to one records.jsonl.

    Args:
        path: need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = path.with_name(path.name + DAMAGED)
        self._size: int | None = None  # known once the end of the file is sound

    def read(self) -> list[Record]:
        """All whole records, oldest first. The file stays as it is: another process may be writing to it.

        Raises:
            StoreError: a line is no record, or one of a newer version.
        """
        if not self.path.exists():
            return []
        *lines, last = read_stored(self.path).split(b"\n")
        if _object(last) is not None:  # all of it but its line end
            lines.append(last)
        return [self._parsed(line, number) for number, line in enumerate(lines, start=1) if line.strip()]

    def _parsed(self, line: bytes, number: int) -> Record:
        try:
            values = _object(line, strictly=True)
        except ValueError as error:
            raise StoreError(
                f"This is no record of adaptkit ({error}). Restore the file, or start afresh with --fresh.",
                path=self.path,
                line=number,
            ) from None
        values = of_this_version(values or {}, self.path, line=number)
        return from_json(values, Record, "The record", self.path, line=number)

    def holds_records(self) -> bool:
        """Whether the file begins, as far as it goes, with what a run writes first."""
        head = read_stored(self.path)[:40] if self.path.exists() else b"none"
        return _LINE_START.startswith(head[: len(_LINE_START)])

    def repair(self) -> None:
        """Make the end of the file fit to be added to.

        What stands after the last line that is a JSON object was being written when a run was interrupted or
        the power failed: it is moved to a file beside this one. Damage further up is no trace of
        an interrupted run; ``read`` names it.
        """
        self._size = 0
        if not self.path.exists():
            return
        data = read_stored(self.path)
        sound = _sound_end(data)
        with writing(self.path):
            if data[sound:].strip():
                self._set_aside(data, sound)
            with self.path.open("r+b") as f:
                f.truncate(sound)
                if sound and data[sound - 1 : sound] != b"\n":
                    f.seek(sound)
                    f.write(b"\n")  # the line is whole but for its end: it need not be asked again
                f.flush()
                os.fsync(f.fileno())
            self._size = self.path.stat().st_size

    def _set_aside(self, data: bytes, sound: int) -> None:
        logger.warning(
            "%s: from line %d on it was cut short or damaged when a run was interrupted. That part is moved "
            "to %s, and what it held is asked again.",
            self.path,
            data.count(b"\n", 0, sound) + 1,
            self.damaged.name,
        )
        with self.damaged.open("ab") as f:
            f.write(data[sound:])

    def append(self, records: Sequence[Record], hold: RunLock) -> None:
        """Add records, in one write, and flush them to disk.

        On a full disk, the reserve of ``hold`` makes room for them, and the error comes after that.

        Raises:
            StoreError: they could not be written, or somebody else has changed the file; whole lines that
                were written stay.
        """
        data = b"".join(map(_line, records))
        if self._size is None:
            self.repair()
        start = self._size or 0
        with writing(self.path):
            handle = self._opened(start)
            try:
                self._add(handle, data)
            except OSError as error:
                if error.errno in NO_ROOM and hold.give_reserve():
                    self._add(handle, data[os.fstat(handle).st_size - start :])
                raise
            finally:
                self._size = os.fstat(handle).st_size
                os.close(handle)
            if start == 0:
                sync_folder(self.path.parent)

    def _opened(self, expected: int) -> int:
        create = os.O_CREAT if expected == 0 else 0
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | BINARY | create, 0o644)
        size = os.fstat(handle).st_size
        if size != expected:
            os.close(handle)
            raise StoreError(
                f"Something else has changed this file while the run was writing to it: it has {size} bytes, "
                f"and {expected} were written. Let only one run use the folder, and run again.",
                path=self.path,
            )
        return handle

    def _add(self, handle: int, data: bytes) -> None:
        """Write ``data``; where that fails, keep the whole lines of what was written."""
        start = os.fstat(handle).st_size
        try:
            write_all(handle, data)
            os.fsync(handle)
        except BaseException:
            written = os.fstat(handle).st_size - start
            os.ftruncate(handle, start + data.rfind(b"\n", 0, written) + 1)
            raise


def _line(record: Record) -> bytes:
    values = versioned(to_json(record))
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can hold
        return f"{json.dumps(values, allow_nan=False)}\n".encode()


def _object(line: bytes, *, strictly: bool = False) -> dict[str, Any] | None:
    """The JSON object of a line.

    Returns:
        None when it is none.

    Raises:
        ValueError: says why it is none, if ``strictly``.
    """
    try:
        # Decoded here: the parser would take bytes with NULs for another encoding.
        values = parse_json(line.decode("utf-8"), half_pairs=True)
        if not isinstance(values, dict):
            raise ValueError(f"a JSON object is expected and {str(values)[:40]!r} was found")
    except ValueError:
        if strictly:
            raise
        return None
    return values


def _sound_end(data: bytes) -> int:
    """Where the last line ends that is a JSON object, its line end included if it has one."""
    end = len(data)
    while end > 0:
        content = end - 1 if data[end - 1 : end] == b"\n" else end
        start = data.rfind(b"\n", 0, content) + 1
        if _object(data[start:content]) is not None:
            return end
        end = start
    return 0
