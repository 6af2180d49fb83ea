"""Answers as people type them, turned into values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from adaptkit.core.errors import ConfigError
from adaptkit.decision.requirements import UNKNOWN

# A comma stands between thousands only: "1,5" could be meant either way and is refused.
_NUMBER = re.compile(
    r"((?:\d{1,3}(?:[,_ ]\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+)\s*([km%]?)", re.IGNORECASE
)
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "%": 0.01}
_YES, _NO = ("y", "yes", "true"), ("n", "no", "false")


def yes_or_no(answer: str) -> bool:
    """Read yes or no, or their first letters."""
    word = answer.lower()
    if word not in (*_YES, *_NO):
        raise ConfigError(f"'{answer}' is neither yes nor no. Leave it empty if you do not know.")
    return word in _YES


def number(answer: str) -> float:
    """Read a number, with thousands set apart or shortened if need be.

    Raises:
        ConfigError: it is none, or could be read in two ways.

    Examples:
        >>> number("1,200"), number("1.5k"), number("$0.25"), number("90%")
        (1200.0, 1500.0, 0.25, 0.9)
    """
    match = _NUMBER.fullmatch(answer.strip().removeprefix("$"))
    if match is None:
        raise ConfigError(f"'{answer}' is no number. Write it like 1200, 1.5k or 0.9, or leave it empty.")
    plain = re.sub(r"[,_ ]", "", match[1])
    value = float(f"{float(plain) * _FACTORS[match[2].lower()]:.12g}")
    if not math.isfinite(value):
        raise ConfigError(f"'{answer}' is too large a number.")
    return value


def share(answer: str) -> float:
    """Read a share, written like 0.9 or 90%."""
    value = number(answer)
    if value > 1:
        raise ConfigError(f"'{answer}' is above 1. Write a share like 0.9 or 90%.")
    return value


def count(answer: str) -> int:
    """Read a whole number."""
    value = number(answer)
    if value != int(value):
        raise ConfigError(f"'{answer}' is no whole number.")
    return int(value)


def volume(answer: str) -> object:
    """Read a number, a range, or that nobody knows.

    Examples:
        >>> volume("1000 - 50k"), volume("2m"), volume("unknown")
        ((1000.0, 50000.0), 2000000.0, 'unknown')
    """
    if answer.strip().lower() == UNKNOWN:
        return UNKNOWN
    bounds = re.split("\\s+to\\s+|\\s*[-\N{EN DASH}]\\s*(?=[\\d.])", answer.strip())
    numbers = [number(bound) for bound in bounds]
    return numbers[0] if len(numbers) == 1 else tuple(numbers)


def one_of(known: tuple[str, ...]) -> Callable[[str], str]:
    """Return what reads one of the known words, by its first letters too."""

    def parse(answer: str) -> str:
        fits = [name for name in known if name.startswith(answer.lower())]
        if len(fits) != 1:
            raise ConfigError(f"'{answer}' is none of {', '.join(known)}.")
        return fits[0]

    return parse
