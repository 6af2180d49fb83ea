"""Which texts go into a batch together."""

from __future__ import annotations

from collections.abc import Sequence


def token_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Positions of texts in batches, the longest first, so that padding is rare and memory bounded.

    Args:
        lengths: tokens of each text.
        budget: a batch has at most so many tokens, padding counted, or is a single text.

    Examples:
        >>> token_batches([3, 9, 2, 4], budget=9)
        [[1], [3, 0], [2]]
    """
    batches: list[list[int]] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        # A batch's first text is its longest: it says how many fit.
        if room == 0:
            batches.append([])
            room = max(1, budget // max(1, lengths[position]))
        batches[-1].append(position)
        room -= 1
    return batches
