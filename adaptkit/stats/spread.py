"""How far a mean may be off: by the rows that were drawn, and by the training seeds that were drawn.

Two levels of chance are two parts of a variance, each known from a few rows, clusters or seeds only, and so
each with degrees of freedom of its own. There are two ways to one interval: one quantile of t for the whole
variance with degrees of freedom by F. E. Satterthwaite (Biometrics Bulletin 2, 1946), which with two seeds
holds the truth in 86 to 99 of 100 simulated cases; or each part with its own quantile, ``half^2 = sum t_k^2
V_k`` (K. S. Banerjee, Sankhya 22, 1960), which then holds it in 95 to 99.8. The interval midway between the
two holds it in 93 to 99.5 with two seeds, and in 93 to 98 with 3 to 10, by simulation over 50 to 1,000 rows
and luck from none to more than all rows together: least where the luck of 3 seeds is most of what varies,
most where it is next to nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adaptkit.stats.distributions import t_quantile, t_tail

# Below this, p-values of the t tests are not told apart: their tails are not known so far out.
_SMALLEST_P = 1e-12
# Below this, turning the cubic back divides rounding errors by next to nothing, and it is t itself.
_NOT_SKEWED = 1e-6


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the variance of a mean.

    Attributes:
        variance: of the mean, so it is divided by the number of rows or seeds already.
        df: degrees of freedom behind it, at least 1.
        gross: the variance before what belongs to another part was taken off, which is as uncertain as it
            was before; None where nothing was.
        third: the third central moment of the mean, whose sign says to which side it is skewed.
    """

    variance: float
    df: float
    gross: float | None = None
    third: float = 0.0

    @property
    def uncertain(self) -> float:
        """The variance that was measured."""
        return self.variance if self.gross is None else self.gross

    def half_width(self, confidence: float) -> float:
        """Half of the interval that this part alone would give."""
        return t_quantile((1 + confidence) / 2, self.df) * math.sqrt(self.variance)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """All that makes a mean vary.

    Attributes:
        rows: what drawing other rows (or clusters) would change.
        seeds: what drawing other training seeds would change; None where seeds are no level of chance.
    """

    rows: Part
    seeds: Part | None = None

    @property
    def variance(self) -> float:
        """Variance of the mean."""
        return self.rows.variance + (self.seeds.variance if self.seeds else 0.0)

    def half_width(self, confidence: float) -> float:
        """Half of the interval around the mean, were it not skewed."""
        if self.seeds is None:
            return self.rows.half_width(confidence)
        apart = math.hypot(self.rows.half_width(confidence), self.seeds.half_width(confidence))
        uncertain = self.rows.uncertain**2 / self.rows.df + self.seeds.uncertain**2 / self.seeds.df
        if uncertain == 0:
            return apart
        whole = Part(variance=self.variance, df=max(1.0, self.variance**2 / uncertain))
        return (apart + whole.half_width(confidence)) / 2

    def bounds(self, mean: float, confidence: float) -> tuple[float, float]:
        """Return the interval around the mean, skewed as the differences of rows are.

        The statistic t of a skewed sample is made symmetric by the cubic ``t + k t^2 / 3 + k^2 t^3 / 27 +
        k / 6`` with k the skewness of the mean (P. Hall, JRSS B 54, 1992), and the bounds are turned back.
        """
        half = self.half_width(confidence)
        error = math.sqrt(self.variance)
        skewness = self.rows.third / error**3 if error > 0 else 0.0
        if abs(skewness) < _NOT_SKEWED:
            return mean - half, mean + half

        def turned_back(x: float) -> float:
            return 3 / skewness * (float(np.cbrt(1 + skewness * (x - skewness / 6))) - 1)

        return mean - error * turned_back(half / error), mean - error * turned_back(-half / error)

    def p_value(self, mean: float) -> float | None:
        """Return the two-sided p-value against a true mean of 0: where ``half_width`` reaches from it to 0.

        Not corrected for skew: where two strategies are alike, their differences are as often of one sign as
        of the other.

        None without any variance, where no test can be made unless the mean is 0 itself.
        """
        if mean == 0:
            return 1.0
        if self.variance == 0:
            return None
        if self.seeds is None:
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
