"""The beta, t and chi-square distributions, as far as intervals and tests need them; numpy has none."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_STEPS = 5_000
_TINY = 1e-300
_EPSILON = 1e-16
# A step of Newton squares the error: after one of this size, what is left is below the rounding of the tail.
_STEP = 1e-10
# Nearer to 0 a quantile has fewer digits than that, since the tail there is 1 but for its last ones.
_NEAR_0 = 1e-4


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return P(X <= x) of a beta distribution with shapes ``a, b > 0``: the regularised incomplete beta."""
    if x <= 0:
        return 0.0
    return 1.0 if x >= 1 else _incomplete_beta(x, 1 - x, a, b)


def _incomplete_beta(x: float, y: float, a: float, b: float) -> float:
    """Return I_x(a, b), given ``y = 1 - x`` with all its digits.

    Continued fraction (Abramowitz and Stegun 26.5.8), evaluated by Lentz's method on whichever side of the
    mean it converges fast; so a small value keeps its digits.
    """
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(y)
    if x < (a + 1) / (a + b + 2):
        return math.exp(log_front) * _continued_fraction(x, a, b) / a
    return 1 - math.exp(log_front) * _continued_fraction(y, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _inverse(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = _inverse(1 + term * d)
            c = 1 + term / c
            c = c if abs(c) > _TINY else _TINY
            value *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return value


def _inverse(x: float) -> float:
    return 1 / (x if abs(x) > _TINY else _TINY)


def beta_quantile(q: float, a: float, b: float) -> float:
    """Return the ``q`` quantile of a beta distribution, by bisection to the last bit of a double."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if beta_cdf(middle, a, b) < q:
            low = middle
        else:
            high = middle


def t_tail(t: float, df: float) -> float:
    """Return P(|T| >= t) of Student's t with ``df > 0`` degrees of freedom, whole or not.

    ``I_x(df / 2, 1 / 2)`` with ``x = df / (df + t^2)`` (Abramowitz and Stegun 26.7.1).
    """
    square = t * t
    rest = square / (df + square)
    # Of a t near 0 nothing is left in floating point.
    return 1.0 if rest == 0 else _incomplete_beta(df / (df + square), rest, df / 2, 0.5)


@lru_cache(maxsize=4096)
def t_quantile(q: float, df: float) -> float:
    """Return the ``q`` quantile (0.5 < q < 1) of Student's t with ``df > 0`` degrees of freedom.

    Newton's method on the logarithm of the tail, held in by bisection.
    """
    tail = 2 * (1 - q)
    low, high = 0.0, 1.0
    while t_tail(high, df) > tail:
        low, high = high, 4 * high
    t = min(max(NormalDist().inv_cdf(q), low), high)
    while True:
        found = t_tail(t, df)
        low, high = (t, high) if found > tail else (low, t)
        step = t + (math.log(found) - math.log(tail)) * found / (2 * _t_density(t, df))
        newer = step if low <= step <= high else (low + high) / 2
        if abs(newer - t) <= _STEP * max(t, _NEAR_0):
            return newer
        t = newer


def _t_density(t: float, df: float) -> float:
    log_constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return math.exp(log_constant - (df + 1) / 2 * math.log1p(t * t / df))


def chi_square_tail(x: float) -> float:
    """Return P(X >= x) of a chi-square distribution with one degree of freedom."""
    return math.erfc(math.sqrt(x / 2))
