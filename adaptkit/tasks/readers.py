"""Read rows out of files, each with the place where it stands.

A row is a mapping of column to value as the file holds it; :mod:`adaptkit.tasks.columns` makes examples of
them. JSONL, one object a line:

    {"id": "r1", "input": "What is the capital of Peru?", "target": "Lima"}

CSV and Parquet hold the same columns; CSV fields are texts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adaptkit.core.errors import DataError
from adaptkit.core.reading import Unreadable, parse_json, read_text
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
class Row:
    """The values of one row by column, and its place."""

    values: Mapping[str, Any]
    place: Place


def read_rows(path: Path) -> list[Row]:
    """Read a .jsonl, .csv or .parquet file.

    Raises:
        DataError: the file does not hold what its name says, with path and line.
        MissingDependencyError: a .parquet file, and pyarrow is not installed.
    """
    readers = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise DataError(
            f"expected a file of rows: .jsonl (one JSON object a line), .csv or .parquet. Got {path.name!r}.",
            path=path,
        )
    return readers[path.suffix.lower()](path)


ROW_SUFFIXES = (".csv", ".jsonl", ".parquet")


def _read_jsonl(path: Path) -> list[Row]:
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
        rows.append(Row(values=values, place=place))
    return rows


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except Unreadable as error:
        raise DataError(f"cannot be read: {error.reason}.", path=path, line=error.line) from None


def _read_csv(path: Path) -> list[Row]:
    with _long_fields():
        lines = _csv_lines(path, io.StringIO(_text(path), newline=""))
        first = next(lines, None)
        if first is None:
            raise DataError(
                "the file is empty. Expected a header line with the names of the columns.", path=path
            )
        header = [name.strip() for name in first[1]]
        _check_header(path, first[0], header)
        return [
            Row(values=_fields(path, line, header, fields), place=Place(path=path, line=line))
            for line, fields in lines
        ]


def _csv_lines(path: Path, file: io.StringIO) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    while True:
        # A row starts where the one before it ended: quoted fields may hold line breaks.
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = (
                "A quote that is opened must be closed, and a quote inside a quoted field is written twice."
            )
            raise DataError(
                f"bad CSV in the row that starts here: {error}. {hint}", path=path, line=line
            ) from None
        if fields:
            yield line, fields


def _check_header(path: Path, line: int, header: list[str]) -> None:
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(f"the header names {repeated[0]!r} twice.", path=path, line=line)


def _fields(path: Path, line: int, header: list[str], fields: list[str]) -> dict[str, str]:
    if len(fields) != len(header):
        noun = "field" if len(fields) == 1 else "fields"
        # Said in one sentence, so path and line are not put before it a second time.
        error = DataError(f"{path} line {line} has {len(fields)} {noun}, the header has {len(header)}.")
        error.path, error.line = path, line
        raise error
    return dict(zip(header, fields, strict=True))


@contextmanager
def _long_fields() -> Iterator[None]:
    # The csv module refuses fields above 128 KiB, and a document may be longer; the limit is global.
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_parquet(path: Path) -> list[Row]:
    found = enumerate(parquet_rows(path), start=1)
    return [Row(values=values, place=Place(path=path, line=i)) for i, values in found]


def _json_type(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
