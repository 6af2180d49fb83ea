"""Embedding many texts once: duplicates share a vector, and vectors of earlier runs come from a cache.

Queries do not come this way: their latency is measured, so each is embedded when it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.retrieval.embed import Embedder, Vectors
from adaptkit.retrieval.vector_cache import CachedVector, VectorCache, cache_folder

Progress = Callable[[int, int], None]
BLOCK_CHARACTERS = 30_000
"""Embedded between two signs of progress: a few seconds on a small CPU."""
SHARD_TEXTS = 512


@dataclass(frozen=True, kw_only=True)
class DocumentVectors:
    """Vectors of texts, and what they cost.

    Attributes:
        vectors: float32 [n_texts, dimension], in the texts' order.
        n_embedded: different texts embedded in this run.
        n_from_cache: different texts whose vectors were there already.
        embed_s: seconds that this run took.
        embed_s_uncached: seconds as if nothing had been cached: each text counts what it took when it
            was embedded.
    """

    vectors: Vectors
    n_embedded: int
    n_from_cache: int
    embed_s: float
    embed_s_uncached: float

    @property
    def notes(self) -> dict[str, int | float]:
        """What a report should tell: a fit is not cheaper because another was before it."""
        return {
            "n_embedded": self.n_embedded,
            "n_from_cache": self.n_from_cache,
            "embed_s": round(self.embed_s, 4),
            "embed_s_uncached": round(self.embed_s_uncached, 4),
        }


def embed_documents(
    texts: Sequence[str], embedder: Embedder, *, progress: Progress | None = None
) -> DocumentVectors:
    """Embed the texts whose vectors are not cached.

    Args:
        progress: called with texts done and texts in all, duplicates counted once.
    """
    started = time.perf_counter()
    cache = VectorCache(embedder, cache_folder())
    keys = [cache.key(text) for text in texts]
    by_key = dict(zip(keys, texts, strict=True))
    known = cache.get(list(by_key))
    n_from_cache = len(known)
    saved_s = sum(v.seconds for v in known.values())
    missing = {key: text for key, text in by_key.items() if key not in known}
    known |= _embed_missing(missing, embedder, cache, _after(progress, n_from_cache, len(by_key)))
    vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
    for row, key in zip(vectors, keys, strict=True):
        row[:] = known[key].vector
    embed_s = time.perf_counter() - started
    return DocumentVectors(
        vectors=vectors,
        n_embedded=len(missing),
        n_from_cache=n_from_cache,
        embed_s=embed_s,
        embed_s_uncached=embed_s + saved_s,
    )


def _after(progress: Progress | None, n_before: int, total: int) -> Callable[[int], None]:
    def done(n: int) -> None:
        if progress and total:
            progress(n_before + n, total)

    done(0)
    return done


def _embed_missing(
    missing: dict[bytes, str], embedder: Embedder, cache: VectorCache, done: Callable[[int], None]
) -> dict[bytes, CachedVector]:
    made: dict[bytes, CachedVector] = {}
    unsaved: dict[bytes, CachedVector] = {}
    try:
        for block in _blocks(missing):
            started = time.perf_counter()
            vectors = embedder.embed([missing[key] for key in block])
            seconds = (time.perf_counter() - started) / len(block)
            new = {key: CachedVector(vector, seconds) for key, vector in zip(block, vectors, strict=True)}
            made |= new
            unsaved |= new
            if len(unsaved) >= SHARD_TEXTS:
                cache.put(unsaved)
                unsaved = {}
            done(len(made))
    finally:
        # Whatever stops this, what is done need not be done again.
        cache.put(unsaved)
    return made


def _blocks(texts: dict[bytes, str]) -> Iterator[list[bytes]]:
    """Keys in blocks of texts of like length, the longest first: what fits no memory fails at once."""
    block: list[bytes] = []
    n_characters = 0
    for key in sorted(texts, key=lambda k: -len(texts[k])):
        block.append(key)
        n_characters += len(texts[key])
        if n_characters >= BLOCK_CHARACTERS:
            yield block
            block, n_characters = [], 0
    if block:
        yield block
