"""What costs are made of and told in: each value is given by its name, and stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
from accounts import MACHINE, billed, measured
from sealed_values import assert_given_by_name, assert_stays

from adaptkit.costs import (
    NOTHING,
    BreakEvenVolume,
    CostAssumptions,
    FitSeconds,
    RequestCost,
    Term,
    TokenBills,
    cost_rows,
    strategy_costs,
)
from adaptkit.costs.cost.saving import exact_saving

COSTS = strategy_costs(measured(), CostAssumptions(), machine=MACHINE)


@pytest.mark.parametrize(
    "record",
    [
        NOTHING,
        BreakEvenVolume(kind="never"),
        CostAssumptions(),
        FitSeconds(training=1.0, tuning=0.0, index=0.0),
        RequestCost(usd=1.0),
        Term(name="labels", usd=1.0),
        TokenBills(),
        exact_saving(1.0, "given"),
        billed({"a": 1.0}),
        COSTS,
        *cost_rows([measured()], CostAssumptions(), baseline=None, machine=MACHINE, rng=None),  # type: ignore[arg-type]
    ],
    ids=lambda record: type(record).__name__,
)
def test_values_are_given_by_name_and_stay(record: Any) -> None:
    assert_given_by_name(record)
    assert_stays(record)
