"""A FAISS index with a JSON sidecar: saved and loaded without pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.retrieval.embed import Embedder, Vectors

INDEX_FILE = "index.faiss"
SIDECAR = "index.json"


class VectorIndex:
    """Exact inner-product search over unit vectors (so: cosine similarity).

    Args:
        vectors: float32 [n, dimension], rows of length 1.
        embedder: who made them; an index is useless with any other.
    """

    def __init__(self, vectors: Vectors, embedder: Embedder) -> None:
        import faiss

        self.embedder = embedder
        self._index: Any = faiss.IndexFlatIP(embedder.dimension)
        if len(vectors):
            self._index.add(vectors)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, np.ndarray[Any, np.dtype[np.int64]]]:
        """The ``k`` nearest vectors of each query, best first: scores and positions, both [n, k'].

        ``k'`` is ``k`` or the number of vectors, whichever is smaller.
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
                "embedder": self.embedder.name,
                "embedder_revision": self.embedder.revision,
                "dimension": self.embedder.dimension,
                "metric": "inner product of unit vectors",
                "n_vectors": len(self),
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
        made_by = (sidecar["embedder"], sidecar["embedder_revision"], sidecar["dimension"])
        if made_by != (embedder.name, embedder.revision, embedder.dimension):
            raise ConfigError(
                f"The index in '{folder}' was made by {made_by}, the embedder given is "
                f"{(embedder.name, embedder.revision, embedder.dimension)}. Build the index again."
            )
        if not (folder / INDEX_FILE).is_file() or file_sha256(folder / INDEX_FILE) != sidecar["sha256"]:
            raise ConfigError(f"{folder / INDEX_FILE} is not the file that was saved. Build the index again.")
        index = cls(np.zeros((0, embedder.dimension), dtype=np.float32), embedder)
        index._index = faiss.read_index(str(folder / INDEX_FILE))
        return index


def read_json(path: Path) -> Any:
    """Read a file of an index.

    Raises:
        ConfigError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is missing or damaged ({error}). Build the index again.") from None
