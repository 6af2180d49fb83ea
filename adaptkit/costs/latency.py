"""Percentiles of times. A mean hides the requests that people remember."""

from __future__ import annotations

import math
from collections.abc import Sequence

from adaptkit.core.errors import ConfigError


def percentile(values: Sequence[float], q: float) -> float | None:
    """Return the ``q``-th percentile (0..100), linear between the two nearest values as numpy's default.

    Examples:
        >>> percentile([1.0, 2.0, 3.0, 4.0], 50)
        2.5
        >>> percentile([], 95) is None
        True
    """
    if not 0 <= q <= 100:
        raise ConfigError.for_parameter("percentile()", "q", "between 0 and 100", q)
    if len(values) == 0:
        return None
    ordered = sorted(values)
    place = q / 100 * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
