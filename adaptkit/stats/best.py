"""Strategies beside each other, were rows and seeds drawn again: how often each is the best, or near it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.stats.luck import Luck
from adaptkit.stats.resample import N_RESAMPLES, resampled_sums
from adaptkit.stats.scores import Floats
from adaptkit.stats.sign_flip import TIE
from adaptkit.stats.table import Table


@dataclass(frozen=True, eq=False)
class Gaps:
    """Mean differences of strategies to one of them, drawn again many times.

    Attributes:
        names: of the strategies.
        values: ``[n_resamples, n_strategies]``; NaN where a draw holds no row of a strategy, and throughout
            for one that shares none with the reference.
    """

    names: tuple[str, ...]
    values: Floats

    def p_best(self) -> dict[str, float | None]:
        """The share of resamples in which each has the highest mean; ties are split evenly.

        Returns:
            By strategy, adding up to 1; None for one that shares no row with the reference.
        """
        if not len(self.values):
            return dict.fromkeys(self.names)
        known = np.asarray(~np.isnan(self.values).all(axis=0))
        best = self.values >= self._highest() - TIE
        shares = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
        return {name: float(s) if c else None for name, s, c in zip(self.names, shares, known, strict=True)}

    def p_within(self, name: str, margin: float) -> float | None:
        """The share of resamples in which a strategy is at most ``margin`` worse than the best one.

        Returns:
            None for one that shares no row with the reference.
        """
        own = self.values[:, self.names.index(name)]
        if not len(own) or np.isnan(own).all():
            return None
        return float((own >= self._highest()[:, 0] - margin - TIE).mean())

    def of(self, names: Sequence[str], shifts: Mapping[str, Floats | float] | None = None) -> Gaps:
        """The same for some strategies, each with something taken off, e.g. what a request costs.

        Args:
            names: the strategies to keep.
            shifts: by strategy, what is taken off its mean: a number, or one a resample.
        """
        columns = [
            self.values[:, self.names.index(n)] - np.asarray((shifts or {}).get(n, 0.0)) for n in names
        ]
        kept = np.column_stack(columns) if columns else np.zeros((0, 0))
        return Gaps(tuple(names), kept[~np.isnan(kept).all(axis=1)] if len(kept) else kept)

    def _highest(self) -> Floats:
        return np.asarray(np.nanmax(self.values, axis=1, keepdims=True))


def resampled_gaps(table: Table, *, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Gaps:
    """Draw rows and seeds again, and compare the means of all strategies in each draw.

    Rows (or clusters) are drawn with replacement, the same for every strategy; seeds of a strategy whose
    seeds vary are drawn with them. A bootstrap of S seeds is too narrow by ``sqrt((S - 1) / S)``, and
    crossing it with rows counts what varies from row to row under a seed again; so the seeds' share of a
    resample is scaled to the variance of their ``Luck``.

    Strategies are compared through the one with the most rows: each by its mean difference to that one over
    the rows that both have, so that a strategy that was stopped early is judged on what it answered.
    """
    n_rows = [int(np.count_nonzero(table.present(k))) for k in range(len(table.names))]
    if not n_rows or max(n_rows) == 0:
        return Gaps(table.names, np.zeros((0, len(table.names))))
    reference = int(np.argmax(n_rows))
    gaps = _resampled_gaps(table, reference, rng, n_resamples)
    for k, (scores, luck) in enumerate(zip(table.scores, table.lucks, strict=True)):
        if luck is not None:
            of_seed = np.nanmean(scores.values - scores.row_means[:, None], axis=0)
            gaps[:, k] += resampled_luck(of_seed - of_seed.mean(), luck, rng, n_resamples)
    # Few clusters: a draw may hold none of the reference's, and then says nothing.
    return Gaps(table.names, gaps[~np.isnan(gaps[:, reference])])


def _resampled_gaps(table: Table, reference: int, rng: np.random.Generator, n_resamples: int) -> Floats:
    """Mean difference of each to the reference, ``[n_resamples, n_strategies]``, NaN without rows."""
    gaps, sizes = [], []
    for k in range(len(table.names)):
        rows = table.present(k) & table.present(reference)
        gaps.append(table.sums_by_unit(table.means[rows, k] - table.means[rows, reference], rows))
        sizes.append(table.sums_by_unit(np.ones(np.count_nonzero(rows)), rows))
    columns = np.column_stack(gaps)
    if all(np.all(s == 1) for s in sizes):
        return resampled_sums(columns, rng=rng, n_resamples=n_resamples) / table.n_units
    sums = resampled_sums(np.column_stack([columns, *sizes]), rng=rng, n_resamples=n_resamples)
    above, below = sums[:, : len(gaps)], sums[:, len(gaps) :]
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)


def resampled_luck(of_seed: Floats, luck: Luck, rng: np.random.Generator, n_resamples: int) -> Floats:
    """How far the mean moves when seeds are drawn again, ``[n_resamples]``.

    Args:
        of_seed: how far each seed lies from their mean.
        luck: of these seeds.
        rng: for the draws.
        n_resamples: how many.
    """
    n_seeds = len(of_seed)
    drawn = of_seed[rng.integers(0, n_seeds, size=(n_resamples, n_seeds))].mean(axis=1)
    plain = float(of_seed.var()) / n_seeds
    return np.asarray(drawn * (luck.variance / plain) ** 0.5) if plain > 0 else np.zeros(n_resamples)
