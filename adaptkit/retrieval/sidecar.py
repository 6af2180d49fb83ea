"""A JSON file beside the files of an index: what made them, and their hashes.

Files that were changed, cut or taken from another index are refused: searched, they would give wrong
passages and no error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.core import reading
from adaptkit.core.codec import file_sha256, to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.sealed import is_sealed, sealed

FORMAT_VERSION = 3
AGAIN = "Build the index again."


def write_sidecar(path: Path, content: Mapping[str, Any], files: Sequence[str]) -> None:
    """Write ``content`` with the hash of each file, by its name in the same folder, and its own."""
    hashes = {name: file_sha256(path.parent / name) for name in files}
    whole = to_json({"format_version": FORMAT_VERSION, **content, "files": hashes})
    write_json_atomic(path, sealed(whole))


def read_sidecar(path: Path) -> dict[str, Any]:
    """Read a sidecar, and check the files that it vouches for.

    Raises:
        ConfigError: it is missing or damaged, of another version, or a file is not the one that was saved.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is damaged (it holds no object). {AGAIN}")
    if content.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"{path} has format version {content.get('format_version')}, this library reads "
            f"{FORMAT_VERSION}. {AGAIN}"
        )
    if not is_sealed(content):
        raise ConfigError(f"{path} is damaged (it is not as it was saved). {AGAIN}")
    for name, sha256 in content["files"].items():
        file = path.parent / name
        if not file.is_file() or file_sha256(file) != sha256:
            raise ConfigError(f"{file} is not the file that was saved. {AGAIN}")
    return content


def check_same(path: Path, what: str, made_by: object, given: object) -> None:
    """Refuse an index that something else made than what is given now.

    Raises:
        ConfigError: the two differ.
    """
    if made_by != given:
        raise ConfigError(
            f"The index in '{path.parent}' was made by the {what} {made_by}, the one given is {given}. "
            f"{AGAIN}"
        )


def read_json(path: Path) -> Any:
    """Read a file of an index.

    Raises:
        ConfigError: it is missing or damaged.
    """
    try:
        return reading.read_json(path, limit=reading.MAX_BYTES)
    except reading.Unreadable as error:
        raise ConfigError(f"{path} is missing or damaged ({error}). {AGAIN}") from None
