"""Does the 95 % interval of a break-even volume cover the true volume in 95 % of runs?

Costs of requests are drawn from distributions of known means, which give the true volume; each run measures
``n`` requests of two strategies and makes the interval as ``adaptkit.costs`` does. The same runs are
given to two plainer intervals, which shows why it is not one of those.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptkit.costs.cost.break_even import BreakEvenVolume, break_even_volume
from adaptkit.costs.cost.saving import request_saving
from adaptkit.stats.distributions import t_quantile
from benchmarks.stats.line import Effort, Line

Floats = NDArray[np.float64]
# The costs of requests of the strategy with the advance, and of the other; USD, some power of ten apart.
Draw = Callable[[int, np.random.Generator], tuple[Floats, Floats]]

SIZES = (20, 50, 100, 300, 1000)
RUNS = (1500, 1000, 1000, 1000, 1000)
ADVANCE_USD = 1000.0
N_RESAMPLES = 1_000
# Beyond these all intervals are alike, and the plain ones would only take time.
_FEW = 100
LEAST, MOST = 0.93, 0.97


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Where costs come from.

    Attributes:
        draw: measured costs of ``n`` requests of both strategies.
        saving: the true mean difference.
        cluster_size: how many neighbouring requests vary together.
        share_of_other: part of the requests that the other strategy has been sent too.
    """

    name: str
    draw: Draw
    saving: float
    cluster_size: int = 1
    share_of_other: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What came of all runs of one scenario at one size.

    Attributes:
        n: requests measured; of clusters, their number.
        covered: share of the intervals that hold the true volume.
        below: share of those that lie below it; the rest lies above.
        open_ended: share of those whose upper bound is "perhaps never".
        percentile: share that percentile intervals cover, of the same runs; None for many requests.
        student: likewise Student's.
        n_none: runs without an interval, which are in none of the shares.
    """

    scenario: str
    n: int
    n_runs: int
    covered: float
    below: float
    open_ended: float
    percentile: float | None
    student: float | None
    n_none: int

    @property
    def holds(self) -> bool:
        """Whether the coverage is 93 to 97 %."""
        return LEAST <= self.covered <= MOST


def _lognormal(rng: np.random.Generator, n: int, mean: float, sigma: float) -> Floats:
    return np.asarray(mean * np.exp(sigma * rng.normal(size=n) - sigma**2 / 2), dtype=np.float64)


def _latencies(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Seconds of a machine: lognormal, and long inputs are long for both."""
    shared = _lognormal(rng, n, 1.0, 0.35)
    return shared * _lognormal(rng, n, 0.6, 0.35), shared * _lognormal(rng, n, 1.0, 0.35)


