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
from adaptkit.core.migration import VERSION, up_to_date, version_of, versioned
from adaptkit.core.reading import MAX_BYTES, Unreadable, read_bytes, read_json
from adaptkit.core.results import (
    CSV_COLUMNS,
    ComparisonResult,
    NoiseFloor,
    Pair,
    Row,
    TaskRecommendation,
)

COMPARISON_JSON = "comparison.json"
COMPARISON_CSV = "comparison.csv"
MANIFEST_JSON = "manifest.json"

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
    """Read what ``write_comparison`` left; of an earlier version too, as if today's had written it.

    Raises:
        StoreError: a file is missing, is no JSON, or has fields that this version does not know.
    """
    path = folder / COMPARISON_JSON
    data = up_to_date("comparison", _versioned_object(path), path)
    return ComparisonResult(
        rows=_items(data, "rows", Row, path),
        pairs=_items(data, "pairs", Pair, path),
        recommendation=_items(data, "recommendation", TaskRecommendation, path),
        noise=_items(data, "noise", NoiseFloor, path),
        costs=tuple(data.get("costs") or ()),
        manifest=read_manifest(folder),
    )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json, of an earlier version too.

    Raises:
        StoreError: it is missing, or no JSON object.
    """
    path = folder / MANIFEST_JSON
    return up_to_date("manifest", read_object(path), path)


def written_version(folder: Path) -> int:
    """The schema version in which comparison.json was written: what an earlier one lacks is unknown.

    Raises:
        StoreError: it is missing, or its version is newer than this library.
    """
    path = folder / COMPARISON_JSON
    return version_of(_versioned_object(path), path)


def _versioned_object(path: Path) -> dict[str, Any]:
    """A comparison.json, which has named its version from the first one on."""
    data = read_object(path)
    if VERSION not in data:
        raise StoreError(f"It lacks the field '{VERSION}'.", path=path)
    return data


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
}


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


@cache  # looked up for each of many thousand records
def _fields(cls: type) -> dict[str, _Expected]:
    return {f.name: _expected(f) for f in dataclasses.fields(cls)}
