"""Damage to files that were whole: bytes, and the values of JSON and TOML."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    3,
    0.5,
    -0.0,
    1e308,
    -1e308,
    5e-324,
    2**31,
    2**63,
    -(2**63) - 1,
    10**300,
    10**308,
    "",
    " ",
    "x",
    "\x00",
    "a\nb",
    "\u202e\u200b",
    "\ud800",
    "\ud83d\ude00",
    "1",
    "nan",
    "../../../etc/passwd",
    "/",
    "~nobody/x",
    "x" * 5_000,
    "é" * 300,
    "\x1b[31m",
    "=1+1",
    "{",
    "[]",
    "1e999",
    "2024-02-30",
    "true",
    "https://x.example/s",
    [],
    {},
    [[]],
    [None],
    [{}],
    [1, "a", None],
    {"": ""},
    {"a": {"b": []}},
    {"$ref": "#"},
    {"type": "object"},
)
"""What may stand where a file has something else."""
_TEXTS = (
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 400,
    "9" * 5_000,
    "[" * 150 + "]" * 150,
    "[" * 100_000,
    '{"a":' * 2_000,
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"a":1,"a":2}',
    '"',
    "\\",
    "'",
    "]",
    "}",
    ",",
    ":",
    "=",
    "#",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\x00",
    "\ufeff",
    "\u2028",
    '"""',
    "[[a]]",
    "[a.b]",
    "a.b.c = 1",
    "1979-05-27T07:32:00Z",
    "0x_",
    "inf",
    "-nan",
    "9223372036854775808",
    ".".join("a" * 300),
    ";",
    "",
)
_BYTES = (
    b"\xff",
    b"\xfe\xff",
    b"\x00",
    b"caf\xe9",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xc0\xaf",
    b"PAR1",
    b"\x1f\x8b",
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to three changes: flipped, put in, cut out, doubled, cut off, replaced."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = rng.choice(_OF_BYTES)(data, rng)
    return data


def _flipped(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return b"\x00"
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _with_text(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[: rng.choice((start, end))] + rng.choice(_TEXTS).encode() + data[end:]


def _with_bytes(data: bytes, rng: random.Random) -> bytes:
    start, _ = _span(data, rng)
    return data[:start] + rng.choice(_BYTES) + data[start:]


def _without(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _doubled(data: bytes, rng: random.Random) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 1, 50)) + data[end:]


def _cut_off(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _lines_swapped(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def _other_encoding(data: bytes, rng: random.Random) -> bytes:
    text = data.decode(errors="replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "latin-1", "utf-8-sig", "cp037")), errors="replace")


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((0, 1, 1, 2, 5, 20, 200)))


_OF_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flipped,
    _with_text,
    _with_text,
    _with_text,
    _with_bytes,
    _without,
    _doubled,
    _cut_off,
    _lines_swapped,
    _other_encoding,
)


def with_other_values(value: Any, rng: random.Random) -> Any:
    """A JSON value with one to three values in it replaced, left out, doubled, renamed or put elsewhere."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return rng.choice(VALUES)
        container, key = rng.choice(places)
        _change(container, key, places, rng)
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    level = [value] if isinstance(value, dict | list) else []
    while level:
        container = level.pop()
        keys = list(container) if isinstance(container, dict) else range(len(container))
        for key in keys:
            yield container, key
            if isinstance(container[key], dict | list):
                level.append(container[key])


def _change(container: Any, key: Any, places: list[tuple[Any, Any]], rng: random.Random) -> None:
    way = rng.randrange(10)
    if way == 0:
        del container[key]
    elif way == 1 and isinstance(container, dict):
        container[rng.choice(("", "x", "id", "type", "\ud800", str(key).upper()))] = container.pop(key)
    elif way == 2 and isinstance(container, list):
        container.extend(copy.deepcopy(container[key]) for _ in range(rng.choice((1, 3))))
    elif way == 3:
        other, at = rng.choice(places)
        if at in other if isinstance(other, dict) else at < len(other):
            container[key] = copy.deepcopy(other[at])
    elif way == 4 and isinstance(container[key], int | float) and not isinstance(container[key], bool):
        container[key] = rng.choice((-1, 1e6, 1e-6, 10**9)) * container[key]
    elif way == 5 and isinstance(container[key], str):
        container[key] = container[key][: rng.randrange(len(container[key]) + 1)] + rng.choice(
            ("", "\x00", "é", "\ud83d")
        )
    else:
        container[key] = copy.deepcopy(rng.choice(VALUES))


def damaged_json(data: bytes, rng: random.Random) -> bytes:
    """A JSON file with other values, or its bytes damaged."""
    if rng.random() < 0.3:
        return damaged(data, rng)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # it was damaged before
        return damaged(data, rng)
    return json.dumps(with_other_values(value, rng)).encode()


def damaged_lines(data: bytes, rng: random.Random) -> bytes:
    """A JSONL file with other values in a line, or its bytes damaged."""
    lines = data.splitlines()
    if not lines or rng.random() < 0.3:
        return damaged(data, rng)
    at = rng.randrange(len(lines))
    lines[at] = damaged_json(lines[at], rng)
    return b"\n".join(lines) + b"\n"


def damaged_toml(data: bytes, rng: random.Random) -> bytes:
    """A TOML file with another value in a line, or its bytes damaged."""
    lines = data.decode(errors="replace").splitlines() or [""]
    at = rng.randrange(len(lines))
    name, equals, _ = lines[at].partition("=")
    if not equals or rng.random() < 0.4:
        return damaged(data, rng)
    value = rng.choice((*VALUES, 2024, [0.1, 0.9], [1, 10**9], "unknown"))
    lines[at] = f"{name}= {rng.choice(_TEXTS) if rng.random() < 0.3 else _as_toml(value)}"
    return "\n".join([*lines, ""]).encode(errors="surrogatepass")


def _as_toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_as_toml, value)) + "]"
    return "{}" if value is None else json.dumps(value, ensure_ascii=_has_half_pair(value))


def _has_half_pair(value: Any) -> bool:
    """Escapes only where a text cannot be written otherwise."""
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)
