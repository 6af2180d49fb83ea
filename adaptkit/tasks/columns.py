"""Make examples and documents of the rows of files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from adaptkit.core.types import Document, Example
from adaptkit.tasks.answers import SEVERAL, perhaps_several
from adaptkit.tasks.readers import Place, Row
from adaptkit.tasks.shapes import KNOWN_COLUMNS, OPTIONAL, Shape, choose_shape, is_bad, unused
from adaptkit.tasks.values import as_mapping, as_text, as_texts

T = TypeVar("T")
_TO_SHOW = " To show one, map it: columns={'context': '<column>'} (--columns context=<column>)."
_SPREADSHEET_ERRORS = frozenset(
    ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#ERROR!"]
)
_FLOAT = re.compile(r"-?\d+\.\d+")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?")
_NO_THOUSANDS = re.compile(r"(?:[+-]?0,\d+|.*,(?:\d{1,2}|\d{4,}))")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Rows of a task before it is made, with the place of each.

    Attributes:
        examples: by split.
        places: by split (and ``documents``), parallel to the rows.
        instruction: what all rows say apart from their input, or None.
        shape: the name of the shape of the columns.
        target: the column of the targets.
        kind: of the task, where the columns show it; ``labels`` as well.
        notes: what of the rows is not used, or otherwise than its name says.
    """

    examples: dict[str, list[Example]]
    places: dict[str, list[Place]]
    documents: list[Document] = field(default_factory=list)
    instruction: str | None = None
    shape: str = "input/target"
    target: str = "target"
    kind: str | None = None
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def to_parts(
    splits: Mapping[str, Sequence[Row]],
    *,
    columns: Mapping[str, str] | None = None,
    prefixes: Mapping[str, str] | None = None,
    documents: Sequence[Row] = (),
    kind: str | None = None,
) -> Parts:
    """Make examples of the rows of all splits.

    Args:
        splits: rows by split.
        columns: field to column, for shapes that are not recognised.
        prefixes: what made-up ids of a split start with, the split's name by default.
        documents: rows of the documents.
        kind: of the task, where it is said.

    Raises:
        DataError: a row lacks what it must have.
        ConfigError: ``columns`` is not a mapping of fields to columns.
    """
    splits = {split: _in_known_case(rows, columns or {}) for split, rows in splits.items()}
    documents = _in_known_case(documents, {})
    rows = [row for rows in splits.values() for row in rows]
    shape = choose_shape(rows, columns, kind)
    kept = {
        split: [(i, row) for i, row in enumerate(rows, start=1) if _is_good(row, shape)]
        for split, rows in splits.items()
    }
    optional = {name: (columns or {}).get(name, name) for name in OPTIONAL}
    examples = {
        split: [
            _example(row, shape, optional, f"{(prefixes or {}).get(split, split)}-{i}") for i, row in numbered
        ]
        for split, numbered in kept.items()
    }
    examples, rewritten = _one_notation(examples)
    places = {split: [row.place for _, row in numbered] for split, numbered in kept.items()}
    places["documents"] = [row.place for row in documents]
    return Parts(
        examples=examples,
        places=places,
        documents=[_document(row, f"document-{i}") for i, row in enumerate(documents, start=1)],
        instruction=shape.instruction,
        shape=shape.name,
        target=shape.target,
        kind=shape.kind,
        labels=shape.beside.choices.letters if shape.beside.choices and shape.kind else (),
        notes=(
            *shape.notes,
            *_left_out(rows, kept, shape),
            *rewritten,
            *_perhaps_several(examples, places, shape),
            *unused(rows, {*shape.used, *optional.values()}, hint=_TO_SHOW),
            *(f"Documents: {note}" for note in unused(documents, {"id", "title", "text"}, hint="")),
        ),
    )


def _in_known_case(rows: Sequence[Row], columns: Mapping[str, str]) -> list[Row]:
    """Rows whose columns are called as they are known, where only the case differs: Text, LABEL."""
    names = dict.fromkeys(name for row in rows for name in row.values)
    lower = Counter(name.lower() for name in names)
    renamed = {
        name: name.lower()
        for name in names
        if name != name.lower() and name.lower() in KNOWN_COLUMNS and lower[name.lower()] == 1
        and name not in columns.values()
    }  # fmt: skip
    if not renamed:
        return list(rows)
    return [replace(row, values={renamed.get(k, k): v for k, v in row.values.items()}) for row in rows]


def _is_good(row: Row, shape: Shape) -> bool:
    return shape.marks is None or not is_bad(row.values.get(shape.marks))


