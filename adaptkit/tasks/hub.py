"""Data sets of the Hugging Face Hub: ``hub:owner/name`` or ``hub:owner/name:config``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adaptkit.core.errors import DataError, MissingDependencyError
from adaptkit.tasks.readers import Place, SourceRow

PREFIX = "hub:"
_SPLITS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}


def read_hub(source: str) -> dict[str, list[SourceRow]]:
    """Download a data set and return its rows by split; a lone split of another name is ``train``.

    Raises:
        MissingDependencyError: the package ``datasets`` is not installed.
        DataError: the name is malformed, or the data set cannot be had.
    """
    name, _, config = source.removeprefix(PREFIX).partition(":")
    if name.count("/") > 1 or not name.strip("/"):
        raise DataError(f"{source!r} is not a Hub data set. Write hub:owner/name or hub:owner/name:config.")
    try:
        # Imported here, and only here: nothing else may reach for the network.
        import datasets
    except ImportError as error:
        raise MissingDependencyError.for_extra(f"Reading {source}", "datasets", "hub") from error
    try:
        found = datasets.load_dataset(name, config or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{source} could not be loaded: {type(error).__name__}: {error}") from error
    splits = {split: _rows(data) for split, data in found.items()}
    known = {_SPLITS[split]: rows for split, rows in splits.items() if split in _SPLITS}
    if known:
        return known
    if len(splits) == 1:
        return {"train": next(iter(splits.values()))}
    raise DataError(f"{source} has the splits {', '.join(splits) or '(none)'}. Expected train and test.")


def _rows(data: Any) -> list[SourceRow]:
    # Class labels are stored as numbers beside their names; a model should answer with the names.
    names = {
        column: feature.names
        for column, feature in (getattr(data, "features", None) or {}).items()
        if getattr(feature, "names", None)
    }
    return [
        SourceRow(values=_named(values, names), place=Place(path=None, line=i))
        for i, values in enumerate(data, start=1)
    ]


def _named(values: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        # -1 stands for a label that is kept secret, as in test splits of some benchmarks.
        column: (names[column][value] if isinstance(value, int) and value >= 0 else None)
        if column in names
        else value
        for column, value in values.items()
    }
