"""McNemar's test of two strategies that are right or wrong on the same rows (Psychometrika 12, 1947)."""

from __future__ import annotations

from adaptkit.core.errors import ConfigError


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value: a fair coin among the rows that differ.

    Args:
        gained: rows that only the one has right, ``lost`` only the other; rows that agree say nothing.
        lost: see ``gained``.

    Examples:
        >>> round(mcnemar_exact(10, 2), 6)
        0.038574
    """
    if gained < 0 or lost < 0:
        raise ConfigError(f"McNemar's test counts rows, 0 or more. Got {gained!r} gained and {lost!r} lost.")
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))
