"""One process's hold of a run folder: the lock, who has it, and room for what is paid when a disk is full."""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil
from filelock import FileLock, Timeout

from adaptkit.core.errors import StoreError
from adaptkit.core.files import sync_folder, write_json_atomic
from adaptkit.core.reading import read_json

LOCK = ".lock"
HOLDER = ".holder.json"  # not in the lock file, which contenders may empty when they try
RESERVE = ".reserve"
RESERVE_BYTES = 1 << 20  # the records of a batch are a tenth of it where passages are long
BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn each line end into two bytes
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# A process is known to be older than its hold; a younger one has taken over its number.
CLOCK_SLACK_S = 2.0


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Tell as a StoreError what the system says about a write."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"It could not be written ({error.strerror or error}). What was measured before is safe: mend "
            "that and run the same command again, or choose another folder.",
            path=path,
        ) from error


class RunLock:
    """Holds a run folder as a context manager; while it lasts, no other process writes there.

    A file of ``RESERVE_BYTES`` is kept beside the records meanwhile. When the disk is full it gives way to
    the batch that is paid for already, so that no row has to be asked a second time.

    Args:
        folder: made if need be.

    Raises:
        StoreError: on entering, when the folder cannot be made or written to, or another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(folder / LOCK)
        self._identity: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                f"Another run is writing to this folder{_described(self._folder)}. Wait for it, or choose "
                "another folder.",
                path=self._folder,
            ) from None
        except (OSError, NotImplementedError) as error:  # the latter: a file system without locks
            raise self._unusable(error) from error
        try:
            self._identity = _identity(self._folder / LOCK)
            write_json_atomic(self._folder / HOLDER, _this_process())
            _write_reserve(self._folder / RESERVE)
            with suppress(PermissionError):  # one may pass through a folder that one may not read
                sync_folder(self._folder.parent)
        except OSError as error:
            self._let_go()
            raise self._unusable(error) from error
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._let_go()

    def _let_go(self) -> None:
        # In another folder that has taken this one's place, these are another run's.
        for name in (RESERVE, HOLDER) if self._is_there() else ():
            with suppress(OSError):  # a disk that has turned read-only is not what to complain about now
                (self._folder / name).unlink()
        self._lock.release()

    def _unusable(self, error: OSError | NotImplementedError) -> StoreError:
        reason, remedy = getattr(error, "strerror", None) or error, "Choose another one."
        if getattr(error, "errno", None) in NO_ROOM:
            remedy = "Make room, or choose another one."
        return StoreError(
            f"The run folder cannot be used ({reason}). {remedy}",
            path=self._folder,
        )

    def check(self) -> None:
        """Make sure that the folder is still the one that is held.

        Raises:
            StoreError: it was deleted, moved or replaced.
        """
        if not self._is_there():
            raise StoreError(
                "The run folder was deleted, moved or replaced while the run was writing to it. Put it back, "
                "or run again to measure what is lost.",
                path=self._folder,
            )

    def _is_there(self) -> bool:
        try:
            return _identity(self._folder / LOCK) == self._identity
        except OSError:
            return False

    def give_reserve(self) -> bool:
        """Make room on a full disk; False when that was done before."""
        try:
            (self._folder / RESERVE).unlink()
        except FileNotFoundError:
            return False
        return True


@dataclass(frozen=True)
class _Holder:
    pid: int
    host: str
    since: str

    def may_be_alive(self) -> bool:
        """Whether it may still run; of processes on other machines nothing is known."""
        if self.host != platform.node():
            return True
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.Error:
            return False
        return started <= datetime.fromisoformat(self.since).timestamp() + CLOCK_SLACK_S


def _this_process() -> _Holder:
    return _Holder(os.getpid(), platform.node(), datetime.now(UTC).isoformat(timespec="seconds"))


def _described(folder: Path) -> str:
    """Who holds the folder, in words; empty when that is not known."""
    try:
        values = read_json(folder / HOLDER)
        holder = _Holder(**values)
        # What a killed run left says nothing about the one that holds the folder now.
        alive = holder.may_be_alive()
    except (ValueError, TypeError):
        return ""
    if not alive:
        return ""
    own = " (this one)" if asdict(holder) == {**asdict(_this_process()), "since": holder.since} else ""
    return f": process {holder.pid}{own} on {holder.host}, since {holder.since}"


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _write_reserve(path: Path) -> None:
    """Take the room for good: bytes that no file system can compress or leave out."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | BINARY, 0o644)
    try:
        if os.fstat(handle).st_size < RESERVE_BYTES:
            write_all(handle, os.urandom(RESERVE_BYTES))
            os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Hand all of ``data`` to the system, in one call where it takes it."""
    while data:
        data = data[os.write(handle, data) :]
