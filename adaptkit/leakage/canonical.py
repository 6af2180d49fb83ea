"""Texts without what does not change them: case, white space, punctuation, forms of Unicode characters.

Other than :mod:`adaptkit.metrics.normalise`, which prepares answers for scoring, articles stay ("a" may be
all that tells two inputs apart), punctuation parts words (``cancel_booking`` is two), and signs that mean
something stay: those of sums, currencies, and emoji.
"""

from __future__ import annotations

import re
import unicodedata

from adaptkit.metrics.words import split_characters, western_digits

# From the first character that is no letter, digit or white space, with what stands around it.
_GAP = re.compile(r"\s*(?:[^\w\s]|_)[\W_]*")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_JOINERS = "\u200c\u200d"
"""They change the shape of letters, and are left out as often as not."""
_MINUS = frozenset("-\u2212")
_OPERATORS = _MINUS | frozenset("\u2013*/%^:\u00d7\u00f7")


def canonical(text: str) -> str:
    r"""The text in lower case, its words parted by single spaces.

    A text that holds nothing but punctuation stays as it is.

    Examples:
        >>> canonical("  The CAFÉ's  opening-hours?! ")
        'the café s opening hours'
        >>> canonical("1,900.5 m - 3/4"), canonical("7 * 3"), canonical("\uff21\uff22 — “x”")
        ('1900.5 m 3 / 4', '7 * 3', 'ab x')
    """
    folded = western_digits(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))
    parted = " ".join(split_characters(_GAP.sub(_what_stays, folded)).split())
    return parted or " ".join(folded.split())


def _what_stays(gap: re.Match[str]) -> str:
    between = gap[0]
    if _stands_between_digits(gap):
        if between in ",.":
            return between.strip(",")
        return "".join(f" {c} " if c in _OPERATORS else _kept(c) for c in between)
    if _is_minus(gap):
        return " -"
    return "".join(map(_kept, between))


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("M"):  # a vowel sign or accent belongs to the letter before it
        return character
    if character in _JOINERS:
        return ""
    return f" {character} " if category.startswith("S") else " "


def _stands_between_digits(gap: re.Match[str]) -> bool:
    text, start, end = gap.string, gap.start(), gap.end()
    return start > 0 and end < len(text) and text[start - 1].isdigit() and text[end].isdigit()


def _is_minus(gap: re.Match[str]) -> bool:
    """Whether the gap is a sign in front of a number: -5, but neither 4-5 nor "- 5 items"."""
    text, start, end = gap.string, gap.start(), gap.end()
    starts_a_word = start == 0 or text[start].isspace()
    return gap[0].lstrip() in _MINUS and end < len(text) and text[end].isdigit() and starts_a_word


def numbers(text: str) -> frozenset[str]:
    """The numbers in digits that a canonical text holds.

    Examples:
        >>> sorted(numbers("at 7.30 pm on day 12"))
        ['12', '7.30']
    """
    return frozenset(_NUMBER.findall(text))
