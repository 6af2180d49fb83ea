"""The Pareto front: what nothing else is at least as good as in everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Objectives = Sequence[float | None]


def pareto_front(points: Mapping[str, Objectives]) -> tuple[str, ...]:
    """Return the points that no other dominates, in the order given.

    One dominates another when it is at most as high in every objective and lower in one. An objective that
    is unknown of one of the two only keeps them from being ordered; unknown of both, it does not count.

    Args:
        points: by name, values that should be low, in the same order; None is unknown.

    Examples:
        >>> pareto_front({"a": (0.1, 2.0), "b": (0.2, 3.0), "c": (0.3, 1.0)})
        ('a', 'c')
    """
    if not points:
        return ()
    values = np.array([[np.nan if x is None else x for x in point] for point in points.values()])
    blank = np.isnan(values)
    one, other = values[:, None], values[None]  # [n, 1, objectives] against [1, n, objectives]
    as_low = (one <= other) | (blank[:, None] & blank[None])
    dominates = as_low.all(axis=2) & (one < other).any(axis=2)
    return tuple(name for name, is_beaten in zip(points, dominates.any(axis=0), strict=True) if not is_beaten)
