"""CSV, JSONL and Parquet: what is read, and what is said about malformed files."""

from __future__ import annotations

import builtins
import csv
import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import DataError, MissingDependencyError
from adaptkit.tasks.readers import read_rows
from adaptkit.tasks.values import as_mapping, as_text, as_texts


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> list[tuple[Any, int | None]]:
    return [(dict(row.values), row.place.line) for row in read_rows(path)]


def fault(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read_rows(path)
    assert caught.value.path == path
    return caught.value


def test_jsonl_with_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": "\xe2\x80\xa8"}\n')
    assert read(path) == [({"a": 1}, 1), ({"a": "\u2028"}, 4)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'a': 1}", 'column 2: expecting property name enclosed in double quotes, found "\'"'),
        ('{"a": 1', "column 8: expecting ',' delimiter, found the end of the text"),
        ('{"a": }', "column 7: expecting value, found '}'"),
        ('{"a": 1} {"b": 2}', "column 10: extra data, found '{'"),
        ('{"a": 1, "a": 2}', "key 'a' stands twice in one object"),
        ('{"a": NaN}', "NaN is not a JSON value; use null"),
        ("[1, 2]", "expected a JSON object, found a list"),
        ('"text"', "expected a JSON object, found a text"),
        ("3", "expected a JSON object, found a number"),
        ("null", "expected a JSON object, found null"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_bad_jsonl_names_line_column_and_expectation(tmp_path: Path, line: str, message: str) -> None:
    error = fault(write(tmp_path, "a.jsonl", f'{{"a": 0}}\n\n{line}\n'))
    assert error.line == 3
    assert message in str(error)
    assert "expected" in str(error).lower()


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_another_encoding_names_the_line(tmp_path: Path, name: str) -> None:
    error = fault(write(tmp_path, name, "first\nsecond\ncaf\u00e9 au lait\n".encode("latin-1")))
    assert error.line == 3
    assert "byte 0xe9 at position 4 is not UTF-8. Save the file as UTF-8." in str(error)


def test_csv(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", '\ufeffinput, target\n"a, ""b""",1\n\n"two\nlines",2\r\nlast,3')
    assert read(path) == [
        ({"input": 'a, "b"', "target": "1"}, 2),
        ({"input": "two\nlines", "target": "2"}, 4),
        ({"input": "last", "target": "3"}, 6),
    ]


def test_csv_with_a_wrong_number_of_fields(tmp_path: Path) -> None:
    rows = "".join(f"{i},a,b,c\n" for i in range(39))
    path = write(tmp_path, "train.csv", f"id,input,target,x\n{rows}1,2,3\n")
    error = fault(path)
    assert str(error) == f"{path} line 41 has 3 fields, the header has 4."
    assert error.line == 41


def test_csv_line_numbers_count_quoted_line_breaks(tmp_path: Path) -> None:
    error = fault(write(tmp_path, "a.csv", 'input,target\n"one\ntwo\nthree",1\nalone\n'))
    assert error.line == 5
    assert "line 5 has 1 field, the header has 2." in str(error)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "the file is empty. Expected a header line"),
        ("a,b,a\n1,2,3\n", 1, "the header names 'a' twice"),
        ('a,b\n1,2\n"open,3\n4,5\n', 3, "bad CSV in the row that starts here"),
        ('a,b\n"x"y,2\n', 2, "bad CSV in the row that starts here"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    error = fault(write(tmp_path, "a.csv", text))
    assert error.line == line
    assert message in str(error)


def test_csv_fields_may_be_long(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = write(tmp_path, "a.csv", "text\n" + "x" * 300_000 + "\n")
    assert len(read_rows(path)[0].values["text"]) == 300_000
    assert csv.field_size_limit() == before


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)


@given(rows=st.lists(st.tuples(FIELD, FIELD), max_size=6))
def test_csv_of_the_csv_module_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("a", "b"), *rows])
    path = write(tmp_path_factory.mktemp("csv"), "a.csv", text.getvalue())
    assert [tuple(row.values.values()) for row in read_rows(path)] == rows


def test_parquet_keeps_integers_beside_gaps(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(
        pyarrow.table({"input": ["a", "b"], "target": [3, None], "aliases": [["x"], []]}), path
    )
    assert read(path) == [
        ({"input": "a", "target": 3, "aliases": ["x"]}, 1),
        ({"input": "b", "target": None, "aliases": []}, 2),
    ]


def test_bad_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    assert "cannot be read as Parquet" in str(fault(write(tmp_path, "a.parquet", "id,input\n")))


def without(name: str) -> Callable[..., Any]:
    real = builtins.__import__

    def missing(module: str, *rest: Any) -> Any:
        if module.partition(".")[0] == name:
            raise ImportError(f"No module named {module!r}")
        return real(module, *rest)

    return missing


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a.parquet", "")
    monkeypatch.setattr(builtins, "__import__", without("pyarrow"))
    with pytest.raises(MissingDependencyError, match=r"adaptkit-llm\[parquet\]"):
        read_rows(path)


def test_another_suffix(tmp_path: Path) -> None:
    assert "expected a file of rows: .jsonl" in str(fault(write(tmp_path, "a.xlsx", "")))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (3, "3"),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1e22, "1e+22"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (float("nan"), None),
        (Decimal("1.50"), "1.50"),
        (date(2024, 1, 2), "2024-01-02"),
        ({"b": 1, "a": ["é", None]}, '{"b":1,"a":["é",null]}'),
        ([1, 2], "[1,2]"),
    ],
)
def test_as_text(value: object, expected: str | None) -> None:
    assert as_text(value) == expected


def test_as_text_refuses_what_has_no_text() -> None:
    with pytest.raises(ValueError, match="type bytes cannot be written as text"):
        as_text(b"x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ("", ()),
        ("a", ("a",)),
        ('["a", "b"]', ("a", "b")),
        ("[a", ("[a",)),
        (["a", None, "", 3], ("a", "3")),
        ([{"a": 1}], ('{"a":1}',)),
    ],
)
def test_as_texts(value: object, expected: tuple[str, ...]) -> None:
    assert as_texts(value) == expected


def test_as_mapping() -> None:
    assert as_mapping('{"a": 1}') == as_mapping({"a": 1}) == {"a": 1}
    assert as_mapping(None) == as_mapping(" ") == {}
    with pytest.raises(ValueError, match="expected a JSON object, found 3"):
        as_mapping("3")
