"""Texts made comparable: the normalisation of SQuAD, for any script.

Source: Rajpurkar et al. 2016 (arXiv:1606.05250), ``evaluate-v1.1.py``: lower case, no punctuation, no
articles, single spaces. Three things differ, none of them for ordinary English words:

* punctuation of all scripts goes, and Han and kana characters are words of their own;
* a point between digits stays, or 1.9 would be the same as 19;
* a text of which nothing would be left (an answer "A", or "?") keeps what it has.
"""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache

_ASCII_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_DECIMAL_POINT = re.compile(r"(?<=[0-9])\.(?=[0-9])")
_CHARACTER_WORD = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
_STAND_IN = "\ue000"


def fold(text: str) -> str:
    """Make texts that differ in case, outer and repeated white space or Unicode form equal.

    Examples:
        >>> fold("  New   YORK ")
        'new york'
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.split())


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Normalise a text as SQuAD does.

    Examples:
        >>> normalise("The  cat's hat, 1,900.5 m!")
        'cats hat 1900.5 m'
        >>> normalise("A")
        'a'
    """
    folded = fold(text)
    marked = _DECIMAL_POINT.sub(_STAND_IN, folded)
    kept = "".join(c for c in marked if not _is_punctuation(c)).replace(_STAND_IN, ".")
    spaced = " ".join(split_characters(kept).split())
    without_articles = " ".join(_ARTICLES.sub(" ", spaced).split())
    return without_articles or spaced or folded


def split_characters(text: str) -> str:
    """Put spaces around Han and kana characters, which are written without."""
    return _CHARACTER_WORD.sub(r" \1 ", text)


def tokens(text: str) -> list[str]:
    """Split a normalised text into words.

    Examples:
        >>> tokens("The Eiffel Tower, 東京")
        ['eiffel', 'tower', '東', '京']
    """
    return normalise(text).split()


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")
