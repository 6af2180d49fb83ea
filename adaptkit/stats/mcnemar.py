"""McNemar's test of two strategies that are right or wrong on the same rows (Psychometrika 12, 1947)."""

from __future__ import annotations

import math

from adaptkit.core.errors import ConfigError
from adaptkit.stats.distributions import chi_square_tail


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value: a fair coin among the rows that differ.

    Args:
        gained: rows that only the one has right, ``lost`` only the other; rows that agree say nothing.
        lost: see ``gained``.

    Examples:
        >>> round(mcnemar_exact(10, 2), 6)
        0.038574
    """
    tail, patterns = _lower_tail(gained, lost)
    return min(1.0, (2 * tail) / patterns)


def mcnemar_mid_p(gained: int, lost: int) -> float:
    """Return the mid-p value: the exact one, with half of what was observed left out of each tail.

    Nearer to its level than the exact test, which is too strict for few rows that differ; it may exceed the
    level slightly (M. Fagerland, S. Lydersen, P. Laake, BMC Med. Res. Methodol. 13, 2013).

    Examples:
        >>> round(mcnemar_mid_p(10, 2), 6)
        0.022461
    """
    tail, patterns = _lower_tail(gained, lost)
    observed = math.comb(gained + lost, gained)
    return min(1.0, (2 * tail - observed) / patterns)


def mcnemar_chi_square(gained: int, lost: int, *, corrected: bool = False) -> float:
    """Return the p-value of the chi-square form, for 25 rows that differ or more.

    Args:
        gained: see ``mcnemar_exact``.
        lost: see ``mcnemar_exact``.
        corrected: for continuity, after A. Edwards (Psychometrika 13, 1948).

    Examples:
        >>> round(mcnemar_chi_square(10, 2), 6)
        0.020921
    """
    _check(gained, lost)
    if gained + lost == 0:
        return 1.0
    gap = max(0, abs(gained - lost) - corrected)
    return chi_square_tail(gap * gap / (gained + lost))


def _lower_tail(gained: int, lost: int) -> tuple[int, int]:
    """Count the patterns with at most as many rows on the rarer side, and all patterns.

    Whole numbers divide exactly at any size; floats would overflow past 1,000 rows.
    """
    _check(gained, lost)
    m = gained + lost
    term = tail = 1
    for i in range(1, min(gained, lost) + 1):
        term = term * (m - i + 1) // i
        tail += term
    return tail, 1 << m


def _check(gained: int, lost: int) -> None:
    if gained < 0 or lost < 0:
        raise ConfigError(f"McNemar's test counts rows, 0 or more. Got {gained!r} gained and {lost!r} lost.")
