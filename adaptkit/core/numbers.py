"""What counts as a number in a parameter: True and False do not, and text from a command line may not."""

from __future__ import annotations

from typing import TypeGuard

_LEAST, _MOST = 1e-30, 1e30


def is_int(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number, be it infinite."""
    return is_int(value) or isinstance(value, float)


def is_count(value: object, *, least: int) -> TypeGuard[int]:
    """Whether a value is a whole number of at least ``least``."""
    return is_int(value) and value >= least


def is_amount(value: object) -> TypeGuard[int | float]:
    """Whether a value is 0, or a number of a size that products and quotients of several still are.

    Examples:
        >>> is_amount(0), is_amount(-1), is_amount(float("inf")), is_amount(True), is_amount(5e-324)
        (True, False, False, False, False)
    """
    return is_number(value) and (value == 0 or _LEAST <= value <= _MOST)


def is_positive(value: object) -> TypeGuard[int | float]:
    """Whether a value is a finite number above 0."""
    return is_amount(value) and value != 0


def is_share(value: object) -> TypeGuard[int | float]:
    """Whether a value is a number from 0 to 1."""
    return is_amount(value) and value <= 1


def is_range(value: object) -> TypeGuard[tuple[float, float]]:
    """Whether a value is the lowest and the highest of something, both above 0."""
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    return all(map(is_positive, value)) and value[0] <= value[1]
