"""The table of rows and seeds: order, means, what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.stats import Scores
from adaptkit.stats.scores import unit_of_rows


def test_rows_and_seeds_are_in_order_whatever_order_they_come_in() -> None:
    scores = Scores.from_seeds({"b": {2: 0.2, 1: 0.1}, "a": {1: 0.5}}, seeds_vary=True)
    assert scores.ids == ("a", "b")
    np.testing.assert_array_equal(scores.values, [[0.5, np.nan], [0.1, 0.2]])
    assert scores.seeds_vary
    assert scores.n_seeds == 2
    assert scores.row_means.tolist() == pytest.approx([0.5, 0.15])


@given(st.permutations(list(range(6))))
def test_values_follow_their_ids(order: list[int]) -> None:
    scores = Scores(tuple(f"r{i}" for i in order), np.array([[float(i), 10.0 * i] for i in order]))
    assert scores.ids == tuple(f"r{i}" for i in range(6))
    assert scores.values.tolist() == [[float(i), 10.0 * i] for i in range(6)]


def test_a_row_without_any_value_is_left_out() -> None:
    scores = Scores.from_seeds({"a": {0: 1.0}, "b": {}})
    assert scores.ids == ("a",)
    assert not scores.seeds_vary
    empty = Scores.from_seeds({})
    assert (empty.ids, empty.values.shape, empty.row_means.shape) == ((), (0, 0), (0,))


def test_one_value_a_row() -> None:
    scores = Scores.from_rows({"b": 1.0, "a": 0.25})
    assert (scores.ids, scores.values.tolist()) == (("a", "b"), [[0.25], [1.0]])
    assert Scores.from_rows({}).values.shape == (0, 1)


def test_scores_cannot_be_changed_and_share_nothing() -> None:
    values = np.array([[0.0], [1.0]])
    scores = Scores(("a", "b"), values)
    values[0, 0] = 9.0
    assert scores.values[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        scores.values[0, 0] = 9.0


def test_a_choice_of_rows() -> None:
    scores = Scores.from_seeds({i: {0: 1.0, 1: 0.0} for i in "abcd"}, seeds_vary=True)
    some = scores.of_rows(["c", "a", "elsewhere"])
    assert (some.ids, some.seeds_vary, some.values.tolist()) == (("a", "c"), True, [[1.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (("a",), [[1.0], [0.0]], "an array of 1 rows"),
        (("a", "b"), [[1.0]], "an array of 2 rows"),
        (("a", "b"), [1.0, 0.0], "an array of 2 rows"),
        (("a", "a"), [[1.0], [0.0]], "'a' twice"),
        (("a", "b"), [[1.0], [math.inf]], "finite"),
        (("a", "b"), [[1.0], [math.nan]], "at least one of each row known"),
    ],
)
def test_what_is_no_table_is_refused(ids: tuple[str, ...], values: list[object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Scores(ids, np.array(values))


def test_what_scores_allow() -> None:
    assert Scores.from_rows({"a": 0.0, "b": 1.0}).right_or_wrong
    assert not Scores.from_rows({"a": 0.0, "b": 0.5}).right_or_wrong
    assert Scores.from_rows({"a": 0.0, "b": 0.5}).in_unit_range
    assert not Scores.from_rows({"a": 0.0, "b": 1.001}).in_unit_range
    assert not Scores.from_rows({"a": -0.001}).in_unit_range
    # The same under every seed is one answer; a mean of 1 from 0 and 2 is not.
    assert Scores.from_seeds({"a": {0: 1.0, 1: 1.0}, "b": {0: 0.0}}).right_or_wrong
    assert not Scores.from_seeds({"a": {0: 1.0, 1: 0.0}}).right_or_wrong
    assert not Scores.from_seeds({"a": {0: 2.0, 1: 0.0}}).right_or_wrong
    assert Scores.from_rows({}).right_or_wrong


def test_units_are_clusters_or_rows() -> None:
    assert unit_of_rows(["a", "b", "c"], None).tolist() == [0, 1, 2]
    assert unit_of_rows(["a", "b", "c", "d"], {"a": "x", "c": "x"}).tolist() == [0, 1, 0, 2]
    # A row that is called as a cluster is still a row of its own.
    assert unit_of_rows(["a", "x"], {"a": "x"}).tolist() == [0, 1]
    assert unit_of_rows([], {"a": "x"}).tolist() == []


def test_a_seed_without_any_row_is_left_out() -> None:
    table = np.array([[0.5, math.nan, 0.1], [math.nan, math.nan, 0.2]])
    scores = Scores(("a", "b"), table, seeds_vary=True)
    assert scores.n_seeds == 2
    np.testing.assert_array_equal(scores.values, [[0.5, 0.1], [math.nan, 0.2]])
    assert scores.of_rows(["b"]).n_seeds == 1
