"""Strict JSON: what two readers could take differently is an error.

``json.loads`` keeps the last of two equal keys and accepts ``NaN``; a target read like that would be
compared with something that the file does not say.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


def parse_json(text: str) -> Any:
    """Parse one JSON text.

    Raises:
        ValueError: not JSON; the message says the column (and the line, where there are several),
            what was expected and what was found.

    Examples:
        >>> parse_json('{"a": 1.0}')
        {'a': 1.0}
        >>> parse_json('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        ValueError: key 'a' stands twice in one object
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_describe(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"key {key!r} stands twice in one object")
        result[key] = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value; use null")


def _describe(error: json.JSONDecodeError) -> str:
    line = f"line {error.lineno} " if "\n" in error.doc.strip("\n") else ""
    found = repr(error.doc[error.pos]) if error.pos < len(error.doc) else "the end of the text"
    what = error.msg[0].lower() + error.msg[1:]
    return f"{line}column {error.colno}: {what}, found {found}"
