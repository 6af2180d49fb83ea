"""Writing and reading a comparison: comparison.json, comparison.csv and manifest.json of a run folder."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError, shown
from adaptkit.core.files import csv_text, json_text, write_together
from adaptkit.core.reading import MAX_BYTES, Unreadable, read_bytes, read_json
from adaptkit.core.results import (
    CSV_COLUMNS,
    SCHEMA_VERSION,
    ComparisonResult,
    NoiseFloor,
    Pair,
    Row,
    TaskRecommendation,
)
from adaptkit.core.types import Traits

COMPARISON_JSON = "comparison.json"
COMPARISON_CSV = "comparison.csv"
MANIFEST_JSON = "manifest.json"
VERSION = "schema_version"
"""Stands in comparison.json, manifest.json, the result of each trial, and each line of records.jsonl."""

_T = TypeVar("_T")


def comparison_json(result: ComparisonResult) -> dict[str, Any]:
    """Return what comparison.json holds: everything of the result but its manifest."""
    return {
        "schema_version": result.schema_version,
        "rows": to_json(result.rows),
        "pairs": to_json(result.pairs),
        "recommendation": to_json(result.recommendation),
        "noise": to_json(result.noise),
        "costs": to_json(result.costs),
    }


def comparison_csv(result: ComparisonResult) -> str:
    """Return the rows as CSV with a header; undefined is an empty cell."""
    rows = ([_cell(getattr(row, name)) for name in CSV_COLUMNS] for row in result.rows)
    return csv_text([CSV_COLUMNS, *rows])


def _cell(value: object) -> object:
    # Twelve digits: all that a clock or a mean over rows knows, without the tails of binary fractions.
    return float(f"{value:.12g}") if isinstance(value, float) else value


def write_comparison(folder: Path, result: ComparisonResult) -> None:
    """Write the three files, comparison.json last: where it exists, the others are those of the same result.

    Raises:
        ValueError: a number is NaN or infinite; undefined is None.
    """
    texts = {
        MANIFEST_JSON: json_text(versioned(result.manifest)),
        COMPARISON_CSV: comparison_csv(result),
        COMPARISON_JSON: json_text(comparison_json(result)),
    }
    write_together(folder, texts)


def read_comparison(folder: Path) -> ComparisonResult:
    """Read what ``write_comparison`` left.

    Raises:
        StoreError: a file is missing, is no JSON, or was written by another version.
    """
    path = folder / COMPARISON_JSON
    data = of_this_version(read_object(path), path)
    return ComparisonResult(
        rows=_items(data, "rows", Row, path),
        pairs=_items(data, "pairs", Pair, path),
        recommendation=_items(data, "recommendation", TaskRecommendation, path),
        noise=_items(data, "noise", NoiseFloor, path),
        costs=tuple(data.get("costs") or ()),
        manifest=read_manifest(folder),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json.

    Raises:
        StoreError: it is missing, no JSON object, or was written by another version.
    """
    path = folder / MANIFEST_JSON
    return of_this_version(read_object(path), path)


def versioned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The object with today's version, to be written."""
    return {VERSION: SCHEMA_VERSION, **values}


