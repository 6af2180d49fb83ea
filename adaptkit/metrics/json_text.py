"""JSON in an output: parse it strictly, find it in a text, compare it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adaptkit.core.reading import Unreadable, parse_json

_FENCE = re.compile(r"```[ \t]*+[\w+-]*+[ \t]*+\n?(.*?)```", re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}


class _Nothing:
    """Stands for "no JSON here", since null is JSON."""


NOTHING = _Nothing()


def parse(text: str) -> Any:
    """Parse a text that is JSON as a whole; :data:`NOTHING` if it is not, or repeats a key.

    Examples:
        >>> parse(' {"a": 1} ')
        {'a': 1}
        >>> parse('{"a": 1, "a": 2}') is NOTHING and parse("NaN") is NOTHING
        True
    """
    try:
        return parse_json(text)
    except Unreadable:
        return NOTHING


def find(text: str) -> Any:
    """Parse the text, or what its first code fence holds, or the first balanced object or array in it.

    An object that is broken or cut off is not searched for smaller ones.

    Examples:
        >>> find('Here you are: {"a": [1, 2]}. Anything else?')
        {'a': [1, 2]}
        >>> find('{"a": {"b": 1}, "c') is NOTHING
        True
    """
    for candidate in _candidates(text):
        value = parse(candidate)
        if value is not NOTHING:
            return value
    return NOTHING


def _candidates(text: str) -> Iterator[str]:
    yield text
    yield from _FENCE.findall(text)
    yield from _balanced(text)


def _balanced(text: str) -> Iterator[str]:
    start = 0
    while (opening := _first_bracket(text, start)) is not None:
        end = _closing(text, opening)
        if end is None:
            return
        yield text[opening : end + 1]
        start = end + 1


def _first_bracket(text: str, start: int) -> int | None:
    found = [i for bracket in _CLOSING if (i := text.find(bracket, start)) >= 0]
    return min(found, default=None)


def _closing(text: str, opening: int) -> int | None:
    """Return where the bracket at ``opening`` closes; brackets inside strings do not count."""
    expected: list[str] = []
    in_string = escaped = False
    for i in range(opening, len(text)):
        c = text[i]
        if in_string:
            in_string = escaped or c != '"'
            escaped = c == "\\" and not escaped
        elif c == '"':
            in_string = True
        elif c in _CLOSING:
            expected.append(_CLOSING[c])
        elif expected and c == expected[-1]:
            expected.pop()
            if not expected:
                return i
    return None


def same(a: object, b: object) -> bool:
    """Whether two JSON values are equal: 1 is 1.0, true is not 1, the order of keys does not matter.

    Examples:
        >>> same({"a": 1, "b": [2]}, {"b": [2.0], "a": 1}), same(True, 1)
        (True, False)
    """
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b
