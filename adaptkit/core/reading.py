"""The way in for bytes that somebody else wrote: files, JSON and TOML.

Whatever they hold, there comes out a value within bounds, or one :class:`Unreadable`, whose sentence the
reader of each kind of file turns into the error that its callers expect.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from adaptkit.core.errors import ConfigError

MAX_BYTES = 1 << 29
"""Of a file of rows or records."""
MAX_HEAD_BYTES = 16 << 20
"""Of a file that is read as one value: settings, a task's head, a manifest."""
MAX_DEPTH = 100
"""Objects and lists within each other. What is done with a value afterwards recurses."""
_MAX_DIGITS = 308  # more than any double holds
_INT64 = 1 << 63  # what TOML promises to hold
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_IN_TOML = re.compile(r" \(at (?:line (\d+), (column \d+)|(end of document))\)$")


class Unreadable(ValueError):
    """Text or a file that cannot be used.

    Attributes:
        reason: why, a clause without full stop.
        line: the 1-based line at fault, or None where the whole is, or where there is only one.
        missing: whether there is no such file.
        folder: whether it is a folder.
    """

    def __init__(
        self, reason: str, *, line: int | None = None, missing: bool = False, folder: bool = False
    ) -> None:
        self.reason = reason
        self.line = line
        self.missing = missing
        self.folder = folder
        super().__init__(reason if line is None else f"line {line} {reason}")


def read_bytes(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file; anything else is refused unopened, or a pipe would block.

    Raises:
        Unreadable: there is none, it is no file, it is longer than ``limit`` bytes, or the system refuses.
    """
    try:
        # Without blocking: between a look at the kind of file and its opening, it may have changed.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as f:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("it is a pipe or a device, and a file is expected")
            data = f.read(limit + 1)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise Unreadable(f"it is a link to '{path.readlink()}', which is not there") from None
        raise Unreadable(_said(error), missing=True) from None
    except (OSError, ValueError) as error:  # the latter: a NUL in a name
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(_said(error), folder=isinstance(error, IsADirectoryError)) from None
    if len(data) > limit:
        raise Unreadable(f"it is longer than {limit >> 20} MiB")
    return data


def _said(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def user_path(given: str | Path) -> Path:
    """A path as somebody gave it, with ``~`` for their home folder.

    Raises:
        ConfigError: ``~name`` of nobody on this machine.
    """
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise ConfigError(
            f"The path {str(given)[:80]!r} names the home folder of a user who is not on this machine. Give "
            "the whole path."
        ) from None


def is_there(path: Path) -> bool:
    """Whether there is something at a path; a text that cannot be a path names nothing."""
    try:
        return path.exists()
    except OSError:  # too long, or a folder on the way that may not be looked into
        return False


def read_text(path: Path, *, limit: int = MAX_BYTES) -> str:
    """Read a file in UTF-8, with or without a byte order mark, or in UTF-16, which its mark names.

    Raises:
        Unreadable: as of :func:`read_bytes`; or another encoding, with the line.
    """
    data = read_bytes(path, limit=limit)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):
            return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        found = f"byte 0x{data[error.start]:02x} at position {column} is not UTF-8"
        raise Unreadable(f"{found}. Save the file as UTF-8", line=line) from None


def read_json(path: Path, *, limit: int = MAX_HEAD_BYTES) -> Any:
    """Read a JSON file; see :func:`parse_json`.

    Raises:
        Unreadable: it cannot be read, or holds no JSON.
    """
    text = read_text(path, limit=limit)
    try:
        return parse_json(text)
    except Unreadable as error:
        raise Unreadable(f"it is not valid JSON: {error.reason}", line=error.line) from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; see :func:`parse_toml`.

    Raises:
        Unreadable: it cannot be read, or holds no TOML.
    """
    return parse_toml(read_text(path, limit=MAX_HEAD_BYTES))


def parse_json(text: str, *, half_pairs: bool = False) -> Any:
    """Parse one JSON text. What two readers could take differently is an error.

    ``json.loads`` keeps the last of two equal keys, accepts ``NaN``, and makes 1e999 infinite; a target read
    like that would be compared with something that the file does not say.

    Args:
        text: the text.
        half_pairs: let an escape stand for half of a surrogate pair, as in what a model wrote.

    Raises:
        Unreadable: not JSON, or out of bounds: objects nested in each other more than 100 deep, numbers that
            no double holds.

    Examples:
        >>> parse_json('{"a": 1.0}')
        {'a': 1.0}
        >>> parse_json('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        adaptkit.core.reading.Unreadable: key 'a' stands twice in one object
    """
    try:
        value = _JSON.decode(text)
    except json.JSONDecodeError as error:
        raise _json_fault(error) from None
    except RecursionError:
        raise Unreadable(_TOO_DEEP) from None
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise Unreadable(_TOO_DEEP)
    if not half_pairs and _HALF_PAIR.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            found = error.object[error.start].encode("ascii", "backslashreplace").decode()
            raise Unreadable(f"{found} is half of a surrogate pair, which is no text") from None
    return value


_TOO_DEEP = "it is nested too deeply"


def _json_fault(error: json.JSONDecodeError) -> Unreadable:
    found = repr(error.doc[error.pos]) if error.pos < len(error.doc) else "the end of the text"
    what = error.msg[0].lower() + error.msg[1:]
    several = "\n" in error.doc.strip("\n")
    return Unreadable(f"column {error.colno}: {what}, found {found}", line=error.lineno if several else None)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        key = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise Unreadable(f"key {key!r} stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable(f"{name} is not a JSON value; use null")


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise Unreadable(_too_large(digits))
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unreadable(_too_large(digits))
    return number


def _too_large(digits: str) -> str:
    shown = digits if len(digits) <= 20 else f"{digits[:12]}... of {len(digits)} signs"
    return f"the number {shown} is too large"


# One decoder for all: json.loads would build one for each text.
_JSON = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_int, parse_float=_float
)


def _depth_exceeds(value: object, most: int) -> bool:
    """Whether lists and objects stand within each other more than ``most`` deep; does not recurse."""
    level = [value]
    for _ in range(most):
        level = [item for found in level for item in _items(found) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text.

    Raises:
        Unreadable: not TOML, or out of bounds: nested more than 100 deep, whole numbers of more than 64 bits.
    """
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _toml_fault(str(error)) from None
    except RecursionError:
        raise Unreadable(f"it is not valid TOML: {_TOO_DEEP}") from None
    except ValueError as error:  # more digits than Python reads, a date that no calendar has
        raise Unreadable(f"it is not valid TOML: {error}") from None
    if _depth_exceeds(value, MAX_DEPTH):
        raise Unreadable(_TOO_DEEP)
    level: list[object] = [value]
    while level:
        for number in level:
            if isinstance(number, int) and not -_INT64 <= number < _INT64:
                raise Unreadable(f"it is not valid TOML: {_too_large(str(number))}")
        level = [item for container in level for item in _items(container)]
    return value


def _toml_fault(message: str) -> Unreadable:
    place = _IN_TOML.search(message)
    what = message[: place.start()] if place else message
    what = what[:1].lower() + what[1:]
    if place is None or place[3]:
        return Unreadable(f"it is not valid TOML: {what}" + (" at the end" if place else ""))
    return Unreadable(f"it is not valid TOML: {place[2]}: {what}", line=int(place[1]))
