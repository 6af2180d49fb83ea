"""What statistics are told in: each value is given by its name, and stays as it was."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from sealed_values import assert_given_by_name, assert_stays

from adaptkit.stats import Scores, StoppingRule, compare_all, looks_for
from adaptkit.stats.all_pairs import measured
from adaptkit.stats.paired import Levels
from adaptkit.stats.table import Table

SCORES = {
    name: Scores.from_seeds({str(i): {s: (i + s) % n / n for s in (0, 1)} for i in range(9)}, seeds_vary=True)
    for name, n in (("a", 2), ("b", 3))
}
FOUND = compare_all(SCORES, rng=np.random.default_rng(0), n_resamples=10)
TABLE = Table.of(SCORES, None)
(MEASURED,) = measured(TABLE)
RULE = StoppingRule(order=[str(i) for i in range(9)])


@pytest.mark.parametrize(
    "record",
    [
        FOUND,
        FOUND.pairs[0],
        TABLE,
        TABLE.lucks[0],
        MEASURED,
        MEASURED.spread,
        MEASURED.units,
        RULE,
        RULE.judge(SCORES, 0),
        looks_for(9)[0],
        Levels(),
    ],
    ids=lambda record: type(record).__name__,
)
def test_values_are_given_by_name_and_stay(record: Any) -> None:
    assert_given_by_name(record)
    assert_stays(record)


@pytest.mark.parametrize("record", [SCORES["a"], TABLE, MEASURED], ids=lambda record: type(record).__name__)
def test_what_holds_arrays_is_equal_to_itself_only(record: Any) -> None:
    """Arrays have no single truth to be compared by, and what holds them can be a key."""
    assert record == record
    assert record != dataclasses.replace(record)
    assert {record: 1}[record] == 1


def test_scores_stay() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SCORES["a"].seeds_vary = False  # type: ignore[misc]
