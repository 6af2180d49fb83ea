from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.models.local.tree import (
    MIN_SAVED_DEEPER,
    MIN_SAVED_TOKENS,
    Segment,
    plan_segments,
    shared_length,
)

tokens = st.lists(st.integers(0, 3), max_size=12)


def ids(*values: int) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


@st.composite
def texts(draw: st.DrawFn) -> list[list[int]]:
    """Rows behind nested beginnings, long enough to be worth sharing; some rows are equal."""
    heads = draw(st.lists(st.sampled_from([0, 1, 40, 90]), min_size=1, max_size=3))
    rows = []
    for number in range(draw(st.integers(1, 8))):
        row: list[int] = []
        for depth, n in enumerate(heads[: draw(st.integers(0, len(heads)))]):
            row += [10 * depth + draw(st.integers(0, 1))] * n
        rows.append([*row, *([100 + number] * draw(st.integers(0, 3))), 7])
    return rows


@given(a=tokens, b=tokens)
def test_shared_length_is_where_two_rows_part(a: list[int], b: list[int]) -> None:
    n = shared_length(ids(*a), ids(*b))
    assert a[:n] == b[:n]
    assert n == min(len(a), len(b)) or a[n] != b[n]


@given(rows=texts())
def test_a_row_is_its_chain_and_its_own_tokens(rows: list[list[int]]) -> None:
    shared, own = plan_segments([ids(*r) for r in rows])
    for number, (row, segment) in enumerate(zip(rows, own, strict=True)):
        parts = [*segment.chain(), segment]
        assert np.concatenate([p.ids for p in parts]).tolist() == row
        assert [p.start for p in parts] == [sum(map(len, parts[:i])) for i in range(len(parts))]
        assert len(segment) >= 1
        assert segment.rows == [number]
        assert all(number in p.rows for p in segment.chain())
    for position, segment in enumerate(shared):
        assert segment.parent is None or segment.parent in shared[:position]
        assert segment.rows == sorted(segment.rows, key=segment.rows.index)
        assert len(segment.rows) >= 2


@given(rows=texts())
def test_sharing_pays_and_nothing_long_is_left_unshared(rows: list[list[int]]) -> None:
    shared, own = plan_segments([ids(*r) for r in rows])
    for segment in shared:
        least = MIN_SAVED_DEEPER if segment.parent else MIN_SAVED_TOKENS
        assert len(segment) * (len(segment.rows) - 1) >= least
    for a in own:
        for b in own:
            if a is not b and a.parent is b.parent:
                left = min(shared_length(a.ids, b.ids), len(a) - 1, len(b) - 1)
                assert left < (MIN_SAVED_DEEPER if a.parent else MIN_SAVED_TOKENS)


def test_equal_rows_keep_their_last_token() -> None:
    (whole,), own = plan_segments([ids(*range(40))] * 3)
    assert len(whole) == 39
    assert [s.ids.tolist() for s in own] == [[39]] * 3


def test_known_beginning_is_the_parent_of_all() -> None:
    root = Segment(ids(*range(20)), None, 0)
    rows = [[*range(20), *([n % 2] * 80), n] for n in range(4)]
    shared, own = plan_segments([ids(*r) for r in rows], root)
    assert [(s.parent, len(s), sorted(s.rows)) for s in shared] in (
        [(root, 80, [0, 2]), (root, 80, [1, 3])],
        [(root, 80, [1, 3]), (root, 80, [0, 2])],
    )
    assert all(s.chain()[0] is root and s.start == 100 for s in own)


def test_no_rows_share_nothing() -> None:
    assert plan_segments([]) == ([], [])
