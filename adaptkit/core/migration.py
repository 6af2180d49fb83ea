"""What earlier versions of the library wrote, read as if today's had written it.

Everything that a run leaves says its version itself, as ``schema_version``: comparison.json, manifest.json,
the result of each trial, and each line of records.jsonl. A line and not the folder, because a folder that
version 1 began and version 2 goes on with holds lines of both, and because a mark beside the lines could
be lost, or be true of some of them only, after a crash. What carries none was written by version 1, which
named its version in comparison.json alone.

Reading brings an object up to date in memory, step by step; no file is rewritten for it. A new version adds
one function for each kind of object that it changed, under the number of the version before it. Fields that
are new and unknown of old objects need none: they have a default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from adaptkit.core.errors import StoreError
from adaptkit.core.results import SCHEMA_VERSION

VERSION = "schema_version"
FIRST_VERSION = 1
Kind = Literal["comparison", "manifest", "record", "trial"]
Values = dict[str, Any]
Step = Callable[[Values], Values]


def versioned(values: Mapping[str, Any]) -> Values:
    """The object with today's version, to be written."""
    return {VERSION: SCHEMA_VERSION, **values}


def version_of(values: Mapping[str, Any], path: Path, *, line: int | None = None) -> int:
    """The version that an object was written with.

    Raises:
        StoreError: it says none that makes sense, or one that is newer than this library.
    """
    version = values.get(VERSION, FIRST_VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < FIRST_VERSION:
        raise StoreError(
            f"'{VERSION}' should be a whole number from {FIRST_VERSION} on and is {version!r}.",
            path=path,
            line=line,
        )
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"It was written with schema version {version}, and this adaptkit reads up to {SCHEMA_VERSION}. "
            "Update adaptkit to read it, or choose another folder.",
            path=path,
            line=line,
        )
    return version


def up_to_date(kind: Kind, values: Mapping[str, Any], path: Path, *, line: int | None = None) -> Values:
    """Bring an object that was read up to today's version.

    Args:
        kind: what it is.
        values: as the JSON text held them.
        path: the file that it stands in, ``line`` its line; for errors.
        line: see ``path``.

    Returns:
        Its values without ``schema_version``.

    Raises:
        StoreError: it was written by a newer version.
    """
    version = version_of(values, path, line=line)
    values = {name: value for name, value in values.items() if name != VERSION}
    for number in range(version, SCHEMA_VERSION):
        step = STEPS[number].get(kind)
        values = step(values) if step else values
    return values


def _rows_1_to_2(comparison: Values) -> Values:
    """Say the quality of the answered rows where it is known: without errors, these are all rows."""
    rows = comparison.get("rows")
    if not isinstance(rows, list):
        return comparison
    return {**comparison, "noise": [], "rows": [_with_quality_answered(row) for row in rows]}


def _with_quality_answered(row: Any) -> Any:
    if not isinstance(row, dict) or row.get("n_errors") != 0:
        return row
    return {"quality_answered": row.get("quality"), **row}


def _manifest_1_to_2(manifest: Values) -> Values:
    """Count the runs of a trial: version 1 ran each once."""
    trials = manifest.get("trials")
    if not isinstance(trials, list):
        return manifest
    return {**manifest, "trials": [{"repeat": 0, **t} if isinstance(t, dict) else t for t in trials]}


def _record_1_to_2(record: Values) -> Values:
    """Split tokens further: of the models that version 1 could ask, none bills either kind apart."""
    tokens = record.get("tokens")
    if not isinstance(tokens, dict):
        return record
    return {**record, "tokens": {"written": 0, "reasoning": 0, **tokens}}


def _verdicts_2_to_3(comparison: Values) -> Values:
    """Call a tie by lack of rows undecided: version 2 took its cheapest strategy as if it were decided."""
    found = comparison.get("recommendation")
    if not isinstance(found, list):
        return comparison
    return {**comparison, "recommendation": [_without_tie(r) for r in found]}


def _without_tie(recommendation: Any) -> Any:
    if not isinstance(recommendation, dict) or recommendation.get("verdict") != "tied":
        return recommendation
    name = recommendation.get("strategy")
    return {**recommendation, "verdict": "undecided", "strategy": None, "for_now": name}


STEPS: Mapping[int, Mapping[Kind, Step]] = {
    1: {"comparison": _rows_1_to_2, "manifest": _manifest_1_to_2, "record": _record_1_to_2},
    2: {"comparison": _verdicts_2_to_3},
}
