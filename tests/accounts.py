"""Accounts to test with: one strategy on a provider's model, one on an own machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adaptkit.costs import NOTHING, MachinePrice, MeasuredCost, TokenBills, fixed_usd_per_hour

# A thousandth of a USD a second.
MACHINE: MachinePrice = fixed_usd_per_hour(3.6)


def measured(**changed: Any) -> MeasuredCost:
    """A strategy that took nothing but its requests, 2 seconds each on the own machine."""
    facts: dict[str, Any] = {
        "strategy": "plain",
        "quality": 0.5,
        "n_labels": 0,
        "training": NOTHING,
        "tuning": NOTHING,
        "failed": NOTHING,
        "index": NOTHING,
        "evaluation": NOTHING,
        "machine_s": {"a": 1.0, "b": 3.0},
    }
    return MeasuredCost(**{**facts, **changed})


def billed(costs: Mapping[str, float], **changed: Any) -> MeasuredCost:
    """A strategy that a provider bills for, and that uses no own machine."""
    bills = TokenBills(
        usd=costs, uncached_usd={i: 2 * c for i, c in costs.items()}, total_usd=sum(costs.values())
    )
    return measured(**{"machine_s": None, "bills": bills, **changed})
