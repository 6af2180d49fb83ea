"""Metrics for answers that are a number."""

from __future__ import annotations

import math
import re

from adaptkit.metrics.base import Answer, Score, best_match
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.words import western_digits

RELATIVE_TOLERANCE = 1e-6
_INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)"
_NUMBER = rf"(?:{_INTEGER}(?:\.[0-9]+)?|(?<!\.)\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
    "mn": 1e6, "bn": 1e9, "tn": 1e12,
}  # fmt: skip
_SCALE = rf"(?:[ \u00a0-]?({'|'.join(_SCALES)})\b)?"
_UNITS = {
    name: names.split()[0]
    for names in (
        "mg milligram milligrams", "g gram grams", "kg kilo kilos kilogram kilograms", "lb lbs pound pounds",
        "oz", "mm millimetre millimetres", "cm centimetre centimetres", "m metre metres meter meters",
        "km kilometre kilometres kilometer kilometers", "ft foot feet", "inch inches", "mile miles mi",
        "yd yards", "ml millilitre millilitres", "cl", "l litre litres liter liters", "ms",
        "s sec second seconds", "min mins minute minutes", "h hr hrs hour hours", "day days", "week weeks",
        "month months", "year years", "kb", "mb", "gb", "tb", "hz", "khz", "mhz", "ghz", "kw", "mw", "kwh",
        "mwh", "kmh kph", "mph", "euro euros eur", "dollar dollars usd", "cent cents", "percent",
    )
    for name in names.split()
}  # fmt: skip
"""Where different ones stand behind numbers, those are not the same."""
_CURRENCY = r"[$\u20ac\u00a3\u00a5]"
_WHOLE = re.compile(
    rf"\s*+([+\-\u2212]?)\s*+{_CURRENCY}?\s*+([+\-\u2212]?)({_NUMBER})(/[0-9]+)?{_SCALE}\s*+%?\s*",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(rf"\s*\(({_CURRENCY}?{_NUMBER})\)\s*")  # as accountants write minus
# A minus sign counts unless it joins two things: 5-3 ends in 3, covid-19 in 19. What goes on behind a sign
# between digits is one thing with it: a fraction, or none that is read as a number (10^5, 1,5, 10:30, 1.2.3).
_IN_TEXT = re.compile(
    rf"(?<!\w)(?<![0-9]\.)((?<![\w)])[+\-\u2212])?{_CURRENCY}?({_NUMBER})((?:[.,:/^][0-9]+)*){_SCALE}",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"[ \u00a0-]?([^\W\d_]+)")
_FRACTION = re.compile(r"/[0-9]+")


def numeric_match(answer: Answer) -> Score:
    """Whether the output is the number asked for, up to a millionth of it.

    Strict: the output is one number; a currency sign, "%" and thousands separators are allowed, and so are
    the words that stand around the number in the target. Lenient: the last number in the text, since a
    calculation ends with its result. "2 million" is 2,000,000, "(5)" alone is minus 5, and another unit
    behind the number, such as g for kg, makes it another value. Undefined where no reference holds one
    number.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="...", target="1234.5")
        >>> numeric_match(Answer(output="$1,234.50", example=row))
        Score(strict=1.0, lenient=1.0)
        >>> numeric_match(Answer(output="1200 + 34.5 = 1234.5", example=row))
        Score(strict=0.0, lenient=1.0)
        >>> lamps = Example(id="2", input="...", target="12 lamps")
        >>> numeric_match(Answer(output="12 Lamps", example=lamps))
        Score(strict=1.0, lenient=1.0)
    """

    def compare(output: str, reference: str) -> Score:
        expected = only_number(reference)
        if expected is None:
            return Score(strict=None, lenient=None)
        if _other_unit(output, reference):
            return Score.same(0.0)
        strict = in_form(output, reference) and _equal(only_number(output), expected)
        return Score(strict=float(strict), lenient=float(strict or _equal(last_number(output), expected)))

    return best_match(answer, compare)


def in_form(output: str, reference: str) -> bool:
    """Whether an output is a number alone, or with the words that stand around the reference's.

    Examples:
        >>> in_form("7", "12 lamps"), in_form("7 lamps", "12 lamps"), in_form("7 lamps", "12")
        (True, True, False)
    """
    return whole_number(output) is not None or (
        only_number(output) is not None and _around(output) == _around(reference)
    )


def only_number(text: str) -> float | None:
    """Read the one number that a text holds; None for none, or for several different ones.

    Examples:
        >>> only_number("12 lamps"), only_number("5 to 7"), only_number("twelve")
        (12.0, None, None)
    """
    whole = whole_number(text)
    if whole is not None:
        return whole
    found = set(numbers_in(text))
    return found.pop() if len(found) == 1 else None


def numbers_in(text: str) -> list[float | None]:
    """Read all numbers in a text, in order; None for what looks like one and is not read, such as 10:30."""
    matches = _IN_TEXT.finditer(western_digits(text))
    return [_value(match[1] or "", match[2], match[3], match[4]) for match in matches]


def _other_unit(output: str, reference: str) -> bool:
    """Whether behind the last number of both stand units, and different ones."""
    behind = [_unit(text) for text in (output, reference)]
    return None not in behind and behind[0] != behind[1]


def _unit(text: str) -> str | None:
    text = western_digits(text)
    *_, last = (None, *_IN_TEXT.finditer(text))
    found = _BEHIND.match(text, last.end()) if last else None
    return _UNITS.get(found[1].lower()) if found else None


def _around(text: str) -> str:
    """The words of a text without its numbers."""
    return fold(_IN_TEXT.sub(" ", western_digits(text))).rstrip(" .")


def whole_number(text: str) -> float | None:
    """Read a text that is one number.

    Examples:
        >>> whole_number("-$1,234"), whole_number("12 %"), whole_number("1/4"), whole_number("nine")
        (-1234.0, 12.0, 0.25, None)
        >>> whole_number("2 million"), whole_number("(5)")
        (2000000.0, -5.0)
    """
    text = _IN_BRACKETS.sub(r"-\1", western_digits(text))
    match = _WHOLE.fullmatch(text)
    if match is None or (match[1] and match[2]):
        return None
    return _value(match[1] or match[2], match[3], match[4] or "", match[5])


def last_number(text: str) -> float | None:
    """Read the last number in a text.

    Examples:
        >>> last_number("From 10 apples he ate 3, so 7."), last_number("no number")
        (7.0, None)
        >>> last_number("The change is -2 degrees")
        -2.0
    """
    found = numbers_in(text)
    return found[-1] if found else None


def _value(sign: str, digits: str, rest: str, scale: str | None) -> float | None:
    """The number; None for one that is too large, or that goes on with what is no denominator."""
    number = float(digits.replace(",", "")) * (_SCALES[scale.lower()] if scale else 1.0)
    if rest:
        divisor = float(rest[1:]) if _FRACTION.fullmatch(rest) else 0.0
        number = number / divisor if divisor else math.nan
    if not math.isfinite(number):
        return None
    return -number if sign in ("-", "\u2212") else number


def _equal(found: float | None, expected: float) -> bool:
    return found is not None and math.isclose(found, expected, rel_tol=RELATIVE_TOLERANCE)
