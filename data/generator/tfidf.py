"""TF-IDF over word 1-2-grams, in plain Python: the baselines must not need a package.

Weights follow scikit-learn's defaults: raw counts, smoothed inverse document frequency
``ln((1 + n) / (1 + df)) + 1``, rows of length one.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

_WORD = re.compile(r"\b\w\w+\b")


def terms(text: str) -> Counter[str]:
    """Counts of words and of neighbouring pairs of words."""
    words = _WORD.findall(text.casefold())
    return Counter(words) + Counter(f"{a} {b}" for a, b in pairwise(words))


class TfidfIndex:
    """Ranks texts by cosine similarity to a query."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [terms(text) for text in texts]
        frequency = Counter(term for count in counts for term in count)
        self.idf = {term: math.log((1 + len(texts)) / (1 + df)) + 1 for term, df in frequency.items()}
        self.postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, count in enumerate(counts):
            for term, weight in self._weights(count).items():
                self.postings[term].append((number, weight))

    def _weights(self, count: Counter[str]) -> dict[str, float]:
        raw = {term: n * self.idf[term] for term, n in count.items() if term in self.idf}
        length = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {term: weight / length for term, weight in raw.items()}

    def nearest(self, query: str, k: int) -> list[int]:
        """Numbers of the k most similar texts; ties go to the earlier text."""
        scores: dict[int, float] = defaultdict(float)
        for term, weight in self._weights(terms(query)).items():
            for number, other in self.postings[term]:
                scores[number] += weight * other
        ranked = sorted(scores, key=lambda number: (-round(scores[number], 9), number))
        return ranked[:k] or [0]
