"""Texts made comparable: the normalisation of SQuAD, for any script.

Source: Rajpurkar et al. 2016 (arXiv:1606.05250), ``evaluate-v1.1.py``: lower case, no punctuation, no
articles, single spaces. What differs does so for no ordinary English words:

* punctuation of all scripts goes, and where words are not spaced (Chinese, Japanese, Thai, ...) characters
  are words of their own;
* signs that make another answer of it stay: -5 is not 5, nor 1/2 12, C++ C, 10-12 1012, A+ A-, 5 % 5;
* ways to write one thing become one: 1,000 and 1000, a typographic minus, full-width forms, 5 % and 5%;
* an "a" at the end is no article ("plan A"), and a text of which nothing is left ("?") keeps what it has.
"""

from __future__ import annotations

import re
import string
import unicodedata
from functools import lru_cache
from itertools import pairwise

from adaptkit.metrics.words import split_characters, western_digits

_ASCII_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = frozenset({"a", "an", "the"})
_DOTTED_I = ("i\u0307", "i")
"""What Turkish capital I with a dot becomes in lower case."""
_OTHER_FORMS = {0x640: None, 0x1361: " "}
"""The stroke that stretches Arabic words goes, the Ethiopic sign between words is a space."""
_L = r"[^\W_]"  # a letter or digit: \w without the low line
_CURRENCY = r"[$\u00a2-\u00a5\u20a0-\u20cf]"
_AMOUNT = r"\d+(?:[.,]\d+)*"

_ALONE = rf"(?:(?<=^{_L})|(?<=[\s(=+]{_L}))"  # behind a letter or digit that nothing stands before
_BOUND = rf"[-+]?(?:\d+(?:\.\d+)?|\u221e|{_L}\b)"  # of an interval

_COMPATIBLE = re.compile(r"[\uff00-\uffef\u2080-\u2089]+")
_RAISED = re.compile(r"[\u00b2\u00b3\u00b9\u2070-\u207b]+")
_FRACTION = re.compile(r"(\d?)([\u00bc-\u00be\u2150-\u215e])")
_ONE_SIGN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2212\ufe63", "-"), "\u2264": "<=", "\u2265": ">=", "\u2044": "/",
        "\u00d7": "*", "\u00f7": "/", "\u2103": "\u00b0c", "\u2109": "\u00b0f",
        "\u066a": "%", "\u066b": ".", "\u066c": ",",
    }
)  # fmt: skip
# Groups of three, or India's of two; a first group of 0 is no thousand but a decimal comma.
_THOUSANDS = re.compile(
    r"(?<![\d.,])(?:[1-9]\d{0,2}([,'\u2019_\u00a0\u2009\u202f])\d{3}(?:\1\d{3})*|[1-9]\d?(?:,\d{2})+,\d{3})(?![\d,])"
)
_GAP = re.compile(r"[^\S\n]+")
_NO_DIGIT = re.compile(r"\D")
_REWRITES = tuple(
    (re.compile(pattern), new)
    for pattern, new in (
        (r"(?<=\d) ?\*\* ?(?=-?\d)", "^"),
        (r"(?<=\d) ?\u2013 ?(?=\d)|(?<!\w)\u2013(?=\.?\d)", "-"),  # a dash for "to", or for a minus
        (r"(?<=\d) ([-+*/^:]) (?=\d)", r"\1"),  # but "1 -2" is two numbers
        (r"(?<=\b\w) (\+|[<>]=?) (?=\w\b)", r"\1"),
        (r"(?<!\w)<(/?[a-z][^<>]*)>", r"\1"),  # markup
        (r"!=", "\u2260"),
        (r"(?<![<>=])=(?!=)", " "),
        (r"(?<!\w)([<>]=?) ?(?=[-+]?\.?\d)", r"\1"),
        (r"(?<=\de)\+(?=\d)|(?<![\w)])\+(?=\.?\d)", ""),
        (rf"((?<![\w)])-)? ?({_CURRENCY}) ?(-?)(?=\.?\d)", r" \2 \1\3"),
        (rf"(?<![\w.,])(-?{_AMOUNT}) ?({_CURRENCY})(?!\s*-?\d)", r" \2 \1 "),
        (r"(?<![\w.])\.(?=\d)", "0."),
        (r"(?<=\d) ?([%\u2030]|\u00b0 ?)", r" \1"),
        (r"(?<=\u00b0) (?=[cf]\b)", ""),
        (rf"([\[(]{_BOUND}[,;]) ({_BOUND}[\])])", r"\1\2"),
    )
)
# Punctuation that stays, by what stands around it.
_STAYS = re.compile(
    rf"""
      (?<=\d)[^\w\s]{{1,3}}(?=\d)           # signs between digits
    | (?<![\w)])-(?=\.?\d|[^\W\d_](?!\w)|[\u2200-\u22ff])|(?<=\de)-(?=\d)  # a minus
    | (?<!\S)[-\u2013](?=\s*$)|(?<!\S)\+(?!\S)  # "group A -": a sign of its own
    | ^\.(?={_L})|(?<!\S)(?:~(?={_L})|!(?=\w+(?!\S)))  # .net, ~5, !x
    | {_ALONE}(?:['\u2019](?!\w)|\*+(?!\w)|\(\w+\))  # x', A*, f(x)
    | (?<!\S)[\[(]{_BOUND}[,;]{_BOUND}[\])]  # [1,2) is not (1,2]
    | (?<=\d)[\u2032\u2033]|(?<=\d[ ])%|{_CURRENCY}(?=[ ]-?\.?\d)
    | [<>]=?(?=-?\.?\d)|(?<={_L})[<>]=?(?={_L})
    | (?<=[\w)])(?:\+\+?|\#)              # C++, C#, A+, 50+, x+y
    | (?<!\w)\w{{1,4}}-(?![\w-])          # A-, Cl-; a longer word before a dash is a word
    | (?<=[\w)+\#])[*/^@&|\\](?=[\w(-])|(?<={_L})_+(?={_L})
    | (?<=[*/^])\(|\)(?=[*/^])
    """,
    re.VERBOSE,
)


