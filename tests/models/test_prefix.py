from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_module

from adaptkit.models.local.engine import Engine, RowState
from adaptkit.models.local.prefix import (
    MIN_PREFIX_TOKENS,
    Prefix,
    PrefixStore,
    common_prefix_length,
    shared_length,
)

tokens = st.lists(st.integers(0, 3), max_size=12)


def prefix(*ids: int) -> Prefix:
    """Keys are the ids themselves, so that what a view holds can be read off."""
    layer = torch.tensor(ids, dtype=torch.float32).reshape(1, 1, -1, 1)
    return Prefix(ids, ((layer, -layer),))


@given(a=tokens, b=tokens)
def test_shared_length_is_where_two_rows_part(a: list[int], b: list[int]) -> None:
    n = shared_length(a, b)
    assert a[:n] == b[:n]
    assert n == min(len(a), len(b)) or a[n] != b[n]


@given(shared=tokens, ends=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), min_size=1))
def test_common_prefix_is_the_longest_that_leaves_every_row_a_token(
    shared: list[int], ends: list[list[int]]
) -> None:
    rows = [shared + end for end in ends]
    n = common_prefix_length(rows)
    assert n >= len(shared)
    assert all(row[:n] == rows[0][:n] and len(row) > n for row in rows)
    assert any(len(row) == n + 1 or row[: n + 1] != rows[0][: n + 1] for row in rows)


def test_no_rows_share_nothing() -> None:
    assert common_prefix_length([]) == 0


def test_longest_match_is_cropped_to_what_is_shared() -> None:
    store = PrefixStore()
    store.put(prefix(*range(20)))
    store.put(prefix(*range(18), 99, 98, 97, 96))
    found = store.longest_match([*range(19), 50, 51])
    assert found is not None
    assert found.ids == tuple(range(19))
    keys, values = found.layers[0]
    assert keys.flatten().tolist() == list(range(19))
    assert values.flatten().tolist() == [-i for i in range(19)]


def test_match_too_short_to_be_worth_a_copy_is_none() -> None:
    store = PrefixStore()
    store.put(prefix(*range(30)))
    assert store.longest_match([*range(MIN_PREFIX_TOKENS - 1), 99]) is None
    assert len(store.longest_match([*range(MIN_PREFIX_TOKENS), 99]) or ()) == MIN_PREFIX_TOKENS
    store.clear()
    assert store.longest_match([*range(MIN_PREFIX_TOKENS), 99]) is None


def test_least_recently_used_prefix_leaves_first() -> None:
    store = PrefixStore(max_tokens=45)
    a, b, c = (tuple(range(start, start + 20)) for start in (0, 100, 200))
    store.put(prefix(*a))
    store.put(prefix(*b))
    assert store.longest_match(a)  # used again, so b is now the oldest
    store.put(prefix(*c))
    assert store.longest_match(b) is None
    assert store.longest_match(a)
    assert store.longest_match(c)


def test_prefix_longer_than_the_store_is_kept_alone() -> None:
    store = PrefixStore(max_tokens=20)
    store.put(prefix(*range(18)))
    store.put(prefix(*range(100, 130)))
    assert store.longest_match(range(18)) is None
    assert len(store.longest_match(range(100, 130)) or ()) == 30


def test_batch_starts_from_a_copy_of_the_prefix() -> None:
    stored = prefix(*range(4))
    cache = stored.cache(3)
    assert cache.layers[0].keys.shape == (3, 1, 4, 1)
    cache.layers[0].keys.zero_()
    assert stored.layers[0][0].flatten().tolist() == [0, 1, 2, 3]


@pytest.fixture
def engine() -> Engine:
    return Engine(tiny_module("llama"), pad_id=0, stop_ids=frozenset({0}))


def test_decoding_leaves_the_stored_prefix_as_it_was(engine: Engine) -> None:
    rows = [[*range(100, 130), 7 + i, 9] for i in range(3)]
    found, n_known = engine.share_prefix(rows)
    assert found is not None
    assert (len(found), n_known) == (30, 0)
    before = [k.clone() for k, _ in found.layers]
    engine.generate([RowState(row, 5, lambda _: False) for row in rows], found)
    assert all(torch.equal(k, b) for (k, _), b in zip(found.layers, before, strict=True))


def test_prefix_is_extended_from_the_part_that_is_known(engine: Engine) -> None:
    short = [[*range(100, 120), i] for i in (1, 2)]
    long = [[*range(100, 140), i] for i in (1, 2)]
    engine.share_prefix(short)
    extended, n_known = engine.share_prefix(long)
    assert n_known == 20
    fresh, _ = Engine(engine.module, pad_id=0, stop_ids=frozenset({0})).share_prefix(long)
    assert extended is not None
    assert fresh is not None
    assert extended.ids == fresh.ids == tuple(range(100, 140))
    for (k, v), (k_fresh, v_fresh) in zip(extended.layers, fresh.layers, strict=True):
        torch.testing.assert_close(k, k_fresh, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(v, v_fresh, rtol=1e-4, atol=1e-4)


def test_rows_with_little_in_common_share_nothing(engine: Engine) -> None:
    rows = [[*range(100, 100 + MIN_PREFIX_TOKENS - 1), i] for i in (1, 2)]
    assert engine.share_prefix(rows) == (None, 0)


def test_row_on_its_own_keeps_a_token_to_compute(engine: Engine) -> None:
    rows = [[*range(100, 130), i] for i in (1, 2)]
    engine.share_prefix(rows)
    found, n_known = engine.share_prefix([list(range(100, 130))])
    assert len(found or ()) == n_known == 29
