"""Parameters in range: what is checked of several strategies, as data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_int, is_number
from adaptkit.strategies.base import Strategy

Check = tuple[Callable[[Any], bool], str]
"""Whether a value is right, and the words for what is."""


def check_params(strategy: Strategy, checks: Mapping[str, Check]) -> None:
    """Check parameters by name.

    Raises:
        ConfigError: for the first that is not right.
    """
    for name, (is_right, expected) in checks.items():
        value = getattr(strategy, name)
        if not is_right(value):
            raise ConfigError.for_parameter(type(strategy).__name__, name, expected, value)


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _are_lines(value: object) -> bool:
    lines = [value] if isinstance(value, str) else value
    return isinstance(lines, list | tuple) and all(isinstance(x, str) and x.strip() for x in lines)


TEXT_OR_NONE: Check = (_is_text, "a text that is not empty, or None")
LINES: Check = (_are_lines, "a line, or a list of lines")
SWITCH: Check = (lambda v: isinstance(v, bool), "True or False")
COUNT: Check = (lambda v: is_int(v) and v >= 1, "an int >= 1")
COUNT_OR_ZERO: Check = (lambda v: is_int(v) and v >= 0, "an int >= 0")
ABOVE_ZERO: Check = (lambda v: is_number(v) and 0 < v < math.inf, "a number above 0")
SHARE: Check = (lambda v: is_number(v) and 0 < v <= 1, "above 0 and at most 1")
