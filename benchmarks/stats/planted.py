"""Scores whose truth is known: right or wrong, graded, repeated, in clusters, of several training seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from adaptkit.stats import Scores

Floats = NDArray[np.float64]

# How alike two repeats of a row are: difficulty is Beta with this sum of its shapes, so that most rows are
# nearly always right or nearly always wrong, as a model's answers are.
_DIFFICULTY = 1.2
# Standard deviations of a row and of a row under a seed, on the logistic scale.
_ROW, _REST = 1.5, 0.5


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A test set of one strategy.

    Attributes:
        scores: as measured.
        truth: the mean over all rows and seeds that might have been drawn.
        clusters: of the rows; empty for independent rows.
    """

    scores: Scores
    truth: float
    clusters: dict[str, str]


Plant = Callable[[int, np.random.Generator], Planted]


@cache
def ids_of(n: int) -> tuple[str, ...]:
    """Names of ``n`` rows, in order."""
    return tuple(f"{i:06d}" for i in range(n))


def _planted(values: Floats, truth: float, *, clusters: dict[str, str] | None = None) -> Planted:
    table = values if values.ndim == 2 else values[:, None]
    return Planted(scores=Scores(ids_of(len(table)), table), truth=truth, clusters=clusters or {})


def right_or_wrong(n: int, rng: np.random.Generator) -> Planted:
    """Independent rows, a share of 30 to 95 % right."""
    share = rng.uniform(0.3, 0.95)
    return _planted((rng.random(n) < share).astype(np.float64), share)


def token_f1(n: int, rng: np.random.Generator) -> Planted:
    """Graded as token F1 is: many rows wholly right, some wholly wrong, the rest in between."""
    right, wrong, rest = rng.dirichlet([4, 1.5, 3])
    kind = rng.choice(3, size=n, p=[right, wrong, rest])
    between = rng.beta(2, 2, size=n)
    return _planted(np.select([kind == 0, kind == 1], [1.0, 0.0], between), right + rest / 2)


def similarity(n: int, rng: np.random.Generator) -> Planted:
    """Graded as ROUGE is: all rows between, skewed either way."""
    a, b = rng.uniform(2, 8, size=2)
    return _planted(rng.beta(a, b, size=n), a / (a + b))


def repeats(n_repeats: int) -> Plant:
    """Right or wrong, each row answered several times with sampling."""

    def plant(n: int, rng: np.random.Generator) -> Planted:
        share = rng.uniform(0.3, 0.9)
        chance = rng.beta(_DIFFICULTY * share, _DIFFICULTY * (1 - share), size=(n, 1))
        return _planted((rng.random((n, n_repeats)) < chance).astype(np.float64), share)

    return plant


def graded_repeats(n_repeats: int) -> Plant:
    """Graded, each row answered several times with sampling."""

    def plant(n: int, rng: np.random.Generator) -> Planted:
        a, b = rng.uniform(1, 4, size=2)
        centre = rng.beta(a, b, size=(n, 1))
        return _planted(
            rng.beta(1 + 6 * centre, 7 - 6 * centre, size=(n, n_repeats)), (1 + 6 * a / (a + b)) / 8
        )

    return plant


def clusters(*, uneven: bool, mean_size: int = 6) -> Plant:
    """Right or wrong rows of ``n`` documents, which share their difficulty (ICC 0.05 to 0.4).

    Args:
        uneven: sizes are geometric, up to ten times the mean; otherwise Poisson.
        mean_size: rows a document.
    """

    def plant(n: int, rng: np.random.Generator) -> Planted:
        share, icc = rng.uniform(0.4, 0.85), rng.uniform(0.05, 0.4)
        shapes = 1 / icc - 1
        chance = rng.beta(shapes * share, shapes * (1 - share), size=n)
        sizes = rng.geometric(1 / mean_size, size=n) if uneven else 1 + rng.poisson(mean_size - 1, size=n)
        document = np.repeat(np.arange(n), sizes)
        values = (rng.random(len(document)) < chance[document]).astype(np.float64)
        names = dict(zip(ids_of(len(document)), document.astype(str).tolist(), strict=True))
        return _planted(values, share, clusters=names)

    return plant


