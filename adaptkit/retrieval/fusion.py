"""Several rankings made one."""

from __future__ import annotations

from collections.abc import Sequence

RANK_OFFSET = 60
"""Keeps the first ranks of one ranking from deciding alone; the value of the paper."""


def fuse_ranks(rankings: Sequence[Sequence[int]], *, offset: int = RANK_OFFSET) -> list[int]:
    """Reciprocal rank fusion: each ranking gives its item at rank ``r`` the score ``1 / (offset + r)``.

    Source: Cormack, Clarke & Buettcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual
    rank learning methods" (SIGIR). Only ranks count, so scores of different kinds need no common scale.

    Args:
        rankings: items, best first; one that a ranking lacks gets nothing from it.

    Returns:
        All items, best first; a tie goes to the one that an earlier ranking puts first.

    Examples:
        >>> fuse_ranks([[7, 8, 9], [9, 7]])
        [7, 9, 8]
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (offset + rank)
    # The sort is stable, and items stand in the order of the first ranking that has them.
    return sorted(scores, key=lambda item: -scores[item])
