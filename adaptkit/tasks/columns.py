"""Make examples and documents of the rows of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adaptkit.core.types import Document, Example
from adaptkit.tasks.readers import Place, Row
from adaptkit.tasks.shapes import Shape, choose_shape
from adaptkit.tasks.values import as_mapping, as_text, as_texts

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Rows of a task before it is made, with the place of each.

    Attributes:
        examples: by split.
        places: by split (and ``documents``), parallel to the rows.
        instruction: what all rows say apart from their input, or None.
        shape: the name of the shape of the columns.
    """

    examples: dict[str, list[Example]]
    places: dict[str, list[Place]]
    documents: list[Document] = field(default_factory=list)
    instruction: str | None = None
    shape: str = "input/target"


def to_parts(
    splits: Mapping[str, Sequence[Row]],
    *,
    columns: Mapping[str, str] | None = None,
    prefixes: Mapping[str, str] | None = None,
    documents: Sequence[Row] = (),
) -> Parts:
    """Make examples of the rows of all splits.

    Args:
        splits: rows by split.
        columns: field to column, for shapes that are not recognised.
        prefixes: what made-up ids of a split start with, the split's name by default.
        documents: rows of the documents.

    Raises:
        DataError: a row lacks what it must have.
        ConfigError: ``columns`` is not a mapping of fields to columns.
    """
    shape = choose_shape([row for rows in splits.values() for row in rows], columns)
    examples = {
        split: [
            _example(row, shape, columns or {}, f"{(prefixes or {}).get(split, split)}-{i}")
            for i, row in enumerate(rows, start=1)
        ]
        for split, rows in splits.items()
    }
    places = {split: [row.place for row in rows] for split, rows in splits.items()}
    places["documents"] = [row.place for row in documents]
    return Parts(
        examples=examples,
        places=places,
        documents=[_document(row, f"document-{i}") for i, row in enumerate(documents, start=1)],
        instruction=shape.instruction,
        shape=shape.name,
    )


def _example(row: Row, shape: Shape, columns: Mapping[str, str], made_id: str) -> Example:
    source, target = shape.pair(row)
    targets = target if isinstance(target, tuple) else (target,)
    text = _required(row, "target", targets[0] if targets else None)

    def optional(name: str) -> Any:
        return row.values.get(columns.get(name, name))

    aliases = _read(row, "aliases", as_texts, optional("aliases"))
    return Example(
        id=_read(row, "id", as_text, optional("id")) or made_id,
        input=_required(row, "input", source),
        target=text,
        aliases=(*targets[1:], *aliases),
        gold_documents=_read(row, "gold_documents", as_texts, optional("gold_documents")),
        cluster=_read(row, "cluster", as_text, optional("cluster")) or None,
        metadata=_read(row, "metadata", as_mapping, optional("metadata")),
    )


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
    return text


def _read(row: Row, name: str, reader: Callable[[object], T], value: object) -> T:
    try:
        return reader(value)
    except (ValueError, TypeError) as error:
        raise row.place.error(f"{name!r}: {error}.") from None
