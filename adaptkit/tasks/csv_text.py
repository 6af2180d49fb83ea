"""CSV as programs and spreadsheets write it: another delimiter, columns without a name, blank rows."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import dropwhile, islice

DELIMITERS = ",;\t|"
"""The first one is taken where several part the rows equally well."""
_RARE = "^~\x01\x1e\x1f\xa6\xa7#:"
"""Taken only where they part every row into as many fields."""
_SAMPLE = 50
_RULE = re.compile(r"\s*[-+|=: ]*(?:-{3}|={3})[-+|=: ]*")
# What some spreadsheets write, and read, before the header.
_SEP = re.compile(r'"?sep=(?P<delimiter>[^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)


class BadCSV(ValueError):
    """Text that is no CSV, or whose rows do not fit its header.

    Attributes:
        line: the 1-based line at fault, or None where the whole text is.
        width: the number of fields of a row that has another one than the header.
    """

    def __init__(self, message: str, *, line: int | None = None, width: int | None = None) -> None:
        self.line = line
        self.width = width
        super().__init__(message)


@dataclass(frozen=True, kw_only=True)
class _Dialect:
    delimiter: str
    spaced: bool = False
    quotes: bool = True


def csv_rows(text: str, *, delimiter: str | None = None) -> list[tuple[int, dict[str, str]]]:
    r"""Read the rows of a CSV text: the line each starts at, and its fields by column.

    Rows without content are left out. A column without a name is called by its number, and is left out of the
    rows in which it is empty.

    Args:
        delimiter: between columns; None to find out, as where the first line has another one. With tabs,
            quotes that part nothing are text.

    Raises:
        BadCSV: the text is no CSV, or a row does not fit the header.

    Examples:
        >>> csv_rows("text;label;;\nHi, you;a;;\n;;;\n")
        [(2, {'text': 'Hi, you', 'label': 'a'})]
    """
    _check_characters(text)
    stated = _SEP.match(text)
    head = text[:10_000].splitlines()[:1]
    if delimiter and head and delimiter not in head[0] and any(d in head[0] for d in DELIMITERS):
        delimiter = None  # the file's name says one, and it holds another
    file = io.StringIO(text[stated.end() :] if stated else text, newline="")
    skipped = 1 if stated else 0
    with _long_fields():
        if stated or delimiter:
            dialect = _Dialect(delimiter=stated["delimiter"] if stated else delimiter or "")
            if delimiter and any(not fields for fields in _sample(file, delimiter)):
                dialect = replace(dialect, quotes=False)
        else:
            dialect = _dialect(file)
        records = _records(file, dialect, skipped)
        line, first = next(records, (0, []))
        if not first:
            raise BadCSV("the file is empty. Expected a header line with the names of the columns.")
        _check_header(first, _sample(file, dialect.delimiter)[1:], line)
        records = _records(file, dialect, skipped)
        next(records)
        header = _Header.of(first, line, dialect.delimiter)
        return [(line, header.values(fields, line)) for line, fields in records]


def _check_characters(text: str) -> None:
    # The csv module lets them pass; no text has them, but for one in UTF-16 without a byte order mark.
    if (at := text.find("\0")) >= 0:
        raise BadCSV(
            "it holds a NUL character, as a file in UTF-16 does. Save the file as UTF-8.",
            line=text.count("\n", 0, at) + 1,
        )


def _dialect(file: io.StringIO) -> _Dialect:
    """The delimiter that parts the first rows most evenly into the header's number of fields."""
    best, evenness = _Dialect(delimiter=DELIMITERS[0]), 0.0
    for delimiter in (*DELIMITERS, *_RARE):
        found = _sample(file, delimiter)
        if not found or len(found[0]) < 2:
            continue
        if delimiter in _RARE and (len(found) < 2 or any(len(f) != len(found[0]) for f in found)):
            continue  # it stands in texts, too
        even = sum(len(fields) == len(found[0]) for fields in found) / len(found)
        if even > evenness:
            spaced = all(f.startswith(" ") or not f for fields in found for f in fields[1:])
            best, evenness = _Dialect(delimiter=delimiter, spaced=spaced), even
    return best


def _sample(file: io.StringIO, delimiter: str) -> list[list[str]]:
    found: list[list[str]] = []
    try:
        for _, fields in islice(_records(file, _Dialect(delimiter=delimiter), 0), _SAMPLE):
            found.append(fields)
    except BadCSV:
        found.append([])  # a row that this delimiter cannot part
    return found


