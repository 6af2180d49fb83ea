"""Task folders: ``task.json`` beside ``train``, ``validation``, ``test`` and ``documents``.

    task.json    {"name", "kind", "instruction", "metrics": [...], "labels": [...]?, "schema": {...}?,
                  "tools": [{"name", "description", "parameters": {...}}, ...]?}
    train.jsonl  {"id", "input", "target", "aliases"?, "gold_documents"?, "cluster"?, "metadata"?}

Each file of rows may be .jsonl, .csv or .parquet. Without ``task.json``, kind and metrics are guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adaptkit.core.codec import canonical_json
from adaptkit.core.errors import DataError
from adaptkit.core.files import write_json_atomic, write_text_atomic
from adaptkit.core.reading import Unreadable, read_json
from adaptkit.core.types import Document, Example
from adaptkit.tasks.build import Origin, build_task, inferred_head, kind_given
from adaptkit.tasks.columns import to_parts
from adaptkit.tasks.readers import ROW_SUFFIXES, read_rows
from adaptkit.tasks.task import Task
from adaptkit.tasks.values import as_text

SPLITS = ("train", "validation", "test")
HEAD = "task.json"
_MEANT = frozenset(
    [
        "train",
        "training",
        "validation",
        "valid",
        "val",
        "dev",
        "test",
        "testing",
        "documents",
        "docs",
        "corpus",
    ]
)
_TEXTS = ("name", "kind", "instruction", "description", "licence", "attribution")
_LISTS = ("metrics", "labels")


def load_folder(folder: Path, origin: Origin, columns: Mapping[str, str] | None) -> Task:
    """Read a task folder.

    Raises:
        DataError: it is not one, or its files cannot be used.
    """
    names = _names(folder)
    # By name, not by what it is: a folder, a pipe or a link to nothing is refused when it is read.
    files = {name: _find(folder, name, names) for name in (*SPLITS, "documents")}
    if HEAD not in names and not any(files[split] for split in SPLITS):
        raise DataError(
            "this folder is not a task: expected task.json, or one of "
            f"{', '.join(SPLITS)} as {', '.join(ROW_SUFFIXES)}. Found: {_contents(names)}.",
            path=folder,
        )
    splits = {split: read_rows(path) for split in SPLITS if (path := files[split]) is not None}
    documents = read_rows(files["documents"]) if files["documents"] is not None else []
    head = read_head(folder / HEAD) if HEAD in names else None
    kind = kind_given({**(head or {}), **origin.overrides})
    parts = to_parts(splits, columns=columns, documents=documents, kind=kind)
    head = inferred_head(parts, {}, origin.overrides) if head is None else head
    notes = (*head.get("notes", ()), *_unread(names, files.values()))
    return build_task(parts, {"name": folder.resolve().name, **head, "notes": notes}, origin)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise DataError(f"the folder cannot be read: {error.strerror}.", path=folder) from None


def _unread(names: Sequence[str], files: Iterable[Path | None]) -> Iterator[str]:
    """Say which files seem to be meant as rows or documents, and are not read."""
    read = {path.name for path in files if path is not None}
    meant = [name for name in names if name.split(".")[0].lower() in _MEANT and name not in read]
    if meant:
        yield (
            f"Not read: {', '.join(map(repr, meant[:10]))}. Rows are read from {', '.join(SPLITS)} and "
            f"documents ({', '.join(ROW_SUFFIXES)})."
        )


def _find(folder: Path, name: str, names: Sequence[str]) -> Path | None:
    found = [folder / f"{name}{suffix}" for suffix in ROW_SUFFIXES if f"{name}{suffix}" in names]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(f"found {names}, and cannot tell which one counts. Keep one.", path=folder)
    return found[0] if found else None


def _contents(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "nothing"


def read_head(path: Path) -> dict[str, Any]:
    """Read the fields of a task out of ``task.json``; other keys are for people.

    Raises:
        DataError: it is not a JSON object, or a field has a wrong type.
    """
    try:
        values = read_json(path)
    except Unreadable as error:
        raise DataError(f"{error.reason}.", path=path, line=error.line) from None
    if not isinstance(values, dict):
        raise DataError("expected a JSON object with name, kind, instruction and metrics.", path=path)
    head: dict[str, Any] = {}
    for name in _TEXTS:
        if values.get(name) is not None:
            head[name] = _expect(path, name, values[name], str, "a text")
    for name in _LISTS:
        if values.get(name) is not None:
            items = _expect(path, name, values[name], list, "a list of texts")
            head[name] = tuple(as_text(item) for item in items)
    if values.get("schema") is not None:
        head["schema"] = _expect(path, "schema", values["schema"], dict, "a JSON Schema object")
    if values.get("tools") is not None:
        head["tools"] = tuple(_expect(path, "tools", values["tools"], list, "a list of functions"))
    head["notes"] = tuple(_misspelt(values))
    return head


def _misspelt(values: Mapping[str, Any]) -> Iterator[str]:
    """Say which keys are no fields of a task, though they look like one; all others are for people."""
    known = (*_TEXTS, *_LISTS, "schema", "tools")
    for key in values:
        close = get_close_matches(key, [name for name in known if name not in values], n=1, cutoff=0.75)
        if key not in known and close:
            yield f"{HEAD}: {key!r} is not used. Did you mean {close[0]!r}?"


def _expect(path: Path, name: str, value: Any, kind: type, expected: str) -> Any:
    if not isinstance(value, kind):
        raise DataError(f"{name!r} must be {expected}. Got {value!r}.", path=path)
    return value


def write_task(task: Task, folder: str | Path) -> Path:
    """Write ``task`` as a folder that ``load_task`` reads back equal, but for its ``source``.

    Files that an earlier call wrote there are replaced.

    Returns:
        The folder.

    Raises:
        DataError: the folder holds rows in another format, which would be read beside the new ones.
    """
    folder = Path(folder)
    for name in (*SPLITS, "documents"):
        for suffix in set(ROW_SUFFIXES) - {".jsonl"}:
            if (folder / f"{name}{suffix}").exists():
                raise DataError(
                    f"holds {name}{suffix}, which is not of this task. Choose another.", path=folder
                )
    # Written even if empty: a missing validation file would be split off train again.
    for split in SPLITS:
        _write_lines(folder / f"{split}.jsonl", [_example(row) for row in getattr(task, split) or ()])
    documents = folder / "documents.jsonl"
    if task.documents or documents.exists():
        _write_lines(documents, [_document(document) for document in task.documents])
    write_json_atomic(folder / "task.json", _head(task))
    return folder


def _head(task: Task) -> dict[str, Any]:
    head = {name: getattr(task, name) for name in (*_TEXTS, *_LISTS, "schema", "tools")}
    required = ("name", "kind", "instruction", "metrics")
    return {name: value for name, value in head.items() if value or name in required}


def _example(row: Example) -> dict[str, Any]:
    values: dict[str, Any] = {"id": row.id, "input": row.input, "target": row.target}
    for name in ("aliases", "gold_documents", "cluster", "metadata"):
        value = getattr(row, name)
        if value not in ((), None, {}):
            values[name] = value
    return values


def _document(document: Document) -> dict[str, Any]:
    title = {} if document.title is None else {"title": document.title}
    return {"id": document.id, **title, "text": document.text}


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    write_text_atomic(path, "".join(canonical_json(row) + "\n" for row in rows))
