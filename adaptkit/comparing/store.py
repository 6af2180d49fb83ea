"""The run folder: append-only records, one small file a trial, written last.

A batch of records is handed to the kernel in one call and flushed to disk before the next batch starts, so
a killed run loses at most the batch under way. A line cut short by a crash is dropped on the next start.
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

from adaptkit.core.codec import file_sha256, to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.result_io import COMPARISON_CSV, COMPARISON_JSON, MANIFEST_JSON, from_json
from adaptkit.core.results import Record

logger = logging.getLogger(__name__)
RECORDS = "records.jsonl"
TRIALS = "trials"
ARTIFACTS = "artifacts"
RESULT = "result.json"
TRIAL_MARK = "trial.json"
REPORTS = ("report.html", "report.md")


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a finished trial leaves beside its records.

    Attributes:
        status: ``done``, or ``failed`` with the error and its traceback.
        fit_s: seconds of ``fit()``; of the original fit, where an artifact was taken up again.
        eval_s: seconds that the rows took, over all parts of an interrupted run.
        artifact: the saved strategy's folder, relative to the run folder.
    """

    key: str
    status: str
    fit_s: float | None
    fit_notes: Mapping[str, Any]
    peak_memory_bytes: int | None
    eval_s: float | None
    artifact: str | None
    error: Mapping[str, str] | None = None


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


class RunStore:
    """Reads and writes one run folder.

    Args:
        folder: need not exist; ``locked()`` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it for this process.

        Raises:
            StoreError: it cannot be made or written to, or another run writes to it.
        """
        lock = FileLock(self.folder / ".lock")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(
                "Another run is writing to this folder. Wait for it, or choose another folder.",
                path=self.folder,
            ) from None
        except OSError as error:
            raise StoreError(
                f"The run folder cannot be used ({error.strerror or error}). Choose another one.",
                path=self.folder,
            ) from error
        try:
            yield
        finally:
            lock.release()

    def clear(self) -> None:
        """Remove what earlier runs left in this folder, and nothing else."""
        with writing(self.folder):
            for name in (RECORDS, MANIFEST_JSON, COMPARISON_JSON, COMPARISON_CSV, *REPORTS):
                (self.folder / name).unlink(missing_ok=True)
            for sub, mark in ((TRIALS, RESULT), (ARTIFACTS, TRIAL_MARK)):
                # Only folders that bear our mark: the run folder may hold the user's own files.
                for found in sorted((self.folder / sub).glob(f"*/{mark}")):
                    shutil.rmtree(found.parent)
                if (self.folder / sub).is_dir() and not any((self.folder / sub).iterdir()):
                    (self.folder / sub).rmdir()

    def append(self, records: Sequence[Record]) -> None:
        """Add records, in one write, and flush them to disk; ``repair()`` comes before the first."""
        lines = "".join(json.dumps(to_json(r), ensure_ascii=False, allow_nan=False) + "\n" for r in records)
        with writing(self.folder / RECORDS):
            handle = os.open(self.folder / RECORDS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _write_all(handle, lines.encode())
                os.fsync(handle)
            finally:
                os.close(handle)

    def repair(self) -> None:
        """Cut off a last line that an interrupted run left half written."""
        path = self.folder / RECORDS
        if not path.exists():
            return
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole == len(data):
            return
        number = data.count(b"\n") + 1
        logger.warning("%s line %d was cut short by an interrupted run; it is dropped.", path, number)
        with writing(path), path.open("r+b") as f:
            f.truncate(whole)

    def records(self) -> list[Record]:
        """All whole records, oldest first. The file stays as it is: another process may be writing to it.

        Raises:
            StoreError: a line is no record.
        """
        path = self.folder / RECORDS
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")
        return [self._parse(line, number) for number, line in enumerate(lines[:-1], start=1) if line.strip()]

    def _parse(self, line: bytes, number: int) -> Record:
        path = self.folder / RECORDS
        try:
            values = json.loads(line)
        except ValueError as error:
            raise StoreError(
                f"This is no record of adaptkit ({error}). Restore the file, or start afresh with --fresh.",
                path=path,
                line=number,
            ) from None
        return from_json(values, Record, "The record", path, line=number)

    def trial_result(self, key: str) -> TrialResult | None:
        """The result of a finished trial, None when it has not finished."""
        path = self._trial_path(key)
        if not path.exists():
            return None
        try:
            return TrialResult(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"Damaged trial result ({error}). Delete the file and run again.", path=path
            ) from None

    def write_trial_result(self, result: TrialResult) -> None:
        """Mark a trial as finished."""
        path = self._trial_path(result.key)
        with writing(path):
            write_json_atomic(path, result)

    def _trial_path(self, key: str) -> Path:
        return self.folder / TRIALS / key / RESULT

    def last_manifest(self) -> dict[str, Any]:
        """The manifest that the last run left; empty when there is none or it cannot be read."""
        return _read_object(self.folder / MANIFEST_JSON)

    def artifact_is_from(self, artifact: str, key: str) -> bool:
        """Whether the artifact folder holds, whole, what the trial of this key saved."""
        return bool(self.read_mark(artifact).get("key") == key)

    def read_mark(self, artifact: str) -> dict[str, Any]:
        """What :meth:`mark_artifact` wrote; empty when it wrote nothing yet."""
        return _read_object(self.folder / artifact / TRIAL_MARK)

    def prepare_artifact(self, artifact: str) -> Path:
        """An empty folder for an artifact; an older one of another configuration gives way."""
        folder = self.folder / artifact
        with writing(folder):
            if folder.exists():
                shutil.rmtree(folder)
            # Marked as ours from the start, as nobody's artifact until it is whole.
            write_json_atomic(folder / TRIAL_MARK, {"key": None})
        return folder

    def mark_artifact(self, artifact: str, key: str, values: Mapping[str, Any]) -> None:
        """Say, as the last thing written, whose artifact this is."""
        with writing(self.folder / artifact):
            write_json_atomic(self.folder / artifact / TRIAL_MARK, {"key": key, **values})

    def artifact_files(self, artifact: str) -> dict[str, str]:
        """The sha256 of each file of an artifact, by its path in the artifact's folder."""
        folder = self.folder / artifact
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / TRIAL_MARK)
        return {p.relative_to(folder).as_posix(): file_sha256(p) for p in files}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
