"""Rows of a Parquet file, with the values that the same rows have in JSONL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit.core.errors import DataError, MissingDependencyError
from adaptkit.core.reading import MAX_BYTES, Unreadable, read_bytes

if TYPE_CHECKING:
    import pyarrow

MAX_ROWS = 10_000_000
_BATCH_ROWS = 512


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    """Read a Parquet file, row by row.

    Numbers of 16 and 32 bits are those that were written, not their nearest doubles: 0.1, not
    0.10000000149011612. Fields of a struct that are null are left out: Parquet stores no absent ones.

    Raises:
        DataError: it is no Parquet, two columns have one name, a value cannot be read (with its row), or it
            holds more than 10 million rows or 512 MiB.
        MissingDependencyError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError.for_extra(f"Reading {path.name}", "pyarrow", "parquet") from error
    try:
        table = _table(read_bytes(path), pyarrow)
    except Exception as error:  # whatever the library makes of foreign bytes
        reason = error.reason if isinstance(error, Unreadable) else _one_line(error)
        raise DataError(f"cannot be read as Parquet: {reason}.", path=path) from None
    names = table.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two columns are named {twice!r}.", path=path)
    columns = [_values(path, name, table.column(name), pyarrow) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _table(data: bytes, arrow: Any) -> pyarrow.Table:
    """All columns, read a few rows at a time: a few bytes may stand for as many as one likes."""
    with arrow.parquet.ParquetFile(arrow.BufferReader(data)) as file:
        if file.metadata.num_rows > MAX_ROWS:
            raise Unreadable(f"it has {file.metadata.num_rows:,} rows, and at most {MAX_ROWS:,} are read")
        batches, n_bytes = [], 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            is_coded = arrow.types.is_dictionary
            n_bytes += sum((c.dictionary_decode() if is_coded(c.type) else c).nbytes for c in batch.columns)
            if n_bytes > MAX_BYTES:
                raise Unreadable(f"its values are longer than {MAX_BYTES >> 20} MiB")
            batches.append(batch)
        return arrow.Table.from_batches(batches, schema=file.schema_arrow if not batches else None)


def _values(path: Path, name: str, column: pyarrow.ChunkedArray, arrow: Any) -> list[Any]:
    plain = _reader(column.type, arrow.types)
    try:
        return [plain(value) for value in _as_python(column, arrow)]
    except Exception as error:  # of any library that has a type of its own for the value
        line = next(n for n, value in enumerate(_each(column), start=1) if isinstance(value, Exception))
        if isinstance(error, UnicodeDecodeError):
            reason = f"byte 0x{error.object[error.start]:02x} is not UTF-8. Write the column as UTF-8"
        else:
            reason = f"{_one_line(error)}. Write the column as text, or leave it out"
        raise DataError(f"column {name!r} cannot be read: {reason}.", path=path, line=line) from None


def _as_python(column: pyarrow.ChunkedArray, arrow: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        if not arrow.types.is_temporal(column.type):
            raise
        return list(column.cast(arrow.string()).to_pylist())  # Python has no dates after the year 9999


def _each(column: pyarrow.ChunkedArray) -> Iterator[Any]:
    for i in range(len(column)):
        try:
            yield column[i].as_py()
        except Exception as error:
            yield error


def _reader(kind: pyarrow.DataType, types: Any) -> Callable[[Any], Any]:
    """What makes of a Python value of this type what JSONL would have had."""
    if types.is_float32(kind) or types.is_float16(kind):
        import numpy as np

        short = np.float32 if types.is_float32(kind) else np.float16
        return lambda value: None if value is None else float(str(short(value)))
    if types.is_struct(kind):
        fields = [(f.name, _reader(f.type, types)) for f in (kind.field(i) for i in range(kind.num_fields))]
        return lambda value: (
            None
            if value is None
            else {name: plain(value[name]) for name, plain in fields if value[name] is not None}
        )
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        item = _reader(kind.value_type, types)
        return lambda value: None if value is None else [item(v) for v in value]
    return lambda value: value


def _one_line(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return (said if len(said) <= 200 else f"{said[:200]}...").rstrip(".")
