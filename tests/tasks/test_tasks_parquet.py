"""Parquet holds what JSONL would, and what it cannot hold is one sentence with the row."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import DataError
from adaptkit.tasks import load_task
from adaptkit.tasks.readers import read_rows

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def written(folder: Path, columns: dict[str, Any]) -> Path:
    path = folder / "rows.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def latin1(kind: Any) -> Any:
    size = 4 if kind == pa.string() else 8
    offsets = b"".join(n.to_bytes(size, "little") for n in (0, 2, 6))
    return pa.Array.from_buffers(kind, 2, [None, pa.py_buffer(offsets), pa.py_buffer(b"okcaf\xe9")])


@pytest.mark.parametrize(
    "column",
    [
        lambda: latin1(pa.string()),
        lambda: latin1(pa.large_string()),
        lambda: latin1(pa.string()).dictionary_encode(),
        lambda: pa.StructArray.from_arrays([latin1(pa.string())], ["a"]),
        lambda: pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), latin1(pa.string())),
    ],
)
@pytest.mark.parametrize("name", ["input", "target", "notes"])
def test_bytes_that_are_no_utf8_are_named_with_column_and_row(
    column: Callable[[], Any], name: str, tmp_path: Path
) -> None:
    path = written(tmp_path, {"input": ["a", "b"], "target": ["x", "y"], name: column()})
    with pytest.raises(DataError, match=f"line 2: column '{name}' cannot be read: byte 0xe9") as caught:
        load_task(path, instruction="x")
    assert (caught.value.path, caught.value.line) == (path, 2)


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_dates_beyond_those_of_python_are_texts(unit: str, tmp_path: Path) -> None:
    factor = {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
    far = pa.array([253_402_300_800 * factor, 0], pa.int64()).cast(pa.timestamp(unit))
    path = written(tmp_path, {"input": ["a", "b"], "target": ["x", "y"], "when": far})
    assert str(read_rows(path)[0].values["when"]).startswith("10000-01-01 00:00:00")


def test_rows_are_those_of_jsonl(tmp_path: Path) -> None:
    values = [
        {"input": 0.1, "target": {"a": 1.1, "b": [0.3]}, "tags": [{"x": "1"}, {"y": 2}]},
        {"input": 2.5, "target": {"b": []}, "tags": []},
        {"input": 1e-7, "target": {"a": 16777216.0}, "tags": [{}]},
    ]
    small, tag = pa.float32(), pa.struct([("x", pa.string()), ("y", pa.int8())])
    columns = {
        "input": pa.array([v["input"] for v in values], small),
        "target": pa.array([v["target"] for v in values], pa.struct([("a", small), ("b", pa.list_(small))])),
        "tags": pa.array([v["tags"] for v in values], pa.list_(tag)),
    }
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(v) + "\n" for v in values))
    read = [row.values for row in read_rows(written(tmp_path, columns))]
    assert read == [row.values for row in read_rows(lines)]


def test_other_types_stay_as_they_are(tmp_path: Path) -> None:
    day = datetime.date(2024, 2, 29)
    row = {"id": 7, "amount": Decimal("1.10"), "day": day, "none": None, "flag": True, "double": 0.1}
    path = written(tmp_path, {name: [value] for name, value in row.items()})
    assert read_rows(path)[0].values == row


@pytest.mark.parametrize(
    "content", [b"PAR1xxxxPAR1", b"", b"PAR1", b"id,input\n", b"PAR1" + b"\xff" * 400 + b"PAR1"]
)
def test_what_is_no_parquet_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as Parquet: ") as caught:
        read_rows(path)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["input", "input"]), path)
    with pytest.raises(DataError, match="two columns are named 'input'"):
        read_rows(path)


def test_a_small_file_that_stands_for_a_large_table_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adaptkit.tasks.parquet.MAX_BYTES", 1 << 20)
    path = written(tmp_path, {"input": pa.array(["x" * 1000] * 5_000).dictionary_encode()})
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match="longer than"):
        read_rows(path)
    monkeypatch.setattr("adaptkit.tasks.parquet.MAX_ROWS", 10)
    with pytest.raises(DataError, match="5,000 rows"):
        read_rows(path)