def _left_out(rows: Sequence[Row], kept: Mapping[str, Sequence[object]], shape: Shape) -> Iterator[str]:
    n = len(rows) - sum(map(len, kept.values()))
    if n and n == len(rows):
        raise rows[0].place.error(f"{shape.marks!r} marks the answers of all rows as bad: none is left.")
    if n:
        yield f"{n} of {len(rows)} rows are left out: {shape.marks!r} marks their answers as bad."


def _perhaps_several(
    examples: Mapping[str, Sequence[Example]], places: Mapping[str, Sequence[Place]], shape: Shape
) -> Iterator[str]:
    """Say of a column of answers that what may be meant for several is taken as one."""
    if shape.target.lower() not in SEVERAL:
        return
    found = [
        (place, row.target)
        for split, rows in examples.items()
        for row, place in zip(rows, places[split], strict=True)
        if not row.aliases and perhaps_several(row.target)
    ]
    if found:
        place, text = found[0]
        yield (
            f"{len(found)} cells of {shape.target!r} are one answer each although they may hold several, "
            f'such as {text!r} ({place}). If so, write them as a list, ["a", "b"], or part them by |.'
        )


def _example(row: Row, shape: Shape, optional: Mapping[str, str], made_id: str) -> Example:
    source, *targets = shape.pair(row)
    if not targets:
        raise row.place.error(
            f"{shape.target!r} is an empty list: no answer is right. Give one, or take the row out."
        )
    target = _required(row, shape.target, targets[0])
    text = _required(row, shape.columns[0], source)
    if shape.beside.used and text.strip():
        text = _read(row, "input", lambda _: shape.beside.input(row.values, text), text)
    values = row.values
    aliases = [_required(row, shape.target, other) for other in targets[1:]]
    aliases += _read(row, "aliases", as_texts, values.get(optional["aliases"]))
    return Example(
        id=_read(row, "id", as_text, values.get(optional["id"])) or made_id,
        input=text,
        target=target,
        aliases=tuple(aliases),
        gold_documents=_read(row, "gold_documents", as_texts, values.get(optional["gold_documents"])),
        cluster=_read(row, "cluster", as_text, values.get(optional["cluster"])) or None,
        metadata=_read(row, "metadata", as_mapping, values.get(optional["metadata"])),
    )


def _one_notation(examples: dict[str, list[Example]]) -> tuple[dict[str, list[Example]], tuple[str, ...]]:
    """Write truth values and numbers as the other formats would: CSV has True, 3.0 and, in Europe, 1,5."""
    targets = {row.target for rows in examples.values() for row in rows}
    if not targets:
        return examples, ()
    if targets <= {"True", "False", "TRUE", "FALSE", "true", "false"}:
        return _rewritten(examples, str.lower), ()
    if all(map(_FLOAT.fullmatch, targets)) and all(str(float(t)) == t for t in targets):
        return _rewritten(examples, lambda text: as_text(float(text)) or text), ()
    if all(map(_DECIMAL_COMMA.fullmatch, targets)) and any(map(_NO_THOUSANDS.fullmatch, targets)):
        note = "The targets are numbers with a decimal comma: 1,5 was read as 1.5."
        return _rewritten(examples, lambda text: text.replace(".", "").replace(",", ".")), (note,)
    return examples, ()


def _rewritten(
    examples: Mapping[str, Sequence[Example]], write: Callable[[str], str]
) -> dict[str, list[Example]]:
    return {
        split: [
            row if write(row.target) == row.target else replace(row, target=write(row.target)) for row in rows
        ]
        for split, rows in examples.items()
    }


def _document(row: Row, made_id: str) -> Document:
    if "text" not in row.values:
        found = ", ".join(map(repr, row.values)) or "(none)"
        raise row.place.error(f"a document needs a 'text'. Found the columns {found}.")
    return Document(
        id=_read(row, "id", as_text, row.values.get("id")) or made_id,
        text=_required(row, "text", row.values["text"]),
        title=_read(row, "title", as_text, row.values.get("title")) or None,
    )


def _required(row: Row, name: str, value: object) -> str:
    text = _read(row, name, as_text, value)
    if text is None:
        raise row.place.error(f"{name!r} is null. Expected a text.")
    if text.strip() in _SPREADSHEET_ERRORS:
        raise row.place.error(f"{name!r} holds {text.strip()!r}, an error of a spreadsheet. Repair the cell.")
    return text


def _read(row: Row, name: str, reader: Callable[[object], T], value: object) -> T:
    try:
        return reader(value)
    except (ValueError, TypeError) as error:
        raise row.place.error(f"{name!r}: {error}.") from None
