"""From scores to a learning curve: its points, and the power law through them where they determine one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from adaptkit.decision.curves.curve import CurvePoint, Fit, LearningCurve
from adaptkit.decision.curves.power_law import fit_many, fit_power_law
from adaptkit.decision.curves.resampling import Resampled, resample
from adaptkit.stats import Scores, mean_estimate
from adaptkit.stats.resample import percentile_interval
from adaptkit.stats.scores import Floats

MIN_SIZES = 4
"""A law of three parameters goes through any three points: a fourth can contradict it."""

MAX_BELIEVED_RATE = 1.5
"""Measured exponents are 0.07 to 0.35 (arXiv:1712.00409), theory goes up to 1, and few test rows add noise. A
faster law is a step between two sizes, and its ceiling is one that the next size may break."""

RESAMPLED_CEILING = 1.1
"""Resamples may reach a little above 1: held at 1, they pile up there where the true ceiling is near, and in
simulation intervals of gains held the truth in 86 of 100 curves; so, in 97."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was scored of one strategy, from which its curve is made.

    Attributes:
        by_size: by number of labels; 0 for a strategy that learns from none.
        learns: see ``LearningCurve``.
    """

    strategy: str
    by_size: Mapping[int, Scores]
    learns: bool = True


def make_curves(
    task: str,
    metric: str,
    measured: Sequence[Measurements],
    *,
    rng: np.random.Generator,
    clusters: Mapping[str, str] | None = None,
) -> list[LearningCurve]:
    """Make the curves of one task, resampled together.

    Args:
        task: its name, ``metric`` that of what is measured.
        metric: see ``task``.
        measured: of each strategy; columns of scores are the same seeds at every size.
        rng: for the resampling.
        clusters: the cluster of a test row by id.
    """
    if not measured:
        return []
    ordered = [[m.by_size[n] for n in sorted(m.by_size)] for m in measured]
    resampled = resample(ordered, rng=rng, clusters=clusters)
    curves = []
    for found, scores, drawn in zip(measured, ordered, resampled, strict=True):
        sizes = sorted(found.by_size)
        points = [_point(n, s, rng, clusters) for n, s in zip(sizes, scores, strict=True)]
        fit, why = fitted(sizes, drawn) if found.learns else (None, "it learns from no labels")
        curves.append(
            LearningCurve(
                task=task,
                strategy=found.strategy,
                metric=metric,
                points=tuple(points),
                learns=found.learns,
                fit=fit,
                undetermined=why,
                resampled=drawn,
            )
        )
    return curves


def _point(
    n_labels: int, scores: Scores, rng: np.random.Generator, clusters: Mapping[str, str] | None
) -> CurvePoint:
    found = mean_estimate(scores, rng=rng, clusters=clusters)
    return CurvePoint(
        n_labels=n_labels,
        quality=found.value,
        low=found.low,
        high=found.high,
        n_rows=found.n,
        n_seeds=scores.n_seeds,
    )


def fitted(sizes: Sequence[int], found: Resampled) -> tuple[Fit | None, str | None]:
    """Fit the law, or say why the curve determines none.

    A law has three parameters and only rises. So it takes four sizes, a rise that is not chance, no fall
    between neighbours that is none either, and an exponent that can be believed.
    """
    if len(sizes) < MIN_SIZES:
        return None, f"a power law takes {MIN_SIZES} numbers of labels, and {len(sizes)} were measured"
    fall = _fall(sizes, found)
    if fall is not None:
        return None, fall
    if np.quantile(found.resamples[:, -1] - found.resamples[:, 0], 0.025) <= 0:
        return None, f"{sizes[-1]:,} labels are not clearly better than {sizes[0]:,}"
    weights = _weights(found.variances)
    law = fit_power_law(sizes, found.means, weights)
    if law.rate > MAX_BELIEVED_RATE:
        return None, (
            f"quality rises in a step rather than gradually (fitted exponent {law.rate:.1f}, at most "
            f"{MAX_BELIEVED_RATE:g} is plausible); measure sizes between {sizes[0]:,} and {sizes[-1]:,}"
        )
    many = fit_many(sizes, found.resamples, weights, max_ceiling=RESAMPLED_CEILING)
    misses = np.abs(found.means - [law.at(n) for n in sizes])
    fit = Fit(
        law=law,
        resampled=many,
        ceiling=percentile_interval(np.minimum(many[:, 0], 1)),
        rate=percentile_interval(many[:, 2]),
        largest_miss=float(misses.max()),
    )
    return fit, None


def _fall(sizes: Sequence[int], found: Resampled) -> str | None:
    """Where the curve falls by more than chance, corrected for the number of steps (Bonferroni)."""
    steps = np.diff(found.resamples, axis=1)
    highest = np.quantile(steps, 1 - 0.025 / steps.shape[1], axis=0)
    for i in map(int, np.flatnonzero(highest < 0)):
        return f"quality falls from {sizes[i]:,} to {sizes[i + 1]:,} labels"
    return None


def _weights(variances: Floats) -> Floats:
    """One over each variance, drawn to their mean: the spread of few seeds says little of one size."""
    steady = variances + variances.mean()
    return np.ones(len(steady)) if steady.min() <= 0 else 1 / steady
