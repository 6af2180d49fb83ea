"""Intervals of a share or a mean, each as published; ``mean_estimate`` chooses among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.stats.distributions import t_quantile
from adaptkit.stats.scores import Ints


def wilson(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a share (E. B. Wilson, JASA 22, 1927).

    Args:
        successes: how many of the rows are right.
        n: rows, more than 0; need not be whole, e.g. an effective number of rows.
        confidence: e.g. 0.95.

    Examples:
        >>> low, high = wilson(45, 50)
        >>> round(low, 4), round(high, 4)
        (0.7864, 0.9565)
    """
    if not n > 0 or not 0 <= successes <= n:
        expected = "between 0 and n, and n above 0"
        raise ConfigError.for_parameter("wilson", "successes", expected, f"{successes!r} of {n!r}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return score_bounds(successes / n, z * z / n)


def score_bounds(share: float, scale: float) -> tuple[float, float]:
    """Solve ``|share - p|^2 <= scale p (1 - p)`` for p: Wilson's interval where ``scale`` is ``z^2 / n``.

    Args:
        share: the observed mean, 0..1.
        scale: squared quantile over rows, for whatever quantile and effective rows.
    """
    centre = (share + scale / 2) / (1 + scale)
    half = math.sqrt(share * (1 - share) * scale + scale * scale / 4) / (1 + scale)
    # At the ends the formula gives exactly 0 or 1, which floating point misses by 1e-17.
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def t_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return Student's interval for the mean of independent values (at least 2 of them)."""
    n = len(values)
    if n < 2:
        raise ConfigError.for_parameter("t_interval", "values", "at least 2 values", n)
    array = np.asarray(values, dtype=np.float64)
    half = t_quantile((1 + confidence) / 2, n - 1) * float(array.std(ddof=1)) / math.sqrt(n)
    return float(array.mean()) - half, float(array.mean()) + half


def unit_of_labels(labels: Sequence[str | None] | None, n: int) -> Ints:
    """Number the units of rows that are labelled one by one; None is a row of its own.

    Raises:
        ConfigError: there are not ``n`` labels.
    """
    if labels is None:
        return np.arange(n, dtype=np.intp)
    if len(labels) != n:
        raise ConfigError(f"{n} values have {len(labels)} cluster labels. Give one a value, or None.")
    numbers: dict[str | int, int] = {}
    keys = (i if name is None else name for i, name in enumerate(labels))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)
