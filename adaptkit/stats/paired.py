"""Is one strategy better than another on the same rows, or could the rows and seeds alone explain it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from adaptkit.core.results import Verdict
from adaptkit.stats.luck import luck_part, one_seed
from adaptkit.stats.mcnemar import mcnemar_exact
from adaptkit.stats.power import detectable_difference, rows_beside_seeds
from adaptkit.stats.scores import Floats, Scores
from adaptkit.stats.sign_flip import TIE, flips_in_words
from adaptkit.stats.spread import Part, Spread
from adaptkit.stats.table import Table
from adaptkit.stats.units import Units
from adaptkit.stats.verdict import non_inferior


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The mean of ``strategy - baseline`` over the rows that both have.

    Attributes:
        n: rows in both; ``unpaired`` are the ids of those in only one, which every figure here leaves out.
        delta: mean difference, None without rows; ``low`` and ``high`` bound its 95 % interval.
        equivalence_low: lower bound of the 90 % interval, ``equivalence_high`` the upper.
        gained: rows on which ``strategy`` is higher, ``lost`` lower.
        p_value: two-sided, None where no test can be made; ``p_adjusted`` after Holm over all pairs.
        test: which test gave it, in words.
        non_inferior: whether ``strategy`` is at most the margin worse, at a one-sided 5 % level.
        detectable: the smallest true difference that these rows and seeds show four times in five.
        n_to_decide: rows in all that would show ``delta`` four times in five, were it the true one; None
            where no number of rows would (no difference, or the seeds are too few).
    """

    strategy: str
    baseline: str
    n: int
    unpaired: tuple[str, ...]
    delta: float | None
    low: float | None
    high: float | None
    equivalence_low: float | None
    equivalence_high: float | None
    gained: int
    lost: int
    p_value: float | None
    test: str
    p_adjusted: float | None = None
    verdict: Verdict = "undecided"
    non_inferior: bool | None = None
    detectable: float | None = None
    n_to_decide: int | None = None

    @property
    def n_unpaired(self) -> int:
        """How many rows only one of the two has."""
        return len(self.unpaired)

    def turned(self, margin: float | None) -> PairedDifference:
        """The same seen from the other strategy; the margin is the one that ``non_inferior`` refers to."""
        opposite = {"better": "worse", "worse": "better"}
        lower = _negated(self.equivalence_high)
        return replace(
            self,
            strategy=self.baseline,
            baseline=self.strategy,
            delta=_negated(self.delta),
            low=_negated(self.high),
            high=_negated(self.low),
            equivalence_low=lower,
            equivalence_high=_negated(self.equivalence_low),
            gained=self.lost,
            lost=self.gained,
            verdict=cast(Verdict, opposite.get(self.verdict, self.verdict)),
            non_inferior=non_inferior(lower, margin),
        )


