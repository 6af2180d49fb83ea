"""The run folder: append-only records, one small file a trial, written last.

Only the process that holds the folder writes to it. Everything but the records is written atomically, so
that a file that exists is whole; every object says the version of its form.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adaptkit.comparison.lock import HOLDER, RunLock
from adaptkit.comparison.lock import writing as writing  # used where the results are written, too
from adaptkit.comparison.record_file import RecordFile
from adaptkit.comparison.trial_data import TrialResult
from adaptkit.core.codec import file_sha256, to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.files import remove_unfinished, write_json_atomic
from adaptkit.core.result_io import (
    COMPARISON_CSV,
    COMPARISON_JSON,
    MANIFEST_JSON,
    VERSION,
    from_json,
    of_this_version,
    read_object,
    versioned,
)
from adaptkit.core.results import Record

RECORDS = "records.jsonl"
TRIALS = "trials"
ARTIFACTS = "artifacts"
RESULT = "result.json"
TRIAL_MARK = "trial.json"
REPORTS = ("report.html", "report.md")
# The comparison goes first: where it exists, all that it was made of does. The manifest goes last: it shows
# that the others are a run's.
RESULTS = (COMPARISON_JSON, COMPARISON_CSV, *REPORTS, MANIFEST_JSON)
_KEY = re.compile(r"[0-9a-f]{16}")


class RunStore:
    """Reads and writes one run folder.

    Args:
        folder: need not exist; ``locked()`` makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records = RecordFile(folder / RECORDS)
        self._hold: RunLock | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder and hold it for this process.

        Raises:
            StoreError: it cannot be made or written to, the disk is full, another run writes to it, or it
                holds files that a run would replace and that none has written.
        """
        self._refuse_foreign()
        with RunLock(self.folder) as hold:
            self._hold, self._records = hold, RecordFile(self.folder / RECORDS)
            try:
                self._remove_unfinished()
                yield
            finally:
                self._hold = None

    def held(self) -> RunLock:
        """This process's hold of the folder, made sure of; comes before each write.

        Raises:
            StoreError: there is none, or the folder was deleted, moved or replaced under the run.
        """
        if self._hold is None:
            raise StoreError("Only a run that holds this folder may write to it.", path=self.folder)
        self._hold.check()
        return self._hold

    def _refuse_foreign(self) -> None:
        found = [path for name in (*RESULTS, RECORDS) if (path := self.folder / name).exists()]
        if found and not self._is_run():
            raise _foreign(found[0])

    def _is_run(self) -> bool:
        """Whether a run has written to the folder: by its manifest, or by what a killed one leaves."""
        if "config_hash" in _object_or_nothing(self.folder / MANIFEST_JSON):
            return True
        return (
            any(_is_mark(p) for p in self.folder.glob(f"{ARTIFACTS}/*/{TRIAL_MARK}"))
            or any(_is_result(p) for p in self.folder.glob(f"{TRIALS}/*/{RESULT}"))
            or self._records.holds_records()
        )

    def refuse_foreign_artifacts(self, artifacts: Iterable[str]) -> None:
        """Make sure that artifacts can be written where they belong, before anything is spent on them.

        Raises:
            StoreError: a folder of this name was not written by a run, or holds a file that was not.
        """
        for artifact in artifacts:
            folder = self.folder / artifact
            foreign = _first_foreign(folder) if folder.is_symlink() or folder.exists() else None
            if foreign:
                raise _foreign(foreign)

    def _remove_unfinished(self) -> None:
        """Remove the halves of files that killed runs were writing."""
        paths = [self.folder / name for name in (*RESULTS, HOLDER)]
        paths += [trial / RESULT for trial in self.folder.glob(f"{TRIALS}/*")]
        with writing(self.folder):
            for path in paths:
                remove_unfinished(path)

    def clear(self) -> None:
        """Remove what earlier runs left in this folder, and nothing else.

        Raises:
            StoreError: an artifact's folder holds a file that no run has written; nothing is removed then.
        """
        self.held()
        marks = [p for p in sorted(self.folder.glob(f"{ARTIFACTS}/*/{TRIAL_MARK}")) if _is_mark(p)]
        self.refuse_foreign_artifacts(f"{ARTIFACTS}/{mark.parent.name}" for mark in marks)
        with writing(self.folder):
            for name in (*RESULTS, RECORDS, self._records.damaged.name):
                (self.folder / name).unlink(missing_ok=True)
            # Only what bears our mark: the run folder may hold the user's own files.
            for result in filter(_is_result, sorted(self.folder.glob(f"{TRIALS}/*/{RESULT}"))):
                result.unlink()
                _remove_if_empty(result.parent)
            for mark in marks:
                shutil.rmtree(mark.parent)
            for sub in (TRIALS, ARTIFACTS):
                _remove_if_empty(self.folder / sub)
            self._records.repair()

    def append(self, records: Sequence[Record]) -> None:
        """Add records, in one write, and flush them to disk.

        Raises:
            StoreError: they could not be written. Whole lines that were written stay; on a full disk these
                are all, since the reserve has made room for them.
        """
        self._records.append(records, self.held())

    def repair(self) -> None:
        """Make the folder fit to go on with: what a run left half written after the records is set aside.

        Raises:
            StoreError: another version of the library wrote the folder's results.
        """
        self.held()
        self.last_manifest()
        self._records.repair()

    def records(self) -> list[Record]:
        """All whole records, oldest first. The file stays as it is: another process may be writing to it.

        Raises:
            StoreError: a line is no record, or one of a newer version.
        """
        return self._records.read()

    def trial_result(self, key: str) -> TrialResult | None:
        """The result of a finished trial, None when it has not finished."""
        path = self._trial_path(key)
        if not path.exists():
            return None
        try:
            values = of_this_version(read_object(path), path)
            return from_json(values, TrialResult, "The trial result", path)
        except StoreError as error:
            raise StoreError(f"{error.reason} Delete the file and run again.", path=path) from None

    def write_trial_result(self, result: TrialResult) -> None:
        """Mark a trial as finished."""
        self.held()
        path = self._trial_path(result.key)
        with writing(path):
            write_json_atomic(path, versioned(to_json(result)))

    def _trial_path(self, key: str) -> Path:
        return self.folder / TRIALS / key / RESULT

    def last_manifest(self) -> dict[str, Any]:
        """The manifest that the last run left; empty when there is none or it cannot be read.

        Raises:
            StoreError: another version of the library wrote it.
        """
        path = self.folder / MANIFEST_JSON
        found = _object_or_nothing(path)
        return of_this_version(found, path) if VERSION in found else {}

    def artifact_is_from(self, artifact: str, key: str) -> bool:
        """Whether the artifact folder holds, whole, what the trial of this key saved."""
        return bool(self.read_mark(artifact).get("key") == key)

    def read_mark(self, artifact: str) -> dict[str, Any]:
        """What :meth:`mark_artifact` wrote; empty when it wrote nothing yet."""
        return _object_or_nothing(self.folder / artifact / TRIAL_MARK)

    def prepare_artifact(self, artifact: str) -> Path:
        """An empty folder for an artifact; an older one of another configuration gives way.

        Raises:
            StoreError: what is there was not written by a run.
        """
        self.held()
        self.refuse_foreign_artifacts([artifact])
        folder = self.folder / artifact
        with writing(folder):
            if folder.exists():
                shutil.rmtree(folder)
            # Marked as ours from the start, as nobody's artifact until it is whole.
            write_json_atomic(folder / TRIAL_MARK, {"key": None})
        return folder

    def mark_artifact(self, artifact: str, key: str, values: Mapping[str, Any]) -> None:
        """Say, as the last thing written, whose artifact this is."""
        self.held()
        with writing(self.folder / artifact):
            files = _files_below(self.folder / artifact)
            write_json_atomic(self.folder / artifact / TRIAL_MARK, {"key": key, **values, "files": files})

    def artifact_files(self, artifact: str) -> dict[str, str]:
        """The sha256 of each file of an artifact, by its path in the artifact's folder."""
        folder = self.folder / artifact
        return {name: file_sha256(folder / name) for name in _files_below(folder)}


