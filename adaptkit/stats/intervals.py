"""Intervals of a share or a mean, each as published; ``mean_estimate`` chooses among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.stats.distributions import beta_quantile, t_quantile
from adaptkit.stats.resample import N_RESAMPLES, bca_interval, percentile_interval, resampled_means
from adaptkit.stats.scores import Ints
from adaptkit.stats.units import Units


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
    _check_share("wilson", successes, n)
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


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval for a share (C. Clopper, E. Pearson, Biometrika 26, 1934): never too narrow.

    Examples:
        >>> low, high = clopper_pearson(0, 20)
        >>> round(low, 4), round(high, 4)
        (0.0, 0.1684)
    """
    _check_share("clopper_pearson", successes, n)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1 - tail, successes + 1, n - successes)
    return low, high


def _check_share(owner: str, successes: float, n: float) -> None:
    if not n > 0 or not 0 <= successes <= n:
        expected = "between 0 and n, and n above 0"
        raise ConfigError.for_parameter(owner, "successes", expected, f"{successes!r} of {n!r}")


def t_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return Student's interval for the mean of independent values (at least 2 of them)."""
    n = len(values)
    if n < 2:
        raise ConfigError.for_parameter("t_interval", "values", "at least 2 values", n)
    array = np.asarray(values, dtype=np.float64)
    half = t_quantile((1 + confidence) / 2, n - 1) * float(array.std(ddof=1)) / math.sqrt(n)
    return float(array.mean()) - half, float(array.mean()) + half


def bootstrap_mean(
    values: Sequence[float],
    *,
    rng: np.random.Generator,
    clusters: Sequence[str | None] | None = None,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
) -> tuple[float, float]:
    """Return a bootstrap interval of the mean, resampling clusters as wholes.

    Both are too narrow for few rows: at 20, by ``sqrt(19 / 20)`` and by what t allows beyond normal.

    Args:
        values: one score a row, at least one.
        rng: made from the trial's seed, so that a report can be made again.
        clusters: rows with the same label are drawn together; None stands for a row of its own.
        n_resamples: 10,000 leave a bound uncertain by about 2 % of the interval's width.
        confidence: e.g. 0.95.
        method: ``bca`` allows for bias and skew; where it is undefined (all resamples on one side of the
            mean), the percentile interval.
    """
    if len(values) == 0:
        raise ConfigError.for_parameter("bootstrap_mean", "values", "at least 1 value", "none")
    if method not in ("percentile", "bca"):
        raise ConfigError.for_parameter("bootstrap_mean", "method", "'percentile' or 'bca'", method)
    units = Units.of(np.asarray(values, dtype=np.float64), unit_of_labels(clusters, len(values)))
    means = resampled_means(units, rng=rng, n_resamples=n_resamples)
    found = bca_interval(means, units, confidence) if method == "bca" else None
    return found or percentile_interval(means, confidence)


def clustered_se(
    values: Sequence[float],
    clusters: Sequence[str | None],
    *,
    correction: Literal["none", "cr1"] = "cr1",
) -> float | None:
    """Return the standard error of a mean whose rows come in clusters.

    ``sqrt(sum over clusters of (sum of residuals)^2) / n``, times ``sqrt(G / (G - 1))`` for the correction
    CR1 (K.-Y. Liang, S. Zeger, Biometrika 73, 1986); to be used with t of ``G - 1`` degrees of freedom.

    Returns:
        None for fewer than 2 clusters, which do not show how clusters differ.
    """
    units = Units.of(np.asarray(values, dtype=np.float64), unit_of_labels(clusters, len(values)))
    n_units = len(units.sums)
    if n_units < 2:
        return None
    residuals = units.sums - units.mean * units.sizes
    factor = n_units / (n_units - 1) if correction == "cr1" else 1.0
    return math.sqrt(factor * float(np.square(residuals).sum())) / len(values)


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
