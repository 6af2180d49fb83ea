"""A prediction: the most likely value between the lowest and the highest."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from adaptkit.stats.distributions import t_quantile

OTHERS_FACTOR = 2.0
"""Other configurations of a strategy are taken to cost from half to twice what the given one does."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """What is predicted of an amount, with its range.

    Examples:
        >>> Range(low=1, value=2, high=4) + Range.exactly(1)
        Range(low=2, value=3, high=5)
        >>> Range(low=1, value=2, high=4).times(3).bounds
        (3, 12)
    """

    low: float
    value: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Range:
        """An amount that is known."""
        return cls(low=value, value=value, high=value)

    @classmethod
    def within(cls, value: float, factor: float) -> Range:
        """From the value divided by a factor to the value times it."""
        return cls(low=value / factor, value=value, high=value * factor)

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest."""
        return self.low, self.high

    def __add__(self, other: Range) -> Range:
        """Both together: the lowest is where both are lowest, so ranges of sums are wide."""
        return Range(low=self.low + other.low, value=self.value + other.value, high=self.high + other.high)

    def times(self, factor: float | Range) -> Range:
        """So many of it; neither is below 0."""
        n = factor if isinstance(factor, Range) else Range.exactly(factor)
        return Range(low=self.low * n.low, value=self.value * n.value, high=self.high * n.high)


NONE = Range.exactly(0.0)
"""Nothing of it."""


def total(spans: Iterable[Range]) -> Range:
    """All together."""
    found = NONE
    for span in spans:
        found += span
    return found


def of_rows(values: Sequence[float], n: int) -> Range:
    """Predict the sum over ``n`` further rows from the values of a few.

    The range is Student's 95 % prediction interval, ``mean ± t s sqrt(1/m + 1/n)`` for ``m`` values, no lower
    than if every row took what the least of them did.

    Args:
        values: at least 2, none below 0.
        n: rows to predict for.

    Examples:
        >>> of_rows([2.0, 2.0, 2.0], 10)
        Range(low=20.0, value=20.0, high=20.0)
    """
    if n == 0:
        return NONE
    m, mean = len(values), fmean(values)
    half = t_quantile(0.975, m - 1) * stdev(values) * math.sqrt(1 / m + 1 / n)
    return Range(low=n * max(mean - half, min(values)), value=n * mean, high=n * (mean + half))
