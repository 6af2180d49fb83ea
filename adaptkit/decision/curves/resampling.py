"""Draw test rows and seeds again, the same ones for every size and strategy of a task.

Sizes are nested (few labels are part of many) and all are judged on the same rows, so what makes one size
look good makes its neighbours look good too. Only draws that all of them share show how sure a gain is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from adaptkit.stats.luck import luck_of
from adaptkit.stats.resample import resampled_sums
from adaptkit.stats.scores import Floats, Ints, Scores, unit_of_rows
from adaptkit.stats.units import Units

N_RESAMPLES = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Resampled:
    """The means of one curve.

    Attributes:
        means: ``[n_sizes]``, as measured.
        resamples: ``[n_resamples, n_sizes]``, had other rows and seeds been drawn; may leave 0..1.
        variances: ``[n_sizes]``, of the means.
    """

    means: Floats
    resamples: Floats
    variances: Floats


def resample(
    curves: Sequence[Sequence[Scores]],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
    n_resamples: int = N_RESAMPLES,
) -> list[Resampled]:
    """Resample the means of all curves of a task together.

    Rows are drawn with replacement, clusters whole, and what is drawn is spread by ``sqrt(G / (G - 1))``:
    G units show that much less than their true spread. Seeds are few, and a bootstrap of three is far too
    narrow. Their part is drawn as Student's t over them is, which with one size gives its interval.

    Args:
        curves: of each, what was scored at each size; a column is the same seed at every size, and of
            curves with as many columns the same draw of labels.
        rng: for the draws.
        clusters: the cluster of a row by id; rows without one are independent.
        n_resamples: how many.
    """
    draws = _Draws(rng=rng, n_resamples=n_resamples)
    flat = [scores for curve in curves for scores in curve]
    ids = sorted({i for scores in flat for i in scores.ids})
    unit_of_id = dict(zip(ids, unit_of_rows(ids, clusters), strict=True))
    units = [np.array([unit_of_id[i] for i in scores.ids], dtype=np.intp) for scores in flat]
    by_rows = _resampled_rows(flat, units, draws)
    found, start = [], 0
    for curve in curves:
        own = slice(start, start + len(curve))
        found.append(_with_seeds(curve, units[own], by_rows[:, own], draws))
        start += len(curve)
    return found


@dataclass(kw_only=True)
class _Draws:
    """What curves share of chance."""

    rng: np.random.Generator
    n_resamples: int
    _of_seeds: dict[int, Floats] = field(default_factory=dict)

    def of_seeds(self, n_seeds: int) -> Floats:
        """Weights of the seeds, ``[n_resamples, n_seeds]``, the same for all curves with so many.

        Normal, over the root of chi-squared by its degrees of freedom: a weighted sum of deviations is
        Student's t then, with the standard error of their mean as its scale.
        """
        if n_seeds not in self._of_seeds:
            df = n_seeds - 1
            normal = self.rng.standard_normal((self.n_resamples, n_seeds))
            scale = np.sqrt(self.rng.chisquare(df, size=(self.n_resamples, 1)) / df)
            self._of_seeds[n_seeds] = normal / scale / np.sqrt(n_seeds * df)
        return self._of_seeds[n_seeds]


def _resampled_rows(flat: Sequence[Scores], units: Sequence[Ints], draws: _Draws) -> Floats:
    """Means over rows drawn again, ``[n_resamples, n_scores]``, each spread about its own mean."""
    n_units = 1 + max((int(of_row.max(initial=-1)) for of_row in units), default=-1)
    sums = [np.bincount(u, weights=s.row_means, minlength=n_units) for s, u in zip(flat, units, strict=True)]
    sizes = [np.bincount(u, minlength=n_units).astype(np.float64) for u in units]
    columns = np.column_stack([*sums, *sizes]).astype(np.float64)
    drawn = resampled_sums(columns, rng=draws.rng, n_resamples=draws.n_resamples)
    total, n_rows = drawn[:, : len(flat)], drawn[:, len(flat) :]
    means = np.array([s.row_means.mean() for s in flat])
    apart = np.where(n_rows > 0, total / np.maximum(n_rows, 1), means) - means
    present = np.count_nonzero(np.array(sizes), axis=1)
    return np.asarray(means + apart * np.sqrt(present / np.maximum(1, present - 1)))


def _with_seeds(curve: Sequence[Scores], units: Sequence[Ints], by_rows: Floats, draws: _Draws) -> Resampled:
    """Add what other seeds would change."""
    means = np.array([s.row_means.mean() for s in curve])
    parts = [luck_of(s, u) for s, u in zip(curve, units, strict=True)]
    known = [p for p in parts if p is not None]
    row_parts = [Units.of(s.row_means, u) for s, u in zip(curve, units, strict=True)]
    variances = np.array([u.variance() if len(u.sums) > 1 else 0.0 for u in row_parts])
    if not known or len(known) < len(parts) or len({s.n_seeds for s in curve}) > 1:
        return Resampled(means=means, resamples=by_rows, variances=variances)
    # Part of the seeds' spread comes of single rows, which the rows' part holds already: taken off over all
    # sizes together, because the spread of three seeds at one size says little.
    gross = sum(p.gross for p in known)
    net = max(0.0, gross - sum(p.rest for p in known))
    share = net / gross if gross else 0.0
    of_seed = np.array([np.nanmean(s.values - s.row_means[:, None], axis=0) for s in curve])  # [sizes, seeds]
    moved = draws.of_seeds(curve[0].n_seeds) @ of_seed.T * np.sqrt(share)
    return Resampled(
        means=means,
        resamples=by_rows + moved,
        variances=variances + np.array([p.variance for p in known]),
    )
