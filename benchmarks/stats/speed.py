"""How long do all pairs of a large comparison take?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil

from adaptkit.stats import compare_all
from benchmarks.stats import planted
from benchmarks.stats.line import Effort, Line

MAX_SECONDS, MAX_BYTES = 2.0, 10**9


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one comparison took.

    Attributes:
        seconds: by the clock, or of the processor where that is less: both are at least what the clock would
            show on an idle machine, and the first counts what other processes took.
        memory_bytes: of the whole process after it.
    """

    seconds: float
    memory_bytes: int


def measure_speed(
    *, graded: bool, n_strategies: int = 10, n_rows: int = 10_000, n_resamples: int = 10_000, seed: int = 0
) -> Speed:
    """Time ``compare_all``: all pairs with intervals, p-values and the probability of being best."""
    rng = np.random.default_rng(seed)
    shares = tuple(np.linspace(0.6, 0.62, n_strategies))
    values = planted.alike_on_most(shares, n_rows, rng)
    scores = planted.named(0.25 + values / 2 + rng.uniform(-0.2, 0.2, values.shape) if graded else values)
    started, cpu = time.perf_counter(), time.process_time()
    compare_all(scores, rng=rng, n_resamples=n_resamples)
    return Speed(
        seconds=min(time.perf_counter() - started, time.process_time() - cpu),
        memory_bytes=psutil.Process().memory_info().rss,
    )


def simulate(effort: Effort) -> Iterator[Line]:
    """The fastest of three, for right-or-wrong and for graded scores."""
    for graded in (False, True):
        found = [measure_speed(graded=graded, seed=effort.seed + i) for i in range(3)]
        name = f"{'graded' if graded else '0/1'}, 10 strategies x 10,000 rows x 10,000 draws"
        seconds = min(speed.seconds for speed in found)
        yield Line(what="all pairs", setting=name, measured=seconds, high=MAX_SECONDS, unit="s")
        memory = max(speed.memory_bytes for speed in found)
        yield Line(
            what="all pairs, memory", setting=name, measured=memory / 1e9, high=MAX_BYTES / 1e9, unit="GB"
        )
