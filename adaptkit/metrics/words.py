r"""Words of any script: the one place that says what a word is and where it ends.

Combining marks (vowel signs, accents, viramas) and the joiners of Indic and Persian writing belong to the
letter before them; Python's ``\w`` does not know them and parts words there. Chinese, Japanese, Thai, Lao,
Khmer, Burmese and their kin put no spaces between words: each of their characters is a word of its own, a
character being a letter with all that is written around it (Thai vowels before and behind, stacked
consonants). Search also takes pairs of neighbouring characters, as Lucene's CJK analyser does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import pairwise

_UNSPACED = (
    "\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff"  # Han
    "\uf900-\ufaff\U00020000-\U000323af"
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3100-\u312f\u31a0-\u31bf"  # kana, bopomofo
    "\u0e00-\u0eff\u0f00-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
    "\u1950-\u19df\u1a20-\u1aaf\uaa80-\uaadf\ua000-\ua4cf"  # Tai scripts, Yi
)
_VOWELS_BEFORE = "\u0e40-\u0e44\u0ec0-\u0ec4"
# Letters to Unicode, but never without the consonant before them; and the joiners.
_WRITTEN_BEHIND = "\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3\u200c\u200d"
_STACKING = "\u17d2\u1039"
# Signs of vowels that readers of Arabic and Hebrew do without, and the stroke that stretches an Arabic word.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
)
# Neither a mark nor a joiner nor an unspaced script: \w is right, and several times as fast.
_SIMPLE = re.compile("[\x00-\u02ff\u0370-\u0482\u048a-\u058f\u1e00-\u200b\u200e-\u20cf\u2100-\u2bff]*")
_SIMPLE_WORD = re.compile(r"\w+")
_LAST_MARK = 0x1FFFF
WORDS_VERSION = 3
"""Of what is saved by words: 1 parted them at vowel signs, and had no pairs of characters; 2 left out single
letters and signs behind words."""
_VARIATION_SELECTORS = "\U000e0100-\U000e01ef"


@cache
def _marks() -> str:
    """The body of a character class: all that belongs to the letter before it."""
    found = [c for c in range(_LAST_MARK) if unicodedata.category(chr(c)).startswith("M")]
    starts = [found[0], *(b for a, b in pairwise(found) if b != a + 1)]
    ends = [*(a for a, b in pairwise(found) if b != a + 1), found[-1]]
    ranges = (f"{chr(a)}-{chr(b)}" for a, b in zip(starts, ends, strict=True))
    return "".join(ranges) + _WRITTEN_BEHIND + _VARIATION_SELECTORS


@cache
def _character() -> re.Pattern[str]:
    # A vowel written before its consonant, the consonant, its marks, and consonants stacked below it.
    return re.compile(
        rf"[{_VOWELS_BEFORE}]*(?=[{_UNSPACED}])\w[{_marks()}]*(?:(?<=[{_STACKING}])\w[{_marks()}]*)*"
    )


@cache
def _word() -> re.Pattern[str]:
    spaced = rf"[^\W{_UNSPACED}]"
    return re.compile(rf"{_character().pattern}|{spaced}+(?:[{_marks()}]+{spaced}*)*")


def is_simple(text: str) -> bool:
    """Whether a text has neither marks nor joiners nor unspaced scripts, so that Python's words are right."""
    return _SIMPLE.fullmatch(text) is not None


def split_characters(text: str) -> str:
    """Put spaces around the characters of scripts that are written without.

    Examples:
        >>> split_characters("in 東京")
        'in  東  京 '
    """
    return text if is_simple(text) else _character().sub(r" \g<0> ", text)


def find_words(text: str) -> list[str]:
    """The words of a text, in order.

    Examples:
        >>> find_words("मूल मेल: a tram's fare, 東京"), len(find_words("ปลาที่"))
        (['मूल', 'मेल', 'a', 'tram', 's', 'fare', '東', '京'], 3)
    """
    return (_SIMPLE_WORD if is_simple(text) else _word()).findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    return [match.span() for match in (_SIMPLE_WORD if is_simple(text) else _word()).finditer(text)]


def character_spans(text: str) -> list[tuple[int, int]]:
    """Where the characters of a text begin and end, each with its marks; white space is none.

    Examples:
        >>> character_spans("a คี่")
        [(0, 1), (2, 5)]
    """
    return [match.span() for match in re.finditer(rf"\S[{_marks()}]*", text)]


def character_pairs(text: str) -> Iterator[str]:
    """Neighbouring characters of scripts that are written without spaces, two by two.

    Examples:
        >>> list(character_pairs("in 東京都 24"))
        ['東京', '京都']
    """
    if not is_simple(text):
        for a, b in pairwise(_character().finditer(text)):
            if a.end() == b.start():
                yield a[0] + b[0]


def western_digits(text: str) -> str:
    """A text with its decimal digits of all scripts as 0-9.

    Examples:
        >>> western_digits("\u0664\u0665 \u096a\u096b \uff14")
        '45 45 4'
    """
    return (
        text if text.isascii() else "".join(str(unicodedata.digit(c)) if c.isdecimal() else c for c in text)
    )


def without_optional_signs(text: str) -> str:
    """A text without the vowel signs that Arabic and Hebrew may leave out: for search, not for scores.

    Examples:
        >>> without_optional_signs("مُحَمَّـــد"), without_optional_signs("मूल")
        ('محمد', 'मूल')
    """
    return text if is_simple(text) else _OPTIONAL.sub("", text)


def whole_words(
    texts: Iterable[str], *, form: Callable[[str], str] = re.escape, flags: int = 0
) -> re.Pattern[str]:
    """A pattern that finds any of some texts, the longest that fits, but no part of a word.

    Where words are not spaced, a text may stand anywhere but within a character.

    Args:
        form: the pattern of one text.
        flags: of ``re.compile``.

    Examples:
        >>> whole_words(["बिल", "मिल"]).findall("बिली बिल")
        ['बिल']
        >>> whole_words(["card", "card lost"]).findall("A card lost; cards")
        ['card lost']
        >>> whole_words(["กม"]).findall("เกม 5กม.")
        ['กม']
    """
    # At one place the first alternative that fits wins.
    longest_first = sorted(set(texts), key=lambda text: (-len(text), text))
    return re.compile(f"{_begins()}(?:{'|'.join(map(form, longest_first))}){_ends()}", flags)


def _begins() -> str:
    """Where a word may begin: anywhere in unspaced scripts, but not behind the vowel of a consonant."""
    after_word = rf"(?<=[^\W{_UNSPACED}])|(?<=[{_marks()}])(?<![{_UNSPACED}])"
    return f"(?:(?=[{_UNSPACED}])(?<![{_VOWELS_BEFORE}])|(?![{_UNSPACED}])(?!{after_word}))"


def _ends() -> str:
    return rf"(?![{_marks()}])(?:(?<=[{_UNSPACED}])|(?![^\W{_UNSPACED}]))"
