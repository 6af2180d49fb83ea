"""The simulations of the report, by name. A new one is a module and a line here."""

from __future__ import annotations

from benchmarks.stats import break_even, corpus, coverage, early, speed, ties
from benchmarks.stats.line import Simulation

SIMULATIONS: dict[str, Simulation] = {
    "coverage": coverage.simulate,
    "ties": ties.simulate,
    "corpus": corpus.simulate,
    "early": early.simulate,
    "break-even": break_even.simulate,
    "speed": speed.simulate,
}
