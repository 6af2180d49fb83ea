"""Writing files so that a reader sees the old content or the new, never half of it.

A file is written under another name beside its place, flushed to disk, and moved into place; then the
folder is flushed too, or a power cut might undo the move.
"""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

from adaptkit.core.codec import to_json

UNFINISHED = ".tmp"
CRLF = "\r\n"
# Letters and a sign by category, and for the eye nothing, as controls, spaces and combining marks are.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*%?")


def write_text_atomic(path: Path, text: str) -> None:
    """Write ``text`` beside ``path``, flush it to disk, and move it into place.

    What is no file, such as a pipe or ``/dev/null``, is written to, and not replaced by a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    staged = _staged(path, text)
    try:
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json_atomic(path: Path, value: object) -> None:
    """Write ``value`` as indented JSON; NaN is an error, because undefined is null."""
    write_text_atomic(path, json_text(value))


def write_together(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files that belong together; where the last of them exists, the others are of the same writing.

    All are written beside their places first, so that a full disk changes none. The last one's old file
    goes before any other is replaced: whatever is interrupted, new and old never stand together unnoticed.

    Args:
        folder: made if need be.
        texts: by file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    staged: dict[Path, Path] = {}
    try:
        for name, text in texts.items():
            staged[folder / name] = _staged(folder / name, text)
        last = folder / list(texts)[-1]
        last.unlink(missing_ok=True)
        sync_folder(folder)
        for path, temporary in staged.items():
            if path == last:
                sync_folder(folder)
            temporary.replace(path)
    except BaseException:
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def json_text(value: object) -> str:
    """Indented JSON with a line end.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return json.dumps(to_json(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    r"""Rows as CSV that a spreadsheet shows and does not work out; undefined is an empty cell.

    A text that would begin a formula gets an apostrophe before it, as spreadsheets mark text; a number, also
    one that is written as text, stays as it is.

    Examples:
        >>> csv_text([["a", "=1+1", "-5", -5, None]])
        "a,'=1+1,-5,-5,\n"
    """
    lines: list[str] = []
    # With both line ends as its own the writer puts either into quotes: a bare one would begin a row.
    out = SimpleNamespace(write=lambda line: lines.append(f"{line.removesuffix(CRLF)}\n"))
    csv.writer(out, lineterminator=CRLF).writerows([_cell(value) for value in row] for row in rows)
    return "".join(lines)


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    # Where semicolons part columns, as spreadsheets have it in much of Europe, a text is cut there.
    first, *behind = value.split(";")
    begins = first[:1] in ("\t", "\r", "\n") or _formula_at(first) is not None
    return ";".join([f"'{first}" if begins else first, *map(_marked, behind)])


def _marked(piece: str) -> str:
    at = _formula_at(piece)
    return piece if at is None else f"{piece[:at]}'{piece[at:]}"


def _formula_at(text: str) -> int | None:
    """Where a formula begins: at the first sign that is seen; some spreadsheets take any width."""
    if _NUMBER.fullmatch(text):
        return None
    for i, sign in enumerate(text):
        if unicodedata.category(sign)[0] in "ZCM" or sign in _BLANK:
            continue
        return i if unicodedata.normalize("NFKC", sign)[:1] in ("=", "+", "-", "@") else None
    return None


def remove_unfinished(path: Path) -> None:
    """Remove what killed processes left of writing ``path``; nobody else may be writing it."""
    for left in path.parent.glob(f".{path.name}.*{UNFINISHED}"):
        left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Flush the names that a folder holds to disk."""
    if os.name == "nt":  # which has no handle of a folder to flush
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # file systems that flush no folders
            raise
    finally:
        os.close(handle)


def _staged(path: Path, text: str) -> Path:
    """Write ``text`` to a file of its own beside ``path``, and flush it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        # mkstemp makes files that only the owner can read; results are meant to be shared.
        Path(name).chmod(0o644)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
