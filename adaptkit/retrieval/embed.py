"""Texts to unit vectors: what an embedder has to offer, and one that runs sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from adaptkit.core.errors import ModelError
from adaptkit.models.embedded import EMBEDDED, embedded_path, embedded_revision
from adaptkit.models.quiet import quiet_transformers

DEFAULT_EMBEDDER = "all-minilm-l6-v2"
Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """What chunking and indexing need."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def revision(self) -> str:
        """What identifies the weights: an index made by others is refused."""

    @property
    def max_tokens(self) -> int:
        """Texts are cut to this many word pieces, special tokens included."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 [n, dimension], each row of length 1."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each word piece, special tokens left out and nothing cut."""


class SentenceEmbedder:
    """A sentence-transformers model.

    Args:
        name: an embedded model's name, a local folder, or a Hub id.

    Attributes:
        revision: what identifies the weights; an index made by others is refused.
        max_tokens: texts are cut to this many word pieces, special tokens included.
    """

    def __init__(self, name: str = DEFAULT_EMBEDDER) -> None:
        # torch before faiss: both bring an OpenMP runtime, and the first one loaded wins.
        import torch

        self.name = name
        self.revision = embedded_revision(name) if name in EMBEDDED else name
        device = "cuda" if torch.cuda.is_available() else "cpu"
        where = str(embedded_path(name)) if name in EMBEDDED else name
        try:
            with quiet_transformers():
                from sentence_transformers import SentenceTransformer

                self._model: Any = SentenceTransformer(where, device=device)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"The embedder '{name}' could not be loaded ({str(error).partition(chr(10))[0]}). "
                f"Give a sentence-transformers folder or Hub id, or '{DEFAULT_EMBEDDER}'."
            ) from error
        self.max_tokens = int(self._model.max_seq_length or 256)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    def embed(self, texts: Sequence[str], *, batch_size: int = 32) -> Vectors:
        """Embed texts: float32 [n, dimension], each row of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        vectors = self._model.encode(
            list(texts),
            batch_size=batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each word piece, special tokens left out and nothing cut."""
        backend = self._model.tokenizer.backend_tokenizer
        # Left over from the last call to embed(): filler would be counted as part of the text.
        backend.no_truncation()
        backend.no_padding()
        encoded = backend.encode(text, add_special_tokens=False)
        return [(int(a), int(b)) for a, b in encoded.offsets]


@lru_cache(maxsize=2)
def load_embedder(name: str = DEFAULT_EMBEDDER) -> Embedder:
    """The embedder of that name, loaded once a process."""
    return SentenceEmbedder(name)
