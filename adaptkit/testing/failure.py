"""How a check says that it failed, or that there is nothing for it to check."""

from __future__ import annotations

import reprlib
import unittest
from collections.abc import Iterable

from adaptkit.core.errors import AdaptKitError

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 160


class CheckFailed(AdaptKitError, AssertionError):
    """A strategy or model breaks its contract: what was expected, what was found, what to do."""


class NotApplicable(unittest.SkipTest):
    """There is nothing here for this check to look at; pytest and unittest show it as skipped."""


def expect(held: bool, expected: str, found: object, remedy: str) -> None:
    """Raise CheckFailed unless ``held``.

    Args:
        held: whether it is as expected.
        expected: completes "Expected ...".
        found: completes "Found ...": a string is a sentence's end, anything else is shown.
        remedy: what to do, a sentence.

    Examples:
        >>> expect(1 > 2, "one to be more", "that it is not", "Count again.")
        Traceback (most recent call last):
        adaptkit.testing.failure.CheckFailed: Expected one to be more. Found that it is not. Count again.
    """
    if not held:
        shown = found if isinstance(found, str) else shown_short(found)
        raise CheckFailed(f"Expected {expected}. Found {shown}. {remedy}")


def shown_short(value: object) -> str:
    """A value in a few words, however large it is."""
    return _SHORT.repr(value)


def first_difference(one: Iterable[object], other: Iterable[object]) -> str:
    """Where two lists differ first, as the end of "Found ..."."""
    first, second = list(one), list(other)
    if len(first) != len(second):
        return f"{len(second)} instead of {len(first)}"
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        if a != b:
            return f"{shown_short(b)} instead of {shown_short(a)} at place {i}"
    return "no difference"
