"""What a test set of a given size can and cannot show, by default at 80 % power and a two-sided 5 % level."""

from __future__ import annotations

import math
from statistics import NormalDist

from adaptkit.core.errors import ConfigError

_Z_ALPHA = NormalDist().inv_cdf(0.975)
_Z_POWER = NormalDist().inv_cdf(0.8)
_K = (_Z_ALPHA + _Z_POWER) ** 2  # 7.849


def rows_for_power(delta: float, variance: float, *, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """Return how many paired rows show a true difference ``delta`` with the given power.

    ``(z_(1 - alpha / 2) + z_power)^2 variance / delta^2`` (E. Miller, arXiv:2411.00640, eq. 9), not rounded.

    Args:
        delta: a difference in quality.
        variance: of one row's difference, the two strategies' variances less twice their covariance.
        alpha: two-sided level.
        power: chance of finding the difference.

    Returns:
        None for no difference, which no number of rows can show.

    Examples:
        >>> round(rows_for_power(0.03, 1 / 9), 3)
        968.997
    """
    return None if delta == 0 else _factor(alpha, power) * variance / delta**2


def _factor(alpha: float, power: float) -> float:
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise ConfigError(f"alpha and power must lie between 0 and 1. Got {alpha!r} and {power!r}.")
    return (NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)) ** 2


def minimum_detectable_difference(n: float, discordance: float) -> float | None:
    """Return the smallest true difference in quality that ``n`` paired rows show four times in five.

    ``sqrt(K p / (n + K))`` with ``K = (z.975 + z.80)^2 = 7.849``: the two-sided paired test of a
    difference of shares, solved for the difference.

    Args:
        n: rows that both strategies answered; with clusters, rows over the design effect.
        discordance: the share of rows on which exactly one of the two is right, 0..1.

    Returns:
        A difference in 0..1, or None when there are no rows or no disagreement to go by.

    Examples:
        >>> round(minimum_detectable_difference(100, 0.2), 3)
        0.121
    """
    if n <= 0 or discordance <= 0:
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


def rows_for_difference(n: int, delta: float, low: float, high: float, *, alpha: float = 0.05) -> int | None:
    """Return how many rows would show the difference ``delta`` four times in five, were it the true one.

    A standard error shrinks with the root of the rows, so ``n (detectable_difference / delta)^2``.

    Args:
        n: rows behind the interval.
        delta: the observed difference.
        low: lower bound of its 95 % interval, ``high`` the upper.
        high: see ``low``.
        alpha: two-sided level of the test; below .05 where a p-value is corrected for several tests.

    Returns:
        Rows in all, or None for no difference, which no number of rows can show.
    """
    if delta == 0:
        return None
    detectable = detectable_difference(low, high)
    if alpha != 0.05:
        detectable *= (NormalDist().inv_cdf(1 - alpha / 2) + _Z_POWER) / (_Z_ALPHA + _Z_POWER)
    return math.ceil(n * (detectable / delta) ** 2)


def rows_for_equivalence(
    n: int, delta: float, low: float, high: float, *, margin: float, power: float = 0.8
) -> int | None:
    """Return the rows that would show a difference to be at most ``margin`` below 0, were ``delta`` true.

    One-sided at 5 %: ``n * ((z_.95 + z_power) * se / (margin + delta))^2`` with the standard error of the
    interval at hand (J. Julious, Statistics in Medicine 23, 2004, eq. for non-inferiority).

    Args:
        n: rows at hand.
        delta: observed difference, ``low`` and ``high`` its 95 % interval.
        low: see ``delta``.
        high: see ``delta``.
        margin: the largest loss that does not matter.
        power: chance of showing it.

    Returns:
        None where the difference lies below the margin, so that no number of rows would.

    Examples:
        >>> rows_for_equivalence(100, 0.0, -0.05, 0.05, margin=0.02)
        1006
    """
    if delta <= -margin:
        return None
    normal = NormalDist()
    se = (high - low) / (2 * normal.inv_cdf(0.975))
    return math.ceil(n * ((normal.inv_cdf(0.95) + normal.inv_cdf(power)) * se / (margin + delta)) ** 2)


def rows_beside_seeds(n: int, delta: float, rows_half: float, seeds_half: float) -> int | None:
    """Return ``rows_for_difference`` where a part of the interval comes from training seeds.

    More rows shrink the rows' part only, so from some difference down no number of them is enough.

    Args:
        n: rows behind the interval.
        delta: the observed difference.
        rows_half: half of the 95 % interval by rows alone.
        seeds_half: the same by seeds alone; the whole has ``half^2 = rows_half^2 + seeds_half^2``.

    Returns:
        Rows in all, or None where more rows with these seeds would not show it.
    """
    left = delta**2 - detectable_difference(-seeds_half, seeds_half) ** 2
    return math.ceil(n * detectable_difference(-rows_half, rows_half) ** 2 / left) if left > 0 else None


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
