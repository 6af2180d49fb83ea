"""Values of files as texts: a target is a text, whatever type a file gave it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from adaptkit.core.reading import parse_json


def as_text(value: object) -> str | None:
    """Write a value as text; None for what stands for nothing (null, NaN).

    Whole floats lose their ``.0``: an integer column with a gap comes out of many tools as floats.

    Raises:
        ValueError: a type that has no agreed text, such as an image.

    Examples:
        >>> [as_text(v) for v in ("a", 3, 3.0, 2.5, True, {"a": [1]}, None)]
        ['a', '3', '3', '2.5', 'true', '{"a":[1]}', None]
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    raise ValueError(f"a value of type {type(value).__name__} cannot be written as text")


def _number(value: float | Decimal) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def as_texts(value: object) -> tuple[str, ...]:
    """Read a list of texts: a list, or in a CSV field a JSON list, or one text.

    Raises:
        ValueError: the list holds something that is not a text or number.

    Examples:
        >>> as_texts('["a", "b"]'), as_texts("a, b"), as_texts(None)
        (('a', 'b'), ('a, b',), ())
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse_json(value)
        except ValueError:
            value = [value]
    items = value if isinstance(value, list | tuple) else [value]
    texts = [as_text(item) for item in items]
    return tuple(text for text in texts if text is not None and text.strip())


def as_mapping(value: object) -> dict[str, Any]:
    """Read metadata: an object, or in a CSV field a JSON object; nothing gives an empty one.

    Raises:
        ValueError: something else.

    Examples:
        >>> as_mapping('{"a": 1}'), as_mapping("")
        ({'a': 1}, {})
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    if isinstance(value, str):
        value = parse_json(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a JSON object, found {value!r}")
    return dict(value)
