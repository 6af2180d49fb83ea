from __future__ import annotations

import numpy as np
import torch
from tiny import tiny_module

from adaptkit.models.local import decoding
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.memory import MemoryBudget
from adaptkit.models.local.prefix import PrefixStore
from adaptkit.models.local.rows import RowState
from adaptkit.models.local.slots import Stored
from adaptkit.models.local.tree import MIN_SAVED_TOKENS, Segment

N_BYTES = 2 * 4
"""Of a token: a key and a value of one float32."""


def ids(*values: int) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


def stored(values: np.ndarray, parent: Segment | None = None) -> Stored:
    """Keys are the ids themselves, so that what a view holds can be read off."""
    layer = torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1)
    return Stored(Segment(values, parent, parent.end if parent else 0), [(layer, -layer)])


def test_longest_match_is_cropped_to_what_is_shared() -> None:
    store = PrefixStore(10_000)
    store.put(stored(ids(*range(20))))
    store.put(stored(ids(*range(18), 99, 98, 97, 96)))
    found = store.longest_match(ids(*range(19), 50, 51))
    assert found is not None
    assert found.segment.ids.tolist() == list(range(19))
    keys, values = found.layers[0]
    assert keys.flatten().tolist() == list(range(19))
    assert values.flatten().tolist() == [-i for i in range(19)]


def test_short_common_beginnings_do_not_match() -> None:
    store = PrefixStore(10_000)
    store.put(stored(ids(*range(40))))
    n = MIN_SAVED_TOKENS
    assert store.longest_match(ids(*range(n - 1), 99, 99)) is None
    found = store.longest_match(ids(*range(n), 99, 99))
    assert found is not None
    assert len(found.segment) == n
    assert store.longest_match(ids()) is None


def test_match_goes_down_the_tree() -> None:
    store = PrefixStore(10_000)
    top = stored(ids(*range(20)))
    store.put(top)
    left, right = (stored(ids(*([n] * 20)), top.segment) for n in (7, 8))
    store.put(left)
    store.put(right)
    found = store.longest_match(ids(*range(20), *([8] * 20), 1))
    assert found is right
    assert found.segment.chain() == [top.segment]
    assert store.longest_match(ids(*range(20), 5, 5)) is top
    assert store.same(Segment(ids(*([7] * 20)), top.segment, 20)) is left
    assert store.same(Segment(ids(*([7] * 20)), None, 0)) is None
    assert store.same(Segment(ids(*([9] * 20)), top.segment, 20)) is None


def test_least_recently_used_goes_first_and_never_under_what_follows_it() -> None:
    store = PrefixStore(60 * N_BYTES)
    a, b = (stored(ids(*([n] * 20))) for n in (1, 2))
    store.put(a)
    store.put(b)
    store.longest_match(ids(*([1] * 20), 5))
    store.put(stored(ids(*([3] * 20)), a.segment))
    assert len(store) == 3
    store.put(stored(ids(*([4] * 20))))
    assert store.find(b.segment) is None, "the oldest"
    store.put(stored(ids(*([5] * 20))))
    assert store.find(a.segment) is not None or len(store) <= 3
    assert store.n_bytes <= 60 * N_BYTES
    for segment in list(store._stored):
        assert segment.parent is None or store.find(segment.parent) is not None


def test_a_segment_larger_than_the_limit_is_kept_alone() -> None:
    store = PrefixStore(N_BYTES)
    big = stored(ids(*range(30)))
    store.put(big)
    assert store.longest_match(ids(*range(30), 1)) is big
    store.clear()
    assert len(store) == 0
    assert store.longest_match(ids(*range(30), 1)) is None


def test_engine_keeps_prefixes_between_calls_under_its_limit() -> None:
    module = tiny_module("llama")
    free = MemoryBudget(pass_tokens=100, max_rows=8, slot_tokens=10_000, prefix_bytes=10**8)
    engine = Engine(module, stop_ids=frozenset(), budget=free)

    def cached(*rows: list[int]) -> list[int]:
        states = [RowState(r, 2, lambda _: False) for r in rows]
        decoding.generate(engine, states)
        return [s.n_cached for s in states]

    head = list(range(100, 130))
    assert cached([*head, 1], [*head, 2]) == [0, 30]
    assert cached([*head, 3]) == [30], "a row alone finds it"
    assert cached([*head[:25], 4], [*head[:25], 5, 6]) == [25, 25], "a part of it serves too"
    deep = [[*head, *([n] * 80), m] for n in (1, 2) for m in (3, 4)]
    assert cached(*deep) == [30, 110, 30, 110]
    assert cached(*deep) == [110] * 4
    assert engine.prefixes.n_bytes <= free.prefix_bytes
