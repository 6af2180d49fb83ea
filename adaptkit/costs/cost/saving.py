"""How much less a request of one strategy costs than one of another, and how sure that is.

Costs of requests are skewed: few are long. On 20 of them a percentile interval of the mean misses the truth
in 9 of 100 runs, and one by Student's t in up to 9, nearly always on the side of the long tail; BCa (Efron
1987) leans towards the tail, and is too short on the other side. The interval here is the wider of the last
two on each side, BCa with the levels and the spread that few rows ask for (Hesterberg, "What Teachers Should
Know About the Bootstrap", 2015). ``benchmarks/stats/break_even.py`` has its coverage beside that of others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from adaptkit.core.errors import ConfigError
from adaptkit.stats.distributions import t_quantile
from adaptkit.stats.resample import resampled_sums
from adaptkit.stats.scores import Floats

_NORMAL = NormalDist()
_UPPER = 0.975
_MOST_RESAMPLES = 10_000
_LEAST_RESAMPLES = 2_000
_MOST_DRAWS = 20_000_000
# With fewer rows than this away from the commonest difference, resamples look alike and the interval shrinks
# towards nothing, although the next long answer lies well outside.
_MIN_VARIED = 5


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What a request of one strategy costs less than one of another, USD; below 0 where it costs more.

    Attributes:
        usd: the difference of the mean costs.
        low: the 95 % interval's lower bound, None without an interval.
        high: its upper bound.
        n_paired: examples that both answered; ``n_unpaired`` that only one of them did.
        method: how the interval was made, or why there is none.
    """

    usd: float
    low: float | None
    high: float | None
    n_paired: int
    n_unpaired: int
    method: str


def difference(a: float, b: float) -> float:
    """Return ``a - b``, exactly 0 where only rounding parts them: the sign of a difference decides here."""
    return 0.0 if math.isclose(a, b, rel_tol=1e-12, abs_tol=0.0) else a - b


def request_saving(
    costs: Mapping[str, float],
    other: Mapping[str, float],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    n_resamples: int | None = None,
) -> Saving:
    """Compare the mean cost of a request of two strategies.

    Rows that both answered are resampled together, so that what makes a row dear for both cancels out; rows
    of only one, and clusters of rows, are resampled among their like.

    Args:
        costs: by example id, USD of a request of the one strategy; at least one.
        other: likewise of the other; the saving is ``other`` minus ``costs``.
        rng: for the bootstrap.
        clusters: by example id, what ties it to others; an example without is independent.
        n_resamples: None for 10,000, fewer beyond 2,000 rows: there the mean's distribution is near normal.

    Returns:
        The saving; without bounds where fewer than five rows (or clusters) differ from the commonest one.

    Raises:
        ConfigError: one of the two has no cost.
    """
    if not costs or not other:
        raise ConfigError("request_saving() needs at least 1 cost of each strategy. Got none of one.")
    ids = sorted({*costs, *other})
    influence = _influence(ids, costs, other)
    strata = _strata(ids, influence, (costs, other), clusters or {})
    usd = difference(math.fsum(other.values()) / len(other), math.fsum(costs.values()) / len(costs))
    n_paired = len(costs.keys() & other.keys())
    found = Saving(
        usd=usd,
        low=None,
        high=None,
        n_paired=n_paired,
        n_unpaired=len(ids) - n_paired,
        method=f"no interval: fewer than {_MIN_VARIED} requests differ in what they save",
    )
    if not _vary(strata, (*costs.values(), *other.values())):
        return found
    n = sum(map(len, strata))
    low, high = _interval(usd, strata, rng, n_resamples or _usual_resamples(n))
    what = "clusters of requests" if clusters else "requests"
    return replace(found, low=low, high=high, method=f"bootstrap over {n} {what}")


def exact_saving(usd: float, method: str) -> Saving:
    """A saving that no sample of requests stands behind: its interval is not known."""
    return Saving(usd=usd, low=None, high=None, n_paired=0, n_unpaired=0, method=method)


def _influence(ids: Sequence[str], costs: Mapping[str, float], other: Mapping[str, float]) -> Floats:
    """What each example adds to the saving beyond its mean share, ``[n_ids]``; they add up to 0."""
    total = np.zeros(len(ids))
    for values, sign in ((other, 1.0), (costs, -1.0)):
        mean = math.fsum(values.values()) / len(values)
        total += [sign * (values[i] - mean) / len(values) if i in values else 0.0 for i in ids]
    return total


def _strata(
    ids: Sequence[str],
    influence: Floats,
    sides: tuple[Mapping[str, float], Mapping[str, float]],
    clusters: Mapping[str, str],
) -> list[Floats]:
    """Influences added up by cluster, apart for those that both, the one or the other have answered."""
    sums: dict[tuple[str, str], float] = {}
    has: dict[tuple[str, str], set[int]] = {}
    for example_id, value in zip(ids, influence, strict=True):
        key = ("cluster", clusters[example_id]) if example_id in clusters else ("row", example_id)
        sums[key] = sums.get(key, 0.0) + float(value)
        has.setdefault(key, set()).update(n for n, side in enumerate(sides) if example_id in side)
    patterns: dict[frozenset[int], list[float]] = {}
    for key, value in sums.items():
        patterns.setdefault(frozenset(has[key]), []).append(value)
    return [np.array(values) for values in patterns.values()]


def _interval(
    usd: float, strata: Sequence[Floats], rng: np.random.Generator, n_resamples: int
) -> tuple[float, float]:
    """The wider, on each side, of Student's and the BCa interval, which is given room for few rows."""
    wide = [_widened(stratum) for stratum in strata]
    moves = np.sum([resampled_sums(s[:, None], rng=rng, n_resamples=n_resamples)[:, 0] for s in wide], axis=0)
    error = math.sqrt(math.fsum(float(np.sum((s - s.mean()) ** 2)) for s in wide))
    centred = np.concatenate([stratum - stratum.mean() for stratum in strata])
    t = t_quantile(_UPPER, len(centred) - len(strata))
    # Of a mean, BCa's bias equals its acceleration up to terms of 1 / n: it need not be read off resamples,
    # whose noise would shift both bounds.
    skew = float(np.sum(centred**3) / (6 * np.sum(centred**2) ** 1.5))
    levels = [_NORMAL.cdf(skew + (skew + z) / (1 - skew * (skew + z))) for z in (-t, t)]
    low, high = np.quantile(moves, levels)
    return usd + min(-t * error, float(low)), usd + max(t * error, float(high))


def _vary(strata: Sequence[Floats], costs: Iterable[float]) -> bool:
    """Whether enough rows differ from the commonest, by more than rounding does beside such costs."""
    rounding = 1e-9 * max(map(abs, costs)) / sum(map(len, strata))
    if rounding == 0:
        return False
    steps = np.concatenate([np.round((stratum - stratum.mean()) / rounding) for stratum in strata])
    _, counts = np.unique(steps, return_counts=True)
    return int(counts.sum() - counts.max()) >= _MIN_VARIED


def _widened(values: Floats) -> Floats:
    """Spread values by ``sqrt(n / (n - 1))``: resamples vary as the sample does, which is too little."""
    n = len(values)
    mean = values.mean()
    return np.asarray(mean + (values - mean) * math.sqrt(n / (n - 1)) if n > 1 else values, dtype=np.float64)


def _usual_resamples(n: int) -> int:
    return min(_MOST_RESAMPLES, max(_LEAST_RESAMPLES, _MOST_DRAWS // n))
