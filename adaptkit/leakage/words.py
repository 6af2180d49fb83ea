"""Which texts hold which words: to find a phrase in many documents, and the texts most like a given one."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

MOST_WORDS = 16
"""Of a text, so many of its rarest words are looked up: common ones tell nothing and take the time."""


class WordIndex:
    """An inverted index.

    Args:
        texts: canonical.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = [f" {text} " for text in texts]
        # Arrays of machine integers: a large corpus has tens of millions of places.
        places: dict[str, array[int]] = defaultdict(lambda: array("q"))
        for i, text in enumerate(texts):
            for word in set(text.split()):
                places[word].append(i)
        self._places = {word: np.frombuffer(found, dtype=np.int64) for word, found in places.items()}

    def __len__(self) -> int:
        return len(self._texts)

    def holding(self, phrase: str) -> Iterator[int]:
        """Positions of the texts in which the phrase stands, as whole words, in order."""
        words = phrase.split()
        if not words or any(word not in self._places for word in words):
            return
        rarest = min(words, key=lambda word: len(self._places[word]))
        padded = f" {phrase} "
        for i in self._places[rarest].tolist():
            if padded in self._texts[i]:
                yield i

    def holds(self, phrase: str, position: int) -> bool:
        """Whether the phrase stands in that text, as whole words."""
        return f" {phrase} " in self._texts[position]

    def closest(self, text: str, n: int) -> list[int]:
        """Positions of up to ``n`` texts that share words with ``text``, the nearest first.

        Rare words count more (by the logarithm of one over their share); texts that share none are left out.
        """
        known = sorted((w for w in set(text.split()) if w in self._places), key=self._rarity)
        scores = np.zeros(len(self), dtype=np.float64)
        for word in known[:MOST_WORDS]:
            scores[self._places[word]] += np.log1p(len(self) / len(self._places[word]))
        n = min(n, int(np.count_nonzero(scores)))
        if n == 0:
            return []
        best = np.argpartition(-scores, n - 1)[:n]
        return [int(i) for i in best[np.lexsort((best, -scores[best]))]]

    def _rarity(self, word: str) -> tuple[int, str]:
        return len(self._places[word]), word
