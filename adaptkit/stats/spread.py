"""How far a mean may be off: by the rows that were drawn, and by the training seeds that were drawn.

Two levels of chance are two parts of a variance, each known from a few rows, clusters or seeds only, and so
each with degrees of freedom of its own. There are two ways to one interval: one quantile of t for the whole
variance with degrees of freedom by F. E. Satterthwaite (Biometrics Bulletin 2, 1946), which with three seeds
holds the truth in 91 to 95 of 100 cases; or each part with its own quantile, ``half^2 = sum t_k^2 V_k``
(K. S. Banerjee, Sankhya 22, 1960), which never holds it too seldom, and in up to 97.5 of 100. The interval
midway between the two holds it in 94 to 97, by simulation over 2 to 10 seeds, 50 to 1,000 rows and luck from
none to more than all rows together; with two seeds, in 93 to 99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.stats.distributions import t_quantile, t_tail
from adaptkit.stats.scores import Floats, Ints, Scores

# Below this, p-values of the t tests are not told apart: their tails are not known so far out.
_SMALLEST_P = 1e-12


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the variance of a mean.

    Attributes:
        variance: of the mean, so it is divided by the number of rows or seeds already.
        df: degrees of freedom behind it, at least 1.
        gross: the variance before what belongs to another part was taken off, which is as uncertain as it
            was before; None where nothing was.
    """

    variance: float
    df: float
    gross: float | None = None

    def half_width(self, confidence: float) -> float:
        """Half of the interval that this part alone would give."""
        return t_quantile((1 + confidence) / 2, self.df) * math.sqrt(self.variance)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """All that makes a mean vary.

    Attributes:
        rows: what drawing other rows (or clusters) would change.
        seeds: the same for the training seeds of each strategy that has several.
    """

    rows: Part
    seeds: tuple[Part, ...] = ()

    @property
    def variance(self) -> float:
        """Variance of the mean."""
        return self.rows.variance + math.fsum(p.variance for p in self.seeds)

    def half_width(self, confidence: float) -> float:
        """Half of the interval around the mean."""
        if not self.seeds:
            return self.rows.half_width(confidence)
        parts = (self.rows, *self.seeds)
        apart = math.sqrt(math.fsum(p.half_width(confidence) ** 2 for p in parts))
        uncertain = math.fsum((p.variance if p.gross is None else p.gross) ** 2 / p.df for p in parts)
        if uncertain == 0:
            return apart
        whole = Part(variance=self.variance, df=max(1.0, self.variance**2 / uncertain))
        return (apart + whole.half_width(confidence)) / 2

    def p_value(self, mean: float) -> float | None:
        """Return the two-sided p-value against a true mean of 0: where the interval's bound meets 0.

        None without any variance, where no test can be made unless the mean is 0 itself.
        """
        if mean == 0:
            return 1.0
        if self.variance == 0:
            return None
        if not self.seeds:
            return max(_SMALLEST_P, t_tail(abs(mean) / math.sqrt(self.variance), self.rows.df))
        return self._solve(abs(mean))

    def _solve(self, mean: float) -> float:
        """Find the p whose interval ends at 0: false position on log p, which is nearly straight in it."""

        def gap(log_p: float) -> float:
            return math.log(self.half_width(1 - math.exp(log_p)) / mean)

        low, high = math.log(_SMALLEST_P), math.log(1 - 1e-9)
        at_low, at_high = gap(low), gap(high)
        if at_low <= 0:
            return _SMALLEST_P
        if at_high >= 0:
            return 1.0
        for _ in range(60):
            middle = (low * at_high - high * at_low) / (at_high - at_low)
            at_middle = gap(middle)
            if abs(at_middle) < 1e-9 or high - low < 1e-12:
                break
            # Halving the end that stays keeps false position from creeping (the Illinois rule).
            if at_middle > 0:
                low, at_low, at_high = middle, at_middle, at_high / 2
            else:
                high, at_high, at_low = middle, at_middle, at_low / 2
        return math.exp(middle)


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
        return Part(variance=variance, df=max(1.0, effective - 1))


def seed_part(scores: Scores, unit_of_row: Ints) -> Part | None:
    """Return the part of a mean's variance that drawing other training seeds would make.

    The variance of the seeds' means over S, less what single rows under single seeds add to it (which
    ``Units.part`` of the row means holds already): with x = row + seed + row under seed,
    ``Var(mean) = (V_row + V_rest / S) / n + V_seed / S``. With two seeds nothing is taken off: one degree of
    freedom tells too little about what is left.

    Args:
        scores: of one strategy.
        unit_of_row: see ``unit_of_rows``.

    Returns:
        None where seeds do not vary or there is one.
    """
    n, n_seeds = scores.values.shape
    if not scores.seeds_vary or n_seeds < 2 or n == 0:
        return None
    residuals = scores.values - scores.row_means[:, None]
    of_seed = np.nanmean(residuals, axis=0)
    variance = float(of_seed.var(ddof=1)) / n_seeds
    if n_seeds == 2:
        return Part(variance=variance, df=1)
    net = max(0.0, variance - _rest_variance(residuals - of_seed, unit_of_row))
    return Part(variance=net, df=n_seeds - 1, gross=variance)


def _rest_variance(rest: Floats, unit_of_row: Ints) -> float:
    """Return ``V_rest / (n S)``, from sums over units, so that rows of a cluster may err together."""
    n, n_seeds = rest.shape
    by_seed = np.nan_to_num(rest).T
    sums = np.array([np.bincount(unit_of_row, weights=column) for column in by_seed])
    n_units = int(np.count_nonzero(np.bincount(unit_of_row)))
    if n_units < 2:
        return 0.0
    scale = n_units / ((n_units - 1) * n**2 * n_seeds * (n_seeds - 1))
    return float(np.square(sums).sum() * scale)


def one_seed(scores: Sequence[Scores]) -> bool:
    """Whether the luck of training is left out for one of them: its seeds would vary and there is one."""
    return any(s.seeds_vary and s.n_seeds == 1 for s in scores)
