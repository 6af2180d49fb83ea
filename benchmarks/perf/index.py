"""Workload H: vectors indexed and searched, from a thousand to a million.

Vectors are synthetic: topics of unequal size on the sphere, with a spectrum that falls off as that of real
embeddings does, and queries drawn from the same topics. ``python -m benchmarks.perf.index --uniform`` takes
vectors without any structure, the hardest case there is: no index beats looking at nearly all of them.

Each size runs in a process of its own, so that peak memory is that size's; it counts the vectors given.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from adaptkit.costs.meter import PeakMemory
from adaptkit.retrieval import VectorIndex
from adaptkit.retrieval.embed import Vectors

SIZES = (1_000, 10_000, 100_000, 1_000_000)
DIMENSION = 384
N_QUERIES = 200
N_TOPICS = 2_000
N_THEMES = 50
K = 10
BLOCK = 50_000


class SyntheticEmbedder:
    """Stands for the model that would have made the vectors."""

    name = "synthetic"
    revision = "1"
    max_tokens = 256
    dimension = DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        """No texts, no vectors."""
        return np.zeros((len(texts), DIMENSION), dtype=np.float32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Not cut."""
        return [(0, len(text))]


def topic_vectors(n: int, seed: int) -> Vectors:
    """Unit vectors around topics that belong to themes: float32 [n, DIMENSION].

    The topics are the same for every seed. A vector's nearest neighbours have a cosine of about 0.6.
    """
    world = np.random.default_rng(7)
    spectrum = 1 / np.sqrt(1 + np.arange(DIMENSION) / 16)
    spectrum /= np.sqrt((spectrum**2).mean())
    basis = np.linalg.qr(world.standard_normal((DIMENSION, DIMENSION)))[0]
    themes = world.standard_normal((N_THEMES, DIMENSION))
    around = 0.7 * themes[world.integers(0, N_THEMES, N_TOPICS)]
    topics = _scaled(((around + world.standard_normal((N_TOPICS, DIMENSION))) * spectrum) @ basis)
    shares = 1 / np.arange(1, N_TOPICS + 1) ** 0.8
    turned = (spectrum[:, None] * basis / np.sqrt(DIMENSION)).astype(np.float32)
    rng = np.random.default_rng(seed)
    out = np.empty((n, DIMENSION), dtype=np.float32)
    for start in range(0, n, BLOCK):
        m = min(BLOCK, n - start)
        chosen = rng.choice(N_TOPICS, m, p=shares / shares.sum())
        noise = rng.standard_normal((m, DIMENSION), dtype=np.float32) @ turned
        out[start : start + m] = _scaled(topics[chosen] + noise)
    return out


def uniform_vectors(n: int, seed: int) -> Vectors:
    """Unit vectors without structure: float32 [n, DIMENSION]."""
    rng = np.random.default_rng(seed)
    out = np.empty((n, DIMENSION), dtype=np.float32)
    for start in range(0, n, BLOCK):
        shape = (min(BLOCK, n - start), DIMENSION)
        out[start : start + BLOCK] = _scaled(rng.standard_normal(shape, dtype=np.float32))
    return out


def run(
    sizes: Sequence[int] = SIZES, repeat: int = 3, *, uniform: bool = False, progress: bool = False
) -> list[dict[str, Any]]:
    """Build and search an index of each size.

    Args:
        sizes: numbers of vectors.
        repeat: passes over the queries; a query's time is its median over them.
        uniform: vectors without structure.
        progress: tell the vectors added on standard error.

    Returns:
        A dict for each size: ``build_s``, ``query_ms`` (median of queries sent alone), ``flat_query_ms``,
        ``recall_at_10`` (against comparing with every vector, on queries that the index has not seen),
        ``recall_at_10_noted`` (what the index says of itself), ``peak_bytes``, ``index``.
    """
    spawn = multiprocessing.get_context("spawn")
    rows = []
    for size in sizes:
        with spawn.Pool(1) as pool:
            rows.append(pool.apply(_measure, (size, repeat, uniform, progress)))
    return rows


def _measure(n: int, repeat: int, uniform: bool, progress: bool) -> dict[str, Any]:
    make = uniform_vectors if uniform else topic_vectors
    vectors, queries = make(n, 0), make(N_QUERIES, 1)
    with PeakMemory() as memory:
        started = time.perf_counter()
        index = VectorIndex(vectors, SyntheticEmbedder(), progress=_tell if progress else None)
        build_s = time.perf_counter() - started
        query_s, found = _search_alone(index, queries, repeat)
    exact = _Exact(vectors)
    flat_s, nearest = _search_alone(exact, queries[:20], 1)
    nearest = exact.search(queries, K)[1]
    shared = [len(set(a) & set(b)) for a, b in zip(found.tolist(), nearest.tolist(), strict=True)]
    return {
        "workload": "H",
        "vectors": "uniform" if uniform else "topics",
        "n_vectors": n,
        "dimension": DIMENSION,
        "build_s": round(build_s, 3),
        "query_ms": round(1000 * query_s, 4),
        "flat_query_ms": round(1000 * flat_s, 4),
        "recall_at_10": sum(shared) / (min(K, n) * len(queries)),
        "recall_at_10_noted": index.notes["recall_at_10"],
        "peak_bytes": memory.peak_bytes,
        "index": index.notes["index"],
        "notes": index.notes,
    }


class _Exact:
    """Comparing with every vector."""

    def __init__(self, vectors: Vectors) -> None:
        import faiss

        self._index: Any = faiss.IndexFlatIP(DIMENSION)
        self._index.add(vectors)

    def search(self, queries: Vectors, k: int) -> tuple[Any, Any]:
        scores, positions = self._index.search(queries, min(k, self._index.ntotal))
        return scores, positions


def _search_alone(index: VectorIndex | _Exact, queries: Vectors, repeat: int) -> tuple[float, Any]:
    """Median over queries of the median over passes, in seconds, and the positions found."""
    seconds = np.empty((repeat, len(queries)))
    found: list[Any] = []
    index.search(queries[:1], K)
    for passed in range(repeat):
        found = []
        for i in range(len(queries)):
            started = time.perf_counter()
            found.append(index.search(queries[i : i + 1], K)[1][0])
            seconds[passed, i] = time.perf_counter() - started
    return statistics.median(np.median(seconds, axis=0).tolist()), np.array(found)


def _scaled(vectors: Any) -> Vectors:
    scaled: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _tell(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done:,} of {total:,} vectors" + ("\n" if done == total else ""))


def main() -> None:
    """Run it and write JSON to standard output."""
    parser = argparse.ArgumentParser(description="Index and search vectors, from a thousand to a million.")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of vectors, with commas")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--uniform", action="store_true", help="vectors without structure")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    rows = run(sizes, given.repeat, uniform=given.uniform, progress=True)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
