"""Texts that an embedder cannot read: told, and compared by their letters instead.

A text that is all unknown word pieces gets the vector of any other such text, and one that is spelt out
letter by letter that of its most frequent letters: their cosines are near 1 whatever the texts say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from adaptkit.retrieval.embed import Embedder, Vectors
from adaptkit.retrieval.lexical import search_form
from adaptkit.retrieval.pieces import EmbeddedPieces

MOST_UNREAD = 1 / 3
"""A text of which more is unread is not compared by its vector; emoji in a short message are less."""
LEAST_TEXTS = 0.01
"""Share of texts from which on it is told, and made up for."""
N_LOOKED_AT = 2_000
NGRAMS, NGRAM_DIMENSION = (2, 4), 512
WITH_NGRAMS = "+character-ngrams"
NGRAMS_REVISION = "1"
MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""An example: it reads about 50 languages."""
NAME_ANOTHER = f"For this language, name another embedder, such as knn-vote:embedder={MULTILINGUAL}."


class WithNgrams:
    """An embedder that compares the texts that it cannot read by the letters they share.

    Vectors are those of the embedder followed by zeros, or zeros followed by hashed character n-grams of
    words: a text that is read and one that is not have a similarity of 0.

    Args:
        base: says by ``reading`` what it cannot read.
    """

    def __init__(self, base: Any) -> None:
        self._base = base
        self.name = f"{base.name}{WITH_NGRAMS}"
        self.revision = f"{base.revision}{WITH_NGRAMS}-{NGRAMS_REVISION}"
        self.max_tokens: int = base.max_tokens
        self.dimension: int = base.dimension + NGRAM_DIMENSION

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed texts: float32 [n, dimension], each row of length 1."""
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        unread = np.array(unread_shares(texts, self._base), dtype=bool)
        for chosen, embed, columns in (
            (~unread, self._base.embed, slice(None, self._base.dimension)),
            (unread, self._by_letters, slice(self._base.dimension, None)),
        ):
            if chosen.any():
                vectors[chosen, columns] = embed([texts[int(i)] for i in np.flatnonzero(chosen)])
        return vectors

    def _by_letters(self, texts: Sequence[str]) -> Vectors:
        found: Vectors = self._hashing.transform(texts).toarray().astype(np.float32)
        return found

    @cached_property
    def _hashing(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer(
            analyzer="char_wb", ngram_range=NGRAMS, n_features=NGRAM_DIMENSION, preprocessor=search_form
        )

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Those of the embedder."""
        spans: list[tuple[int, int]] = self._base.offsets(text)
        return spans


def unread_shares(texts: Sequence[str], embedder: Embedder) -> list[float]:
    """Which share of each text's word pieces is unread; 0 where the embedder reads enough of it."""
    return [_share(found) for found in _readings(texts, embedder)]


def _share(found: EmbeddedPieces) -> float:
    return found.unread if found.unread > MOST_UNREAD else 0.0


def _readings(texts: Sequence[str], embedder: Embedder) -> list[EmbeddedPieces]:
    reading = getattr(embedder, "reading", None)  # one that does not say reads all
    return (
        [EmbeddedPieces(whole=True, unread=0.0) for _ in texts] if reading is None else list(reading(texts))
    )


@dataclass(frozen=True, kw_only=True)
class Legibility:
    """How well an embedder reads some texts.

    Attributes:
        n_texts: looked at, documents included.
        unread: of those texts that it cannot read, the share of their word pieces.
        n_inputs: looked at of the texts that are embedded as they are, ``n_long`` of them in parts.
        limit: word pieces that it reads at once.
    """

    embedder: str
    n_texts: int
    unread: Sequence[float]
    n_inputs: int
    n_long: int
    limit: int

    @classmethod
    def of(cls, texts: Sequence[str], embedder: Any, documents: Sequence[str] = ()) -> Legibility:
        """Look at texts that are embedded as they are, and at documents, which are cut before.

        Args:
            embedder: has a name, a limit, and ``reading``.
        """
        inputs = _readings(_some(texts), embedder)
        everything = [*inputs, *_readings(_some(documents), embedder)]
        return cls(
            embedder=embedder.name,
            n_texts=len(everything),
            unread=[share for found in everything if (share := _share(found))],
            n_inputs=len(inputs),
            n_long=sum(not found.whole for found in inputs),
            limit=embedder.max_tokens,
        )

    @property
    def fails(self) -> bool:
        """Whether more than a stray text is unread."""
        return bool(self.unread) and len(self.unread) >= LEAST_TEXTS * self.n_texts

    @property
    def warnings(self) -> list[str]:
        """A sentence each on texts that are unread and on texts that are read in parts."""
        told = []
        if self.fails:
            unread = unread_sentence(len(self.unread), self.n_texts, fmean(self.unread), self.embedder)
            told.append(
                f"{unread} They are compared by the letters they share, not by meaning. {NAME_ANOTHER}"
            )
        if self.n_long:
            told.append(
                f"{self.n_long} of {self.n_inputs} texts are longer than the {self.limit} word pieces that "
                f"the embedder '{self.embedder}' reads at once: they are embedded in parts, and the parts "
                "averaged. A detail in a long text counts for little."
            )
        return told

    @property
    def notes(self) -> dict[str, Any]:
        """``warning`` and the shares of texts that are unread and long; nothing where there are none."""
        found = {
            "unread_texts": round(len(self.unread) / max(1, self.n_texts), 4) if self.fails else 0,
            "long_texts": round(self.n_long / max(1, self.n_inputs), 4),
            "warning": self.warnings,
        }
        return {name: value for name, value in found.items() if value}


def embedder_that_reads(
    texts: Sequence[str], embedder: Embedder, *, documents: Sequence[str] = ()
) -> tuple[Embedder, dict[str, Any]]:
    """The embedder, made up for where it cannot read some of the texts; and what a report should tell.

    Args:
        texts: such as are embedded as they are.
        documents: texts that are cut before they are embedded.
    """
    found = Legibility.of(texts, embedder, documents)
    return WithNgrams(embedder) if found.fails else embedder, found.notes


def _some(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, -(-len(texts) // N_LOOKED_AT))]


def with_warnings(notes: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Both notes, and the warnings of both."""
    warnings = [*notes.get("warning", ()), *more.get("warning", ())]
    return {**notes, **more, **({"warning": warnings} if warnings else {})}


def unread_sentence(n: int, n_texts: int, share: float, name: str) -> str:
    """How much of which texts an embedder cannot read.

    Args:
        share: of the word pieces of those texts.
    """
    return (
        f"The embedder '{name}' cannot read {n} of {n_texts} texts: {share:.0%} of their word pieces are "
        "unknown to it or single letters."
    )


def embedder_as_saved(made_by: object, embedder: Embedder) -> Embedder:
    """The embedder as an index was made with it: made up for texts that it cannot read, or as it is.

    Args:
        made_by: what the index says about its embedder.
    """
    name = made_by.get("name") if isinstance(made_by, Mapping) else None
    return WithNgrams(embedder) if name == f"{embedder.name}{WITH_NGRAMS}" else embedder
