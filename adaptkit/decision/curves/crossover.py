"""From how many labels on one strategy beats another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from adaptkit.core.errors import ConfigError
from adaptkit.decision.curves.curve import LearningCurve
from adaptkit.decision.wording import percent
from adaptkit.stats.scores import Floats

Kind = Literal["crosses", "throughout", "never"]

_N_PLACES = 300


@dataclass(frozen=True, kw_only=True)
class Crossover:
    """From how many labels on one strategy beats another, within what was measured of both.

    Attributes:
        strategy: the one that leads in the end, ``other`` the one that it beats.
        kind: ``crosses`` from ``n_labels`` on, ``throughout`` leads at every number measured, ``never``: the
            two are equal in the end.
        n_labels: the smallest number from which ``strategy`` leads; None unless it crosses.
        low: 95 % interval of that number; None for no more than ``fewest``: it may lead from the start.
        high: likewise; None for more than ``most``: it may never lead within what was measured.
        share: of the resamples in which ``strategy`` leads in the end; None where nothing can be resampled.
        fewest: labels measured of both, ``most`` likewise.
    """

    task: str
    strategy: str
    other: str
    kind: Kind
    n_labels: int | None
    low: int | None
    high: int | None
    share: float | None
    fewest: int
    most: int

    def __str__(self) -> str:
        """The finding as a sentence."""
        measured = f"{self.fewest:,} to {self.most:,} labels"
        if self.kind == "never":
            return f"{self.strategy} never beats {self.other} within what was measured ({measured})."
        sure = (
            "" if self.share is None else f"; ahead at {self.most:,} in {percent(self.share, 0)} of resamples"
        )
        if self.kind == "throughout":
            return f"{self.strategy} beats {self.other} throughout ({measured}){sure}."
        return f"{self.strategy} beats {self.other} from {self.n_labels:,} labels on ({self._range()}{sure})."

    def _range(self) -> str:
        if self.share is None:
            return "no interval"
        low = f"{self.fewest:,} or fewer" if self.low is None else f"{self.low:,}"
        high = f"beyond {self.most:,}" if self.high is None else f"{self.high:,}"
        return f"95 % interval {low} to {high}"


def crossover(a: LearningCurve, b: LearningCurve) -> Crossover:
    """Find the smallest number of labels from which one of two strategies beats the other.

    By the curves' laws, or by lines between points where there is no law; only within what was measured of
    both. Each resample of test rows and seeds, the same for both curves, has its own crossover: their
    percentiles are its interval.

    Raises:
        ConfigError: two tasks, or no numbers of labels measured of both.
    """
    places = _places(a, b)
    of_a, of_b = a.qualities(places), b.qualities(places)
    lead = of_a[0] - of_b[0]
    first, second = (a, b) if lead[-1] >= 0 else (b, a)
    sign = 1.0 if first is a else -1.0
    at = int(_starts(sign * lead[None])[0])
    resampled = None
    if of_a[1] is not None and of_b[1] is not None:
        resampled = sign * (of_a[1] - of_b[1])
    # Lead of the last place: 0 is no lead, and where it is all there is nobody beats anybody.
    kind: Kind = "never" if at == len(places) else "throughout" if at == 0 else "crosses"
    low, high = _interval(resampled, places) if kind == "crosses" and resampled is not None else (None, None)
    return Crossover(
        task=a.task,
        strategy=first.strategy,
        other=second.strategy,
        kind=kind,
        n_labels=_exactly(first, second, places[at - 1], places[at]) if kind == "crosses" else None,
        low=low,
        high=high,
        share=None if resampled is None else float(np.mean(resampled[:, -1] > 0)),
        fewest=int(places[0]),
        most=int(places[-1]),
    )


def _places(a: LearningCurve, b: LearningCurve) -> Floats:
    """Whole numbers of labels within what was measured of both, dense on a log scale, sizes among them."""
    if a.task != b.task:
        raise ConfigError(f"Curves of two tasks do not cross: '{a.task}' and '{b.task}'.")
    learning = [c.sizes for c in (a, b) if c.learns and c.points]
    low = max((min(s) for s in learning), default=0)
    high = min((max(s) for s in learning), default=0)
    if not 0 < low <= high:
        raise ConfigError(
            f"{a.strategy} and {b.strategy} share no numbers of labels: nothing says where they cross."
        )
    dense = np.geomspace(low, high, _N_PLACES).round()
    own = [n for sizes in learning for n in sizes if low <= n <= high]
    return np.unique(np.concatenate([dense, own])).astype(np.float64)


def _starts(lead: Floats) -> NDArray[np.intp]:
    """Of each row, the first place from which the lead stays above 0; the number of places for none."""
    behind = lead <= 0
    last_behind = lead.shape[1] - 1 - np.argmax(behind[:, ::-1], axis=1)
    return np.where(behind.any(axis=1), last_behind + 1, 0)


def _exactly(first: LearningCurve, second: LearningCurve, behind: float, ahead: float) -> int:
    """The first whole number of labels with a lead, between a place without and the next, which has one."""
    between = np.arange(int(behind) + 1, int(ahead) + 1, dtype=np.float64)
    lead = first.qualities(between)[0] - second.qualities(between)[0]
    return int(between[_starts(lead[None])[0]])


def _interval(lead: Floats, places: Floats) -> tuple[int | None, int | None]:
    """Percentiles of the resamples' crossovers; those before or after what was measured are its ends."""
    starts = np.sort(_starts(lead))
    low = int(starts[math.floor(0.025 * (len(starts) - 1))])
    high = int(starts[math.ceil(0.975 * (len(starts) - 1))])
    return (
        None if low == 0 else int(places[min(low, len(places) - 1)]),
        None if high == len(places) else int(places[high]),
    )
