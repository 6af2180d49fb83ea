"""What the library keeps on this machine: converted models and vectors; listed, and removed by name.

Nothing outside the cache folder is ever touched, and nothing in it that the library has not made.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from adaptkit.core.errors import ConfigError, ModelError, UnknownNameError
from adaptkit.models.embedded import EMBEDDED, cache_dir, changed_files, embedded_folder

VECTORS = "vectors"
SHARD = ".vec"
UNFINISHED = ".tmp-"
State = Literal["ready", "not fetched", "changed", "outdated", "unfinished", "vectors"]
# What the library calls its folders: a model's name, twelve digits of the wheel's hash, the layout.
_MADE = re.compile(r"(?P<name>.+)-[0-9a-f]{12}-\d+")


@dataclass(frozen=True, kw_only=True)
class Cached:
    """One entry of the cache.

    Attributes:
        name: what it is removed by: a model's name, the folder's for what an older version has left, or
            ``vectors``.
        state: ``ready``, ``not fetched`` (known, and not here), ``changed`` (its files are not as they were
            made; it is fetched again when it is next needed), ``outdated`` (of an older version),
            ``unfinished`` (left by a process that was killed) or ``vectors`` (of texts embedded before).
        path: the folder, None where there is none.
        size_bytes: None likewise, ``changed_at`` too.
        download_bytes: what fetching it takes, None for what is not fetched by name.
    """

    name: str
    state: State
    path: Path | None
    size_bytes: int | None
    changed_at: str | None
    download_bytes: int | None = None
    licence: str | None = None


def cached() -> list[Cached]:
    """Every embedded model, fetched or not, then what else the library keeps."""
    folder = cache_dir()
    return [*_models(), *_others(folder)]


def require_cached(name: str) -> Cached:
    """One entry of :func:`cached` that is on this machine.

    Raises:
        UnknownNameError: no such entry.
        ConfigError: it is not on this machine.
    """
    entries = {entry.name: entry for entry in cached()}
    if name not in entries:
        raise UnknownNameError.for_name("entry of the cache", name, entries)
    entry = entries[name]
    if entry.path is None:
        raise ConfigError(f"'{name}' is not in the cache ({cache_dir()}): there is nothing to remove.")
    return entry


def remove_cached(name: str) -> Cached:
    """Remove one entry of :func:`cached`; it is fetched again when it is next needed.

    Returns:
        What was removed.

    Raises:
        UnknownNameError: no such entry.
        ConfigError: it is not on this machine.
        ModelError: another process is fetching it, or it cannot be removed.
    """
    entry = require_cached(name)
    assert entry.path is not None
    lock = _lock_of(entry.path)
    try:
        with lock.acquire(timeout=0):
            _remove(entry.path)
    except Timeout:
        raise ModelError(
            f"Another process is fetching '{name}'. Wait for it to end.", retryable=True
        ) from None
    except OSError as error:
        raise ModelError(f"'{name}' could not be removed: {error.strerror or error}.") from error
    return entry


def _lock_of(path: Path) -> FileLock:
    """What a process holds that fetches a model: what it has under way is not to be taken from it."""
    targets = [embedded_folder(name).name for name in EMBEDDED]
    target = next((t for t in targets if path.name.startswith(f"{UNFINISHED}{t}-")), path.name)
    return FileLock(path.parent / f".{target}.lock")


def _remove(path: Path) -> None:
    """Take a folder out of its place in one step, then delete it: half a model must not look like one."""
    if path.is_symlink():
        path.unlink()  # what it points to is not ours
        return
    aside = path.with_name(f"{UNFINISHED}removed-{secrets.token_hex(4)}")
    path.rename(aside)
    shutil.rmtree(aside)


def _models() -> Iterator[Cached]:
    for name, model in EMBEDDED.items():
        folder = embedded_folder(name)
        here = folder if folder.is_dir() else None
        yield _entry(
            name,
            "not fetched" if here is None else "changed" if changed_files(name) else "ready",
            here,
            download_bytes=model.wheel.size_bytes,
            licence=model.licence,
        )


def _others(folder: Path) -> Iterator[Cached]:
    """Folders of older versions, leftovers of killed processes, vectors; nothing that is not ours."""
    current = {embedded_folder(name).name for name in EMBEDDED}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not path.is_dir() or path.name in current:
            continue
        made = _MADE.fullmatch(path.name)
        if made and made["name"] in EMBEDDED:
            yield _entry(path.name, "outdated", path)
        elif path.name.startswith(UNFINISHED):
            yield _entry(path.name, "unfinished", path)
        elif path.name == VECTORS and all(p.suffix == SHARD for p in path.rglob("*") if p.is_file()):
            yield _entry(VECTORS, "vectors", path)


def _entry(
    name: str,
    state: State,
    path: Path | None,
    *,
    download_bytes: int | None = None,
    licence: str | None = None,
) -> Cached:
    return Cached(
        name=name,
        state=state,
        path=path,
        size_bytes=None if path is None else bytes_below(path),
        changed_at=None
        if path is None
        else datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds"),
        download_bytes=download_bytes,
        licence=licence,
    )


def bytes_below(folder: Path) -> int:
    """Size of all files; links are not followed, so nothing outside is counted."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            if not path.is_symlink() and path.exists():
                total += path.stat().st_size
    return total
