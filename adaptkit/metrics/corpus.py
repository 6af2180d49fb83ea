"""Metrics whose value over many rows is no mean of what the rows score, such as macro F1.

A corpus metric is a function of all answers, ``metric(answers, lenient=...)``, to a number or None. Intervals
and tests take some answers several times and leave others out, thousands of times. :class:`OfSums` makes
that fast for the many metrics that are a formula over sums of counts; a plain function is called once a draw.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from adaptkit.core.errors import shown
from adaptkit.core.numbers import is_number
from adaptkit.metrics.base import Answer

if TYPE_CHECKING:  # most that is done with metrics needs no arrays, and numpy is slow to import
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

logger = logging.getLogger(__name__)
CorpusMetric = Callable[..., float | None]


@dataclass(frozen=True, kw_only=True)
class OfSums:
    """A corpus metric that is a formula over sums of counts.

    Attributes:
        parts: what each answer adds to each sum, ``[n_answers, n_sums]``, strict or lenient.
        value: sums ``[..., n_sums]`` to the metric ``[...]``; NaN where it is undefined.
    """

    parts: Callable[[Sequence[Answer], bool], Floats]
    value: Callable[[Floats], Floats]

    def __call__(self, answers: Sequence[Answer], *, lenient: bool = False) -> float | None:
        """The metric over all answers; None where it is undefined."""
        import numpy as np

        if not answers:
            return None
        sums = np.asarray(self.parts(answers, lenient), dtype=np.float64).sum(axis=0)
        return known(float(self.value(sums)))


def known(value: object) -> float | None:
    """A value that can be compared; None for one that is not finite, or no number."""
    return float(value) if is_number(value) and math.isfinite(value) else None


def value_of(metric: CorpusMetric, answers: Sequence[Answer], *, lenient: bool = False) -> float | None:
    """The metric over answers; None where it is undefined, or where somebody else's metric fails.

    It fails on some draws of the rows only, perhaps, such as those without one of the labels: no reason to
    lose the table. What it raised is told once.
    """
    if not answers:
        return None
    try:
        return known(metric(answers, lenient=lenient))
    except Exception as error:
        _tell(getattr(metric, "__name__", type(metric).__name__), f"{type(error).__name__}: {error}")
        return None


@cache
def _tell(metric: str, error: str) -> None:
    logger.warning(
        "The metric '%s' fails on some of the rows (%s). It is undefined there.", metric, shown(error)
    )


def parts_of(metric: CorpusMetric, answers: Sequence[Answer]) -> NDArray[Any]:
    """What ``values_of`` needs of each answer, ``[n_answers, n]``: counts, or the answer itself."""
    import numpy as np

    if isinstance(metric, OfSums):
        counted = np.asarray(metric.parts(answers, False), dtype=np.float64)
        # Whole numbers are held exactly by 32 bits up to 16 million, at half the time of 64.
        return counted.astype(np.float32) if np.all(counted == np.rint(counted)) else counted
    found = np.empty((len(answers), 1), dtype=object)
    found[:, 0] = answers
    return found


def values_of(metric: CorpusMetric, counts: Floats, parts: NDArray[Any]) -> NDArray[np.float64]:
    """The metric where each answer is taken several times or not at all.

    Args:
        metric: of the registry.
        counts: ``[n_draws, n_answers]``, whole numbers.
        parts: ``[n_answers, n]``, from ``parts_of`` of one call; None or 0 for answers that are missing.

    Returns:
        ``[n_draws]``, NaN where it is undefined.
    """
    import numpy as np

    if isinstance(metric, OfSums):
        sums = (counts.astype(parts.dtype) @ parts).astype(np.float64)
        return np.asarray(metric.value(sums), dtype=np.float64)
    answers = parts[:, 0]
    times = np.where(answers == np.array(None), 0, counts).astype(np.intp)
    return np.array([_value(metric, np.repeat(answers, row).tolist()) for row in times], dtype=np.float64)


def _value(metric: CorpusMetric, answers: Sequence[Answer]) -> float:
    found = value_of(metric, answers)
    return math.nan if found is None else found
