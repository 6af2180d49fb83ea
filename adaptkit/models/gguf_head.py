"""The head of a GGUF file, walked before a library reads it: no count in it reaches beyond the file.

The readers at hand believe counts: a list of 2**60 numbers is read for ever.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Any

from adaptkit.core.errors import ModelError

MAGIC, VERSIONS = b"GGUF", (2, 3)
MAX_NESTING = 4
# Formats of scalars by the number of their type; 8 is text, 9 a list.
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))
_TEXT, _LIST = 8, 9
_DIMENSIONS = 8
"""A tensor has four at most; more is damage."""


def check_gguf(file: Path) -> None:
    """Refuse a file whose head is damaged, or whose sizes its tensors do not bear out.

    Raises:
        ModelError: what is wrong with it.
    """
    try:
        with file.open("rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _Head(data).check()
    except (ValueError, struct.error, OverflowError, OSError) as error:
        raise ModelError(f"The file '{file}' is no sound GGUF file ({error}). Copy it again.") from None


class _Head:
    """Reads from front to back; what lies beyond the end of the file is an error."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def check(self) -> None:
        if self._data[:4] != MAGIC:
            raise ValueError("it does not begin with GGUF")
        self._at = 4
        version = self._number("I")
        if version not in VERSIONS:
            raise ValueError(f"its version is {version}, and {VERSIONS} can be read")
        n_tensors, n_fields = self._number("Q"), self._number("Q")
        fields = {}
        for _ in range(n_fields):
            key = self._text()
            fields[key] = self._value(self._number("I"), 0)
        sizes = [self._tensor() for _ in range(n_tensors)]
        _check_sizes(fields, sizes)

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self._data, self._at)
        self._at += struct.calcsize(f"<{form}")
        return value

    def _skip(self, n_bytes: int) -> None:
        self._at += n_bytes
        if self._at > len(self._data):
            raise ValueError("it ends within its head")

    def _text(self) -> str:
        n_bytes = self._number("Q")
        start = self._at
        self._skip(n_bytes)
        return self._data[start : self._at].decode("utf-8", errors="replace")

    def _value(self, kind: int, nesting: int) -> Any:
        """A scalar or text; of lists nothing but that they end within the file."""
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _TEXT:
            return self._text()
        if kind != _LIST or nesting == MAX_NESTING:
            raise ValueError(f"it holds a value of the unknown kind {kind}")
        inner, n = self._number("I"), self._number("Q")
        if inner in _SCALARS:
            self._skip(n * struct.calcsize(f"<{_SCALARS[inner]}"))
        else:
            for _ in range(n):  # every one takes bytes, so the end of the file ends this
                self._value(inner, nesting + 1)
        return None

    def _tensor(self) -> tuple[int, ...]:
        self._text()
        n = self._number("I")
        if n > _DIMENSIONS:
            raise ValueError(f"a tensor has {n} dimensions")
        shape = tuple(self._number("Q") for _ in range(n))
        self._skip(4 + 8)  # kind of number, place
        return shape


def _check_sizes(fields: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    architecture = fields.get("general.architecture")
    sizes = {n for shape in shapes for n in shape}

    def of(key: str) -> int:
        value = fields.get(f"{architecture}.{key}")
        return value if isinstance(value, int) else 0

    width = of("embedding_length")
    if width and width not in sizes:
        raise ValueError(f"embedding_length is {width}, and no tensor has that size")
    limits = {"block_count": len(shapes), "feed_forward_length": 64 * width, "attention.head_count": width}
    limits |= {
        "attention.head_count_kv": width,
        "attention.key_length": 64 * width,
        "vocab_size": max(sizes, default=0),
    }
    for key, most in limits.items():
        if of(key) > most:
            raise ValueError(f"{key} is {of(key)}, and the tensors allow {most} at most")
