"""How sure a mean over test rows is.

The interval is chosen by what the rows allow: Wilson's for independent right-or-wrong rows, which keeps
its coverage at 20 rows and at 100 % right, and a percentile bootstrap for graded scores and for clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.core.results import Estimate
from adaptkit.stats.resample import (
    N_RESAMPLES,
    Groups,
    bootstrap_means,
    group_rows,
    percentile_interval,
)

# Below this many clusters a cluster bootstrap is known to be too narrow: the reader is told.
_FEW_CLUSTERS = 20


def wilson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval for a share (E. B. Wilson, JASA 22, 1927).

    Args:
        successes: how many of the rows are right; a sum of scores in 0..1 gives a wider interval than
            needed, because right-or-wrong scores vary the most of all scores with that mean.
        n: rows, at least 1.
        confidence: e.g. 0.95.

    Examples:
        >>> low, high = wilson(45, 50)
        >>> round(low, 4), round(high, 4)
        (0.7864, 0.9565)
    """
    if n < 1 or not 0 <= successes <= n:
        raise ConfigError(f"wilson() needs 0 <= successes <= n and n >= 1. Got {successes!r} of {n!r}.")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    scale = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    # At the ends the formula gives exactly 0 or 1, which floating point misses by 1e-17.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def t_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return Student's interval for the mean of independent values (at least 2 of them)."""
    n = len(values)
    if n < 2:
        raise ConfigError(f"t_interval() needs at least 2 values. Got {n}.")
    array = np.asarray(values, dtype=np.float64)
    half = t_quantile((1 + confidence) / 2, n - 1) * float(array.std(ddof=1)) / math.sqrt(n)
    return float(array.mean()) - half, float(array.mean()) + half


def t_quantile(q: float, df: int) -> float:
    """Return the ``q`` quantile (0.5 <= q < 1) of Student's t with a whole number of degrees of freedom.

    Bisection of the closed form in the angle ``atan(t / sqrt(df))``: Abramowitz and Stegun 26.7.3-4.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        middle = (low + high) / 2
        if _t_central_probability(middle, df) < 2 * q - 1:
            low = middle
        else:
            high = middle
    return math.sqrt(df) * math.tan((low + high) / 2)


def _t_central_probability(angle: float, df: int) -> float:
    """Return P(|T| <= sqrt(df) * tan(angle))."""
    sin, cos = math.sin(angle), math.cos(angle)
    odd = df % 2
    # Terms of the series: cos^(2k+odd) times a product of ratios, each made from the one before.
    k = np.arange(1, (df - odd) // 2)
    ratios = (2 * k / (2 * k + 1)) if odd else ((2 * k - 1) / (2 * k))
    series = 1.0 + float(np.sum(np.cumprod(ratios * cos * cos)))
    if not odd:
        return sin * series
    return 2 / math.pi * (angle + (sin * cos * series if df > 1 else 0.0))


def bootstrap_mean(
    values: Sequence[float],
    *,
    rng: np.random.Generator,
    clusters: Sequence[str | None] | None = None,
    n_resamples: int = N_RESAMPLES,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean (Efron 1979), resampling clusters as wholes.

    Args:
        values: one score a row, at least one.
        rng: made from the trial's seed, so that a report can be made again.
        clusters: rows with the same label are drawn together; None stands for a row of its own.
        n_resamples: 10,000 leave a bound uncertain by about 2 % of the interval's width.
        confidence: e.g. 0.95.
    """
    if len(values) == 0:
        raise ConfigError("bootstrap_mean() needs at least 1 value. Got none.")
    groups = group_rows(values, clusters)
    return percentile_interval(bootstrap_means(groups, rng=rng, n_resamples=n_resamples), confidence)


def mean_estimate(
    values: Sequence[float],
    *,
    rng: np.random.Generator,
    clusters: Sequence[str | None] | None = None,
) -> Estimate:
    """Return the mean of per-row scores with its 95 % interval and, in words, how it was made.

    * no rows, one graded row, or one cluster: no bounds, because nothing shows how rows differ;
    * independent rows of 0 or 1: Wilson;
    * scores in 0..1 of which fewer than five rows (or clusters) differ from the commonest value, e.g. all
      equal: Wilson on their mean, with clusters counted as one row each. Resampling equal rows gives an
      interval of no width, which claims a certainty that 20 equal rows do not give; Wilson's is wider
      than needed here, never narrower;
    * otherwise: percentile bootstrap, clusters resampled as wholes.

    Args:
        values: one score a row; average repeats of a row over seeds first.
        rng: for the bootstrap.
        clusters: rows with the same label are not independent; None stands for a row of its own.
    """
    if len(values) == 0:
        return Estimate(value=None, low=None, high=None, n=0, method="no rows")
    groups = group_rows(values, clusters)
    mean = float(np.mean(np.asarray(values, dtype=np.float64)))
    low, high, method = _mean_interval(values, groups, mean, rng)
    return Estimate(value=mean, low=low, high=high, n=len(values), method=method)


def _mean_interval(
    values: Sequence[float], groups: Groups, mean: float, rng: np.random.Generator
) -> tuple[float | None, float | None, str]:
    n_groups = len(groups.sums)
    if groups.independent and all(v in (0, 1) for v in values):
        return *wilson(sum(values), n_groups), "Wilson interval"
    if n_groups == 1:
        return None, None, f"no interval from one {'row' if len(values) == 1 else 'cluster'}"
    what = "rows" if groups.independent else "clusters"
    if not groups.vary_enough() and all(0 <= v <= 1 for v in values):
        share = min(1.0, max(0.0, mean))
        return *wilson(
            share * n_groups, n_groups
        ), f"Wilson interval over {n_groups} {what} (almost all equal)"
    low, high = percentile_interval(bootstrap_means(groups, rng=rng))
    if low == high:
        return None, None, f"no interval: all {what} are equal"
    few = " (few: likely too narrow)" if what == "clusters" and n_groups < _FEW_CLUSTERS else ""
    return low, high, f"percentile bootstrap over {n_groups} {what}{few}"
