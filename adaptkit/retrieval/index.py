"""A FAISS index with a JSON sidecar: saved and loaded without pickle."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.retrieval.approximate import N_SAMPLED, build_approximate
from adaptkit.retrieval.documents import Progress, embed_documents
from adaptkit.retrieval.embed import Embedder, Vectors

INDEX_FILE = "index.faiss"
SIDECAR = "index.json"
FORMAT_VERSION = 2
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

    def save(self, folder: Path) -> None:
        """Write the index and what identifies it."""
        import faiss

        folder.mkdir(parents=True, exist_ok=True)
        faiss.write_index(self._index, str(folder / INDEX_FILE))
        write_json_atomic(
            folder / SIDECAR,
            {
                "format_version": FORMAT_VERSION,
                "embedder": self.embedder.name,
                "embedder_revision": self.embedder.revision,
                "dimension": self.embedder.dimension,
                "metric": "inner product of unit vectors",
                "n_vectors": len(self),
                "notes": self.notes,
                "sha256": file_sha256(folder / INDEX_FILE),
            },
        )

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> VectorIndex:
        """Read an index back.

        Raises:
            ConfigError: another embedder made it, or the file is not the one that was saved.
        """
        import faiss

        sidecar = read_json(folder / SIDECAR)
        _check_made_by(sidecar, embedder, folder)
        if not (folder / INDEX_FILE).is_file() or file_sha256(folder / INDEX_FILE) != sidecar["sha256"]:
            raise ConfigError(f"{folder / INDEX_FILE} is not the file that was saved. Build the index again.")
        index = cls(np.zeros((0, embedder.dimension), dtype=np.float32), embedder)
        index._index = faiss.read_index(str(folder / INDEX_FILE))
        index.notes = dict(sidecar.get("notes", EXACT))
        return index


def _check_made_by(sidecar: dict[str, Any], embedder: Embedder, folder: Path) -> None:
    # The first version wrote none.
    version = sidecar.get("format_version", 1)
    if version not in (1, FORMAT_VERSION):
        raise ConfigError(
            f"The index in '{folder}' has format version {version}, this library reads up to "
            f"{FORMAT_VERSION}. Build the index again."
        )
    made_by = (sidecar["embedder"], sidecar["embedder_revision"], sidecar["dimension"])
    accepted = {(embedder.name, embedder.revision, embedder.dimension)}
    if version == 1:
        # It took the name of a local or Hub model for its revision.
        accepted.add((embedder.name, embedder.name, embedder.dimension))
    if made_by not in accepted:
        raise ConfigError(
            f"The index in '{folder}' was made by {made_by}, the embedder given is "
            f"{(embedder.name, embedder.revision, embedder.dimension)}. Build the index again."
        )


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
) -> tuple[VectorIndex, dict[str, Any]]:
    """Embed texts, as far as their vectors are not cached, and index them.

    Returns:
        The index, and notes about both: texts embedded and taken from the cache, kind of index, recall.
    """
    embedded = embed_documents(texts, embedder, progress=progress)
    index = VectorIndex(embedded.vectors, embedder, questions=questions, progress=progress)
    return index, {**embedded.notes, **index.notes}


def read_json(path: Path) -> Any:
    """Read a file of an index.

    Raises:
        ConfigError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is missing or damaged ({error}). Build the index again.") from None
