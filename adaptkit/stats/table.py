"""The scores of all strategies side by side, so that every two are compared on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adaptkit.stats.luck import Luck, luck_of
from adaptkit.stats.scores import Floats, Ints, Scores, unit_of_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Rows of all strategies; both are sorted by name, so that no figure depends on the order given.

    Attributes:
        names: of the strategies.
        scores: of each.
        ids: rows that any of them has.
        means: ``[n_rows, n_strategies]``, the mean over seeds, NaN where a strategy lacks the row.
        unit_of_row: ``[n_rows]``, see ``unit_of_rows``.
        lucks: of the training seeds of each; None where seeds do not vary or there is one.
    """

    names: tuple[str, ...]
    scores: tuple[Scores, ...]
    ids: tuple[str, ...]
    means: Floats
    unit_of_row: Ints
    lucks: tuple[Luck | None, ...]

    @classmethod
    def of(cls, scores: Mapping[str, Scores], clusters: Mapping[str, str] | None) -> Table:
        """Join the strategies by row id."""
        names = sorted(scores)
        first = scores[names[0]].ids if names else ()
        same = all(scores[name].ids == first for name in names)
        ids = first if same else tuple(sorted({i for name in names for i in scores[name].ids}))
        place = {i: n for n, i in enumerate(ids)}
        means = np.full((len(ids), len(names)), np.nan)
        unit_of_row = unit_of_rows(ids, clusters)
        lucks = []
        for column, name in enumerate(names):
            rows = _rows(scores[name].ids, place, same)
            means[rows, column] = scores[name].row_means
            lucks.append(luck_of(scores[name], unit_of_row[rows]))
        return cls(
            names=tuple(names),
            scores=tuple(scores[name] for name in names),
            ids=ids,
            means=means,
            unit_of_row=unit_of_row,
            lucks=tuple(lucks),
        )

    @property
    def n_units(self) -> int:
        """Rows on their own and clusters together."""
        return int(self.unit_of_row.max(initial=-1)) + 1

    def present(self, strategy: int) -> NDArray[np.bool_]:
        """Which rows a strategy has, ``[n_rows]``."""
        return ~np.isnan(self.means[:, strategy])

    def sums_by_unit(self, values: Floats, rows: NDArray[np.bool_]) -> Floats:
        """Add up values of the given rows by unit, ``[n_units]``; 0 for units without any of them."""
        sums = np.bincount(self.unit_of_row[rows], weights=values, minlength=self.n_units)
        return sums.astype(np.float64)


def _rows(ids: Sequence[str], place: Mapping[str, int], same: bool) -> Ints:
    return np.arange(len(ids)) if same else np.array([place[i] for i in ids], dtype=np.intp)
