"""ROUGE, for summaries.

Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries"; the F-measures of the package
``rouge-score`` with its stemmer. That package drops whatever is not an ASCII letter or digit, so a
Russian summary would score 0 against itself: texts with other letters are split as
:mod:`adaptkit.metrics.words` does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from adaptkit.metrics.base import Answer, Score, best_match
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.words import find_words

_LETTER = re.compile(r"[^\W_]")


def rouge_1(answer: Answer) -> Score:
    """Overlap of words with a reference (F-measure, stemmed).

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="...", target="the cat sat")
        >>> rouge_1(Answer(output="the cats sat", example=row)).strict
        1.0
    """
    return _score(answer, "rouge1")


def rouge_2(answer: Answer) -> Score:
    """Overlap of pairs of neighbouring words with a reference (F-measure, stemmed).

    A reference of one word has no pairs; the output then scores 1 if it is that word, else 0.
    """
    return _score(answer, "rouge2")


def rouge_l(answer: Answer) -> Score:
    """Longest common subsequence of words with a reference (F-measure, stemmed)."""
    return _score(answer, "rougeL")


def _score(answer: Answer, kind: str) -> Score:
    return best_match(answer, lambda output, reference: Score.same(_f_measure(kind, output, reference)))


def _f_measure(kind: str, output: str, reference: str) -> float:
    if fold(output) == fold(reference):
        # Also right where the package has nothing to count: one word and rouge_2, signs only.
        return 1.0
    foreign = any(not c.isascii() for c in _LETTER.findall(output + reference))
    return float(_scorer(kind, foreign).score(reference, output)[kind].fmeasure)


@lru_cache(maxsize=8)
def _scorer(kind: str, foreign: bool) -> Any:
    # Imported here: it pulls in nltk, and most tasks need no ROUGE.
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], use_stemmer=True, tokenizer=_UnicodeTokenizer() if foreign else None)


class _UnicodeTokenizer:
    """Splits any script; has the one method that ``RougeScorer`` calls."""

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._latin: Any = DefaultTokenizer(use_stemmer=True)

    def tokenize(self, text: str) -> list[str]:
        found = find_words(fold(text).replace("_", " "))
        return [token for word in found for token in self._stem(word)]

    def _stem(self, word: str) -> list[str]:
        return list(self._latin.tokenize(word)) if word.isascii() else [word]
