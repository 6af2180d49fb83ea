"""Writing and reading a comparison: comparison.json, comparison.csv and manifest.json of a run folder."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.files import write_json_atomic, write_text_atomic
from adaptkit.core.results import (
    CSV_COLUMNS,
    SCHEMA_VERSION,
    ComparisonResult,
    Pair,
    Record,
    Row,
    TaskRecommendation,
)

COMPARISON_JSON = "comparison.json"
COMPARISON_CSV = "comparison.csv"
MANIFEST_JSON = "manifest.json"

_T = TypeVar("_T", Row, Pair, TaskRecommendation, Record)


def comparison_json(result: ComparisonResult) -> dict[str, Any]:
    """Return what comparison.json holds: everything of the result but its manifest."""
    return {
        "schema_version": result.schema_version,
        "rows": to_json(result.rows),
        "pairs": to_json(result.pairs),
        "recommendation": to_json(result.recommendation),
    }


def comparison_csv(result: ComparisonResult) -> str:
    """Return the rows as CSV with a header; undefined is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([_cell(getattr(row, name)) for name in CSV_COLUMNS] for row in result.rows)
    return out.getvalue()


def _cell(value: object) -> object:
    # Twelve digits: all that a clock or a mean over rows knows, without the tails of binary fractions.
    return float(f"{value:.12g}") if isinstance(value, float) else value


def write_comparison(folder: Path, result: ComparisonResult) -> None:
    """Write the three files, each atomically, comparison.json last: where it exists, the rest does.

    Raises:
        ValueError: a number is NaN or infinite; undefined is None.
    """
    write_json_atomic(folder / MANIFEST_JSON, result.manifest)
    write_text_atomic(folder / COMPARISON_CSV, comparison_csv(result))
    write_json_atomic(folder / COMPARISON_JSON, comparison_json(result))


def read_comparison(folder: Path) -> ComparisonResult:
    """Read what ``write_comparison`` left.

    Raises:
        StoreError: a file is missing, is no JSON, or has fields that this version does not know.
    """
    path = folder / COMPARISON_JSON
    data = _read_object(path)
    version = data.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise StoreError(f"'schema_version' should be a whole number and is {version!r}.", path=path)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"It was written with schema version {version}, and this adaptkit reads up to {SCHEMA_VERSION}. "
            "Update adaptkit to read it.",
            path=path,
        )
    return ComparisonResult(
        rows=_items(data, "rows", Row, path),
        pairs=_items(data, "pairs", Pair, path),
        recommendation=_items(data, "recommendation", TaskRecommendation, path),
        manifest=_read_object(folder / MANIFEST_JSON),
        schema_version=version,
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError("There is no such file. Has the run finished?", path=path) from None
    except OSError as error:
        raise StoreError(f"It cannot be read: {error.strerror}.", path=path) from error
    except json.JSONDecodeError as error:
        raise StoreError(f"It is no valid JSON: {error.msg}.", path=path, line=error.lineno) from None
    except UnicodeDecodeError:
        raise StoreError("It is no UTF-8 text.", path=path) from None
    if not isinstance(data, dict):
        raise StoreError(f"It should hold a JSON object and holds a {type(data).__name__}.", path=path)
    return data


def _items(data: Mapping[str, Any], key: str, cls: type[_T], path: Path) -> tuple[_T, ...]:
    items = data.get(key)
    if not isinstance(items, list):
        raise StoreError(f"'{key}' should be a list and is {items!r}.", path=path)
    return tuple(from_json(item, cls, f"{key}[{i}]", path) for i, item in enumerate(items))


def from_json(item: object, cls: type[_T], where: str, path: Path, *, line: int | None = None) -> _T:
    """Build one dataclass of ``results.py``; its field types decide what fits.

    Args:
        item: what the JSON text held.
        cls: the dataclass.
        where: what to call the item in an error.
        path: the file that it stands in, ``line`` its line.
        line: see ``path``.

    Raises:
        StoreError: a field is missing, unknown or of another type.
    """
    fault = _fault(item, cls)
    if fault:
        raise StoreError(f"{where} {fault}", path=path, line=line)
    assert isinstance(item, dict)
    arguments: Any = {name: tuple(v) if isinstance(v, list) else v for name, v in item.items()}
    return cls(**arguments)


def _fault(item: object, cls: type[_T]) -> str | None:
    """Say what keeps ``item`` from being a ``cls``, None when nothing does."""
    if not isinstance(item, dict):
        return f"should be an object and is {item!r}."
    fields = {f.name: f for f in dataclasses.fields(cls)}
    if unknown := sorted(item.keys() - fields.keys()):
        return f"has the unknown field '{unknown[0]}'."
    for name, f in fields.items():
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and name not in item:
            return f"lacks the field '{name}'."
    for name, value in item.items():
        if not _fits(value, str(fields[name].type)):
            return f"field '{name}' should be of type {fields[name].type} and is {value!r}."
    return None


def _fits(value: object, annotation: str) -> bool:
    """Check a JSON value against an annotation of ``results.py``, by its first word."""
    if value is None:
        return "None" in annotation
    if isinstance(value, bool):
        return "bool" in annotation
    expected: type | tuple[type, ...] = str  # str, Literal and their aliases
    if annotation.startswith("float"):
        expected = (int, float)
    elif annotation.startswith("int"):
        expected = int
    elif annotation.startswith("Mapping"):
        expected = dict
    elif annotation.startswith("tuple"):
        expected = list
    return isinstance(value, expected)
