"""CSV as spreadsheets and programs write it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import DataError
from adaptkit.tasks import load_task
from adaptkit.tasks.readers import read_rows

ROWS = [{"text": "Bill 0, please", "label": "post"}, {"text": 'say "hi"', "label": "bill; paid"}]


def read(tmp_path: Path, content: str | bytes) -> list[dict[str, str]]:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [dict(row.values) for row in read_rows(path)]


def fault(tmp_path: Path, content: str | bytes) -> DataError:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    return caught.value


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_line_ends_and_byte_order_marks(
    tmp_path: Path, delimiter: str, end: str, bom: str
) -> None:
    rows = [["text", "label"], *([f'"{v}"'.replace('"hi"', '""hi""') for v in r.values()] for r in ROWS)]
    text = bom + "".join(delimiter.join(row) + end for row in rows)
    assert read(tmp_path, text) == ROWS
    stated = read(tmp_path, f"{bom}sep={delimiter}{end}{text.removeprefix(bom)}")
    assert stated == ROWS


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_that_name_themselves(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "text\tlabel\ncafé\tbill\n".encode(encoding)) == [{"text": "café", "label": "bill"}]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_other_encodings_are_refused_with_what_to_do(tmp_path: Path, encoding: str) -> None:
    text = "text;label\na;b\n"
    error = fault(
        tmp_path, (text if encoding == "utf-16-le" else f"{text}café au lait;bill\n").encode(encoding)
    )
    assert "Save the file as UTF-8" in str(error)
    assert error.line == (1 if encoding == "utf-16-le" else 3)


def test_texts_may_hold_more_of_another_delimiter(tmp_path: Path) -> None:
    text = "text;label\n" + "".join(f"Rechnung {i}, bitte, prüfen;a{i}\n" for i in range(9))
    assert read(tmp_path, text)[8] == {"text": "Rechnung 8, bitte, prüfen", "label": "a8"}
    text = "text,label\n" + "".join(f"one; two; {i},a{i}\n" for i in range(9))
    assert read(tmp_path, text)[8] == {"text": "one; two; 8", "label": "a8"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text,label,,\nhi,a,,\nho,b\n,,,\n\n", [{"text": "hi", "label": "a"}, {"text": "ho", "label": "b"}]),
        ("text,label\nhi,a,,\n", [{"text": "hi", "label": "a"}]),
        (",text,label\n0,hi,a\n", [{"column 1 (without a name)": "0", "text": "hi", "label": "a"}]),
        ("text, label\nhi, a\nho, b\n", [{"text": "hi", "label": "a"}, {"text": "ho", "label": "b"}]),
        ('text, label\n"hi, you", "a, b"\n', [{"text": "hi, you", "label": "a, b"}]),
        ('text;label\n"two\nlines; here";a\n', [{"text": "two\nlines; here", "label": "a"}]),
        ("text\nhi; you\n", [{"text": "hi; you"}]),
    ],
)
def test_columns_and_rows_that_spreadsheets_add(
    tmp_path: Path, text: str, expected: list[dict[str, str]]
) -> None:
    assert read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("text;label;text\na;b;c\n", 1, "the header names 'text' twice. Rename one of the columns."),
        ("text;label\na;b\nc;d;e\n", 3, "has 3 fields, the header has 2. A text that holds ';' must stand"),
        ("sep=;\ntext;label\na\n", 3, "has 1 field, the header has 2."),
        ("text,label\na\0b,c\n", 2, "it holds a NUL character"),
        (",,\n", None, "the file is empty. Expected a header line"),
    ],
)
def test_what_cannot_be_read_names_the_line(
    tmp_path: Path, text: str, line: int | None, message: str
) -> None:
    error = fault(tmp_path, text)
    assert error.line == line
    assert message in str(error)


FIELD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=8)


@given(
    rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_delimiter_is_found_where_fields_are_quoted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str, end: str
) -> None:
    lines = [("text", "label"), *(('"' + f.replace('"', '""') + '"' for f in row) for row in rows)]
    text = "".join(delimiter.join(line) + end for line in lines)
    assert [tuple(r.values()) for r in read(tmp_path_factory.mktemp("csv"), text)] == rows


def test_very_many_columns_are_read_or_refused_quickly(tmp_path: Path) -> None:
    wide = ",".join(f"c{i}" for i in range(200_000))
    path = tmp_path / "wide.csv"
    path.write_text(f"{wide}\n" + f"{','.join('x' * 200_000)}\n" * 3)
    start = time.process_time()
    with pytest.raises(DataError, match="cannot tell which are the input") as caught:
        load_task(path, instruction="Do.", columns={"target": "c199999"})
    assert time.process_time() - start < 10
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("delimiter", "^~\x01\x1e\x1f\xa6\xa7#:")
def test_rare_delimiters_are_found_where_they_part_every_row(tmp_path: Path, delimiter: str) -> None:
    rows = read(tmp_path, f"text{delimiter}label\nHi you{delimiter}a\nBye{delimiter}b\n")
    assert rows == [{"text": "Hi you", "label": "a"}, {"text": "Bye", "label": "b"}]
    assert read(tmp_path, f"text,label\na{delimiter}b,x\nc{delimiter}d,y\n")[0] == {
        "text": f"a{delimiter}b",
        "label": "x",
    }
    assert read(tmp_path, f"te{delimiter}xt\na\nc{delimiter}d\n")[0] == {f"te{delimiter}xt": "a"}


@pytest.mark.parametrize("delimiter", ["^", "~", "#", "<sep>", "@@", "!", "/", "\\", " - "])
def test_what_may_stand_between_columns_is_said(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "rows.csv"
    held_by_a_text = f"Hi{delimiter} you{delimiter}a"
    path.write_text(f"text{delimiter}label\n{held_by_a_text}\nBye{delimiter}b\n")
    with pytest.raises(DataError, match=r"found one column only, .* with commas or tabs"):
        load_task(path, instruction="Do.")


def test_tabs_part_the_columns_of_a_tsv_whatever_else_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text('text\tlabel\n5" of rain, a lot\ta\nHe said "hi;\tb\n')
    assert [row.values for row in read_rows(path)] == [
        {"text": '5" of rain, a lot', "label": "a"},
        {"text": 'He said "hi;', "label": "b"},
    ]
    path.write_text("text,label\nHi,a\n")  # saved under a wrong name
    assert [row.values for row in read_rows(path)] == [{"text": "Hi", "label": "a"}]
    path.write_text("text\nHi, you\n")
    assert [row.values for row in read_rows(path)] == [{"text": "Hi, you"}]
    path.write_text('text\tlabel\n"two\nlines"\ta\n')
    assert [row.values for row in read_rows(path)] == [{"text": "two\nlines", "label": "a"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "Tickets of May\ntext,label\nHi,a\nBye,b\n",
            "'Tickets of May' alone, and the rows below have 2 fields",
        ),
        ("Tickets of May,,\ntext,label,team\nHi,a,x\nBye,b,y\n", "it seems to be a title"),
        (
            "Tickets\nMade by A\ntext,label\nHi,a\nBye,b\n",
            "'Tickets' alone, and the rows below have 2 fields",
        ),
        ("Tickets;;\nMay;;\ntext;label;team\nHi;a;x\nBye;b;y\n", "it seems to be a title"),
        ("| text | label |\n|------|:-----:|\n| Hi | a |\n", "a table drawn for people"),
        (" text | label\n------+------\n Hi | a\n", "a table drawn for people"),
        ('text,label\n"Hi,a"\n"Bye,b"\n', "The whole line stands in quotes: take them away"),
        ('"text,label"\n"Hi you,a"\n"Bye,b"\n', "Take the quotes around whole lines away"),
    ],
)
def test_what_stands_where_the_header_should_is_refused(tmp_path: Path, content: str, said: str) -> None:
    assert said in str(fault(tmp_path, content))


def test_one_column_is_no_title(tmp_path: Path) -> None:
    assert len(read(tmp_path, "text\nHi\nBye\n")) == 2
    assert len(read(tmp_path, "text,\nHi,\nBye,\n")) == 2