def fold(text: str) -> str:
    """Make texts that differ in case, outer and repeated white space or Unicode form equal.

    Examples:
        >>> fold("  New   YORK ")
        'new york'
    """
    return " ".join(_lower(text).split())


def _lower(text: str) -> str:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return folded if folded.isascii() else folded.replace(*_DOTTED_I).translate(_OTHER_FORMS)


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Normalise a text as SQuAD does, but for signs that make another answer of it.

    Examples:
        >>> normalise("The  cat's hat, 1,900.5 m!")
        'cats hat 1900.5 m'
        >>> normalise("A"), normalise("C++."), normalise("\u22121/2")
        ('a', 'c++', '-1/2')
    """
    words = _words(text).split()
    kept = [word for word, after in pairwise([*words, ""]) if not _is_article(word, after)]
    return " ".join(kept or words) or fold(text)


def _is_article(word: str, after: str) -> bool:
    """Whether a word says nothing: no "a" at the end, or with a sign behind it ("A +")."""
    return word in _ARTICLES and (word != "a" or any(c.isalnum() for c in after))


def occurs(reference: str, text: str) -> bool:
    """Whether a reference stands in a text as whole words, after normalisation.

    Examples:
        >>> occurs("the Union Army", "a union army, of course"), occurs("9", "9.5 hours"), occurs("5", "5 %")
        (True, False, False)
    """
    # With the articles too: "vitamin A", whose a is none, stands in "vitamin A is found in carrots".
    return any(words and _stands(words, of(text)) for of in (normalise, _words) if (words := of(reference)))


def _stands(words: str, text: str) -> bool:
    """Whether words stand in a text, a number with the sign that makes it another: 5 is no part of 5 %."""
    after = r"(?! [%\u2030\u00b0])" if words[-1:].isdigit() else ""
    return re.search(rf"(?<!\S){re.escape(words)}(?!\S){after}", text) is not None


def tokens(text: str) -> list[str]:
    """Split a normalised text into words.

    Examples:
        >>> tokens("The Eiffel Tower, 東京")
        ['eiffel', 'tower', '東', '京']
    """
    return normalise(text).split()


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    """The words of a text in one form, articles among them, parted by single spaces."""
    one_form = _in_one_form(_lower(text))
    stays = {i for match in _STAYS.finditer(one_form) for i in range(*match.span())}
    kept = "".join(c for i, c in enumerate(one_form) if i in stays or not _is_punctuation(c))
    return " ".join(split_characters(kept).split())


def _in_one_form(text: str) -> str:
    """Write what can be written in several ways in one."""
    if not text.isascii():
        text = _COMPATIBLE.sub(lambda m: unicodedata.normalize("NFKC", m[0]), text)
        text = _RAISED.sub(lambda m: f"^{unicodedata.normalize('NFKC', m[0])}", text)
        text = _FRACTION.sub(lambda m: f"{m[1]}{' ' * bool(m[1])}{unicodedata.normalize('NFKC', m[2])}", text)
        text = western_digits(text).translate(_ONE_SIGN)
    text = _THOUSANDS.sub(lambda m: _NO_DIGIT.sub("", m[0]), text)
    text = _GAP.sub(" ", text)
    for quote, prime in (('"', "\u2033"), ("'", "\u2032")):
        # Feet and inches, unless the mark closes a quotation.
        if text.count(quote) % 2:
            text = re.sub(rf"(?<=\d){quote}(?!{_L})|(?<=\d){quote}(?=\d)", prime, text)
    for pattern, new in _REWRITES:
        text = pattern.sub(new, text)
    return text


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")
