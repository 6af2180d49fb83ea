"""Is one strategy better than another on the same rows, or could the rows alone explain it?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from adaptkit.stats.resample import Groups, bootstrap_means, group_rows, percentile_interval

# 2^15 sign patterns are enumerated at once; more differences than that are sampled.
_MAX_EXACT = 15
_N_FLIPS = 10_000
_CHUNK = 2_000_000
# Sums of the same differences in another order differ in the last bits; they are ties all the same.
_TIE = 1e-9


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The mean of ``a - b`` over the rows that both have.

    Attributes:
        n: rows in both; ``n_unpaired`` counts those in only one, which the test leaves out.
        delta: mean difference, None without rows; ``low`` and ``high`` bound its 95 % interval.
        gained: rows on which ``a`` is higher, ``lost`` lower.
        p_value: two-sided, None without rows.
        test: which test gave it, in words.
    """

    n: int
    n_unpaired: int
    delta: float | None
    low: float | None
    high: float | None
    gained: int
    lost: int
    p_value: float | None
    test: str


def paired_difference(
    a: Mapping[str, float],
    b: Mapping[str, float],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
) -> PairedDifference:
    """Compare two strategies by row id.

    The p-value is McNemar's exact one when every score is 0 or 1 and rows are independent, otherwise that
    of a sign-flip permutation test, where a cluster's rows flip together. The interval is a paired
    percentile bootstrap over rows or clusters; see ``difference_interval`` for when it is not.

    Args:
        a: score of each row by id, e.g. the strategy's.
        b: the same for the other, e.g. the baseline's.
        rng: for the resampling.
        clusters: the cluster of a row by id; a row that is missing here is independent.
    """
    ids = sorted(a.keys() & b.keys())
    n_unpaired = len(a.keys() ^ b.keys())
    if not ids:
        return PairedDifference(
            n=0, n_unpaired=n_unpaired, delta=None, low=None, high=None,
            gained=0, lost=0, p_value=None, test="no shared rows",
        )  # fmt: skip
    differences = [float(a[i]) - float(b[i]) for i in ids]
    groups = group_rows(differences, None if clusters is None else [clusters.get(i) for i in ids])
    gained = sum(d > _TIE for d in differences)
    lost = sum(d < -_TIE for d in differences)
    if groups.independent and all(x[i] in (0, 1) for x in (a, b) for i in ids):
        p_value, test = mcnemar_exact(gained, lost), "exact McNemar test"
    else:
        p_value, test = sign_flip(groups.sums.tolist(), rng=rng)
        test += "" if groups.independent else f" over {len(groups.sums)} clusters"
    low, high = difference_interval(groups, rng=rng)
    return PairedDifference(
        n=len(ids), n_unpaired=n_unpaired, delta=math.fsum(differences) / len(ids), low=low, high=high,
        gained=gained, lost=lost, p_value=p_value, test=test,
    )  # fmt: skip


def mcnemar_exact(gained: int, lost: int) -> float:
    """Return the exact two-sided p-value of McNemar's test: a fair coin among the rows that differ.

    Examples:
        >>> round(mcnemar_exact(10, 2), 6)
        0.038574
    """
    m = gained + lost
    tail = sum(math.comb(m, i) for i in range(min(gained, lost) + 1))
    # Whole numbers divide exactly at any size; floats would overflow past 1,000 rows.
    return min(1.0, (2 * tail) / (1 << m))


def sign_flip(differences: Sequence[float], *, rng: np.random.Generator) -> tuple[float, str]:
    """Return the two-sided p-value of the sign-flip permutation test and what it was made from.

    If the two strategies are exchangeable, each difference was as likely to have the other sign. All
    sign patterns are counted up to 15 differences other than zero; beyond, 10,000 random ones, with
    the observed pattern counted among them.

    Args:
        differences: one a row, or the sum over each cluster.
        rng: for the random patterns.
    """
    values = np.asarray([d for d in differences if abs(d) > _TIE], dtype=np.float64)
    k = len(values)
    threshold = abs(float(values.sum())) - _TIE
    if k <= _MAX_EXACT:
        patterns = np.arange(1 << k)[:, None] >> np.arange(k) & 1
        extreme = np.abs((1 - 2 * patterns) @ values) >= threshold
        return float(extreme.mean()), "exact sign-flip permutation test"
    count = 0
    step = max(1, _CHUNK // k)
    for start in range(0, _N_FLIPS, step):
        rows = min(step, _N_FLIPS - start)
        # The sum with random signs is twice the sum of a random half, less the whole.
        half = rng.integers(0, 2, size=(rows, k), dtype=np.int8) @ values
        count += int(np.count_nonzero(np.abs(2 * half - values.sum()) >= threshold))
    return (1 + count) / (1 + _N_FLIPS), f"sign-flip permutation test ({_N_FLIPS:,} flips)"


def difference_interval(groups: Groups, *, rng: np.random.Generator) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a mean difference of scores in 0..1.

    Percentile bootstrap over the groups. Where fewer than five groups differ from the commonest difference
    (two strategies that almost always agree), resamples are nearly all alike; then the adjusted Wald
    interval of D. G. Bonett and R. M. Price (J. Educ. Behav. Stat. 37, 2012), which adds one row gained
    and one lost. One row or cluster alone defines no interval.
    """
    if len(groups.sums) == 1:
        return None, None
    if groups.vary_enough():
        return percentile_interval(bootstrap_means(groups, rng=rng))
    if np.abs(groups.means).max() > 1:
        return None, None
    # Divided by the average size, so that a cluster counts by its rows and their mean is the difference.
    padded = np.concatenate([groups.sums / groups.sizes.mean(), [1.0, -1.0]])
    centre = float(padded.mean())
    half = NormalDist().inv_cdf(0.975) * float(padded.std()) / math.sqrt(len(padded))
    return max(-1.0, centre - half), min(1.0, centre + half)
