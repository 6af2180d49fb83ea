"""A FAISS index with a JSON sidecar: saved and loaded without pickle."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.retrieval.approximate import N_SAMPLED, build_approximate
from adaptkit.retrieval.documents import Progress, embed_documents
from adaptkit.retrieval.embed import Embedder, Vectors
from adaptkit.retrieval.readable import embedder_as_saved, embedder_that_reads
from adaptkit.retrieval.sidecar import AGAIN, check_same, read_sidecar, write_sidecar
from adaptkit.retrieval.sidecar import read_json as read_json

INDEX_FILE = "index.faiss"
SIDECAR = "index.json"
METRIC = "inner product of unit vectors"
FLAT_LIMIT = 50_000
"""Up to so many vectors every one is compared with; more are searched approximately."""
EXACT: dict[str, Any] = {"index": "flat", "recall_at_10": 1.0}


class VectorIndex:
    """Inner-product search over unit vectors (so: cosine similarity).

    Exact up to ``FLAT_LIMIT`` vectors. Above, approximate, with scores that are off by about 0.001, and with
    the share of the nearest that it finds measured (``notes``).

    Args:
        vectors: float32 [n, dimension], rows of length 1.
        embedder: who made them; an index is useless with any other.
        questions: such as will be asked: an approximate index is tuned on them. Without them, or with
            fewer than a hundred, it is tuned on vectors of its own.
        progress: called with vectors added and vectors in all.

    Attributes:
        notes: what a report should tell: kind of index, measured recall, and what it was tuned to.
    """

    def __init__(
        self,
        vectors: Vectors,
        embedder: Embedder,
        *,
        questions: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> None:
        import faiss

        _set_threads(faiss)
        self.embedder = embedder
        self.notes: dict[str, Any] = dict(EXACT)
        self._index: Any
        if len(vectors) <= FLAT_LIMIT:
            self._index = faiss.IndexFlatIP(embedder.dimension)
            if len(vectors):
                self._index.add(vectors)
        else:
            asked = embedder.embed(questions[:N_SAMPLED])
            measured = build_approximate(vectors, queries=asked, progress=progress)
            self._index = measured.index
            self.notes = {"index": "ivf-sq8", **measured.notes}

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, np.ndarray[Any, np.dtype[np.int64]]]:
        """The ``k`` nearest vectors of each query, best first: scores and positions, both [n, k'].

        ``k'`` is ``k`` or the number of vectors, whichever is smaller. Where the lists that an approximate
        index looks into hold fewer, the rest of a row has position -1.
        """
        scores, positions = self._index.search(queries, min(k, len(self)))
        return scores, positions

    def vectors(self, positions: Sequence[int]) -> Vectors:
        """The vectors at these positions, float32 [n, dimension]; approximate ones keep 8 bits."""
        if isinstance(getattr(self._index, "nlist", None), int):
            self._index.make_direct_map()  # vectors lie in lists: where each one is; once made it stays
        found: Vectors = self._index.reconstruct_batch(np.asarray(positions, dtype=np.int64))
        return found

    @property
    def is_exact(self) -> bool:
        """Whether every vector is kept as it was, and compared with."""
        return bool(self.notes.get("index") == EXACT["index"])

    def save(self, folder: Path) -> None:
        """Write the index and what identifies it."""
        import faiss

        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self._index, str(folder / INDEX_FILE))
        write_sidecar(
            folder / SIDECAR,
            {
                "embedder": identity(self.embedder),
                "metric": METRIC,
                "n_vectors": len(self),
                "notes": self.notes,
            },
            [INDEX_FILE],
        )

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> VectorIndex:
        """Read an index back.

        Raises:
            ConfigError: another embedder made it, or a file is missing or not the one that was saved.
        """
        import faiss

        sidecar = read_sidecar(folder / SIDECAR)
        embedder = embedder_as_saved(sidecar.get("embedder"), embedder)
        check_same(folder / SIDECAR, "embedder", sidecar.get("embedder"), identity(embedder))
        index = cls(np.zeros((0, embedder.dimension), dtype=np.float32), embedder)
        try:
            index._index = faiss.read_index(str(folder / INDEX_FILE))
            found = (index._index.d, len(index), index._index.metric_type)
            index.notes = dict(sidecar["notes"])
        except (RuntimeError, KeyError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise ConfigError(f"{folder / INDEX_FILE} is no index of vectors ({reason}). {AGAIN}") from None
        if found != (embedder.dimension, sidecar.get("n_vectors"), faiss.METRIC_INNER_PRODUCT):
            raise ConfigError(f"{folder / INDEX_FILE} is not the index that {SIDECAR} describes. {AGAIN}")
        return index


def identity(embedder: Embedder) -> dict[str, Any]:
    """What makes two embedders' vectors comparable."""
    return {"name": embedder.name, "revision": embedder.revision, "dimension": embedder.dimension}


def _set_threads(faiss: Any) -> None:
    """As many threads as this process may use; one on macOS, where torch's OpenMP and faiss's collide."""
    if sys.platform == "darwin":
        faiss.omp_set_num_threads(1)
    elif hasattr(os, "sched_getaffinity"):
        faiss.omp_set_num_threads(min(faiss.omp_get_max_threads(), len(os.sched_getaffinity(0))))


def index_texts(
    texts: Sequence[str],
    embedder: Embedder,
    questions: Sequence[str] = (),
    progress: Progress | None = None,
    known: Mapping[str, Vectors] | None = None,
) -> tuple[VectorIndex, dict[str, Any]]:
    """Embed texts, as far as their vectors are neither known nor cached, and index them.

    Args:
        questions: see :class:`VectorIndex`.
        progress: called with texts embedded and in all, then with vectors added and in all.
        known: vectors [dimension] by text.

    Returns:
        The index, whose embedder makes up for what the given one cannot read
        (:func:`~adaptkit.retrieval.readable.embedder_that_reads`), and notes: texts embedded and taken
        from the cache, kind of index, recall, what is unread.
    """
    warned: dict[str, Any] = {}
    if not known:
        embedder, warned = embedder_that_reads(texts, embedder)
    known = known or {}
    missing = [text for text in dict.fromkeys(texts) if text not in known] if known else texts
    embedded = embed_documents(missing, embedder, progress=progress)
    vectors = embedded.vectors
    if known:
        all_known = {**known, **dict(zip(missing, vectors, strict=True))}
        vectors = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = all_known[text]
    index = VectorIndex(vectors, embedder, questions=questions, progress=progress)
    return index, {**embedded.notes, **index.notes, **warned}
