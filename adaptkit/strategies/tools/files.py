"""Reading text files of one folder that the user named, and of no other place."""

from __future__ import annotations

import itertools
import os
import stat
from difflib import get_close_matches
from pathlib import Path

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools.tool import Tool, object_schema

MAX_BYTES = 1_000_000
MAX_LISTED = 1_000
MAX_TOLD = 20


def read_file(folder: str | Path) -> Tool:
    """Text files of a folder and of those in it, by their path there.

    Absolute paths, ``..``, links that lead out of the folder, and what is no plain file are refused; of a
    large file the first million bytes are given. Nothing is written.

    Args:
        folder: the one folder that can be read.

    Raises:
        ConfigError: it is none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError.for_parameter("FunctionCalling", "tools", "'read_file=' and a folder", str(folder))
    names = listed(root)
    more = " ..." if len(names) > MAX_TOLD else ""
    return Tool(
        name="read_file",
        description=f"Gives the text of a file. Files: {', '.join(names[:MAX_TOLD])}{more}",
        parameters=object_schema({"path": {"type": "string", "description": "one of the files"}}),
        run=lambda path: read_text(root, path),
        spec=f"read_file={folder}",
    )


def read_text(root: Path, path: str) -> str:
    """The text of a file below ``root``.

    Raises:
        PermissionError: the path leads elsewhere.
        FileNotFoundError: there is no such file.
    """
    if "\0" in path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise PermissionError(f"'{path}' is not below the folder.")
    base = root.resolve()
    target = (base / path).resolve()
    if not target.is_relative_to(base):
        raise PermissionError(f"'{path}' leads out of the folder.")
    if not target.is_file():
        raise FileNotFoundError(_missing(root, path))
    # Not through a link put there meanwhile, and never waiting for a pipe.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(target, flags)
    with os.fdopen(handle, "rb") as f:
        if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
            raise PermissionError(f"'{path}' is no plain file.")
        return f.read(MAX_BYTES).decode("utf-8", "replace")


def listed(root: Path) -> list[str]:
    """Paths of the first thousand files below a folder, sorted; links to folders are not followed."""
    found = (
        Path(where, name).relative_to(root).as_posix() for where, _, names in os.walk(root) for name in names
    )
    return sorted(itertools.islice(found, MAX_LISTED))


def _missing(root: Path, path: str) -> str:
    names = listed(root)
    close = get_close_matches(path, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else f" Files: {', '.join(names[:MAX_TOLD])}"
    return f"There is no file '{path}'.{hint}"
