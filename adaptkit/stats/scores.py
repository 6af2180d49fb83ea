"""What one strategy scored: a table of rows and seeds, the input of everything in ``stats``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from adaptkit.core.errors import ConfigError

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one strategy by row and seed; rows are in order of their ids, whatever order they came in.

    Attributes:
        ids: the example of each row, ``n_rows`` different ones.
        values: ``[n_rows, n_seeds]``, NaN where a seed lacks the row; seeds without any row are left out.
        seeds_vary: whether seeds are training seeds or draws of demonstrations, which shift all rows of a
            seed together: a second level of chance beside the rows. Without, seeds are repeats of a row,
            independent of each other, and are averaged within it.

    Raises:
        ConfigError: the shapes do not match, an id occurs twice, a row has no value or an infinite one.
    """

    ids: tuple[str, ...]
    values: Floats
    seeds_vary: bool = False

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float64)
        if values.ndim != 2 or len(values) != len(self.ids):
            expected = f"an array of {len(self.ids)} rows (one an id) by seeds"
            raise ConfigError.for_parameter("Scores", "values", expected, f"shape {values.shape}")
        if len(set(self.ids)) != len(self.ids):
            twice = next(i for n, i in enumerate(self.ids) if i in self.ids[:n])
            raise ConfigError.for_parameter("Scores", "ids", "different ids", f"{twice!r} twice")
        if np.isinf(values).any() or (len(values) and np.isnan(values).all(axis=1).any()):
            expected = "finite, and at least one of each row known"
            raise ConfigError.for_parameter("Scores", "values", expected, "an infinite or missing one")
        if len(values):
            values = values[:, ~np.isnan(values).all(axis=0)]
        ids = tuple(sorted(self.ids))
        if ids != self.ids:
            values = values[sorted(range(len(ids)), key=self.ids.__getitem__)]
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "values", values.copy())
        self.values.flags.writeable = False

    @classmethod
    def from_seeds(cls, by_id: Mapping[str, Mapping[int, float]], *, seeds_vary: bool = False) -> Scores:
        """Build from ``{example_id: {seed: value}}``; an example without any value is left out.

        Examples:
            >>> scores = Scores.from_seeds({"a": {0: 1.0, 1: 0.0}, "b": {1: 1.0}})
            >>> scores.values.tolist()
            [[1.0, 0.0], [nan, 1.0]]
        """
        known = {i: of_row for i, of_row in by_id.items() if of_row}
        seeds = sorted({seed for of_row in known.values() for seed in of_row})
        values = [[of_row.get(seed, np.nan) for seed in seeds] for of_row in known.values()]
        table = np.array(values, dtype=np.float64).reshape(len(known), len(seeds))
        return cls(ids=tuple(known), values=table, seeds_vary=seeds_vary)

    @classmethod
    def from_rows(cls, by_id: Mapping[str, float]) -> Scores:
        """Build from one value an example."""
        return cls(ids=tuple(by_id), values=np.array([[v] for v in by_id.values()]).reshape(len(by_id), 1))

    def of_rows(self, ids: Sequence[str]) -> Scores:
        """Return the same for the rows among ``ids``."""
        wanted = set(ids)
        keep = [n for n, i in enumerate(self.ids) if i in wanted]
        return Scores(tuple(self.ids[n] for n in keep), self.values[keep], self.seeds_vary)

    @property
    def n_seeds(self) -> int:
        """How many seeds have a value."""
        return int(self.values.shape[1])

    @cached_property
    def row_means(self) -> Floats:
        """The mean of each row over its seeds, ``[n_rows]``."""
        if self.n_seeds == 1:
            return self.values[:, 0]
        return np.nanmean(self.values, axis=1) if len(self.ids) else np.zeros(0)

    @cached_property
    def in_unit_range(self) -> bool:
        """Whether every score lies in 0..1, so that it cannot vary more than right and wrong do."""
        if self.values.size == 0:
            return True
        return bool(np.nanmin(self.values) >= 0 and np.nanmax(self.values) <= 1)

    @cached_property
    def right_or_wrong(self) -> bool:
        """Whether every row has one score, 0 or 1 (or the same under every seed)."""
        means = self.row_means
        return self.in_unit_range and bool(np.all((means == 0) | (means == 1)))


def unit_of_rows(ids: Sequence[str], clusters: Mapping[str, str] | None) -> Ints:
    """Number the units that rows belong to: a cluster by name, otherwise the row itself.

    Args:
        ids: one a row.
        clusters: the cluster of a row by id; a row that is missing here is independent.

    Returns:
        ``[n_rows]``, 0 to the number of units - 1, in order of first appearance.
    """
    if not clusters:
        return np.arange(len(ids), dtype=np.intp)
    numbers: dict[str, int] = {}
    alone: dict[str, int] = {}
    found = np.empty(len(ids), dtype=np.intp)
    for row, i in enumerate(ids):
        # A row's name may be that of a cluster; they are numbered from one count all the same.
        seen, name = (numbers, clusters[i]) if i in clusters else (alone, i)
        found[row] = seen.setdefault(name, len(numbers) + len(alone))
    return found
