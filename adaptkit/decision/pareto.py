"""The Pareto front: what nothing else is at least as good as in everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    return tuple(
        name
        for name, point in points.items()
        if not any(_dominates(other, point) for n, other in points.items() if n != name)
    )


def _dominates(a: Objectives, b: Objectives) -> bool:
    known = [(x, y) for x, y in zip(a, b, strict=True) if x is not None or y is not None]
    if any(x is None or y is None for x, y in known):
        return False
    both = [(x, y) for x, y in known if x is not None and y is not None]
    return all(x <= y for x, y in both) and any(x < y for x, y in both)
