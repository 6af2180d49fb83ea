"""How often a strategy is the best, or near it, worked out by hand from a few resamples."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from adaptkit.stats import Gaps, Scores
from adaptkit.stats.best import resampled_gaps
from adaptkit.stats.table import Table

Floats = np.ndarray[Any, np.dtype[np.float64]]
NONE = float("nan")


def gaps(*rows: tuple[float, ...], names: str = "abc") -> Gaps:
    return Gaps(tuple(names[: len(rows[0])]), np.array(rows))


FOUR = gaps((0.0, 0.1, -0.3), (0.0, -0.2, -0.1), (0.0, 0.0, -0.4), (0.0, 0.3, 0.3))


def test_the_highest_of_each_resample_is_the_best_and_ties_are_split() -> None:
    assert FOUR.p_best() == {"a": (1 + 0.5) / 4, "b": (1 + 0.5 + 0.5) / 4, "c": 0.5 / 4}


def test_a_difference_of_rounding_is_a_tie() -> None:
    found = gaps((0.0, 1e-13), (0.1 + 0.2, 0.3)).p_best()
    assert found == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("name", "margin", "expected"),
    [
        ("a", 0.0, 0.5), ("a", 0.05, 0.5), ("a", 0.1, 0.75), ("a", 0.29, 0.75), ("a", 0.3, 1.0),
        ("b", 0.0, 0.75), ("b", 0.19, 0.75), ("b", 0.2, 1.0), ("c", 0.1, 0.5), ("c", 0.4, 1.0),
    ],
)  # fmt: skip
def test_near_the_best_is_at_most_the_margin_below_it(name: str, margin: float, expected: float) -> None:
    assert FOUR.p_within(name, margin) == expected


def test_one_without_rows_is_neither_best_nor_near() -> None:
    found = gaps((0.0, NONE, -0.1), (0.0, NONE, 0.2))
    assert found.p_best() == {"a": 0.5, "b": None, "c": 0.5}
    assert found.p_within("b", 0.5) is None
    assert found.p_within("a", 0.1) == 0.5
    assert Gaps(("a",), np.zeros((0, 1))).p_within("a", 0.1) is None
    assert Gaps(("a",), np.zeros((0, 1))).p_best() == {"a": None}


def test_a_resample_without_its_rows_counts_against_it() -> None:
    found = gaps((0.0, NONE), (0.0, 0.2))
    assert found.p_best() == {"a": 0.5, "b": 0.5}
    assert found.p_within("b", 0.0) == 0.5


def test_costs_are_taken_off_as_one_number_or_as_one_a_resample() -> None:
    shifted = FOUR.of(["b", "a"], {"b": 0.25, "a": np.array([0.0, 0.0, 0.5, 0.5])})
    assert shifted.names == ("b", "a")
    assert shifted.values == pytest.approx(
        np.array([[-0.15, 0.0], [-0.45, 0.0], [-0.25, -0.5], [0.05, -0.5]])
    )
    assert FOUR.of(["c"]).values[:, 0].tolist() == [-0.3, -0.1, -0.4, 0.3]
    assert FOUR.of(["c", "a"], {"c": 0.1}).values[:, 1].tolist() == [0.0] * 4
    assert FOUR.of([]).values.shape == (0, 0)


def test_resamples_that_hold_none_of_those_kept_are_left_out() -> None:
    found = gaps((0.0, NONE, 0.4), (0.0, 0.1, NONE), (0.0, NONE, NONE)).of(["b", "c"])
    assert found.values.shape == (2, 2)
    assert np.isnan(found.values).tolist() == [[True, False], [False, True]]
    assert Gaps(("a", "b"), np.zeros((0, 2))).of(["b"]).values.shape == (0, 1)


def table_of(values: Floats, *, seeds_vary: bool, clusters: dict[str, str] | None = None) -> Table:
    """Of ``[n_rows, n_strategies, n_seeds]``."""
    ids = tuple(f"r{i}" for i in range(len(values)))
    return Table.of(
        {"abcd"[k]: Scores(ids, values[:, k], seeds_vary) for k in range(values.shape[1])}, clusters
    )


def test_seeds_move_a_mean_as_much_as_their_luck_says() -> None:
    """Four seeds that differ alike on every row: the bootstrap alone would be too narrow by sqrt(3/4)."""
    of_seed = np.array([-0.3, 0.0, 0.1, 0.2])
    values = np.stack([np.tile(of_seed, (50, 1)) + 0.5, np.full((50, 4), 0.5)], axis=1)
    table = table_of(values, seeds_vary=True)
    found = resampled_gaps(table, rng=np.random.default_rng(1), n_resamples=40_000).values
    luck = table.lucks[0]
    assert luck is not None
    assert luck.variance == pytest.approx(of_seed.var(ddof=1) / 4, rel=0.05)
    assert found[:, 0].std() == pytest.approx(luck.variance**0.5, rel=0.02)
    assert found[:, 0].mean() == pytest.approx(0.0, abs=0.003)
    patterns = [np.mean(c) for c in itertools.product(of_seed, repeat=4)]
    expected = np.quantile(patterns, [0.1, 0.9]) * (luck.variance / np.var(patterns)) ** 0.5
    assert np.quantile(found[:, 0], [0.1, 0.9]) == pytest.approx(expected, abs=0.012)
    assert abs(found[:, 1]).max() < 1e-12


def test_rows_of_unequal_clusters_weigh_as_rows() -> None:
    """Of two clusters with 1 and 3 rows, a draw holds either alone, or both: means of -1, 1/3 and 0."""
    values = np.zeros((4, 2, 1))
    values[:, 1, 0] = [-1.0, 1 / 3, 1 / 3, 1 / 3]
    clusters = {"r0": "x", "r1": "y", "r2": "y", "r3": "y"}
    table = table_of(values, seeds_vary=False, clusters=clusters)
    found = resampled_gaps(table, rng=np.random.default_rng(2), n_resamples=20_000).values[:, 1]
    shares = [float(np.isclose(found, v).mean()) for v in (-1.0, 0.0, 1 / 3)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.012)
    assert sum(shares) == pytest.approx(1.0)
