"""Texts cut short for a line or a cell."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)
_SKIN = range(0x1F3FB, 0x1F400)


def shorten(text: str, longest: int, mark: str = "…") -> str:
    """The text, or its beginning with a mark that there was more: ``longest`` characters and the mark.

    No sign above or below a letter is cut from it, no emoji in two.

    Examples:
        >>> shorten("abcdef", 3), shorten("abc", 3)
        ('abc…', 'abc')
        >>> shorten("पानी है", 3), shorten("ok 👩\u200d💻!", 4)
        ('पा…', 'ok…')
    """
    if len(text) <= longest:
        return text
    at = longest
    while at > 0 and _belongs(text, at):
        at -= 1
    return text[:at].rstrip() + mark


def _belongs(text: str, at: int) -> bool:
    """Whether the character there is part of what the one before it begins."""
    before, code = text[at - 1], ord(text[at])
    if unicodedata.category(text[at]).startswith("M") or _JOINER in (before, text[at]) or code in _SKIN:
        return True
    # Two of these letters are a flag.
    n_before = 0
    while n_before < at and ord(text[at - 1 - n_before]) in _REGIONAL:
        n_before += 1
    return code in _REGIONAL and n_before % 2 == 1
