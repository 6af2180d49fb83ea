"""The floor: counted by hand on a small shape, and laws that any shape keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.perf.floor import (
    ModelShape,
    Rates,
    generation_floor,
    n_shared,
    prompt_tree,
    training_floor,
)

SHAPE = ModelShape(hidden=4, n_layers=2, n_heads=2, n_kv_heads=1, head_dim=2, intermediate=8, vocabulary=10)
N_LINEAR = 2 * (4 * 4 + 2 * 4 * 2 + 4 * 4 + 3 * 4 * 8)
N_HEAD = 4 * 10
ATTENTION = 4 * 2 * 2 * 2
COMPUTING = Rates(dtype="float32", operations_per_s=1.0, bytes_per_s=1e30)
READING = Rates(dtype="bfloat16", operations_per_s=1e30, bytes_per_s=1.0)

token_rows = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=6)


def test_a_shape_is_read_from_a_config(tmp_path: Path) -> None:
    config = {
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
    }
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shape = ModelShape.of(tmp_path)
    assert shape.head_dim == 64
    assert shape.n_linear == 106_168_320
    assert shape.n_head == 28_311_552
    assert shape.n_adapter(16) == 4_884_480


def test_a_prefix_is_counted_once() -> None:
    assert n_shared([[1, 2, 3], [1, 2, 4, 5]]) == 2
    assert n_shared([[1, 2], [1, 2]]) == 2
    assert prompt_tree([[1, 2, 3], [1, 2, 4], [1, 9]]) == (5, 1 + 2 + 3 + 3 + 2)


@given(token_rows)
def test_the_tree_has_a_node_for_every_distinct_prefix(rows: list[list[int]]) -> None:
    prefixes = {tuple(row[: n + 1]) for row in rows for n in range(len(row))}
    assert prompt_tree(rows) == (len(prefixes), sum(map(len, prefixes)))


def test_operations_of_answers() -> None:
    rows, n_new = [[1, 2, 3], [1, 2, 4]], [1, 3]
    prefill = 2 * N_LINEAR * 4 + ATTENTION * 9 + 2 * 2 * N_HEAD
    decode = 2 * 2 * (N_LINEAR + N_HEAD) + ATTENTION * (4 + 5)  # the second row only
    assert generation_floor(SHAPE, rows, n_new, COMPUTING) == pytest.approx(prefill + decode)


def test_bytes_of_answers() -> None:
    weights = N_LINEAR + N_HEAD
    cached = 2 * 2 * 1 * 2  # keys and values of a token
    seconds = generation_floor(SHAPE, [[1, 2, 3], [1, 2, 4]], [2, 2], READING)
    assert seconds == pytest.approx(2 * (weights + weights + cached * (4 + 2)))


@given(token_rows, st.integers(1, 4))
def test_more_tokens_never_take_less(rows: list[list[int]], n_new: int) -> None:
    rates = Rates(dtype="float32", operations_per_s=1e3, bytes_per_s=1e3)
    few = generation_floor(SHAPE, rows, [n_new] * len(rows), rates)
    assert few <= generation_floor(SHAPE, rows, [n_new + 1] * len(rows), rates)
    assert few <= generation_floor(SHAPE, [*rows, [7, 7]], [n_new] * (len(rows) + 1), rates)


def test_operations_of_training() -> None:
    rows = [([1, 2, 3], [9]), ([1, 2, 4], [9, 9])]  # 2 shared tokens; then 2 and 3 own ones
    looks = 3 + (3 + 4) + (3 + 4 + 5)
    n_adapter = 2 * 2 * (8 + 6 + 6 + 8 + 12 + 12 + 12)
    assert SHAPE.n_adapter(2) == n_adapter
    wanted = (4 * N_LINEAR + 6 * n_adapter) * 7 + 3 * ATTENTION * looks + 4 * N_HEAD * 3
    assert training_floor(SHAPE, rows, COMPUTING, batch_size=2, rank=2) == pytest.approx(wanted)
