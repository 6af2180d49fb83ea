"""Put a task together out of what was read, and say where the fault is when it is refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adaptkit import metrics
from adaptkit.core.errors import ConfigError, DataError
from adaptkit.tasks.columns import Parts
from adaptkit.tasks.infer import METRICS_BY_KIND, infer_kind, label_notes
from adaptkit.tasks.readers import Place
from adaptkit.tasks.task import Task
from adaptkit.tasks.validate import RowError, RowKey, place_in_memory

FIELDS = tuple(field.name for field in dataclasses.fields(Task) if field.name not in ("notes", "read_with"))
_SAID = ("name", "kind", "instruction", "metrics", "labels", "schema")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a task is read from.

    Attributes:
        given: the source as it was passed to ``load_task``.
        columns: field to column, as passed.
        head: the file that holds name, kind and metrics, or None.
    """

    given: str
    columns: Mapping[str, str] | None = None
    head: Path | None = None
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    known_metrics: Collection[str] | None = None

    @property
    def read_with(self) -> dict[str, Any]:
        """What was passed beside the source, but for rows and documents."""
        said = {k: v for k, v in self.overrides.items() if k in _SAID and v is not None}
        return {**said, "columns": dict(self.columns)} if self.columns else said


def check_overrides(overrides: Mapping[str, Any]) -> None:
    """Refuse names that are no fields of a task.

    Raises:
        ConfigError: with the closest field.
    """
    for name in overrides:
        if name not in FIELDS:
            close = get_close_matches(name, FIELDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"load_task has no parameter {name!r}.{hint} It takes: {', '.join(FIELDS)}.")


def build_task(parts: Parts, head: Mapping[str, Any], origin: Origin) -> Task:
    """Make the task.

    Raises:
        DataError: with path and line where a row of a file is at fault, else with the path of the head.
    """
    values = {
        "train": parts.examples.get("train", ()),
        "test": parts.examples.get("test", ()),
        "validation": parts.examples.get("validation"),
        "documents": parts.documents,
        "source": origin.given,
        "read_with": origin.read_with,
        **head,
        **origin.overrides,
        "notes": (*head.get("notes", ()), *parts.notes),
    }
    values["instruction"] = _instruction(parts.instruction, values.get("instruction"))
    _check_complete(values, origin)
    try:
        return Task(**values)
    except RowError as error:
        places = {split: p for split, p in parts.places.items() if split not in origin.overrides}
        raise _located(error, places) from None
    except DataError as error:
        raise DataError(str(error), path=origin.head) from None


def _instruction(shared: str | None, given: Any) -> Any:
    """The instruction given, below what the rows say to all inputs: a system message must not get lost."""
    if not shared or not isinstance(given, str) or shared in given:
        return given or shared
    return f"{shared}\n\n{given}"


def kind_given(values: Mapping[str, Any]) -> str | None:
    """The kind that is said, be it by labels or a schema."""
    implied = "classification" if values.get("labels") else "structured" if values.get("schema") else None
    return values.get("kind") or implied


def inferred_head(parts: Parts, head: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in kind, labels and metrics by what the rows look like, and say from what."""
    kind, why = _kind(parts, overrides)
    targets = [row.target for rows in parts.examples.values() for row in rows]
    notes = (
        *([f"Kind of task: {kind}, guessed ({why}). Say another with kind=... (--kind)."] if why else ()),
        *(label_notes(targets) if kind == "classification" and targets else ()),
    )
    labels = {"labels": parts.labels} if parts.labels and kind == parts.kind else {}
    metrics = METRICS_BY_KIND.get(str(kind), ("exact_match",))
    return {"kind": kind, "metrics": metrics, "notes": notes, **labels, **head}


def _kind(parts: Parts, overrides: Mapping[str, Any]) -> tuple[Any, str]:
    """The kind, and what it was guessed from: nothing where it was said."""
    if kind := kind_given(overrides):
        return kind, ""
    if parts.kind:
        return parts.kind, f"the columns are {parts.shape}"
    rows = [row for rows in parts.examples.values() for row in rows]
    asked = parts.shape.startswith("question/") or bool(parts.documents) or "documents" in overrides
    return infer_kind(rows, question_answer=asked, target=parts.target)


def _check_complete(values: Mapping[str, Any], origin: Origin) -> None:
    known = f"Known kinds: {', '.join(METRICS_BY_KIND)}."
    if values.get("kind") is None:
        raise DataError(f"'kind' is missing. {known}", path=origin.head)
    if not str(values.get("instruction") or "").strip():
        where = "Add 'instruction' to task.json, or say it here" if origin.head else "Say it"
        raise DataError(
            f"{origin.given} has no instruction: what should a model do with an input? {where}: "
            "load_task(..., instruction='Classify the request into one intent.'), or --instruction '...'.",
            path=origin.head,
        )
    if not values.get("metrics"):
        raise DataError(
            "'metrics' is missing. Name at least one metric; the first one decides.", path=origin.head
        )
    known_metrics = metrics.names() if origin.known_metrics is None else origin.known_metrics
    _check_metrics(values["metrics"], known_metrics, origin.head)


def _check_metrics(names: Collection[str], known: Collection[str], path: Path | None) -> None:
    for name in names:
        # recall_at_3 is known where recall_at_k is.
        if name in known or re.sub(r"\d+$", "k", str(name)) in known:
            continue
        close = get_close_matches(str(name), list(known), n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise DataError(
            f"unknown metric {name!r} in 'metrics'.{hint} Known: {', '.join(sorted(known))}.", path=path
        )


def _located(error: RowError, places: Mapping[str, list[Place]]) -> DataError:
    place = _place(error.row, places)
    if place is None or place.path is None:
        return error
    first = "" if error.first is None else str(_place(error.first, places) or place_in_memory(error.first))
    noun = "document" if error.row[0] == "documents" else "example"
    return place.error(f"{noun} {error.row_id!r}: {error.text.replace('{first}', first)}")


def _place(row: RowKey, places: Mapping[str, list[Place]]) -> Place | None:
    split, i = row
    return places[split][i] if split in places else None
