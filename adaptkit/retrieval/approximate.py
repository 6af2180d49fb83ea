"""Approximate search for large indexes, tuned until it finds what exact search finds.

Vectors are put into lists by their nearest centroid (IVF), in 8 bits a dimension (a quarter of the memory);
a query compares itself with the vectors of the ``n_probe`` nearest lists. How many that must be depends on
the data, so it is found by asking: a sample of queries, half to choose ``n_probe``, half to measure the
recall that is reported.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adaptkit.retrieval.documents import Progress
from adaptkit.retrieval.embed import Vectors

logger = logging.getLogger(__name__)

Positions = npt.NDArray[np.int64]

RECALL_K = 10
RECALL_WANTED = 0.95
MARGIN = 0.015
"""Tuned to this much more: the half that measures differs from the half that tunes."""
N_SAMPLED = 400
FEWEST_GIVEN = 100
BLOCK = 20_000
"""Vectors added between two signs of progress."""
TRAIN_PER_LIST = 40
ITERATIONS = 8
SEED = 0


@dataclass(frozen=True, kw_only=True)
class IndexRecall:
    """An approximate index and what it gives up.

    Attributes:
        recall_at_10: share of the 10 nearest that it finds, on queries it was not tuned on.
        n_queries: how many that was measured on.
        queries: where they come from: ``given``, or ``indexed`` vectors that were asked for others.
    """

    index: Any
    recall_at_10: float
    n_queries: int
    queries: str

    @property
    def notes(self) -> dict[str, Any]:
        """What a report should tell."""
        return {
            "recall_at_10": round(self.recall_at_10, 4),
            "recall_n_queries": self.n_queries,
            "recall_queries": self.queries,
            "n_lists": int(self.index.nlist),
            "n_probe": int(self.index.nprobe),
        }


def build_approximate(vectors: Vectors, *, queries: Vectors, progress: Progress | None = None) -> IndexRecall:
    """Index vectors for approximate search.

    Args:
        vectors: float32 [n, dimension], rows of length 1.
        queries: such as will be asked, float32 [n_queries, dimension]. Where they are fewer than
            ``FEWEST_GIVEN``, vectors are drawn instead and their other nearest are asked for.
        progress: called with vectors added and vectors in all.
    """
    tell = progress or (lambda done, total: None)
    tell(0, len(vectors))
    index = _trained(vectors, n_lists(len(vectors)))
    for start in range(0, len(vectors), BLOCK):
        index.add(vectors[start : start + BLOCK])
        tell(min(start + BLOCK, len(vectors)), len(vectors))
    enough = len(queries) >= FEWEST_GIVEN
    questions = _Questions.given(queries, vectors) if enough else _Questions.drawn(vectors)
    tuning, measuring = questions.half(0), questions.half(1)
    _tune(index, tuning)
    recall = measuring.recall(index)
    if recall < RECALL_WANTED:
        logger.warning("The index finds %.1f %% of the %d nearest vectors", 100 * recall, RECALL_K)
    return IndexRecall(
        index=index,
        recall_at_10=recall,
        n_queries=len(measuring.vectors),
        queries=questions.source,
    )


def n_lists(n: int) -> int:
    """Lists for ``n`` vectors: the power of two below ``4 * sqrt(n)``, and at least one vector a list."""
    return 1 << int(np.log2(max(1.0, min(4 * np.sqrt(n), n))))


def _trained(vectors: Vectors, lists: int) -> Any:
    import faiss

    rng = np.random.default_rng(SEED)
    n_train = min(len(vectors), max(TRAIN_PER_LIST * lists, 10_000))
    train = vectors[np.sort(rng.choice(len(vectors), n_train, replace=False))]
    dimension = vectors.shape[1]
    index: Any = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = ITERATIONS
    index.cp.spherical = True
    index.cp.seed = SEED
    index.cp.min_points_per_centroid = 1
    index.train(train)
    return index


def _tune(index: Any, questions: _Questions) -> None:
    """Set the smallest number of lists, of powers of two and their middles, that gives the recall wanted."""
    steps = sorted({min(s, index.nlist) for p in range(32) for s in (2**p, 3 * 2**p // 2)})

    def enough(n_probe: int) -> bool:
        index.nprobe = n_probe
        return questions.recall(index) >= RECALL_WANTED + MARGIN

    # More lists find no less; where none is enough, all are looked into.
    index.nprobe = steps[min(bisect_left(steps, True, key=enough), len(steps) - 1)]


@dataclass(frozen=True)
class _Questions:
    """Queries with the score of the tenth nearest by exact search.

    Attributes:
        vectors: float32 [n, dimension].
        own: position of the query itself among the indexed vectors [n], -1 where it is none of them.
        tenth: score of the last vector that counts as found [n].
        indexed: what is searched; scores of what is found are computed from these, not from 8 bits.
    """

    vectors: Vectors
    own: Positions
    tenth: Vectors
    indexed: Vectors
    source: str

    @classmethod
    def given(cls, queries: Vectors, indexed: Vectors) -> _Questions:
        queries = queries[:N_SAMPLED]
        own = np.full(len(queries), -1, dtype=np.int64)
        return cls(queries, own, _tenth_score(queries, own, indexed), indexed, "given")

    @classmethod
    def drawn(cls, indexed: Vectors) -> _Questions:
        rng = np.random.default_rng(SEED + 1)
        own = rng.choice(len(indexed), min(N_SAMPLED, len(indexed)), replace=False)
        queries = indexed[own]
        return cls(queries, own, _tenth_score(queries, own, indexed), indexed, "indexed")

    def half(self, which: int) -> _Questions:
        """Every second query; both halves are the same one where there is only one query."""
        part = slice(which if len(self.vectors) > 1 else 0, None, 2)
        return _Questions(self.vectors[part], self.own[part], self.tenth[part], self.indexed, self.source)

    def recall(self, index: Any) -> float:
        """Share of the ten nearest that an index finds.

        A vector counts by its score, so that one of several equal vectors is as good as another.
        """
        k = min(RECALL_K, len(self.indexed) - int(self.own[0] >= 0))
        if k < 1:
            return 1.0
        _, found = index.search(self.vectors, k + 1)
        n_found = 0
        for query, own, tenth, row in zip(self.vectors, self.own, self.tenth, found, strict=True):
            places = row[(row >= 0) & (row != own)][:k]
            n_found += int((self.indexed[places] @ query >= tenth - 1e-6).sum())
        return n_found / (k * len(self.vectors))


def _tenth_score(queries: Vectors, own: Positions, indexed: Vectors) -> Vectors:
    """Score of the tenth nearest of each query, itself left out: by comparing with every vector."""
    best = np.full((len(queries), RECALL_K), -np.inf, dtype=np.float32)
    for start in range(0, len(indexed), BLOCK):
        scores = queries @ indexed[start : start + BLOCK].T
        inside = (own >= start) & (own < start + scores.shape[1])
        scores[np.flatnonzero(inside), own[inside] - start] = -np.inf
        both = np.concatenate([best, scores], axis=1)
        best = -np.partition(-both, RECALL_K - 1, axis=1)[:, :RECALL_K]
    # Where there are fewer than ten, the last there is.
    tenth: Vectors = np.where(np.isfinite(best), best, np.inf).min(axis=1).astype(np.float32)
    return tenth
