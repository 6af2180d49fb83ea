"""Checks that all entries of a price file share: amounts, dates and ages."""

from __future__ import annotations

from datetime import date as date_
from pathlib import Path

from adaptkit.core.errors import DataError
from adaptkit.core.numbers import is_amount

STALE_DAYS = 180
"""A price older than this is warned of."""


def checked_usd(name: str, field: str, value: object, path: Path) -> float:
    """Return an amount that is a number >= 0.

    Raises:
        DataError: it is none.
    """
    if not is_amount(value):
        raise DataError(f"Price '{name}': '{field}' should be a number >= 0 and is {value!r}.", path=path)
    return float(value)


def checked_unit(name: str, given: object, unit: str, path: Path) -> None:
    """Refuse another unit than the one that the amounts are read in: a factor of 1,000 is easily lost.

    Raises:
        DataError: it is another, or none is given.
    """
    if given != unit:
        raise DataError(f"Price '{name}': 'unit' should be '{unit}' and is {given!r}.", path=path)


def checked_date(name: str, value: object, path: Path) -> str | None:
    """Return a date as text, None when nobody said.

    Raises:
        DataError: it is no date.
    """
    if value is None:
        return None
    # TOML has dates of its own: 2026-11-23 without quotes is one.
    text = str(value)
    try:
        day(text)
    except ValueError:
        raise DataError(
            f"Price '{name}': 'date' should be YYYY-MM or YYYY-MM-DD and is {text!r}.", path=path
        ) from None
    return text


def day(text: str) -> date_:
    """Return the day, the first of the month when only that is known."""
    return date_.fromisoformat(text if len(text) > len("2026-11") else f"{text}-01")


def stale_sentence(what: str, date: str, today: date_) -> str | None:
    """Return a warning once ``what``, of this date, is too old, None before."""
    age_days = (today - day(date)).days
    if age_days <= STALE_DAYS:
        return None
    return f"{what} is {age_days} days old: check it before relying on USD."
