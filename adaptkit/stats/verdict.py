"""What a difference and its test allow to be said."""

from __future__ import annotations

from adaptkit.core.results import Verdict


def verdict(
    low: float | None,
    high: float | None,
    p_adjusted: float | None,
    alpha: float = 0.05,
    margin: float | None = None,
) -> Verdict:
    """Judge a difference in quality, ``strategy`` minus ``baseline``.

    ``better`` and ``worse`` need both the interval off zero and the adjusted p-value below ``alpha``; the
    two are made in different ways and seldom disagree, and where they do the rows do not decide.
    ``equivalent`` needs a margin: without one, a difference that was not found is undecided, because too
    few rows hide any difference. A margin comes first: it says that what lies within does not matter.

    Args:
        low: lower bound of the difference, None when undefined; ``high`` the upper.
        high: see ``low``.
        p_adjusted: of the paired test, after correction for the number of pairs.
        alpha: chance of a false alarm that is accepted.
        margin: the largest difference that does not matter, chosen before the run.

    Examples:
        >>> verdict(0.28, 0.54, 0.0003)
        'better'
        >>> verdict(-0.01, 0.01, 0.8), verdict(-0.01, 0.01, 0.8, margin=0.02)
        ('undecided', 'equivalent')
    """
    if low is None or high is None:
        return "undecided"
    if margin is not None and -margin <= low and high <= margin:
        return "equivalent"
    if p_adjusted is None or p_adjusted >= alpha:
        return "undecided"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"
