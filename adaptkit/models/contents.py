"""Hashes of whole files, each taken once and kept in the cache folder with what the file was like then.

A file is read again when its path, size, times or inode are no longer those that it was hashed with. What is
kept may be lost or damaged at any time: then the file is read again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from stat import S_ISREG

from platformdirs import user_cache_path

from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ModelError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.reading import read_json, user_path
from adaptkit.core.shown import text_console
from adaptkit.models.progress import FetchDisplay

CACHE_VARIABLE = "ADAPTKIT_CACHE"
HASHES = "hashes"
SMALL_BYTES = 1 << 20
"""Smaller files are hashed each time, which is as fast as to look up what they were."""
SETTLED_S = 2.0
"""A hash is kept only of a file that had not changed for so long: file systems' clocks tick slowly."""
SHOWN_BYTES = 2_000_000_000
"""Reading this takes seconds, so it is shown."""
MAX_KEPT = 1_000
_BLOCK_BYTES = 1 << 22


def cache_dir() -> Path:
    """Folder of what the library keeps: ``$ADAPTKIT_CACHE``, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return user_path(chosen) if chosen else user_cache_path("adaptkit", appauthor=False)


def contents_revision(files: Mapping[str, Path], *, name: str) -> str:
    """One hash of the whole content of files: equal for all who have equal files under equal names.

    Args:
        files: by the name that counts, which says nothing of the folder that they are in.
        name: what they are of, to show where reading takes long.

    Raises:
        OSError: a file cannot be read.
    """
    found = file_hashes(list(files.values()), name=name)
    return f"content:{content_hash([[n, found[path]] for n, path in sorted(files.items())])}"


def folder_revision(folder: Path, *, name: str) -> str:
    """One hash of all that a folder holds, hidden files apart.

    Raises:
        ModelError: a file cannot be read.
    """
    files = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    try:
        return contents_revision(files, name=name)
    except OSError as error:
        raise ModelError(
            f"The folder '{name}' cannot be read: {error.strerror} ({error.filename})."
        ) from None


def file_hashes(paths: Sequence[Path], *, name: str) -> dict[Path, str]:
    """The sha256 of each file; a large one is read once, and again where it has changed since.

    Raises:
        OSError: a file cannot be read, or is a pipe or a device, which has no content of its own.
    """
    found = {path: _kept(path) for path in paths}
    unread = [path for path, sha256 in found.items() if sha256 is None]
    total = sum(path.stat().st_size for path in unread)
    display = FetchDisplay(name, total, text_console(stderr=True))
    done = 0
    with display.shown() if total >= SHOWN_BYTES else contextlib.nullcontext():
        if total >= SHOWN_BYTES:
            display.reading()
        for path in unread:
            found[path] = _hashed(path, partial(_told, display, done))
            done += path.stat().st_size
    return {path: sha256 for path, sha256 in found.items() if sha256 is not None}


def _told(display: FetchDisplay, done: int, n_bytes: int) -> None:
    display.arrived(done + n_bytes)


def _hashed(path: Path, read: Callable[[int], None]) -> str:
    """Hash a file, and keep the hash where the file is large and was left alone meanwhile."""
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("rb") as f:
        before = _state(os.fstat(f.fileno()))
        while block := f.read(_BLOCK_BYTES):
            digest.update(block)
            n_bytes += len(block)
            read(n_bytes)
    after = path.stat()
    settled = time.time() - max(after.st_mtime, after.st_ctime) > SETTLED_S
    if n_bytes >= SMALL_BYTES and settled and _state(after) == before:
        _keep(path, {"path": str(_real(path)), "state": before, "sha256": digest.hexdigest()})
    return digest.hexdigest()


def _kept(path: Path) -> str | None:
    """The hash that was kept of a file, None where there is none or the file has changed since."""
    stat = path.stat()
    if not S_ISREG(stat.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if stat.st_size < SMALL_BYTES:
        return None
    try:
        kept = read_json(_entry(path))
        same = (kept["path"], kept["state"]) == (str(_real(path)), _state(stat))
        sha256 = kept["sha256"]
        return sha256 if same and len(bytes.fromhex(sha256)) == hashlib.sha256().digest_size else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, kept: object) -> None:
    # A cache folder that is full or read-only costs time, and nothing else.
    with contextlib.suppress(OSError):
        write_json_atomic(_entry(path), kept)
        entries = sorted(_entry(path).parent.glob("*.json"), key=lambda p: p.stat().st_mtime)
        for old in entries[: -MAX_KEPT or None]:
            old.unlink(missing_ok=True)


def _entry(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(_real(path))).hexdigest()[:32]
    return cache_dir() / HASHES / f"{name}.json"


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _state(stat: os.stat_result) -> list[int]:
    """What changes with a file's content, whoever changes it: times can be set back, but not the last one."""
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