def _negated(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Confidence of the two intervals of a difference."""

    interval: float = 0.95
    equivalence: float = 0.90


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Two strategies on the rows that both have, before any test.

    Attributes:
        names: strategy and baseline.
        rows: ``[n_rows]``, which rows of the table both have.
        differences: of those rows, ``strategy - baseline``.
        units: the differences by row or cluster.
        unpaired: ids of rows that only one has.
        spread: what may vary their mean; None where one row or cluster shows nothing.
        counted: whether every row is right or wrong and independent, so that rows need only be counted.
        bounded: whether scores lie in 0..1 and differences in -1..1.
        one_seed: whether training luck is left out.
    """

    names: tuple[str, str]
    rows: NDArray[np.bool_]
    differences: Floats
    units: Units
    unpaired: tuple[str, ...]
    spread: Spread | None
    counted: bool
    bounded: bool
    one_seed: bool

    @property
    def delta(self) -> float | None:
        """Mean difference over rows."""
        return self.units.mean if len(self.differences) else None

    @property
    def gained(self) -> int:
        """Rows on which the strategy is higher."""
        return int(np.count_nonzero(self.differences > 0))

    @property
    def lost(self) -> int:
        """Rows on which the strategy is lower."""
        return int(np.count_nonzero(self.differences < 0))

    @property
    def by_flips(self) -> bool:
        """Whether the permutation test applies, and not a count of rows."""
        return len(self.differences) > 0 and not self.counted

    def difference(self, levels: Levels) -> PairedDifference:
        """All figures but those of the test."""
        n = len(self.differences)
        low, high = self.bounds(levels.interval)
        equivalence_low, equivalence_high = self.bounds(levels.equivalence)
        detectable, n_to_decide = self._power()
        return PairedDifference(
            strategy=self.names[0],
            baseline=self.names[1],
            n=n,
            unpaired=self.unpaired,
            delta=self.delta,
            low=low,
            high=high,
            equivalence_low=equivalence_low,
            equivalence_high=equivalence_high,
            gained=self.gained,
            lost=self.lost,
            p_value=None,
            test="no shared rows" if n == 0 else "",
            detectable=detectable,
            n_to_decide=n_to_decide,
        )

    def bounds(self, confidence: float) -> tuple[float | None, float | None]:
        """Interval of the mean difference; None where nothing shows how rows differ."""
        delta = self.delta
        if delta is None or self.spread is None:
            return None, None
        low, high = self.spread.bounds(delta, confidence)
        return (max(-1.0, low), min(1.0, high)) if self.bounded else (low, high)

    def _power(self) -> tuple[float | None, int | None]:
        delta = self.delta
        if delta is None or self.spread is None:
            return None, None
        rows_half = self.spread.rows.half_width(0.95)
        half = self.spread.half_width(0.95)
        seeds_half = max(0.0, half**2 - rows_half**2) ** 0.5
        detectable = detectable_difference(-half, half)
        needed = rows_beside_seeds(len(self.differences), delta, rows_half, seeds_half)
        return (None if self.bounded and detectable > 1 else detectable), needed

    def counted_p(self) -> float | None:
        """McNemar's exact p-value where rows need only be counted."""
        return mcnemar_exact(self.gained, self.lost) if self.counted else None

    def flips_in_words(self, n_flips: int) -> str:
        """Name the permutation test of these differences."""
        name = flips_in_words(self.units.sums, n_flips)
        return name if self.units.independent else f"{name} over {len(self.units.sums)} clusters"

    def two_level_p(self) -> float | None:
        """The p-value of the t test over rows and seeds; None where there is one level."""
        if self.spread is None or self.spread.seeds is None:
            return None
        return self.spread.p_value(self.units.mean)


def measure(table: Table, strategy: int, baseline: int) -> Measured:
    """Put two strategies of a table side by side."""
    a, b = table.scores[strategy], table.scores[baseline]
    has_a, has_b = table.present(strategy), table.present(baseline)
    rows = has_a & has_b
    differences = table.means[rows, strategy] - table.means[rows, baseline]
    differences[np.abs(differences) <= TIE] = 0.0
    units = Units.of(differences, table.unit_of_row[rows])
    bounded = a.in_unit_range and b.in_unit_range
    seeds = luck_part([table.lucks[strategy], table.lucks[baseline]])
    return Measured(
        names=(table.names[strategy], table.names[baseline]),
        rows=rows,
        differences=differences,
        units=units,
        unpaired=tuple(table.ids[i] for i in np.flatnonzero(has_a ^ has_b)),
        spread=_spread(units, seeds, bounded=bounded),
        counted=len(differences) > 0 and units.independent and _right_or_wrong(a, b),
        bounded=bounded,
        one_seed=one_seed([a, b]),
    )


def _right_or_wrong(a: Scores, b: Scores) -> bool:
    return a.right_or_wrong and b.right_or_wrong


def _spread(units: Units, seeds: Part | None, *, bounded: bool) -> Spread | None:
    """None where nothing shows how differences vary: one unit, or equal ones of scores without bounds."""
    if len(units.sums) < 2 or (not bounded and units.all_equal and not (seeds and seeds.variance)):
        return None
    return Spread(rows=_rows_part(units, bounded), seeds=seeds)


def _rows_part(units: Units, bounded: bool) -> Part:
    """Steady the variance of differences of which most are equal: two strategies that almost always agree.

    The unit that was not seen differs by the geometric mean of the largest difference that was seen and the
    largest there can be, 1; its weight is the squared share of equal units. Without it, intervals of two
    strategies that differ on one row in ten hold the truth in 80 of 100 simulated sets of 20 rows, with it
    in 97; where they differ on one cluster in ten, in 62 of 100 sets of 10 clusters, with it in all. The
    price is that few clusters, some of them equal by chance, have intervals that are somewhat too wide.
    """
    if not bounded:
        return units.part()
    largest = float(np.abs(units.sums / units.sizes).max())
    tied = units.n_commonest() / len(units.sums)
    return units.part(tied=tied**2, square=largest or 1.0)


def flips(strategy: Scores, baseline: Scores) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of rows on which ``strategy`` is higher, and of those on which it is lower."""
    theirs = dict(zip(baseline.ids, baseline.row_means, strict=True))
    gaps = [(i, m - theirs[i]) for i, m in zip(strategy.ids, strategy.row_means, strict=True) if i in theirs]
    return tuple(i for i, gap in gaps if gap > TIE), tuple(i for i, gap in gaps if gap < -TIE)
