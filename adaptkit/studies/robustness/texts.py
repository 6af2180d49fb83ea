"""Inputs as other people would write them: the same meaning, so the same target.

Each function gives the same text for the same generator, changes no digit, and never leaves a text empty.
"""

from __future__ import annotations

import re

import numpy as np

TYPO_SHARE = 0.15
"""Of the words of four letters or more; one word at least."""

# No part of an address, a path, a name with digits or a word with hyphens: there a letter is the meaning.
_WORD = re.compile(r"(?<![\w./@:\-])[^\W\d_]{4,}(?![\w/@:\-]|\.\w)")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_END_MARKS = ".?!\N{HORIZONTAL ELLIPSIS} \t\r\n"

WRAPPERS = (
    ("Hi, quick question: ", " Thanks!"),
    ("Hello, I hope that you can help me with this. ", " Thank you in advance."),
    ("Sorry to bother you, but here it is: ", ""),
    ("Good morning!\n\n", "\n\nBest wishes"),
    ("", "\n\nSent from my phone"),
)
"""What stands before and after an input."""


def _near(row: str, i: int) -> str:
    return row[max(0, i - 1) : i] + row[i + 1 : i + 2]


_NEIGHBOURS = {letter: _near(row, i) for row in _ROWS for i, letter in enumerate(row)}


def with_typos(text: str, rng: np.random.Generator, share: float = TYPO_SHARE) -> str:
    """Mistype a share of the words: two letters swapped, or one hit beside its key.

    First letters stay, as do words of fewer than four letters, numbers, addresses and codes.

    Examples:
        >>> with_typos("When does the depot open on 5 May?", np.random.default_rng(1))
        'When dows the depot open on 5 May?'
    """
    # The pattern takes a footnote's superscript for a letter.
    words = [w for w in _WORD.finditer(text) if w.group().isalpha()]
    if not words:
        return text
    n = max(1, round(share * len(words)))
    letters = list(text)
    for i in rng.choice(len(words), size=n, replace=False):
        letters[slice(*words[i].span())] = _mistyped(words[i][0], rng)
    return "".join(letters)


def _mistyped(word: str, rng: np.random.Generator) -> str:
    swaps = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
    hits = [i for i in range(1, len(word)) if word[i].lower() in _NEIGHBOURS]
    if swaps and (not hits or rng.random() < 0.5):
        i = int(rng.choice(swaps))
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if not hits:
        return word
    i = int(rng.choice(hits))
    hit = str(rng.choice(list(_NEIGHBOURS[word[i].lower()])))
    return word[:i] + (hit.upper() if word[i].isupper() else hit) + word[i + 1 :]


def in_lower_case(text: str) -> str:
    """Write a text without capitals and without a mark at its end.

    Examples:
        >>> in_lower_case("Is the Depot open?")
        'is the depot open'
    """
    lowered = text.lower()
    bare = lowered.rstrip(_END_MARKS)
    return bare if bare.strip() else lowered


def wrapped(text: str, rng: np.random.Generator) -> str:
    r"""Put polite words around a text.

    Examples:
        >>> wrapped("Is the depot open?", np.random.default_rng(4))
        'Good morning!\n\nIs the depot open?\n\nBest wishes'
    """
    before, after = WRAPPERS[int(rng.integers(len(WRAPPERS)))]
    return f"{before}{text}{after}"
