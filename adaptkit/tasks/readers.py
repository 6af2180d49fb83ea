"""Read rows out of files, each with the place where it stands.

A row is a mapping of column to value as the file holds it; :mod:`adaptkit.tasks.columns` makes examples of
them. JSONL, one object a line:

    {"id": "r1", "input": "What is the capital of Peru?", "target": "Lima"}

CSV and Parquet hold the same columns; CSV fields are texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.core.errors import DataError
from adaptkit.core.reading import Unreadable, parse_json, read_text
from adaptkit.tasks.csv_text import BadCSV, csv_rows
from adaptkit.tasks.parquet import parquet_rows


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row stands: a file and 1-based line (of Parquet and the Hub: row)."""

    path: Path | None
    line: int | None

    def __str__(self) -> str:
        return f"{self.path} line {self.line}" if self.path else f"row {self.line}"

    def error(self, message: str) -> DataError:
        """Build the error for this place."""
        if self.path is None:
            return DataError(f"{self}: {message}")
        return DataError(message, path=self.path, line=self.line)


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """The values of one row by column, and its place."""

    values: Mapping[str, Any]
    place: Place


def read_rows(path: Path) -> list[SourceRow]:
    """Read a .jsonl, .csv, .tsv or .parquet file.

    Raises:
        DataError: the file does not hold what its name says, with path and line.
        MissingDependencyError: a .parquet file, and pyarrow is not installed.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise DataError(
            "expected a file of rows: .jsonl (one JSON object a line), .csv, .tsv or .parquet. Got "
            f"{path.name!r}.",
            path=path,
        )
    return readers[path.suffix.lower()](path)


ROW_SUFFIXES = (".csv", ".jsonl", ".parquet", ".tsv")


def _read_jsonl(path: Path) -> list[SourceRow]:
    rows = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        place = Place(path=path, line=number)
        try:
            values = parse_json(line)
        except ValueError as error:
            raise place.error(f"{error}. Expected one JSON object a line.") from None
        if not isinstance(values, dict):
            raise place.error(f"expected a JSON object, found {_json_type(values)}.")
        rows.append(SourceRow(values=values, place=place))
    return rows


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except Unreadable as error:
        raise DataError(f"cannot be read: {error.reason}.", path=path, line=error.line) from None


def _read_csv(path: Path) -> list[SourceRow]:
    try:
        found = csv_rows(_text(path), delimiter="\t" if path.suffix.lower() == ".tsv" else None)
    except BadCSV as error:
        if error.width is None:
            raise DataError(str(error), path=path, line=error.line) from None
        # Said in one sentence, so path and line are not put before it a second time.
        fault = DataError(f"{path} line {error.line} {error}")
        fault.path, fault.line = path, error.line
        raise fault from None
    return [SourceRow(values=values, place=Place(path=path, line=line)) for line, values in found]


def _read_parquet(path: Path) -> list[SourceRow]:
    found = enumerate(parquet_rows(path), start=1)
    return [SourceRow(values=values, place=Place(path=path, line=i)) for i, values in found]


def _json_type(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
