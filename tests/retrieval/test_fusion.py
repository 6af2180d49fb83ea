from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.retrieval.fusion import RANK_OFFSET, fuse_ranks

RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=4)


@pytest.mark.parametrize(
    ("rankings", "expected"),
    [
        ([], []),
        ([[3, 1, 2]], [3, 1, 2]),
        # 1/61 + 1/63 is more than 2/62; being in both outweighs being first in one.
        ([[1, 2, 3], [3, 2, 1]], [1, 3, 2]),
        ([[1, 2], [3, 2]], [2, 1, 3]),
        # A tie goes to the first ranking.
        ([[5], [4]], [5, 4]),
        ([[4], [5]], [4, 5]),
    ],
)
def test_ranks_are_fused(rankings: list[list[int]], expected: list[int]) -> None:
    assert fuse_ranks(rankings) == expected


def test_the_offset_is_that_of_the_paper() -> None:
    assert RANK_OFFSET == 60
    rankings = [[1, 8, 2], [3, 9, 2]]
    # Without it, the first of one ranking is ahead of the third of both.
    assert fuse_ranks(rankings)[0] == 2
    assert fuse_ranks(rankings, offset=0) == [1, 3, 2, 8, 9]


@given(RANKINGS)
def test_every_item_comes_once_and_agreement_is_kept(rankings: list[list[int]]) -> None:
    fused = fuse_ranks(rankings)
    assert sorted(fused) == sorted({item for ranking in rankings for item in ranking})
    for a in fused:
        for b in fused:
            better = [
                a in r and (b not in r or r.index(a) < r.index(b)) for r in rankings if a in r or b in r
            ]
            if better and all(better):
                assert fused.index(a) < fused.index(b)