def of_this_version(values: Mapping[str, Any], path: Path, *, line: int | None = None) -> dict[str, Any]:
    """An object of a run folder, without its version.

    Args:
        values: as the JSON text held them.
        path: the file that it stands in, ``line`` its line; for errors.
        line: see ``path``.

    Raises:
        StoreError: it says no version, or not the one that this library reads.
    """
    version = values.get(VERSION)
    if version != SCHEMA_VERSION or isinstance(version, bool):
        found = f"has schema version {shown(version)}" if VERSION in values else "has no schema version"
        raise StoreError(
            f"It {found}, and this adaptkit reads version {SCHEMA_VERSION}. Read it with the version of "
            "adaptkit that wrote it, or run the comparison again: in another folder, or with --fresh.",
            path=path,
            line=line,
        )
    return {name: value for name, value in values.items() if name != VERSION}


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file of a run folder holds.

    Raises:
        StoreError: it is missing, cannot be read, or holds none.
    """
    try:
        data = read_json(path, limit=MAX_BYTES)
    except Unreadable as error:
        if error.missing:
            raise _missing(path) from None
        raise StoreError(f"It cannot be read: {error.reason}.", path=path, line=error.line) from None
    if not isinstance(data, dict):
        raise StoreError(f"It should hold a JSON object and holds a {type(data).__name__}.", path=path)
    return data


def read_stored(path: Path) -> bytes:
    """What a file of a run folder holds.

    Raises:
        StoreError: it is missing or cannot be read.
    """
    try:
        return read_bytes(path)
    except Unreadable as error:
        if error.missing:
            raise _missing(path) from None
        raise StoreError(f"It cannot be read: {error.reason}.", path=path) from None


def _missing(path: Path) -> StoreError:
    """Say what is there instead: no folder, runs further down, or nothing."""
    folder = path.parent
    if not folder.is_dir():
        return StoreError("There is no such folder.", path=folder)
    runs = sorted(p.parent for p in folder.glob(f"*/{COMPARISON_JSON}"))
    if path.name == COMPARISON_JSON and runs:
        shown = ", ".join(map(str, runs[:3])) + (", ..." if len(runs) > 3 else "")
        return StoreError(f"No comparison stands in this folder, but in some below it: {shown}.", path=folder)
    return StoreError("There is no such file. Has the run finished?", path=path)


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
    for name, nested in _nested(cls).items():  # type: ignore[arg-type]  # types are hashable
        if name in arguments:
            arguments[name] = from_json(arguments[name], nested, f"{where}.{name}", path, line=line)
    return cls(**arguments)


def _fault(item: object, cls: type[_T]) -> str | None:
    """Say what keeps ``item`` from being a ``cls``, None when nothing does."""
    if not isinstance(item, dict):
        return f"should be an object and is {item!r}."
    fields = _fields(cls)  # type: ignore[arg-type]  # types are hashable
    if unknown := sorted(item.keys() - fields.keys()):
        return f"has the unknown field '{unknown[0]}'."
    for name, expected in fields.items():
        if name not in item:
            if expected.needed:
                return f"lacks the field '{name}'."
        elif type(item[name]) not in expected.types:
            return f"field '{name}' should be of type {expected.annotation} and is {shown(item[name])}."
        elif expected.items and item[name] and not _hold(item[name], expected.items):
            return f"field '{name}' should be of type {expected.annotation} and holds other values."
    return None


def _hold(value: Mapping[str, Any] | list[Any], types: frozenset[type]) -> bool:
    return types.issuperset(map(type, value.values() if isinstance(value, dict) else value))


@dataclasses.dataclass(frozen=True)
class _Expected:
    """What JSON may hold for a field: values of one of ``types``, those within it of one of ``items``.

    ``items`` is empty where a field holds none, or whatever there is.
    """

    annotation: str
    types: frozenset[type]
    items: frozenset[type]
    needed: bool


# By the first word of an annotation; what is none of these is a text, a Literal or an alias of one.
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "float": (int, float),
    "int": (int,),
    "bool": (bool,),
    "Mapping": (dict,),
    "tuple": (list,),
    "Traits": (dict,),
}
_NESTED = {"Traits": Traits}


def _expected(field: dataclasses.Field[Any]) -> _Expected:
    annotation = str(field.type)
    without = dataclasses.MISSING
    needed = field.default is without and field.default_factory is without
    return _Expected(annotation, _types(annotation), _items_of(annotation), needed)


def _types(annotation: str) -> frozenset[type]:
    word = re.split(r"\W", annotation, maxsplit=1)[0]
    types = frozenset(_JSON_TYPES.get(word, (str,)))
    return types | {type(None)} if annotation.endswith("None") else types


def _items_of(annotation: str) -> frozenset[type]:
    """Types within a mapping or a tuple: of ``Mapping[str, float | None]`` those of ``float | None``."""
    within = re.match(r"Mapping\[str, (.+?)\](?: \| None)?$|tuple\[(.+), \.\.\.\]", annotation)
    inner = (within[1] or within[2]) if within else "Any"
    return frozenset() if inner == "Any" else _types(inner)


@cache
def _nested(cls: type) -> dict[str, type]:
    return {f.name: _NESTED[str(f.type)] for f in dataclasses.fields(cls) if str(f.type) in _NESTED}


@cache  # looked up for each of many thousand records
def _fields(cls: type) -> dict[str, _Expected]:
    return {f.name: _expected(f) for f in dataclasses.fields(cls)}
