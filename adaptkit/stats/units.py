"""Rows added up by what was drawn together, and how much drawing other units would change their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adaptkit.stats.scores import Floats, Ints
from adaptkit.stats.spread import Part


@dataclass(frozen=True, kw_only=True)
class Units:
    """Rows added up by unit: a row of its own, or a cluster of rows that stand or fall together.

    Attributes:
        sums: ``[n_units]``, the sum of the values of each.
        sizes: ``[n_units]``, how many rows each holds, at least 1.
    """

    sums: Floats
    sizes: Floats

    @classmethod
    def of(cls, values: Floats, unit_of_row: Ints) -> Units:
        """Add up rows by unit; units without a row are left out."""
        sizes = np.bincount(unit_of_row)
        sums = np.bincount(unit_of_row, weights=values).astype(np.float64)
        if sizes.min(initial=1) > 0:
            return cls(sums=sums, sizes=sizes.astype(np.float64))
        present = sizes > 0
        return cls(sums=sums[present], sizes=sizes[present].astype(np.float64))

    @property
    def independent(self) -> bool:
        """Whether every row is a unit of its own."""
        return bool(np.all(self.sizes == 1))

    @property
    def mean(self) -> float:
        """The mean over rows."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def effective(self) -> float:
        """How many units of equal size would weigh as much: ``1 / sum of squared shares``."""
        return float(self.sizes.sum() ** 2 / np.square(self.sizes).sum())

    def n_commonest(self) -> int:
        """How many units share the commonest mean; 0 where no two do."""
        _, counts = np.unique(np.round(self.sums / self.sizes, 12), return_counts=True)
        return int(counts.max()) if counts.max() > 1 else 0

    @property
    def all_equal(self) -> bool:
        """Whether the means of units are one and the same, so that they show no spread."""
        return len(self.sums) < 2 or self.n_commonest() == len(self.sums)

    def variance(self) -> float:
        """Variance of the mean, from how units differ from it (at least 2 of them).

        Each residual is divided by ``sqrt(1 - its share of the rows)`` (the CR2 form of R. M. Bell and
        D. F. McCaffrey, Survey Methodology 28, 2002): with equal sizes this is CR1, with sizes that differ
        CR1 is too small. For independent rows it is ``s^2 / n``.
        """
        n = self.sizes.sum()
        residuals = (self.sums - self.mean * self.sizes) / np.sqrt(1 - self.sizes / n)
        return float(np.square(residuals).sum() / n**2)

    def part(self, *, tied: float = 0.0, square: float = 0.0) -> Part:
        """Return the part of a variance that drawing other units makes, steadied by a unit that was not seen.

        Where most units are equal, few that differ decide the variance, and it is too small whenever none
        or one of those was drawn. So a further unit with the squared deviation ``square`` is mixed in with
        the weight ``tied``, 0 where no two units are equal and 1 where all are.

        Degrees of freedom are those of the effective number of units: with sizes that differ, ``t_(G-1)`` is
        too narrow.
        """
        effective = self.effective
        seen = self.variance() * (effective - 1)
        variance = (seen + tied * square / effective) / (effective - 1 + tied)
        return Part(variance=variance, df=max(1.0, effective - 1), third=self._third())

    def _third(self) -> float:
        """Third central moment of the mean; 0 for two units, which have no side."""
        n_units = len(self.sums)
        if n_units < 3:
            return 0.0
        cubes = float(((self.sums - self.mean * self.sizes) ** 3).sum())
        return cubes / float(self.sizes.sum()) ** 3 * math.sqrt(n_units * (n_units - 1)) / (n_units - 2)
