"""Does a run that stops early say nothing false, and does it spare rows?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from adaptkit.stats import RunSoFar, Scores, StoppingRule, compare_all
from benchmarks.stats import planted
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.planted import Floats, alike_on_most, ids_of

FALSE_RUNS, CLEAR_RUNS = 500, 200
MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class Case:
    """A comparison that is decided as it runs.

    Attributes:
        truth: the mean of each strategy.
        n: planned rows.
        draw: scores ``[n, n_strategies]``.
    """

    name: str
    truth: tuple[float, ...]
    n: int
    draw: Callable[[np.random.Generator], Floats]


def _right_or_wrong(name: str, truth: tuple[float, ...], n: int) -> Case:
    draw = partial(alike_on_most, truth, n)
    return Case(name=f"{name}, 0/1, {n} rows", truth=truth, n=n, draw=draw)


def _graded(name: str, truth: tuple[float, ...], n: int) -> Case:
    """A row scores 0.75 or 0.25, blurred: the means are ``0.25 + truth / 2``."""

    def draw(rng: np.random.Generator) -> Floats:
        rows = alike_on_most(truth, n, rng)
        return 0.25 + rows / 2 + rng.uniform(-0.2, 0.2, rows.shape)

    halved = tuple(0.25 + t / 2 for t in truth)
    return Case(name=f"{name}, graded, {n} rows", truth=halved, n=n, draw=draw)


def _at_the_margin(n: int) -> Case:
    """Two strategies just too far apart to be called alike, that differ on few rows."""
    discordance = 0.03
    return Case(
        name=f"two at the margin, 0/1, {n} rows",
        truth=(0.6 + MARGIN, 0.6),
        n=n,
        draw=partial(planted.discordant, n, MARGIN, discordance),
    )


EQUAL = (
    _right_or_wrong("five equal", (0.6,) * 5, 400),
    _graded("five equal", (0.6,) * 5, 200),
    _right_or_wrong("two equal and three worse", (0.75, 0.75, 0.6, 0.5, 0.5), 400),
    _at_the_margin(2000),
)
CLEAR = (
    _right_or_wrong("80, 60, 60, 50, 50 %", (0.8, 0.6, 0.6, 0.5, 0.5), 400),
    _right_or_wrong("90 and four times 50 %", (0.9, 0.5, 0.5, 0.5, 0.5), 200),
    _graded("80, 60, 60, 50, 50 %", (0.8, 0.6, 0.6, 0.5, 0.5), 400),
    _right_or_wrong("80 and 60 %", (0.8, 0.6), 400),
)
CLOSE = (
    _right_or_wrong("70 and 62 %", (0.7, 0.62), 400),
    _right_or_wrong("70, 60, 60 %", (0.7, 0.6, 0.6), 400),
)


def of_false_decisions(effort: Effort) -> Iterator[Line]:
    """Runs in which anything false was said, at any look."""
    for case in EQUAL:
        runs, false = effort.runs(FALSE_RUNS), 0
        for found in _runs(case, runs, effort):
            false += _says_something_false(found, case.truth)
        yield Line(
            what="until decided: false",
            setting=case.name,
            measured=false / runs,
            high=0.05,
            runs=runs,
        )


def of_rows_spared(effort: Effort) -> Iterator[Line]:
    """Rows that were not answered, of those that all strategies would have answered."""
    for case in CLEAR:
        found = list(_runs(case, effort.runs(CLEAR_RUNS), effort))
        spared = 1 - np.mean([_rows_used(run, case) for run in found])
        decided = np.mean([run.decided for run in found])
        yield Line(
            what="until decided: rows spared",
            setting=case.name,
            measured=float(spared),
            low=0.30,
            note=f"decided in {decided:.0%} of {len(found)} runs",
        )


def of_close_cases(effort: Effort) -> Iterator[Line]:
    """What stopping early costs where it is close: winners found, beside a single test at the end."""
    for case in CLOSE:
        rng = np.random.default_rng([effort.seed, 6, case.n])
        runs = effort.runs(CLEAR_RUNS)
        early = sum(run.best == "s0" for run in _runs(case, runs, effort))
        single = sum(_single_test_finds(planted.named(case.draw(rng)), rng) for _ in range(runs))
        yield Line(
            what="until decided: close winners",
            setting=case.name,
            measured=early / runs,
            runs=runs,
            note=f"{single / runs:.0%} by one test of all rows",
        )


def _single_test_finds(scores: dict[str, Scores], rng: np.random.Generator) -> bool:
    found = compare_all(scores, rng=rng, n_resamples=100).pairs
    return all(pair.verdict == "worse" for pair in found if pair.baseline == "s0")


def _runs(case: Case, n_runs: int, effort: Effort) -> Iterator[RunSoFar]:
    rng = np.random.default_rng([effort.seed, 5, case.n, len(case.truth)])
    rule = StoppingRule(order=ids_of(case.n), margin=MARGIN)
    for _ in range(n_runs):
        yield rule.judge(planted.named(case.draw(rng)), case.n)


def _says_something_false(found: RunSoFar, truth: tuple[float, ...]) -> bool:
    mean = {f"s{k}": value for k, value in enumerate(truth)}
    gaps = [(pair.verdict, mean[pair.strategy] - mean[pair.baseline]) for pair in found.pairs]
    wrong = any((v == "better" and gap <= 0) or (v == "worse" and gap >= 0) for v, gap in gaps)
    remaining = [mean[name] for name in mean if name not in found.dropped]
    return wrong or (found.alike and max(remaining) - min(remaining) >= MARGIN - 1e-12)


def _rows_used(found: RunSoFar, case: Case) -> float:
    names = [f"s{k}" for k in range(len(case.truth))]
    return sum(found.dropped.get(name, found.n_rows) for name in names) / (case.n * len(names))


def simulate(effort: Effort) -> Iterator[Line]:
    """False decisions, rows spared, and what it costs."""
    yield from of_false_decisions(effort)
    yield from of_rows_spared(effort)
    yield from of_close_cases(effort)