def _records(file: io.StringIO, dialect: _Dialect, skipped: int) -> Iterator[tuple[int, list[str]]]:
    file.seek(0)
    reader = csv.reader(
        file,
        strict=True,
        delimiter=dialect.delimiter,
        skipinitialspace=dialect.spaced,
        quoting=csv.QUOTE_MINIMAL if dialect.quotes else csv.QUOTE_NONE,
    )
    while True:
        # A row starts where the one before it ended: quoted fields may hold line breaks.
        line = reader.line_num + 1 + skipped
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = (
                "A quote that is opened must be closed, and a quote inside a quoted field is written twice."
            )
            raise BadCSV(f"bad CSV in the row that starts here: {error}. {hint}", line=line) from None
        if any(fields):
            yield line, fields


def _check_header(first: list[str], below: list[list[str]], line: int) -> None:
    """Refuse what stands where the names of the columns should."""
    named = [field for field in first if field.strip()]
    widths = {sum(bool(field) for field in fields) for fields in below}
    # Further lines may belong to a title; behind it all rows have the same number of fields.
    rows = list(dropwhile(lambda n: n == 1, (sum(map(bool, fields)) for fields in below)))
    if len(named) == 1 and len(below) > 1 and rows and (min(widths) > 1 or len({*rows}) == 1 < len(rows)):
        raise BadCSV(
            f"holds {named[0]!r} alone, and the rows below have {min(rows)} fields: it seems to be a "
            "title. Take it out, so that the file begins with the names of the columns.",
            line=line,
        )
    if len(named) > 1 and below and below[0] and all(_RULE.fullmatch(field) for field in below[0] if field):
        raise BadCSV(
            "is the head of a table drawn for people, with a line below it. Save the table as CSV.", line=line
        )
    inner = next((d for d in DELIMITERS if len(named) == 1 and d in named[0]), None)
    if inner is not None and below and widths == {1} and all(inner in "".join(fields) for fields in below):
        raise BadCSV(
            f"the names of all columns, {named[0]!r}, stand in one pair of quotes, as do the rows below. "
            "Take the quotes around whole lines away.",
            line=line,
        )


@dataclass(frozen=True, kw_only=True)
class _Header:
    """The columns.

    Attributes:
        names: of all columns, one without a name by its number.
        unnamed: those of ``names`` that stand for no name.
        least: a row has at least so many fields; what follows are columns without a name.
    """

    names: tuple[str, ...]
    unnamed: tuple[str, ...]
    least: int
    delimiter: str

    @classmethod
    def of(cls, fields: list[str], line: int, delimiter: str) -> _Header:
        given = [name.strip() for name in fields]
        repeated = next((name for name, n in Counter(given).items() if name and n > 1), None)
        if repeated is not None:
            raise BadCSV(f"the header names {repeated!r} twice. Rename one of the columns.", line=line)
        names = [name or f"column {i} (without a name)" for i, name in enumerate(given, start=1)]
        return cls(
            names=tuple(names),
            unnamed=tuple(name for name, known in zip(names, given, strict=True) if not known),
            least=max(i for i, name in enumerate(given, start=1) if name) if any(given) else len(given),
            delimiter=delimiter,
        )

    def values(self, fields: list[str], line: int) -> dict[str, str]:
        if len(fields) != len(self.names):
            self._check_width(fields, line)
        # Strict it is not: what a row lacks or has beyond the header is empty.
        values = dict(zip(self.names, fields, strict=False))
        for name in self.unnamed:
            if not values.get(name):
                values.pop(name, None)
        return values

    def _check_width(self, fields: list[str], line: int) -> None:
        if self.least <= len(fields) and not any(fields[len(self.names) :]):
            return
        noun = "field" if len(fields) == 1 else "fields"
        message = f"has {len(fields)} {noun}, the header has {len(self.names)}."
        if len(fields) == 1 and fields[0].count(self.delimiter) >= self.least - 1 > 0:
            message += " The whole line stands in quotes: take them away."
        if len(fields) > len(self.names):
            message += f" A text that holds {self.delimiter!r} must stand in double quotes."
        raise BadCSV(message, line=line, width=len(fields))


@contextmanager
def _long_fields() -> Iterator[None]:
    # The csv module refuses fields above 128 KiB, and a document may be longer; the limit is global.
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
