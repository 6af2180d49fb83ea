"""Make examples and documents of the rows of files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from adaptkit.core.types import Document, Example
from adaptkit.tasks.answers import SEVERAL, perhaps_several
from adaptkit.tasks.control_tokens import control_tokens
from adaptkit.tasks.marks import is_bad
from adaptkit.tasks.readers import Place, SourceRow
from adaptkit.tasks.shapes import KNOWN_COLUMNS, OPTIONAL, Shape, choose_shape
from adaptkit.tasks.unused import unused
from adaptkit.tasks.values import as_mapping, as_text, as_texts

T = TypeVar("T")
_ALIASES = (
    "aliases", "answer_aliases", "accepted_answers", "acceptable_answers", "alternative_answers",
    "other_answers",
)  # fmt: skip
"""What a column of further right answers is called."""
# As programs in several languages write them; sharps alone stand for a number in a column that is too narrow.
_SPREADSHEET_ERROR = re.compile(r"\s*(?:#[^\W\d_a-z]{2,9}(?:/0)?[!?]|#N/[AD]|#NV|#{3,}|Err:\d{3})\s*")
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
    splits: Mapping[str, Sequence[SourceRow]],
    *,
    columns: Mapping[str, str] | None = None,
    prefixes: Mapping[str, str] | None = None,
    documents: Sequence[SourceRow] = (),
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
    _check_cells(rows, shape.used)
    kept = {
        split: [(i, row) for i, row in enumerate(rows, start=1) if _is_good(row, shape)]
        for split, rows in splits.items()
    }
    optional = {name: (columns or {}).get(name, name) for name in OPTIONAL}
    if "aliases" not in (columns or {}) and shape.kind is None:
        found = set().union(*(row.values for row in rows)) - shape.used
        optional["aliases"] = next((name for name in _ALIASES if name in found), "aliases")
    examples = {
        split: [
            _example(row, shape, optional, f"{(prefixes or {}).get(split, split)}-{i}") for i, row in numbered
        ]
        for split, numbered in kept.items()
    }
    # JSON has values of its own for these: a text there is meant as it stands.
    in_json = all(row.place.path and row.place.path.suffix.lower() == ".jsonl" for row in rows)
    examples, rewritten = (examples, ()) if in_json else _one_notation(examples)
    places = {split: [row.place for _, row in numbered] for split, numbered in kept.items()}
    places["documents"] = [row.place for row in documents]
    texts = [_document(row, f"document-{i}") for i, row in enumerate(documents, start=1)]
    return Parts(
        examples=examples,
        places=places,
        documents=texts,
        instruction=shape.instruction,
        shape=shape.name,
        target=shape.target,
        kind=shape.kind,
        labels=shape.beside.choices.letters if shape.beside.choices and shape.kind else (),
        notes=(
            *shape.notes,
            *_left_out(rows, kept, shape),
            *_more_answers(optional["aliases"], columns or {}),
            *rewritten,
            *(_perhaps_several(examples, places, shape) if _is_free(shape, kind) else ()),
            *control_tokens(examples, places, texts),
            *unused(rows, {*shape.used, *optional.values()}, to_show=True),
            *(f"Documents: {note}" for note in unused(documents, {"id", "title", "text"}, to_show=False)),
        ),
    )


def _in_known_case(rows: Sequence[SourceRow], columns: Mapping[str, str]) -> list[SourceRow]:
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


def _is_free(shape: Shape, kind: str | None) -> bool:
    """Whether targets may be free answers, as far as columns and what was said tell."""
    return shape.kind is None and kind in (None, "qa", "generation", "summarization")


def _is_good(row: SourceRow, shape: Shape) -> bool:
    return shape.marks is None or not is_bad(row.values.get(shape.marks))


def _left_out(rows: Sequence[SourceRow], kept: Mapping[str, Sequence[object]], shape: Shape) -> Iterator[str]:
    n = len(rows) - sum(map(len, kept.values()))
    if n and n == len(rows):
        raise rows[0].place.error(f"{shape.marks!r} marks the answers of all rows as bad: none is left.")
    if n:
        target = (
            f" If it is the target, map it: --columns target={shape.marks}." if shape.marks != "label" else ""
        )
        yield f"{n} of {len(rows)} rows are left out: {shape.marks!r} marks their answers as bad.{target}"


def _more_answers(column: str, columns: Mapping[str, str]) -> Iterator[str]:
    if column != "aliases" and column not in columns.values():
        yield f"{column!r} holds further right answers."


def _perhaps_several(
    examples: Mapping[str, Sequence[Example]], places: Mapping[str, Sequence[Place]], shape: Shape
) -> Iterator[str]:
    """Say of a column of answers that what may be meant for several is taken as one."""
    plural = shape.target.lower() in SEVERAL
    targets = [row.target for rows in examples.values() for row in rows]
    # Answers that repeat are labels, such as Food / Drink.
    if not plural and (not shape.name.startswith("question/") or len(set(targets)) * 2 <= len(targets)):
        return
    found = [
        (place, row.target)
        for split, rows in examples.items()
        for row, place in zip(rows, places[split], strict=True)
        if not row.aliases and perhaps_several(row.target, plural=plural)
    ]
    if found:
        place, text = found[0]
        cells = "1 cell" if len(found) == 1 else f"{len(found)} cells"
        yield (
            f"{cells} of {shape.target!r} may hold several answers and count as one each, such as "
            f'{_short(text)} ({place}). If they do, write a list, ["a", "b"], or part them by |.'
        )


def _example(row: SourceRow, shape: Shape, optional: Mapping[str, str], made_id: str) -> Example:
    source, *targets = shape.pair(row)
    if not targets:
        raise row.place.error(
            f"{shape.target!r} is an empty list: no answer is right. Give one, or take the row out."
        )
    target = _required(row, shape.target, targets[0])
    text = _required(row, shape.columns[0], source)
    if shape.beside.used and text.strip():
        try:
            text = shape.beside.input(row.values, text)
        except (ValueError, TypeError) as error:
            raise row.place.error(f"{error}.") from None
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


def _check_cells(rows: Sequence[SourceRow], columns: Collection[str]) -> None:
    """Refuse errors of a spreadsheet; in JSONL, which none writes, they are texts."""
    jsonl = {path for path in {row.place.path for row in rows} if path and path.suffix.lower() == ".jsonl"}
    for row in rows if not jsonl else (row for row in rows if row.place.path not in jsonl):
        for column in columns:
            text = row.values.get(column)
            if (
                isinstance(text, str)
                and text.lstrip()[:1] in ("#", "E")
                and _SPREADSHEET_ERROR.fullmatch(text)
            ):
                raise row.place.error(
                    f"{column!r} holds {text.strip()!r}, an error of a spreadsheet. Repair the cell."
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


def _document(row: SourceRow, made_id: str) -> Document:
    if "text" not in row.values:
        found = ", ".join(map(repr, row.values)) or "(none)"
        raise row.place.error(f"a document needs a 'text'. Found the columns {found}.")
    return Document(
        id=_read(row, "id", as_text, row.values.get("id")) or made_id,
        text=_required(row, "text", row.values["text"]),
        title=_read(row, "title", as_text, row.values.get("title")) or None,
    )


def _required(row: SourceRow, name: str, value: object) -> str:
    text = _read(row, name, as_text, value)
    if text is None:
        raise row.place.error(f"{name!r} is null. Expected a text.")
    if not text.strip() and name not in ("input", "target", "text"):  # of these the task's own check tells
        raise row.place.error(f"{name!r} is empty. Expected a text.")
    return text


def _read(row: SourceRow, name: str, reader: Callable[[object], T], value: object) -> T:
    try:
        return reader(value)
    except (ValueError, TypeError) as error:
        raise row.place.error(f"{name!r}: {error}.") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
