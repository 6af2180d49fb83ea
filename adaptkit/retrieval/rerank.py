"""Second look at what was found: a cross-encoder reads input and chunk together.

It orders better than vectors that were made apart (Nogueira & Cho 2019, arXiv:1901.04085), and costs a
pass of a model for each chunk that it looks at.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from adaptkit.core.errors import ModelError
from adaptkit.retrieval.pieces import SPECIAL_TOKENS, Pieces
from adaptkit.retrieval.sentence_module import load_sentence_module, weights_sha256


class Reranker(Protocol):
    """What a retriever needs of it."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def revision(self) -> str:
        """What identifies the weights."""

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """How well each text answers the query, float32 [n]; larger is better."""


class CrossEncoderReranker:
    """A sentence-transformers cross-encoder with one score a pair.

    Args:
        name: a local folder or a Hub id.
        model: one that is loaded already.
    """

    def __init__(self, name: str, model: Any = None) -> None:
        self.name = name
        self._model = load_sentence_module(name, "reranker") if model is None else model
        n_scores = getattr(self._model, "num_labels", 1)
        if n_scores != 1:
            raise ModelError(
                f"The reranker '{name}' gives {n_scores} scores a pair, and one is needed. "
                "Give a cross-encoder that was trained to rank."
            )

    @cached_property
    def revision(self) -> str:
        """What identifies the weights."""
        return f"sha256:{weights_sha256(self._model)[:16]}"

    def scores(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """How well each text answers the query, float32 [n].

        One query at a time: what its scores are rounded to depends on no other query's texts. A query that is
        too long to be read beside a text is read in parts, and the part that fits the text best counts.
        """
        if not texts:
            return np.zeros(0, dtype=np.float32)
        parts = self._parts(query, texts)
        made = self._model.predict(
            [(part, text) for part in parts for text in texts], show_progress_bar=False
        )
        scores = np.asarray(made, dtype=np.float32).reshape(len(parts), len(texts))
        best: npt.NDArray[np.float32] = scores.max(axis=0)
        return best

    def _parts(self, query: str, texts: Sequence[str]) -> list[str]:
        limit = getattr(self._model, "max_seq_length", None)
        if not limit:
            return [query]
        tokenizer = self._model.tokenizer
        read = partial(Pieces, self.name, tokenizer.backend_tokenizer, tokenizer.unk_token_id)
        longest = max(len(read(limit).offsets(text)) for text in texts)
        return read(max(limit - longest - SPECIAL_TOKENS, limit // 2)).parts(query)


@lru_cache(maxsize=2)
def load_reranker(name: str) -> Reranker:
    """The cross-encoder of that name, loaded once a process."""
    return CrossEncoderReranker(name)