def _near_zero(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """As latencies, with so small a saving that few rows cannot tell its sign."""
    shared = _lognormal(rng, n, 1.0, 0.35)
    return shared * _lognormal(rng, n, 0.97, 0.35), shared * _lognormal(rng, n, 1.0, 0.35)


def _tokens(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A provider's bill: one shared prompt saved, dearer tokens, completions of geometric length."""
    query = rng.poisson(60, size=n)
    tuned = query * 0.3 + rng.geometric(1 / 12, size=n) * 1.2
    prompted = (600 + query) * 0.15 + rng.geometric(1 / 40, size=n) * 0.6
    return tuned.astype(np.float64), prompted.astype(np.float64)


def _labels(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A provider's bill for one of a few labels: hardly any variation, and few values."""
    query = rng.poisson(30, size=n)
    tuned = query * 0.3 + rng.integers(1, 4, size=n) * 1.2
    prompted = (300 + query) * 0.15 + rng.integers(1, 4, size=n) * 0.6
    return tuned.astype(np.float64), prompted.astype(np.float64)


def _skewed(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One of the two rambles: a long tail on one side."""
    return _lognormal(rng, n, 0.5, 0.5), _lognormal(rng, n, 1.2, 0.7)


def _clustered(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Five questions about each of ``n`` documents, whose length all five share."""
    tuned, prompted = (np.repeat(_lognormal(rng, n, mean, 0.5), 5) for mean in (0.6, 1.2))
    return tuned * _lognormal(rng, 5 * n, 1.0, 0.2), prompted * _lognormal(rng, 5 * n, 1.0, 0.2)


def _heavy(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A lognormal of sigma 1.2: the dearest hundredth of requests makes an eighth of the bill."""
    return _lognormal(rng, n, 1.0, 0.5), _lognormal(rng, n, 2.0, 1.2)


def _rambling(n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """One completion of ten runs to the token limit, and costs eleven times as much."""
    return 0.5 * _lognormal(rng, n, 1.0, 0.1), np.where(rng.random(n) < 0.1, 5.5, 0.5) * _lognormal(
        rng, n, 1.0, 0.1
    )


SCENARIOS = (
    Scenario(name="latencies", draw=_latencies, saving=0.4),
    Scenario(name="saving near 0", draw=_near_zero, saving=0.03),
    Scenario(name="tokens", draw=_tokens, saving=660 * 0.15 + 24 - 60 * 0.3 - 14.4),
    Scenario(name="labels", draw=_labels, saving=330 * 0.15 + 1.2 - 30 * 0.3 - 2.4),
    Scenario(name="skewed", draw=_skewed, saving=0.7),
    Scenario(name="half unpaired", draw=_latencies, saving=0.4, share_of_other=0.5),
    Scenario(name="clusters of 5", draw=_clustered, saving=0.6, cluster_size=5),
)

# Where nothing of this kind can hold on few rows: what makes the mean is hardly ever among them.
LIMITS = (
    Scenario(name="heavy tail", draw=_heavy, saving=1.0),
    Scenario(name="rare ramble", draw=_rambling, saving=0.5),
)


def coverage(scenario: Scenario, n: int, *, n_runs: int, rng: np.random.Generator) -> Coverage:
    """Measure one scenario at one size."""
    true = ADVANCE_USD / scenario.saving
    hits = below = ends = n_found = 0
    plain: list[tuple[bool, bool]] = []
    for _ in range(n_runs):
        costs, other, clusters = _measured(scenario, n, rng)
        saving = request_saving(costs, other, clusters=clusters, rng=rng, n_resamples=N_RESAMPLES)
        found = break_even_volume(ADVANCE_USD, saving)
        if found.certain is None:
            continue
        n_found += 1
        hits += holds(found, true)
        below += found.high is not None and found.high < true
        ends += found.low is not None and found.high is None
        if n <= _FEW:
            (low, high), (low_t, high_t) = _plain_intervals(costs, other, clusters, rng)
            plain.append((low <= scenario.saving <= high, low_t <= scenario.saving <= high_t))
    shares = [count / max(1, n_found) for count in (hits, below, ends)]
    return Coverage(
        scenario=scenario.name,
        n=n,
        n_runs=n_runs,
        covered=shares[0],
        below=shares[1],
        open_ended=shares[2],
        percentile=sum(p for p, _ in plain) / len(plain) if plain else None,
        student=sum(s for _, s in plain) / len(plain) if plain else None,
        n_none=n_runs - n_found,
    )


def holds(found: BreakEvenVolume, true: float) -> bool:
    """Whether an interval holds a volume; without an upper bound it has no end."""
    if found.low is None:
        return False
    return found.low <= true and (found.high is None or true <= found.high)


def _measured(
    scenario: Scenario, n: int, rng: np.random.Generator
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Costs of both strategies and clusters, by the name of the request."""
    own, others = scenario.draw(n, rng)
    names = [str(i) for i in range(len(own))]
    clusters = {i: str(int(i) // scenario.cluster_size) for i in names} if scenario.cluster_size > 1 else {}
    costs = dict(zip(names, own.tolist(), strict=True))
    first = n - math.floor(n * scenario.share_of_other)
    shifted = [str(i + first) for i in range(len(own))]
    if first:
        # The rows that both have go on being the same rows; the others are others.
        fresh = scenario.draw(n, rng)[1]
        others = np.concatenate([others[first:], fresh[:first]])
    return costs, dict(zip(shifted, others.tolist(), strict=True)), clusters


def _plain_intervals(
    costs: dict[str, float], other: dict[str, float], clusters: dict[str, str], rng: np.random.Generator
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Percentiles, and Student's; of cluster means for clusters, of rows that both have otherwise."""
    differences = [other[i] - costs[i] for i in costs if i in other]
    if clusters:
        size = len(costs) // len(set(clusters.values()))
        differences = np.asarray(differences).reshape(-1, size).mean(axis=1).tolist()
    values = np.asarray(differences)
    drawn = values[rng.integers(0, len(values), size=(N_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    half = t_quantile(0.975, len(values) - 1) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return (float(low), float(high)), (float(values.mean()) - half, float(values.mean()) + half)


def simulate(effort: Effort) -> Iterator[Line]:
    """Measure all scenarios at all sizes; the limits have no bounds to keep."""
    for scenario in (*SCENARIOS, *LIMITS):
        beyond = scenario in LIMITS
        for n, full in zip(SIZES, RUNS, strict=True):
            rng = np.random.default_rng([effort.seed, n, *scenario.name.encode()])
            found = coverage(scenario, n, n_runs=effort.runs(full), rng=rng)
            yield Line(
                what="coverage, break-even",
                setting=f"{scenario.name}, {n} requests",
                measured=found.covered,
                low=None if beyond else LEAST,
                high=None if beyond else MOST,
                runs=found.n_runs - found.n_none,
                note="; ".join(_notes(found, beyond=beyond)),
            )


def _notes(found: Coverage, *, beyond: bool) -> Iterator[str]:
    if beyond and not found.holds:
        yield "so few requests do not show such a tail"
    if found.percentile is not None and found.student is not None:
        yield f"percentiles {found.percentile:.1%}, Student {found.student:.1%}"
    if found.open_ended > 0.005:
        yield f"{found.open_ended:.0%} say 'perhaps never'"
    if found.n_none:
        yield f"{found.n_none} runs without an interval"
