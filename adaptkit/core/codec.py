"""Dataclasses to canonical JSON and its hash.

Two equal configurations give the same bytes, on any machine and in any Python: keys sorted, no spaces,
no floats written two ways. Hashes key everything that is cached.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_HALF_PAIRS = re.compile("[\ud800-\udfff]")
_MAX_BITS = 1023
"""Of an integer that a double can hold."""


def to_json(value: object) -> Any:
    """Turn dataclasses, tuples and paths into what ``json`` can write.

    Examples:
        >>> from adaptkit.core.types import Usage
        >>> to_json(Usage(tokens_in=3, tokens_out=1))
        {'tokens_in': 3, 'tokens_out': 1, 'tokens_cached': 0, 'tokens_written': 0, 'tokens_reasoning': 0}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, set | frozenset):
        # In an order of its own: Python's differs from one process to the next.
        return sorted((to_json(v) for v in value), key=repr)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [to_json(v) for v in value]
    return value


def storable(value: object) -> Any:
    r"""Turn whatever a strategy noted into what any JSON file takes: the rest is written as text.

    Examples:
        >>> storable({"a": float("nan"), "b": (1, 2.5), "c": "\ud800"})
        {'a': 'nan', 'b': [1, 2.5], 'c': '\ufffd'}
    """
    value = to_json(value)
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        return {well_formed(str(k)): storable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [storable(v) for v in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= _MAX_BITS else hex(value)
    return value if isinstance(value, float) and math.isfinite(value) else well_formed(repr(value))


def well_formed(text: str) -> str:
    """A text without halves of surrogate pairs, which no file takes; a model can write them as escapes."""
    return _HALF_PAIRS.sub("\ufffd", text)


def canonical_json(value: object) -> str:
    """Write ``value`` so that equal values give equal text."""
    return json.dumps(
        to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def content_hash(value: object) -> str:
    """Return the first 16 hex digits of the sha256 of the canonical JSON: short enough for a folder name."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, read in blocks."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
