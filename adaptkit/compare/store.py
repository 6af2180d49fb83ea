"""The run folder: append-only records, one small file a trial, written last.

A record line is handed to the kernel in one call and flushed to disk before the next batch starts, so a
killed run loses at most the batch under way. A line cut short by a crash is dropped on the next start.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.results import Record

logger = logging.getLogger(__name__)
RECORDS = "records.jsonl"
TRIALS = "trials"
ARTIFACTS = "artifacts"
TRIAL_MARK = "trial.json"


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a finished trial leaves beside its records.

    Attributes:
        status: ``done``, or ``failed`` with the reason.
        fit_s: seconds of ``fit()``; of the original fit, where an artifact was taken up again.
        eval_s: wall seconds of the evaluation, summed over resumed parts.
    """

    key: str
    status: str
    fit_s: float | None
    fit_notes: Mapping[str, Any]
    peak_memory_bytes: int | None
    eval_s: float | None
    artifact: str | None
    error: Mapping[str, str] | None = None


class RunStore:
    """Reads and writes one run folder.

    Args:
        folder: made when it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The run folder cannot be made ({error.strerror}). Choose another one.", path=folder
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process.

        Raises:
            StoreError: another run writes to it.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                "Another run is writing to this folder. Wait for it, or choose another folder.",
                path=self.folder,
            ) from None
        try:
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Remove what earlier runs left in this folder, and nothing else."""
        for name in (RECORDS, "manifest.json", "comparison.json", "comparison.csv", "report.html", "report.md"):
            (self.folder / name).unlink(missing_ok=True)
        for name in (TRIALS, ARTIFACTS):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def append(self, records: Sequence[Record]) -> None:
        """Add records, in one write, and flush them to disk."""
        lines = "".join(json.dumps(to_json(r), ensure_ascii=False, allow_nan=False) + "\n" for r in records)
        try:
            handle = os.open(self.folder / RECORDS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _write_all(handle, lines.encode())
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreError(
                f"Records could not be written ({error.strerror}). What was measured before is safe: "
                "make room and run the same command again.",
                path=self.folder / RECORDS,
            ) from error

    def records(self) -> list[Record]:
        """All records, oldest first; repairs a last line that was cut short.

        Raises:
            StoreError: a line other than the last is no record.
        """
        path = self.folder / RECORDS
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        if lines[-1]:
            self._drop_torn_line(path, len(lines[-1]), len(lines))
        return [self._parse(line, number) for number, line in enumerate(lines[:-1], start=1) if line.strip()]

    def _drop_torn_line(self, path: Path, n_bytes: int, number: int) -> None:
        logger.warning("%s line %d was cut short by an interrupted run; it is dropped.", path, number)
        with path.open("r+b") as f:
            f.truncate(path.stat().st_size - n_bytes)

    def _parse(self, line: bytes, number: int) -> Record:
        try:
            values = json.loads(line)
            return Record(**values)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"This is no record of adaptkit ({error}). Restore the file, or start afresh with --fresh.",
                path=self.folder / RECORDS,
                line=number,
            ) from None

    def trial_result(self, key: str) -> TrialResult | None:
        """The result of a finished trial, None when it has not finished."""
        path = self._trial_path(key)
        if not path.exists():
            return None
        try:
            return TrialResult(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StoreError(f"Damaged trial result ({error}). Delete the file and run again.", path=path) from None

    def write_trial_result(self, result: TrialResult) -> None:
        """Mark a trial as finished."""
        write_json_atomic(self._trial_path(result.key), result)

    def _trial_path(self, key: str) -> Path:
        return self.folder / TRIALS / key / "result.json"

    def artifact_is_from(self, artifact: str, key: str) -> bool:
        """Whether the artifact folder holds, whole, what the trial of this key saved."""
        mark = self.folder / artifact / TRIAL_MARK
        if not mark.is_file():
            return False
        saved: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
        return bool(saved.get("key") == key)

    def read_mark(self, artifact: str) -> dict[str, Any]:
        """What :meth:`mark_artifact` wrote."""
        text = (self.folder / artifact / TRIAL_MARK).read_text(encoding="utf-8")
        mark: dict[str, Any] = json.loads(text)
        return mark

    def prepare_artifact(self, artifact: str) -> Path:
        """An empty folder for an artifact; an older one of another configuration gives way."""
        folder = self.folder / artifact
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def mark_artifact(self, artifact: str, key: str, values: Mapping[str, Any]) -> None:
        """Say, as the last thing written, whose artifact this is."""
        write_json_atomic(self.folder / artifact / TRIAL_MARK, {"key": key, **values})


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
