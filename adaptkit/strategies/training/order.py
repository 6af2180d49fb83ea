"""In which order the rows are gone through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler


class LengthGroupedOrder(Sampler[int]):
    """A shuffled order in which the rows of a batch have similar lengths: little padding, no curriculum.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a batch.
        n_rows: how many positions to give; the rows are gone through as often as needed.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, n_rows: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.order: list[int] = []
        while len(self.order) < n_rows:
            self.order += _grouped_epoch(lengths, batch_size, rng)
        del self.order[n_rows:]

    def __iter__(self) -> Iterator[int]:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


def _grouped_epoch(lengths: Sequence[int], batch_size: int, rng: np.random.Generator) -> list[int]:
    """One pass: shuffle, sort within pools of eight batches, shuffle the batches."""
    shuffled = rng.permutation(len(lengths))
    pool = batch_size * 8
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), pool):
        part = sorted((int(i) for i in shuffled[start : start + pool]), key=lambda i: lengths[i])
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    # Short batches go last: a later pass would otherwise shift the grouping.
    whole = [b for b in batches if len(b) == batch_size]
    rest = [i for b in batches if len(b) < batch_size for i in b]
    return [i for at in rng.permutation(len(whole)) for i in whole[int(at)]] + rest
