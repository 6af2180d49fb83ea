"""The luck of training: how much drawing other seeds would change a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.stats.scores import Floats, Ints, Scores
from adaptkit.stats.spread import Part


@dataclass(frozen=True, kw_only=True)
class Luck:
    """What the seeds of one strategy show.

    Attributes:
        gross: variance of their mean: ``V_seed / S + V_rest / (n S)``.
        rest: its second term, what single rows under single seeds add; the rows' part of the variance
            (``Units.part`` of the row means) holds it already.
        df: degrees of freedom, the seeds less one.
    """

    gross: float
    rest: float
    df: int

    @property
    def variance(self) -> float:
        """Of the mean, by seeds alone."""
        return max(0.0, self.gross - self.rest)


def luck_of(scores: Scores, unit_of_row: Ints) -> Luck | None:
    """Measure the luck of a strategy's training seeds.

    With x = row + seed + row under seed, ``Var(mean) = (V_row + V_rest / S) / n + V_seed / S``. With two
    seeds nothing is taken off for the rest: one degree of freedom tells too little about what is left.

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
    rest = _rest_variance(residuals - of_seed, unit_of_row) if n_seeds > 2 else 0.0
    return Luck(gross=float(of_seed.var(ddof=1)) / n_seeds, rest=rest, df=n_seeds - 1)


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


def luck_part(lucks: Sequence[Luck | None]) -> Part | None:
    """Return the part of a variance that other seeds would make, of one strategy or of a difference of two.

    Strategies are trained apart, so their variances add up; degrees of freedom after B. L. Welch (Biometrika
    29, 1938). Where seeds differ by less than single rows explain, the variance is 0: an estimate below 0 is
    cut off as restricted maximum likelihood does it (R. R. Corbeil, S. R. Searle, Technometrics 18, 1976), of
    the sum and not of each strategy, which adds up what chance put above 0 and drops what it put below. None
    where no strategy has several seeds.
    """
    known = [luck for luck in lucks if luck is not None]
    if not known:
        return None
    gross = math.fsum(luck.gross for luck in known)
    uncertain = math.fsum(luck.gross**2 / luck.df for luck in known)
    df = gross**2 / uncertain if uncertain > 0 else float(min(luck.df for luck in known))
    net = gross - math.fsum(luck.rest for luck in known)
    return Part(variance=max(0.0, net), df=df, gross=gross)


def one_seed(scores: Sequence[Scores]) -> bool:
    """Whether the luck of training is left out for one of them: its seeds would vary and there is one."""
    return any(s.seeds_vary and s.n_seeds == 1 for s in scores)
