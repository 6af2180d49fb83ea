"""Bootstrap over groups of rows: a row of its own, or a cluster of rows that stand or fall together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_RESAMPLES = 10_000
# Indices drawn at once: 2 million of 8 bytes keep a resampling under about 50 MB whatever the rows.
_CHUNK = 2_000_000
# With fewer groups than this away from the commonest value, most resamples look alike and a
# percentile interval shrinks towards nothing although the truth may lie well outside.
_MIN_VARIED = 5


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Rows added up by group.

    Attributes:
        sums: ``[n_groups]``, the sum of the values of each group.
        sizes: ``[n_groups]``, how many rows each group holds.
    """

    sums: Floats
    sizes: Floats

    @property
    def independent(self) -> bool:
        """Whether every row is a group of its own."""
        return bool(np.all(self.sizes == 1))

    @property
    def means(self) -> Floats:
        """The mean of each group, ``[n_groups]``."""
        return self.sums / self.sizes

    def vary_enough(self) -> bool:
        """Whether resampling these groups shows how far their mean could be off."""
        _, counts = np.unique(np.round(self.means, 12), return_counts=True)
        return int(counts.sum() - counts.max()) >= _MIN_VARIED


def group_rows(values: Sequence[float], labels: Sequence[str | None] | None) -> Groups:
    """Add up rows that share a label; a row labelled None is a group of its own.

    Args:
        values: one number a row.
        labels: the cluster of each row, or None when all rows are independent.

    Raises:
        ValueError: the two differ in length.
    """
    array = np.asarray(values, dtype=np.float64)
    if labels is None:
        return Groups(sums=array, sizes=np.ones(len(array)))
    if len(labels) != len(array):
        raise ValueError(f"{len(array)} values have {len(labels)} cluster labels.")
    numbers: dict[str | tuple[int], int] = {}
    index = [
        numbers.setdefault((i,) if name is None else name, len(numbers)) for i, name in enumerate(labels)
    ]
    sums = np.bincount(index, weights=array, minlength=len(numbers))
    return Groups(sums=sums.astype(np.float64), sizes=np.bincount(index).astype(np.float64))


def bootstrap_means(groups: Groups, *, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> Floats:
    """Draw groups with replacement and return the mean over their rows, ``[n_resamples]``.

    Groups are drawn whole, so a resample of clusters may hold more or fewer rows than the data.
    """
    n = len(groups.sums)
    means = np.empty(n_resamples)
    step = max(1, _CHUNK // n)
    for start in range(0, n_resamples, step):
        stop = min(start + step, n_resamples)
        index = rng.integers(0, n, size=(stop - start, n), dtype=np.int32)
        total = groups.sums[index].sum(axis=1)
        rows = n if groups.independent else groups.sizes[index].sum(axis=1)
        means[start:stop] = total / rows
    return means


def percentile_interval(means: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """Cut the same share off both ends of the resampled means."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
