"""Scores of strategies whose quality follows a known law of the number of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from adaptkit.decision.curves import LearningCurve, Measurements, PowerLaw, make_curves
from adaptkit.stats import Scores

SIZES = (16, 64, 256, 1000)
LAW = PowerLaw(ceiling=0.9, amplitude=1.2, rate=0.4)
Law = Callable[[float], float]


def scored(
    law: Law,
    rng: np.random.Generator,
    *,
    sizes: Sequence[int] = SIZES,
    n_rows: int = 100,
    n_seeds: int = 3,
    luck: float = 0.0,
) -> dict[int, Scores]:
    """Right or wrong: rows differ in difficulty, seeds in luck that sizes share in part."""
    hard = 0.9 * np.tanh(rng.normal(0, 1, n_rows))
    of_seed = rng.normal(0, luck, n_seeds)
    found = {}
    for n in sizes:
        p = law(n)
        moved = 0.6 * of_seed + 0.8 * rng.normal(0, luck, n_seeds)
        chance = np.clip(p + hard[:, None] * min(p, 1 - p) + moved, 0, 1)
        right = rng.random((n_rows, n_seeds)) < chance
        found[n] = Scores(names(n_rows), right.astype(float), seeds_vary=n_seeds > 1)
    return found


def names(n_rows: int) -> tuple[str, ...]:
    return tuple(f"{i:04d}" for i in range(n_rows))


def exactly(
    qualities: Sequence[float], *, sizes: Sequence[int] = SIZES, n_rows: int = 200
) -> dict[int, Scores]:
    """So many rows right: the easiest first, so that larger sizes never lose a row."""
    found = {}
    for n, quality in zip(sizes, qualities, strict=True):
        right = np.arange(n_rows) < round(quality * n_rows)
        found[n] = Scores(names(n_rows), right.astype(float)[:, None])
    return found


def curve_of(by_size: dict[int, Scores], *, name: str = "lora", learns: bool = True) -> LearningCurve:
    return curves_of({name: by_size}, flat=() if learns else (name,))[0]


def curves_of(by_strategy: dict[str, dict[int, Scores]], *, flat: Sequence[str] = ()) -> list[LearningCurve]:
    measured = [
        Measurements(strategy=name, by_size=by_size, learns=name not in flat)
        for name, by_size in by_strategy.items()
    ]
    return make_curves("intents", "accuracy", measured, rng=np.random.default_rng(1))
