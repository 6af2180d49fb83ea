"""The simulations of the report, by name. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.stats import coverage, early, speed, ties
from benchmarks.stats.line import Effort, Line, Simulation


def _break_even(effort: Effort) -> Iterator[Line]:
    import numpy as np

    from benchmarks.stats import break_even

    for scenario in (*break_even.SCENARIOS, *break_even.LIMITS):
        beyond = scenario in break_even.LIMITS
        for n, full in zip(break_even.SIZES, break_even.RUNS, strict=True):
            rng = np.random.default_rng([effort.seed, n, *scenario.name.encode()])
            found = break_even.coverage(scenario, n, n_runs=effort.runs(full), rng=rng)
            yield Line(
                what="coverage, break-even",
                setting=f"{scenario.name}, {n} requests",
                measured=found.covered,
                low=None if beyond else break_even.LEAST,
                high=None if beyond else break_even.MOST,
                runs=found.n_runs,
                note="too few requests show such a tail" if beyond else "",
            )


SIMULATIONS: dict[str, Simulation] = {
    "coverage": coverage.simulate,
    "ties": ties.simulate,
    "early": early.simulate,
    "break-even": _break_even,
    "speed": speed.simulate,
}
