"""The mean of a strategy's scores with its 95 % interval, by the method that held up in simulation.

``python -m benchmarks.stats`` measures it: nominal 95 % intervals hold the truth in 93 to 97 of 100 test
sets, from 20 rows to 1,000, for right-or-wrong and graded scores, repeats and clusters. A percentile
bootstrap, t and BCa do not at 20 rows, nor at means near 1, where scores are skewed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.core.results import Estimate
from adaptkit.stats.distributions import t_quantile
from adaptkit.stats.intervals import score_bounds, unit_of_labels, wilson
from adaptkit.stats.luck import luck_of, luck_part, one_seed
from adaptkit.stats.resample import bca_interval, percentile_interval, resampled_means
from adaptkit.stats.scores import Ints, Scores, unit_of_rows
from adaptkit.stats.spread import Part, Spread
from adaptkit.stats.units import Units

# With fewer than this many units away from the commonest score, their spread says next to nothing.
_MIN_VARIED = 2
_MIN_RESAMPLED = 20
Clusters = Mapping[str, str] | Sequence[str | None] | None
Bounds = tuple[float, float] | tuple[None, None]


def mean_estimate(
    scores: Scores | Sequence[float],
    *,
    rng: np.random.Generator,
    clusters: Clusters = None,
    confidence: float = 0.95,
) -> Estimate:
    """Return the mean over rows with its interval and, in words, how that was made.

    * no rows, one graded row or one cluster: no bounds, because nothing shows how rows differ;
    * independent rows of 0 or 1: Wilson's interval;
    * other scores in 0..1 (graded, repeated, clustered): Wilson's interval with as many rows as would vary
      like these means of rows or clusters, ``n = p (1 - p) / Var``, and quantiles of t. It lies within 0..1
      and is skewed as scores near 0 or 1 are;
    * several training seeds: the same, with what drawing other seeds would change (see ``Spread``); with one
      seed the method says that the luck of training is not covered;
    * scores outside 0..1: BCa bootstrap, below 20 rows or clusters t; none where all are equal.

    Args:
        scores: of one strategy, or plainly one value a row.
        rng: for the bootstrap.
        clusters: the cluster of a row by id (with plain values, a label a row); rows without one are
            independent.
        confidence: e.g. 0.95.
    """
    table = scores if isinstance(scores, Scores) else _plain(scores)
    n = len(table.ids)
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0, method="no rows")
    unit_of_row = _unit_of_row(table, clusters)
    rows = _Rows(
        scores=table,
        units=Units.of(table.row_means, unit_of_row),
        seeds=luck_part([luck_of(table, unit_of_row)]),
        confidence=confidence,
    )
    (low, high), method = rows.interval(unit_of_row, rng)
    luck = "; 1 seed: the luck of training is not covered" if one_seed([table]) and low is not None else ""
    return Estimate(value=rows.units.mean, low=low, high=high, n=n, method=method + luck)


def _plain(values: Sequence[float]) -> Scores:
    width = len(str(len(values)))
    return Scores.from_rows({f"{i:0{width}d}": float(v) for i, v in enumerate(values)})


def _unit_of_row(scores: Scores, clusters: Clusters) -> Ints:
    if clusters is None or isinstance(clusters, Mapping):
        return unit_of_rows(scores.ids, clusters)
    return unit_of_labels(clusters, len(scores.ids))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """What an interval is made from."""

    scores: Scores
    units: Units
    seeds: Part | None
    confidence: float

    @property
    def what(self) -> str:
        """What varies, in words."""
        text = f"{len(self.units.sums)} {'rows' if self.units.independent else 'clusters'}"
        return text if self.seeds is None else f"{text} and {self.scores.n_seeds} seeds"

    def interval(self, unit_of_row: Ints, rng: np.random.Generator) -> tuple[Bounds, str]:
        units, n_units = self.units, len(self.units.sums)
        if self.seeds is None and units.independent and self.scores.right_or_wrong:
            return wilson(round(units.sums.sum()), n_units, self.confidence), "Wilson interval"
        if n_units == 1:
            return (None, None), f"no interval from one {'row' if units.independent else 'cluster'}"
        if self.scores.in_unit_range:
            return self._wilson_for_spread(), f"Wilson interval for the spread of {self.what}"
        if units.all_equal and not (self.seeds and self.seeds.variance):
            return (None, None), f"no interval: all of {self.what} are equal"
        if self.seeds is None and n_units >= _MIN_RESAMPLED:
            means = resampled_means(units, rng=rng)
            skewed = bca_interval(means, units, self.confidence)
            return skewed or percentile_interval(means, self.confidence), f"BCa bootstrap over {self.what}"
        half = self._spread(units.part()).half_width(self.confidence)
        return (units.mean - half, units.mean + half), f"t interval over {self.what}"

    def _spread(self, rows: Part) -> Spread:
        return Spread(rows=rows, seeds=self.seeds)

    def _wilson_for_spread(self) -> Bounds:
        units = self.units
        mean = min(1.0, max(0.0, units.mean))
        rows = self._steadied(mean)
        # Scores in 0..1 vary at most as right and wrong do: this is the scale of that many rows.
        most = t_quantile((1 + self.confidence) / 2, rows.df) ** 2 / units.effective
        if mean in (0, 1):
            return score_bounds(mean, most)
        scale = self._spread(rows).half_width(self.confidence) ** 2 / (mean * (1 - mean))
        if len(units.sums) - units.n_commonest() < _MIN_VARIED:
            scale = max(scale, most)
        return score_bounds(mean, scale)

    def _steadied(self, mean: float) -> Part:
        """Steady the variance of rows of which many have the same score, e.g. all repeats right.

        Clusters are left alone: few of them are equal unless all are, and t allows for their number.
        """
        if not self.units.independent:
            return self.units.part()
        n = len(self.units.sums)
        # Half a row from the middle, so that a mean of 1 leaves room for what was not drawn.
        share = (n * mean + 0.5) / (n + 1)
        return self.units.part(tied=self.units.n_commonest() / n, square=share * (1 - share))