def seeds(n_seeds: int, *, luck: float, graded: bool) -> Plant:
    """Several training seeds: every seed shifts all rows, and each row differently.

    Args:
        n_seeds: how many.
        luck: standard deviation of a seed, on the scale on which rows have 1.5; 0.2 is about 3 points.
        graded: whether a row scores its chance of being right or is drawn with it.
    """

    def plant(n: int, rng: np.random.Generator) -> Planted:
        centre = float(rng.choice([0.0, 0.8, 1.6]))
        values = lucky((n, 1, n_seeds), rng, centre=centre, luck=luck, graded=graded)[:, 0]
        truth = _logistic_mean(centre, (_ROW**2 + luck**2 + _REST**2) ** 0.5)
        return Planted(scores=Scores(ids_of(n), values, seeds_vary=True), truth=truth, clusters={})

    return plant


def lucky(
    shape: tuple[int, int, int],
    rng: np.random.Generator,
    *,
    centre: float = 0.8,
    luck: float = 0.2,
    graded: bool = False,
) -> Floats:
    """Draw ``[n_rows, n_strategies, n_seeds]``: rows are hard for all, luck is of each strategy and seed."""
    n, n_strategies, n_seeds = shape
    latent = centre + rng.normal(0, _ROW, (n, 1, 1)) + rng.normal(0, luck, (1, n_strategies, n_seeds))
    chance: Floats = 1 / (1 + np.exp(-(latent + rng.normal(0, _REST, shape))))
    if graded:
        return chance
    return np.asarray(rng.random(shape) < chance, dtype=np.float64)


@cache
def _logistic_mean(centre: float, deviation: float) -> float:
    """The mean of ``1 / (1 + exp(-x))`` over a normal x, by 20,000 of its quantiles."""
    normal = NormalDist(centre, deviation)
    x = np.array([normal.inv_cdf((i + 0.5) / 20_000) for i in range(20_000)])
    return float(np.mean(1 / (1 + np.exp(-x))))


def alike_on_most(
    shares: tuple[float, ...], n: int, rng: np.random.Generator, *, alike: float = 0.5
) -> Floats:
    """Draw right-or-wrong rows of several strategies that find the same rows hard.

    Args:
        shares: of rows that each has right, in truth.
        n: rows.
        rng: for the draws.
        alike: correlation of the latent difficulty, 0 to 1.

    Returns:
        ``[n, n_strategies]``.
    """
    latent = alike**0.5 * rng.normal(size=(n, 1)) + (1 - alike) ** 0.5 * rng.normal(size=(n, len(shares)))
    levels = np.array([NormalDist().inv_cdf(s) for s in shares])
    return np.asarray(latent < levels, dtype=np.float64)


def discordant(n: int, delta: float, discordance: float, rng: np.random.Generator) -> Floats:
    """Draw two strategies, ``[n, 2]``, of which the first is better by ``delta`` in truth.

    Args:
        n: rows.
        delta: the difference in shares.
        discordance: the share of rows on which exactly one is right, at least ``delta``.
        rng: for the draws.
    """
    at = rng.random(n)
    first = at < (discordance + delta) / 2
    second = (at >= (discordance + delta) / 2) & (at < discordance)
    both = (at >= discordance) & (rng.random(n) < 0.6)
    return np.column_stack([first | both, second | both]).astype(np.float64)


def named(values: Floats, *, seeds_vary: bool = False) -> dict[str, Scores]:
    """Give each strategy of ``[n, n_strategies]`` or ``[n, n_strategies, n_seeds]`` a name."""
    table = values if values.ndim == 3 else values[:, :, None]
    ids = ids_of(len(table))
    return {f"s{k}": Scores(ids, table[:, k], seeds_vary) for k in range(table.shape[1])}
