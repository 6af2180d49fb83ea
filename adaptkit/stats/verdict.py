"""What a difference and its test allow to be said."""

from __future__ import annotations

from adaptkit.core.errors import ConfigError
from adaptkit.core.results import Verdict


def verdict(
    low: float | None,
    high: float | None,
    p_adjusted: float | None,
    alpha: float = 0.05,
    margin: float | None = None,
    equivalence: tuple[float | None, float | None] | None = None,
) -> Verdict:
    """Judge a difference in quality, ``strategy`` minus ``baseline``.

    ``equivalent`` means that both one-sided tests against the margin reject (D. Schuirmann, J. Pharmacokinet.
    Biopharm. 15, 1987), which is the 90 % interval inside ``(-margin, margin)``; that no difference was found
    is not enough, because too few rows hide any difference. It comes first: a margin says that what lies
    within does not matter, however sure it is.

    ``better`` and ``worse`` need both the 95 % interval off zero and the adjusted p-value below ``alpha``;
    the two are made in different ways and seldom disagree, and where they do the rows do not decide.

    Args:
        low: lower bound of the 95 % interval of the difference, None when undefined; ``high`` the upper.
        high: see ``low``.
        p_adjusted: of the paired test, after correction for the number of pairs.
        alpha: chance of a false alarm that is accepted.
        margin: the largest difference that does not matter, chosen before the run; None for none.
        equivalence: bounds of the 90 % interval; without them the 95 % interval has to lie inside.

    Examples:
        >>> verdict(0.28, 0.54, 0.0003)
        'better'
        >>> verdict(-0.01, 0.01, 0.8), verdict(-0.01, 0.01, 0.8, margin=0.02)
        ('undecided', 'equivalent')
    """
    if margin is not None and not margin >= 0:
        raise ConfigError.for_parameter("verdict", "margin", "0 or more", margin)
    if low is None or high is None:
        return "undecided"
    if margin is not None and inside(margin, *(equivalence or (low, high))):
        return "equivalent"
    if p_adjusted is None or p_adjusted >= alpha:
        return "undecided"
    if low > 0:
        return "better"
    return "worse" if high < 0 else "undecided"


def inside(margin: float, low: float | None, high: float | None) -> bool:
    """Whether an interval lies within the margin on both sides."""
    return low is not None and high is not None and -margin <= low and high <= margin


def non_inferior(equivalence_low: float | None, margin: float | None) -> bool | None:
    """Whether a strategy is at most ``margin`` worse, at a one-sided 5 % level.

    Args:
        equivalence_low: lower bound of the 90 % interval of strategy minus baseline.
        margin: the largest loss that does not matter; None for none, and then None comes back.
    """
    if margin is None or equivalence_low is None:
        return None
    return equivalence_low > -margin
