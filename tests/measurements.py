"""Invented measurements: rows of a table and how they differ, to recommend from."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from adaptkit.core.errors import AdaptKitError
from adaptkit.core.results import Pair, Row
from adaptkit.core.types import Traits
from adaptkit.decision import verdict
from adaptkit.decision.order import name_of
from adaptkit.strategies import make_strategy

MARGIN = 0.02


def traits_of(label: str) -> Traits:
    """Those of the strategies that a name is made of; of an invented name what nobody has declared."""
    try:
        return make_strategy(name_of(label), {}).traits
    except AdaptKitError:
        return Traits()


def row(strategy: str, quality: float | None, *, n: int = 60, **changes: Any) -> Row:
    """A line of the table; its interval is 8 points wide to each side."""
    low, high = (None, None) if quality is None else (max(0, quality - 0.08), min(1, quality + 0.08))
    values: dict[str, Any] = {"n_errors": 0, "quality_low": low, "quality_high": high}
    values |= {"traits": traits_of(strategy), **changes}
    return Row(
        task="intents", strategy=strategy, model="smollm2-135m", n=n, metric="accuracy", quality=quality,
        **values,
    )  # fmt: skip


def pair(strategy: str, baseline: str, delta: float, *, half: float = 0.13, n: int = 60) -> Pair:
    """A difference with the half width of its 95 % interval; the 90 % interval is 0.84 of it."""
    low, high, narrow = delta - half, delta + half, 0.84 * half
    p = 0.0002 if abs(delta) > half else 0.8
    return Pair(
        task="intents", strategy=strategy, baseline=baseline, n=n, n_unpaired=0, delta=delta,
        delta_low=low, delta_high=high, gained=3, lost=3, p_value=p, p_value_adjusted=p,
        test="exact McNemar test", margin=MARGIN, equivalence_low=delta - narrow,
        equivalence_high=delta + narrow, non_inferior=delta - narrow > -MARGIN,
        verdict=verdict(low, high, p, margin=MARGIN, equivalence=(delta - narrow, delta + narrow)),
    )  # fmt: skip


def pairs_of(quality: dict[str, float], *, half: float = 0.13, n: int = 60) -> list[Pair]:
    """All pairs, the later one minus the earlier one."""
    return [pair(b, a, quality[b] - quality[a], half=half, n=n) for a, b in combinations(quality, 2)]
