"""Vectors of texts that were embedded before, kept on disk between runs.

A shard is one file, written beside its place and moved into it in one step: it is never changed, so two
processes need no lock, and one that is killed leaves a file that nobody reads. Its parts carry their
sha256; a shard that is damaged is dropped, and its texts are embedded again. Nothing is pickled.

A shard: ``magic, n, dimension | keys [n, 32 bytes], seconds [n] | sha256 | vectors [n, dimension] | sha256``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from adaptkit.core.codec import canonical_json, content_hash
from adaptkit.core.reading import user_path
from adaptkit.models.embedded import cache_dir
from adaptkit.retrieval.embed import Embedder, Vectors

logger = logging.getLogger(__name__)

CACHE_VARIABLE = "ADAPTKIT_VECTOR_CACHE"
"""``off`` or ``0``: nothing is kept; else the folder, in place of ``vectors`` in the library's cache."""
MAX_BYTES = 1_000_000_000
MAX_SHARDS = 5_000
STALE_S = 3600.0
"""A half-written file older than this was left by a process that was killed."""
MAGIC = b"AKVEC\0\0\1"
HEAD = struct.Struct("<8sII")
KEY_BYTES = 32
ROW_BYTES = KEY_BYTES + 8
DIGEST_BYTES = 32


@dataclass(frozen=True)
class CachedVector:
    """What is kept of a text: its vector [dimension], and the seconds that embedding it took."""

    vector: Vectors
    seconds: float


def cache_folder() -> Path | None:
    """Where vectors are kept; None when they are not."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen and chosen.casefold() in ("off", "0"):
        return None
    return user_path(chosen) if chosen else cache_dir() / "vectors"


class VectorCache:
    """The vectors that one embedder made.

    Neither a folder that cannot be written nor a full disk is an error: vectors are then not kept.

    Args:
        embedder: whose vectors; weights, limit and text together make the key.
        folder: of all embedders' vectors; None to keep nothing.
    """

    def __init__(self, embedder: Embedder, folder: Path | None) -> None:
        self._identity = (embedder.name, embedder.revision, embedder.max_tokens)
        self._dimension = embedder.dimension
        self._root = folder
        self._folder = folder / content_hash(self._identity) if folder else None

    def key(self, text: str) -> bytes:
        """What a text's vector is found by: 32 bytes."""
        # Longer texts had the vector of their beginning once, and now have that of all their parts.
        how = ["in parts"] if len(text.encode(errors="surrogatepass")) > self._identity[2] else []
        content = canonical_json([*self._identity, *how, text])
        return hashlib.sha256(content.encode(errors="surrogatepass")).digest()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, CachedVector]:
        """The vectors that are there, by key."""
        found: dict[bytes, CachedVector] = {}
        wanted = set(keys)
        for path in self._shards():
            if len(found) == len(wanted):
                break
            try:
                found |= _read_shard(path, self._dimension, wanted - found.keys())
            except FileNotFoundError:  # another process made room
                continue
            except (OSError, ValueError) as error:
                logger.warning(
                    "Ignored %s of the vector cache (%s): its texts are embedded again", path, error
                )
                _remove(path)
        return found

    def put(self, vectors: Mapping[bytes, CachedVector]) -> None:
        """Keep vectors, and make room where there are too many."""
        if self._folder is None or self._root is None or not vectors:
            return
        # The time first: names sort by age.
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}.vec"
        draft = self._folder / f".{name}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(_shard_bytes(vectors, self._dimension))
            draft.replace(self._folder / name)
            _make_room(self._root)
        except OSError as error:
            logger.warning("Vectors are not cached: %s cannot be written (%s)", self._folder, error)
            _remove(draft)
            self._folder = None

    def _shards(self) -> list[Path]:
        """Newest first."""
        if self._folder is None:
            return []
        try:
            return sorted(self._folder.glob("[0-9]*.vec"), reverse=True)
        except OSError:
            return []


def _shard_bytes(vectors: Mapping[bytes, CachedVector], dimension: int) -> bytes:
    rows = list(vectors.values())
    seconds = np.array([r.seconds for r in rows], dtype="<f8").tobytes()
    head = HEAD.pack(MAGIC, len(rows), dimension) + b"".join(vectors) + seconds
    body = np.stack([r.vector for r in rows]).astype("<f4").tobytes()
    return head + hashlib.sha256(head).digest() + body + hashlib.sha256(body).digest()


def _read_shard(path: Path, dimension: int, wanted: set[bytes]) -> dict[bytes, CachedVector]:
    """The wanted vectors of a shard; the others' part of the file is read only where one is wanted.

    Raises:
        ValueError: the file is damaged.
    """
    with path.open("rb") as f:
        keys, seconds = _read_head(f, dimension)
        places = [i for i, key in enumerate(keys) if key in wanted]
        if not places:
            return {}
        body = _checked(f.read(len(keys) * dimension * 4), f.read())
    vectors = np.frombuffer(body, dtype="<f4").reshape(len(keys), dimension)
    # Used lately: the shards that nobody asks for make room first.
    os.utime(path)
    return {keys[i]: CachedVector(vectors[i].astype(np.float32), float(seconds[i])) for i in places}


def _read_head(f: BinaryIO, dimension: int) -> tuple[list[bytes], np.ndarray]:
    start = f.read(HEAD.size)
    if len(start) != HEAD.size:
        raise ValueError("it is too short")
    magic, n, made_dimension = HEAD.unpack(start)
    size = HEAD.size + n * ROW_BYTES + n * dimension * 4 + 2 * DIGEST_BYTES
    if (magic, made_dimension) != (MAGIC, dimension) or os.fstat(f.fileno()).st_size != size:
        raise ValueError("it is damaged")
    rows = f.read(n * ROW_BYTES)
    _checked(start + rows, f.read(DIGEST_BYTES))
    keys = [rows[i * KEY_BYTES : (i + 1) * KEY_BYTES] for i in range(n)]
    return keys, np.frombuffer(rows[n * KEY_BYTES :], dtype="<f8")


def _checked(content: bytes, digest: bytes) -> bytes:
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("it is damaged")
    return content


def _make_room(root: Path) -> None:
    """Drop the shards that have not been used for longest, and what killed processes left."""
    for draft in root.glob("*/.*.vec"):
        if time.time() - _stat(draft)[0] > STALE_S:
            _remove(draft)
    shards = sorted((*_stat(path), path) for path in root.glob("*/[0-9]*.vec"))
    n_shards, n_bytes = len(shards), sum(size for _, size, _ in shards)
    for _, size, path in shards:
        if n_bytes <= MAX_BYTES and n_shards <= MAX_SHARDS:
            return
        _remove(path)
        n_shards, n_bytes = n_shards - 1, n_bytes - size


def _stat(path: Path) -> tuple[float, int]:
    """When it was last used, and its size; zeros for a file that another process has just removed."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return 0.0, 0
    return stat.st_mtime, stat.st_size


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # in use, where a file in use cannot be removed
        logger.debug("%s stays (%s)", path, error)
