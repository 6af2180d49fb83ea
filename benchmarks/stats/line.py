"""One line of the report: what was simulated, what came out, and what it should be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Line:
    """A figure beside its target.

    Attributes:
        what: the promise, e.g. ``coverage of a mean``.
        setting: on what data.
        measured: the figure; a share unless ``unit`` says otherwise.
        low: the least it may be, None for no bound.
        high: the most it may be, None for no bound.
        runs: how many simulated runs it is a share of; 1 for a measurement.
        unit: ``%`` for a share.
        note: what else a reader should know.
    """

    what: str
    setting: str
    measured: float
    low: float | None = None
    high: float | None = None
    runs: int = 1
    unit: str = "%"
    note: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the figure is within its bounds; None where it has none and only informs."""
        if self.low is None and self.high is None:
            return None
        low = -math.inf if self.low is None else self.low
        return bool(low <= self.measured <= (math.inf if self.high is None else self.high))

    @property
    def target(self) -> str:
        """The bounds in words."""
        low, high = (None if b is None else self.figure(b, digits=0) for b in (self.low, self.high))
        if low is None or high is None:
            return f"at least {low}" if low else f"at most {high}" if high else ""
        return f"{low} to {high}"

    @property
    def error(self) -> float | None:
        """Standard error of a share over the runs; None for what is not one."""
        if self.unit != "%" or self.runs < 2 or not 0 <= self.measured <= 1:
            return None
        return math.sqrt(self.measured * (1 - self.measured) / self.runs)

    def figure(self, value: float | None = None, digits: int = 1) -> str:
        """Write a value, the measured one if none is given, in the line's unit."""
        value = self.measured if value is None else value
        return f"{100 * value:.{digits}f} %" if self.unit == "%" else f"{value:.3g} {self.unit}"

    def to_json(self) -> dict[str, Any]:
        """All fields, and what follows from them."""
        return {**dataclasses.asdict(self), "passed": self.passed, "standard_error": self.error}


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much to simulate.

    Attributes:
        share: of the full number of runs, e.g. 0.01 to see that everything works.
        seed: every simulation makes its own generators from it.
    """

    share: float = 1.0
    seed: int = 20_250_101

    def runs(self, full: int) -> int:
        """Runs to make where the full report makes ``full``, at least 2."""
        return max(2, round(full * self.share))


Simulation = Callable[[Effort], Iterator[Line]]
