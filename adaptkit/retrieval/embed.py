"""Texts to unit vectors: what an embedder has to offer, and one that runs sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from adaptkit.models.embedded import EMBEDDED, embedded_revision
from adaptkit.retrieval.batches import token_batches
from adaptkit.retrieval.pieces import EmbeddedPieces, Pieces
from adaptkit.retrieval.sentence_module import load_sentence_module, weights_sha256

DEFAULT_EMBEDDER = "all-minilm-l6-v2"
Vectors = npt.NDArray[np.float32]
BATCH_TOKENS_CPU = 512
BATCH_TOKENS_A_THREAD = 256
"""What a layer makes of so many tokens stays in a core's cache: on a CPU, larger batches are slower."""
BATCH_TOKENS_GPU = 16_384


class Embedder(Protocol):
    """What chunking and indexing need; one with ``reading`` also says which texts it cannot read."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def revision(self) -> str:
        """What identifies the weights: an index made by others is refused."""

    @property
    def max_tokens(self) -> int:
        """So many word pieces are read at once, special tokens included."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 [n, dimension], each row of length 1."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each word piece, special tokens left out and nothing cut.

        What the embedder has no piece for counts a piece a character: a piece may be a whole text.
        """


class SentenceEmbedder:
    """A sentence-transformers model.

    Args:
        name: an embedded model's name, a local folder, or a Hub id.

    Attributes:
        max_tokens: so many word pieces are read at once, special tokens included. Longer texts are embedded
            in parts of about half of that, and the mean of the parts' vectors is theirs.
    """

    def __init__(self, name: str = DEFAULT_EMBEDDER) -> None:
        # torch before faiss: both bring an OpenMP runtime, and the first one loaded wins.
        import torch

        self.name = name
        self._model: Any = load_sentence_module(name, "embedder")
        self.max_tokens = int(self._model.max_seq_length or 256)
        on_cpu = max(BATCH_TOKENS_CPU, BATCH_TOKENS_A_THREAD * torch.get_num_threads())
        self._batch_tokens = on_cpu if self._model.device.type == "cpu" else BATCH_TOKENS_GPU

    @cached_property
    def revision(self) -> str:
        """What identifies the weights; an index made by others is refused, and vectors are cached by it."""
        if self.name in EMBEDDED:
            return embedded_revision(self.name)
        # A folder keeps its name when another model is put there, and so does a Hub id.
        return f"sha256:{weights_sha256(self._model)[:16]}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 [n, dimension], each row of length 1."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        parts = [self._pieces.parts(text) for text in texts]
        vectors = self._embed_parts([part for some in parts for part in some])
        if len(vectors) == len(texts):
            return vectors
        starts = np.cumsum([0, *(len(some) for some in parts[:-1])])
        sums = np.add.reduceat(vectors, starts, axis=0)
        means: Vectors = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        # Texts of one part keep their vector to the last bit.
        for row, start, some in zip(means, starts, parts, strict=True):
            if len(some) == 1:
                row[:] = vectors[start]
        return means

    def _embed_parts(self, texts: Sequence[str]) -> Vectors:
        if self._is_plain:
            return self._embed_by_length(texts)
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    @cached_property
    def _is_plain(self) -> bool:
        """Whether texts go into the model as they are: no prompt in front, no images, no routes."""
        from sentence_transformers.sentence_transformer.modules import Transformer

        model = self._model
        return (
            isinstance(model[0], Transformer)
            and not model.default_prompt_name
            and not getattr(model[0], "can_flatten_inputs", False)
            and not getattr(model[0], "processing_kwargs", None)
            and model.truncate_dim is None
        )

    def _embed_by_length(self, texts: Sequence[str]) -> Vectors:
        """Texts of like length in batches of so many tokens, each text tokenised once.

        Always in the weights' own precision: vectors of another one would not be the model's.
        """
        import torch

        tokenizer = self._model.tokenizer
        encoded = tokenizer(list(texts), truncation=True, max_length=self.max_tokens)
        batches = token_batches([len(ids) for ids in encoded["input_ids"]], self._batch_tokens)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        self._model.eval()
        with torch.inference_mode():
            for batch in batches:
                rows = {name: [values[i] for i in batch] for name, values in encoded.items()}
                padded = tokenizer.pad(rows, return_tensors="pt").to(self._model.device)
                made = self._model(dict(padded))["sentence_embedding"]
                vectors[batch] = torch.nn.functional.normalize(made.float(), dim=1).cpu().numpy()
        return vectors

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span of each word piece, special tokens left out and nothing cut.

        What the embedder has no piece for counts a piece a character: a piece may be a whole text.
        """
        return self._pieces.offsets(text)

    def reading(self, texts: Sequence[str]) -> list[EmbeddedPieces]:
        """Tell which texts are longer than what is read at once, and what of each is unread."""
        return self._pieces.reading(texts)

    @cached_property
    def _pieces(self) -> Pieces:
        tokenizer = self._model.tokenizer
        return Pieces(self.name, tokenizer.backend_tokenizer, tokenizer.unk_token_id, self.max_tokens)


@lru_cache(maxsize=2)
def load_embedder(name: str = DEFAULT_EMBEDDER) -> Embedder:
    """The embedder of that name, loaded once a process."""
    return SentenceEmbedder(name)
