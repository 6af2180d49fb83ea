"""A learning curve: quality at each number of labels, measured and between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from adaptkit.core.errors import ConfigError
from adaptkit.core.results import Estimate
from adaptkit.decision.curves.power_law import PowerLaw, qualities_at
from adaptkit.decision.curves.resampling import Resampled
from adaptkit.stats.resample import percentile_interval
from adaptkit.stats.scores import Floats

FURTHEST = 2
"""A law is believed up to so many times the most labels measured."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The quality with one number of labels, and its 95 % interval.

    Attributes:
        n_labels: train examples learnt from; 0 for a strategy that learns from none.
        n_rows: test rows behind it.
        n_seeds: draws of labels (or training seeds) behind it.
    """

    n_labels: int
    quality: float | None
    low: float | None
    high: float | None
    n_rows: int
    n_seeds: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """A power law with its uncertainty.

    Attributes:
        law: the best one.
        resampled: ``[n_resamples, 3]``, the laws of resampled curves: ceiling, amplitude, rate.
        ceiling: 95 % interval, ``rate`` likewise.
        largest_miss: how far the law is from the point that it misses most.
    """

    law: PowerLaw
    resampled: Floats
    ceiling: tuple[float, float]
    rate: tuple[float, float]
    largest_miss: float


@dataclass(frozen=True, kw_only=True, eq=False)
class LearningCurve:
    """Quality of one strategy on one task against the number of labels.

    Attributes:
        points: by number of labels.
        learns: False for a strategy that learns from no labels: a flat line.
        fit: None where the curve determines none, and ``undetermined`` says why.
        resampled: what draws of other rows and seeds would have measured; None where nothing can be drawn.
    """

    task: str
    strategy: str
    metric: str
    points: tuple[CurvePoint, ...]
    learns: bool = True
    fit: Fit | None = None
    undetermined: str | None = None
    resampled: Resampled | None = field(default=None, repr=False)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of labels measured."""
        return tuple(p.n_labels for p in self.points)

    @property
    def most_labels(self) -> int:
        """The most labels measured, 0 for none."""
        return max(self.sizes, default=0)

    @property
    def is_whole(self) -> bool:
        """Whether there are points, and a quality at each."""
        return bool(self.points) and all(p.quality is not None for p in self.points)

    def quality_at(self, n_labels: float) -> Estimate:
        """The quality with so many labels by the fitted law, and its 95 % interval.

        Without a law, it is read between the two measured numbers beside it. ``method`` says which it is,
        and where it goes beyond what was measured.

        Raises:
            ConfigError: beyond twice the most labels measured, below half of the fewest, or, without a law,
                outside what was measured.
        """
        value, resampled = self.qualities([n_labels])
        beyond = self.learns and not min(self.sizes) <= n_labels <= self.most_labels
        method = "between points" if self.fit is None else "power law"
        bounds: tuple[float | None, float | None] = (None, None)
        if resampled is not None:
            bounds = percentile_interval(np.clip(resampled[:, 0], 0, 1))
        return Estimate(
            value=float(value[0]),
            low=bounds[0],
            high=bounds[1],
            n=max(p.n_rows for p in self.points),
            method=f"{method}, beyond what was measured" if beyond else method,
        )

    def qualities(self, n_labels: ArrayLike) -> tuple[Floats, Floats | None]:
        """Qualities with several numbers of labels, and the same of each resample.

        Args:
            n_labels: see ``quality_at``.

        Returns:
            ``[n]`` and ``[n_resamples, n]``; the latter is None where nothing can be resampled.

        Raises:
            ConfigError: see ``quality_at``.
        """
        wanted = np.asarray(n_labels, dtype=np.float64)
        self._check_range(wanted)
        if self.fit is not None:
            law = self.fit.law
            parameters = np.array([[law.ceiling, law.amplitude, law.rate]])
            return qualities_at(parameters, wanted)[0], qualities_at(self.fit.resampled, wanted)
        means = np.array([p.quality for p in self.points if p.quality is not None])
        weights = _between(self.sizes, wanted) if self.learns else np.ones((1, len(wanted)))
        resamples = None if self.resampled is None else self.resampled.resamples @ weights
        return means @ weights, resamples

    def _check_range(self, wanted: Floats) -> None:
        if not self.is_whole:
            raise ConfigError(f"Nothing was measured of {self.strategy} on '{self.task}'.")
        if not self.learns:
            return
        low, high = float(min(self.sizes)), float(self.most_labels)
        if self.fit is not None:
            low, high = low / FURTHEST, high * FURTHEST
        if wanted.size and (wanted.min() < low or wanted.max() > high):
            raise ConfigError(
                f"{self.strategy} was measured with {min(self.sizes):,} to {self.most_labels:,} labels, "
                f"which says nothing of fewer than {low:,.0f} or more than {high:,.0f}."
            )


def _between(sizes: Sequence[int], wanted: Floats) -> Floats:
    """Weights of the points that a straight line over the log of labels gives, ``[n_sizes, n_wanted]``."""
    logs = np.log(np.asarray(sizes, dtype=np.float64))
    return np.array([np.interp(np.log(wanted), logs, unit) for unit in np.eye(len(sizes))])
