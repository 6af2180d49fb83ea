"""Sign-flip permutation test: were two strategies alike, each difference could have had the other sign."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from adaptkit.stats.scores import Floats

N_FLIPS = 10_000
# 2^15 sign patterns are counted one by one; for more differences than that patterns are drawn.
MAX_EXACT = 15
# Signs made at once, of 8 bytes each.
_CHUNK = 300_000
# Sums of the same differences in another order differ in the last bits; they are ties all the same.
TIE = 1e-9


def flips_in_words(differences: Floats, n_flips: int) -> str:
    """Name the test that ``sign_flip_columns`` makes of a column."""
    if np.count_nonzero(np.abs(differences) > TIE) <= MAX_EXACT:
        return "exact sign-flip permutation test"
    return f"sign-flip permutation test ({n_flips:,} flips)"


def sign_flip_columns(differences: Floats, *, rng: np.random.Generator, n_flips: int = N_FLIPS) -> Floats:
    """Test many columns with the same random signs, as one matrix product.

    Args:
        differences: ``[n_units, n_columns]``, 0 where a unit is not part of a column's pair.
        rng: for the signs.
        n_flips: how many sign patterns are drawn for columns that are too long to count all.

    Returns:
        p-values, ``[n_columns]``.
    """
    differences = np.where(np.abs(differences) > TIE, differences, 0.0)
    p = np.full(differences.shape[1], np.nan)
    for column, of_units in enumerate(differences.T):
        nonzero = of_units[of_units != 0]
        if len(nonzero) <= MAX_EXACT:
            p[column] = _exact(nonzero)
    drawn = np.isnan(p)
    if drawn.any():
        p[drawn] = _drawn(differences[:, drawn], rng, n_flips)
    return p


def _exact(values: Floats) -> float:
    sums = _sign_patterns(len(values)) @ values
    return float(np.mean(np.abs(sums) >= abs(float(values.sum())) - _slack(values)))


def _slack(values: Floats) -> Floats:
    """How far two sums of the same numbers may lie apart and still be a tie."""
    return np.asarray(TIE * np.maximum(1.0, np.abs(values).sum(axis=0)))


@lru_cache(maxsize=MAX_EXACT + 1)
def _sign_patterns(k: int) -> Floats:
    bits = np.arange(1 << k)[:, None] >> np.arange(k) & 1
    return (1 - 2 * bits).astype(np.float64)


def _drawn(differences: Floats, rng: np.random.Generator, n_flips: int) -> Floats:
    some = differences[np.any(differences != 0, axis=1)]
    total = some.sum(axis=0)
    threshold = np.abs(total) - _slack(some)
    extreme = np.zeros(some.shape[1], dtype=np.int64)
    for half in _random_halves(len(some), rng, n_flips):
        # The sum with random signs is twice the sum of a random half, less the whole.
        extreme += np.count_nonzero(np.abs(2 * (half @ some) - total) >= threshold, axis=0)
    return np.asarray((1 + extreme) / (1 + n_flips))


def _random_halves(n_units: int, rng: np.random.Generator, n_flips: int) -> Iterator[Floats]:
    """Yield pieces ``[rows of the piece, n_units]`` of fair zeros and ones, eight from each random byte."""
    step = max(1, _CHUNK // n_units)
    for start in range(0, n_flips, step):
        rows = min(step, n_flips - start)
        drawn = rng.integers(0, 256, size=(rows, -(-n_units // 8)), dtype=np.uint8)
        yield np.unpackbits(drawn, axis=1, count=n_units).astype(np.float64)
