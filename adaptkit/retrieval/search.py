"""Which chunks fit a query: by vectors, by words, or by both rankings made one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from adaptkit.retrieval.documents import Progress
from adaptkit.retrieval.embed import Embedder, Vectors
from adaptkit.retrieval.fusion import fuse_ranks
from adaptkit.retrieval.index import SIDECAR, VectorIndex, index_texts
from adaptkit.retrieval.lexical import LEXICAL_SIDECAR, LexicalIndex

Method = Literal["dense", "bm25", "hybrid"]
Scored = dict[int, float]
"""Scores by position, best first."""
FUSED = 10
"""So many of each ranking are fused, or as many as are wanted: what stands further down is mostly noise."""


@dataclass(frozen=True, kw_only=True)
class CombinedSearch:
    """Indexes over the same texts.

    A text's score is the cosine of its vector with the query's, or BM25's where there are no vectors. Fused
    ranks have no scale of their own: where both indexes are there, the order comes from both rankings and
    is not quite that of the scores.

    Attributes:
        embedder: embeds queries where there are vectors.
        index: the texts' vectors; None to search by words alone.
        lexical: the texts' words, in the same order; None to search by vectors alone.
    """

    embedder: Embedder
    index: VectorIndex | None
    lexical: LexicalIndex | None

    @classmethod
    def over(
        cls,
        texts: Sequence[str],
        embedder: Embedder,
        method: Method,
        *,
        questions: Sequence[str] = (),
        progress: Progress | None = None,
        known: Mapping[str, Vectors] | None = None,
    ) -> tuple[CombinedSearch, dict[str, Any]]:
        """Index texts; also returns notes about how that went (see :func:`index_texts`)."""
        index: VectorIndex | None = None
        notes: dict[str, Any] = {}
        if method != "bm25":
            index, notes = index_texts(texts, embedder, questions, progress, known)
            embedder = index.embedder
        lexical = LexicalIndex(texts) if method != "dense" else None
        return cls(embedder=embedder, index=index, lexical=lexical), notes

    @property
    def sizes(self) -> set[int]:
        """How many texts each index holds."""
        return {len(index) for index in (self.index, self.lexical) if index is not None}

    def best(self, queries: Sequence[str], depth: int) -> list[Scored]:
        """The ``depth`` best texts of each query, fewer where fewer share a word or are near."""
        each = depth if self.index is None or self.lexical is None else max(depth, FUSED)
        vectors = self._embedded(queries)
        near: Sequence[Scored | None] = [None] * len(queries)
        if self.index is not None:
            scores, places = self.index.search(vectors, each)
            near = [_scored(at, score) for at, score in zip(places, scores, strict=True)]
        found = []
        for query, vector, by_vector in zip(queries, vectors, near, strict=True):
            by_words = self.lexical.search(query, each) if self.lexical is not None else None
            found.append(self._fused(vector, by_vector, by_words, depth))
        return found

    def among(self, queries: Sequence[str], places: Sequence[Sequence[int]]) -> list[Scored]:
        """The texts at given positions, for each query, best first; those that share no word come last."""
        found = []
        for query, vector, own in zip(queries, self._embedded(queries), places, strict=True):
            by_vector = self._by_vector(vector, own) if self.index is not None else None
            by_words = None
            if self.lexical is not None:
                by_words = _scored(own, self.lexical.scores(query)[np.asarray(own, dtype=np.int64)])
            found.append(self._fused(vector, by_vector, by_words, len(own)))
        return found

    def _embedded(self, queries: Sequence[str]) -> Vectors:
        if self.index is None:
            return np.zeros((len(queries), 0), dtype=np.float32)
        return self.embedder.embed(queries)

    def _by_vector(self, vector: Vectors, places: Sequence[int]) -> Scored:
        if self.index is None or not places:
            return {}
        return _scored(places, self.index.vectors(places) @ vector)

    def _fused(
        self, vector: Vectors, by_vector: Scored | None, by_words: Scored | None, depth: int
    ) -> Scored:
        if by_vector is None or by_words is None:
            scores = by_vector or by_words or {}
            return {at: scores[at] for at in list(scores)[:depth]}
        # Words first: of two texts that are first in one ranking each, theirs is right more often.
        order = fuse_ranks([list(by_words), list(by_vector)])[:depth]
        scores = by_vector | self._by_vector(vector, [at for at in order if at not in by_vector])
        return {at: scores[at] for at in order}

    def save(self, folder: Path) -> list[str]:
        """Write the indexes; return the names of their sidecars."""
        written = []
        for index, sidecar in ((self.index, SIDECAR), (self.lexical, LEXICAL_SIDECAR)):
            if index is not None:
                index.save(folder)
                written.append(sidecar)
        return written

    @classmethod
    def load(cls, folder: Path, embedder: Embedder, method: Method) -> CombinedSearch:
        """Read the indexes back.

        Raises:
            ConfigError: another embedder made them, or a file is not the one that was saved.
        """
        return cls(
            embedder=embedder,
            index=VectorIndex.load(folder, embedder) if method != "bm25" else None,
            lexical=LexicalIndex.load(folder) if method != "dense" else None,
        )


def _scored(places: Sequence[int] | np.ndarray, scores: np.ndarray) -> Scored:
    """Positions with their scores, best first; of equal ones the first given comes first."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    return {int(places[i]): float(scores[i]) for i in order if places[i] >= 0}
