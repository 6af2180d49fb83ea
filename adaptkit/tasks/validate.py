"""What a task must hold, checked once, when it is made.

Each rule about a row raises a :class:`RowError` that knows which row of which split it means. A loader
turns it into a :class:`~adaptkit.core.errors.DataError` with the file and line; for a task built in
memory the message names the example.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from adaptkit import metrics
from adaptkit.core.codec import canonical_json
from adaptkit.core.errors import DataError, shown
from adaptkit.core.reading import parse_json
from adaptkit.core.types import Document, Example
from adaptkit.tasks.schema import schema_checker

if TYPE_CHECKING:
    from adaptkit.tasks.task import Task

_FOR_PEOPLE = ("description", "licence", "attribution")
RowKey = tuple[str, int]
"""Split (``train``, ``validation``, ``test`` or ``documents``) and 0-based position."""


class RowError(DataError):
    """A row that cannot be used.

    Attributes:
        text: what is wrong, without saying where; ``{first}`` in it stands for ``first``'s place.
        row: split and position of the row.
        first: the earlier row that it contradicts, or None.
    """

    def __init__(self, text: str, *, row: RowKey, row_id: object, first: RowKey | None = None) -> None:
        self.text = text
        self.row = row
        self.row_id = row_id
        self.first = first
        noun = "document" if row[0] == "documents" else "example"
        filled = text if first is None else text.replace("{first}", place_in_memory(first))
        super().__init__(f"{noun} {row_id!r} ({place_in_memory(row)}): {filled}")


def place_in_memory(row: RowKey) -> str:
    """Name a row of a task that came from no file.

    Examples:
        >>> place_in_memory(("train", 0))
        'train row 1'
    """
    return f"{row[0]} row {row[1] + 1}"


def check_task(task: Task, *, kinds: Collection[str]) -> None:
    """Raise a DataError for the first thing that is wrong with ``task``."""
    _check_head(task, kinds)
    if not task.test:
        raise DataError(f"Task {task.name!r} has no test rows. Give it rows to be judged on.")
    _check_documents(task.documents)
    seen: dict[str, RowKey] = {}
    for row, example in _rows(task):
        _check_example(example, row)
        if example.id in seen:
            raise RowError(
                "this id is already used, at {first}. Ids are unique within a task, over all splits.",
                row=row,
                row_id=example.id,
                first=seen[example.id],
            )
        seen[example.id] = row
    _check_targets(task)
    _check_metrics(task)
    _check_gold_documents(task)


def _rows(task: Task) -> Iterator[tuple[RowKey, Example]]:
    for split in ("train", "validation", "test"):
        for i, example in enumerate(getattr(task, split) or ()):
            yield (split, i), example


def _check_head(task: Task, kinds: Collection[str]) -> None:
    if task.kind not in kinds:
        raise DataError(_bad_kind(task.kind, kinds))
    for field in ("name", "instruction"):
        value: object = getattr(task, field)
        if not isinstance(value, str) or not value.strip():
            raise DataError(f"Task {task.name!r}: {field!r} must be a text that is not empty. Got {value!r}.")
    for field in ("metrics", "labels"):
        _check_names(task.name, field, getattr(task, field))
    _check_tools(task)
    for field in ("name", "instruction", "metrics", "labels", "schema", "tools", *_FOR_PEOPLE):
        _check_head_writable(task, field)
    if not task.metrics:
        raise DataError(f"Task {task.name!r} has no metrics. Name at least one; the first one decides.")


def _check_head_writable(task: Task, field: str) -> None:
    fault = _not_json(getattr(task, field))
    if fault:
        raise DataError(f"Task {shown(task.name)}: {field!r} cannot be written as JSON: {fault}.")


def _not_json(value: object) -> str | None:
    """Why a value cannot be written as JSON in UTF-8; None where it can."""
    try:
        canonical_json(value).encode()
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair, which is no text"
    except RecursionError:
        return "it is nested too deeply"
    except (TypeError, ValueError) as error:
        return shown(str(error))
    return None


def _bad_kind(kind: object, kinds: Collection[str]) -> str:
    known = f"Known kinds: {', '.join(kinds)}."
    if not kind:
        return f"'kind' is missing. {known}"
    close = get_close_matches(str(kind), list(kinds), n=1, cutoff=0.5)
    return f"Unknown kind {kind!r}.{f' Did you mean {close[0]!r}?' if close else ''} {known}"


def _check_names(task: str, field: str, value: Any) -> None:
    if isinstance(value, str) or any(not isinstance(v, str) or not v.strip() for v in value):
        raise DataError(
            f"Task {task!r}: {field!r} must be a list of texts that are not empty. Got {value!r}."
        )
    repeated = next((v for i, v in enumerate(value) if v in value[:i]), None)
    if repeated is not None:
        raise DataError(f"Task {task!r}: {repeated!r} stands twice in {field!r}.")


def _check_tools(task: Task) -> None:
    seen: set[str] = set()
    for tool in task.tools:
        name = tool.get("name") if isinstance(tool, Mapping) else None
        if not isinstance(name, str) or not isinstance(tool.get("parameters", {}), Mapping):
            raise DataError(
                f"Task {task.name!r}: each of 'tools' must be an object with name, description and "
                f"parameters (a JSON Schema). Got {_short(str(tool))}."
            )
        if name in seen:
            raise DataError(f"Task {task.name!r}: two of 'tools' are called {name!r}.")
        seen.add(name)


def _check_documents(documents: Sequence[Document]) -> None:
    seen: dict[str, RowKey] = {}
    for i, document in enumerate(documents):
        row = ("documents", i)
        for field in ("id", "text"):
            _check_text(field, getattr(document, field), row, document.id)
        _check_writable(document, row)
        if document.id in seen:
            raise RowError(
                "this id is already used, at {first}. Ids of documents are unique.",
                row=row,
                row_id=document.id,
                first=seen[document.id],
            )
        seen[document.id] = row


def _check_example(example: Example, row: RowKey) -> None:
    for field in ("id", "input", "target"):
        _check_text(field, getattr(example, field), row, example.id)
    for field in ("aliases", "gold_documents"):
        value: object = getattr(example, field)
        if isinstance(value, str):
            raise RowError(f"{field!r} must be a list. Got {value!r}.", row=row, row_id=example.id)
    for alias in example.aliases:
        _check_text("aliases", alias, row, example.id)
    if not _plain(example):
        _check_writable(example, row)


def _plain(example: Example) -> bool:
    """Whether an example is only texts that can be written, as most are: found in a fraction of the time."""
    texts = (example.id, example.input, example.target, example.cluster or "")
    try:
        "".join((*texts, *example.aliases, *example.gold_documents)).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return example.metadata == {}


def _check_text(field: str, value: object, row: RowKey, row_id: object) -> None:
    if not isinstance(value, str):
        raise RowError(f"{field!r} must be a text. Got {value!r}.", row=row, row_id=row_id)
    if not value.strip():
        raise RowError(f"{field!r} is empty.", row=row, row_id=row_id)


def _check_writable(item: Example | Document, row: RowKey) -> None:
    # The content hash and every record need it; here it can still be said which row is at fault.
    fault = _not_json(item)
    if fault:
        raise RowError(f"it cannot be written as JSON: {fault}.", row=row, row_id=item.id)


def _check_targets(task: Task) -> None:
    if task.kind == "structured":
        _check_structured(task)
    elif task.labels:
        labels = set(task.labels)
        for row, example in _rows(task):
            if example.target not in labels:
                raise RowError(_bad_label(example.target, task.labels), row=row, row_id=example.id)


def _bad_label(target: str, labels: Sequence[str]) -> str:
    close = get_close_matches(target, labels, n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    shown = ", ".join(labels[:20]) + (", ..." if len(labels) > 20 else "")
    return f"the target {target!r} is not one of the {len(labels)} labels.{hint} Labels: {shown}."


def _check_structured(task: Task) -> None:
    find_fault = schema_checker(task.schema)
    for row, example in _rows(task):
        for reference in example.references:
            try:
                fault = find_fault(parse_json(reference))
            except ValueError as error:
                fault = f"is not JSON: {error}"
            if fault is not None:
                raise RowError(f"the target {_short(reference)} {fault}.", row=row, row_id=example.id)


def _check_metrics(task: Task) -> None:
    """Refuse metrics that do not fit the task, and rows that one of them could not score.

    Names that are not known are left to whoever knows the metrics of the process.
    """
    for name in task.metrics:
        fault = metrics.task_fault(name, kind=task.kind, labels=task.labels, rows=())
        if fault is not None:
            raise DataError(f"Task {task.name!r}: {fault} Take {name} out of 'metrics', or give 'labels'.")
        for row, example in _rows(task) if name in metrics.OF_VALUES else ():
            fault = metrics.row_fault(name, example.references)
            if fault is not None:
                text = f"{fault} Correct the row, or take {name} out of 'metrics'."
                raise RowError(text, row=row, row_id=example.id)


def _check_gold_documents(task: Task) -> None:
    known = {document.id for document in task.documents}
    for row, example in _rows(task):
        for document in example.gold_documents:
            if document not in known:
                raise RowError(_no_document(document, known), row=row, row_id=example.id)


def _no_document(document: str, known: Collection[str]) -> str:
    if not known:
        return f"the gold document {document!r} does not exist: the task has no documents."
    close = get_close_matches(str(document), list(known), n=1, cutoff=0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"the gold document {document!r} is not among the {len(known)} documents.{hint}"


def _short(text: str, limit: int = 120) -> str:
    return repr(text if len(text) <= limit else text[: limit - 3] + "...")
