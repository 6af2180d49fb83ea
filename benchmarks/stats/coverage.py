"""Do nominal 95 % intervals hold the truth in 93 to 97 of 100 test sets?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from adaptkit.stats import Scores, mean_estimate
from adaptkit.stats.paired import measure
from adaptkit.stats.table import Table
from benchmarks.stats import planted
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.planted import Plant, Planted

LEAST, MOST = 0.93, 0.97
SIZES = (20, 50, 100, 300, 1000)
CLUSTERS = (6, 10, 20, 50, 150)
RUNS = 4000

MEANS: dict[str, tuple[Plant, tuple[int, ...]]] = {
    "0/1": (planted.right_or_wrong, SIZES),
    "graded, like token F1": (planted.token_f1, SIZES),
    "graded, like ROUGE": (planted.similarity, SIZES),
    "0/1, 2 repeats": (planted.repeats(2), SIZES),
    "0/1, 3 repeats": (planted.repeats(3), SIZES),
    "0/1, 5 repeats": (planted.repeats(5), SIZES),
    "graded, 3 repeats": (planted.graded_repeats(3), SIZES),
    "0/1, clusters": (planted.clusters(uneven=False), CLUSTERS),
    "0/1, uneven clusters": (planted.clusters(uneven=True), CLUSTERS),
    "0/1, 3 training seeds": (planted.seeds(3, luck=0.2, graded=False), (50, 200, 1000)),
    "0/1, 5 training seeds": (planted.seeds(5, luck=0.2, graded=False), (50, 200, 1000)),
    "graded, 3 training seeds": (planted.seeds(3, luck=0.2, graded=True), (50, 200, 1000)),
    "graded, 5 training seeds": (planted.seeds(5, luck=0.2, graded=True), (50, 200, 1000)),
}


def of_means(effort: Effort) -> Iterator[Line]:
    """Intervals of one strategy's mean."""
    for number, (name, (plant, sizes)) in enumerate(MEANS.items()):
        for n in sizes:
            rng = np.random.default_rng([effort.seed, n, 1, number])
            held = sum(_holds(plant(n, rng), rng) for _ in range(effort.runs(RUNS)))
            yield _line("coverage, mean", name, n, held / effort.runs(RUNS), effort)


def _holds(drawn: Planted, rng: np.random.Generator) -> bool:
    found = mean_estimate(drawn.scores, rng=rng, clusters=drawn.clusters or None)
    return found.low is not None and found.high is not None and found.low <= drawn.truth <= found.high


def _line(what: str, name: str, n: int, share: float, effort: Effort) -> Line:
    unit = "clusters" if "clusters" in name else "rows"
    return Line(
        what=what, setting=f"{name}, {n} {unit}", measured=share, low=LEAST, high=MOST, runs=effort.runs(RUNS)
    )


# Two strategies by name, their true difference, and clusters.
Pair = tuple[dict[str, Scores], float, dict[str, str]]


def _right_or_wrong(n: int, rng: np.random.Generator) -> Pair:
    discordance = rng.uniform(0.15, 0.4)
    delta = rng.uniform(-0.6, 0.6) * discordance
    return planted.named(planted.discordant(n, delta, discordance, rng)), delta, {}


def _graded(n: int, rng: np.random.Generator) -> Pair:
    """One of the two loses some of each row's score."""
    first, kept = planted.token_f1(n, rng), rng.uniform(0.6, 1.0)
    second = first.scores.values * rng.beta(8 * kept, 8 * (1 - kept) + 0.01, size=(n, 1))
    mean_kept = 8 * kept / (8 + 0.01)
    values = np.column_stack([first.scores.values, second])
    return planted.named(values), first.truth * (1 - mean_kept), {}


def _repeats(n_repeats: int) -> Callable[[int, np.random.Generator], Pair]:
    def draw(n: int, rng: np.random.Generator) -> Pair:
        share, kept = rng.uniform(0.4, 0.9), rng.uniform(0.7, 1.0)
        chance = rng.beta(1.2 * share, 1.2 * (1 - share), size=(n, 1, 1)) * np.array([[[1.0], [kept]]])
        values = (rng.random((n, 2, n_repeats)) < chance).astype(np.float64)
        return planted.named(values), share * (1 - kept), {}

    return draw


def _clusters(n: int, rng: np.random.Generator) -> Pair:
    """Documents differ in their difficulty and in how much worse one of the two is on them."""
    document = np.repeat(np.arange(n), 1 + rng.poisson(5, size=n))
    share, kept = rng.uniform(0.5, 0.85), rng.uniform(0.7, 0.95)
    first = rng.beta(4 * share, 4 * (1 - share), size=n)
    second = first * rng.beta(6 * kept, 6 * (1 - kept), size=n)
    chance = np.column_stack([first, second])[document]
    values = (rng.random(chance.shape) < chance).astype(np.float64)
    names = dict(zip(planted.ids_of(len(document)), document.astype(str).tolist(), strict=True))
    return planted.named(values), share * (1 - kept), names


def _seeds(n_seeds: int) -> Callable[[int, np.random.Generator], Pair]:
    def draw(n: int, rng: np.random.Generator) -> Pair:
        return planted.named(planted.lucky((n, 2, n_seeds), rng), seeds_vary=True), 0.0, {}

    return draw


PAIRS: dict[str, tuple[Callable[[int, np.random.Generator], Pair], tuple[int, ...]]] = {
    "0/1": (_right_or_wrong, SIZES),
    "graded, like token F1": (_graded, SIZES),
    "0/1, 3 repeats": (_repeats(3), SIZES),
    "0/1, 5 repeats": (_repeats(5), SIZES),
    "0/1, clusters": (_clusters, CLUSTERS),
    "0/1, 3 training seeds": (_seeds(3), (50, 200, 1000)),
    "0/1, 5 training seeds": (_seeds(5), (50, 200, 1000)),
}


def of_differences(effort: Effort) -> Iterator[Line]:
    """Intervals of the difference between two strategies."""
    for number, (name, (draw, sizes)) in enumerate(PAIRS.items()):
        for n in sizes:
            rng = np.random.default_rng([effort.seed, n, 2, number])
            held = sum(_holds_difference(draw(n, rng)) for _ in range(effort.runs(RUNS)))
            yield _line("coverage, difference", name, n, held / effort.runs(RUNS), effort)


def _holds_difference(drawn: Pair) -> bool:
    scores, truth, clusters = drawn
    low, high = measure(Table.of(scores, clusters or None), 0, 1).bounds(0.95)
    return low is not None and high is not None and low <= truth <= high


def simulate(effort: Effort) -> Iterator[Line]:
    """All intervals."""
    yield from of_means(effort)
    yield from of_differences(effort)
