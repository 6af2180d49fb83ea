"""What a test set of a given size can and cannot show, at 80 % power and a two-sided 5 % level."""

from __future__ import annotations

import math
from statistics import NormalDist

_Z_ALPHA = NormalDist().inv_cdf(0.975)
_Z_POWER = NormalDist().inv_cdf(0.8)
_K = (_Z_ALPHA + _Z_POWER) ** 2  # 7.849


def minimum_detectable_difference(n: int, discordance: float) -> float | None:
    """Return the smallest true difference in quality that ``n`` paired rows show four times in five.

    ``sqrt(K p / (n + K))`` with ``K = (z.975 + z.80)^2 = 7.849``: the two-sided paired test of a
    difference of shares, solved for the difference.

    Args:
        n: rows that both strategies answered.
        discordance: the share of rows on which exactly one of the two is right, 0..1.

    Returns:
        A difference in 0..1, or None when there are no rows or no disagreement to go by.

    Examples:
        >>> round(minimum_detectable_difference(100, 0.2), 3)
        0.121
    """
    if n < 1 or discordance <= 0:
        return None
    return math.sqrt(_K * discordance / (n + _K))


def detectable_difference(low: float, high: float) -> float:
    """Return the smallest true difference that rows like these show four times in five.

    ``(z.975 + z.80) SE`` (E. Miller, arXiv:2411.00640, eq. 10), with the standard error read off a 95 %
    interval of a paired difference. It holds for graded scores and clusters too, where a share of rows
    that disagree says little.

    Args:
        low: lower bound of the difference, ``high`` the upper.
        high: see ``low``.
    """
    return (_Z_ALPHA + _Z_POWER) * (high - low) / (2 * _Z_ALPHA)


def rows_for_difference(n: int, delta: float, low: float, high: float) -> int | None:
    """Return how many rows would show the difference ``delta`` four times in five, were it the true one.

    A standard error shrinks with the root of the rows, so ``n (detectable_difference / delta)^2``.

    Args:
        n: rows behind the interval.
        delta: the observed difference.
        low: lower bound of its 95 % interval, ``high`` the upper.
        high: see ``low``.

    Returns:
        Rows in all, or None for no difference, which no number of rows can show.
    """
    if delta == 0:
        return None
    return math.ceil(n * (detectable_difference(low, high) / delta) ** 2)


def rows_to_decide(delta: float, discordance: float) -> int | None:
    """Return how many paired rows a true difference ``delta`` needs to show four times in five.

    ``(z.975 sqrt(p) + z.80 sqrt(p - delta^2))^2 / delta^2`` (R. J. Connor, Biometrics 43, 1987).

    Args:
        delta: the difference in quality, -1..1.
        discordance: the share of rows on which exactly one is right; it cannot be below ``|delta|``
            and is raised to it.

    Returns:
        Rows in all, or None for no difference, which no number of rows can show.

    Examples:
        >>> rows_to_decide(0.05, 0.2)
        626
    """
    delta = abs(delta)
    if delta == 0:
        return None
    p = max(discordance, delta)
    root = _Z_ALPHA * math.sqrt(p) + _Z_POWER * math.sqrt(p - delta * delta)
    return math.ceil(root * root / (delta * delta))