def _files_below(folder: Path) -> list[str]:
    """Files of an artifact but its mark, by their path in its folder."""
    files = (p for p in folder.rglob("*") if p.is_file() and p != folder / TRIAL_MARK)
    return sorted(p.relative_to(folder).as_posix() for p in files)


def _is_mark(path: Path) -> bool:
    return "key" in _object_or_nothing(path)


def _is_result(path: Path) -> bool:
    """Whether it is a trial's result, damaged ones included."""
    named = _object_or_nothing(path).get("key") == path.parent.name
    return named or _KEY.fullmatch(path.parent.name) is not None


def _first_foreign(folder: Path) -> Path | None:
    """What no run has written at an artifact's place; None where all of it may be replaced."""
    if folder.is_symlink() or not folder.is_dir():
        return folder
    mark = _object_or_nothing(folder / TRIAL_MARK)
    if "key" not in mark:
        return next(folder.iterdir(), None)
    written = mark.get("files")
    # A save that was interrupted has no list.
    known = written if isinstance(written, list) else _files_below(folder)
    return next((folder / name for name in _files_below(folder) if name not in known), None)


def _foreign(path: Path) -> StoreError:
    return StoreError(
        "This was not written by adaptkit, and the run would replace it. Move it away, or choose another "
        "folder for the run.",
        path=path,
    )


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _object_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except StoreError:
        return {}
