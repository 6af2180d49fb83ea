"""What a recommendation rests on: measurements of one task, what they cost, and what is required."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from adaptkit.core.results import Pair, Row
from adaptkit.costs import CostAssumptions, MachinePrice, MeasuredCost, StrategyCosts, strategy_costs
from adaptkit.decision.requirements import UNKNOWN, Requirements
from adaptkit.decision.situation import DataFacts
from adaptkit.stats import MARGIN, Gaps


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One task, measured.

    Attributes:
        rows: one a strategy, failed and skipped ones too.
        pairs: comparisons of strategies on the same rows.
        measured: what each strategy's cost is made of; empty where only the table is at hand.
        assumptions: of the costs.
        machine: its price, None when unknown.
        gaps: of the strategies in resamples; None where only the table is at hand.
        facts: of the task's data, None where nobody kept them.
        model_parameters: weights of the model, None when unknown.
    """

    task: str
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    measured: tuple[MeasuredCost, ...] = ()
    assumptions: CostAssumptions = field(default_factory=CostAssumptions)
    machine: MachinePrice | None = None
    gaps: Gaps | None = None
    facts: DataFacts | None = None
    model_parameters: float | None = None

    @property
    def margin(self) -> float:
        """The largest difference that does not matter, as chosen before the run."""
        stated = [p.margin for p in self.pairs if p.margin is not None]
        return stated[0] if stated else MARGIN

    @cached_property
    def costs(self) -> dict[str, StrategyCosts]:
        """The costs of each strategy that was measured."""
        return {m.strategy: strategy_costs(m, self.assumptions, machine=self.machine) for m in self.measured}

    def under(self, requirements: Requirements) -> Evidence:
        """The same at the volume, horizon, wages and values that are required."""
        assumptions = replace(self.assumptions, **_stated(requirements))
        return self if assumptions == self.assumptions else replace(self, assumptions=assumptions)

    def light(self) -> Evidence:
        """The same costs of fewer numbers: many assumptions are tried with means, not single requests."""
        # Requests are shown at several utilisations, and chosen by one.
        assumptions = replace(self.assumptions, utilisations=(self.assumptions.utilisation,))
        measured = tuple(_averaged(m) for m in self.measured)
        return replace(self, measured=measured, assumptions=assumptions, gaps=None)


_SHARED = ("horizon_months", "minutes_per_label", "usd_per_success", "usd_per_failure")


def _stated(requirements: Requirements) -> dict[str, Any]:
    stated = requirements.stated()
    found = {name: stated[name] for name in _SHARED if name in stated}
    volume = stated.get("requests_per_month")
    if volume == UNKNOWN:
        return {**found, "requests_per_month": None}
    return found if volume is None else {**found, "requests_per_month": volume}


def _averaged(m: MeasuredCost) -> MeasuredCost:
    if m.bills is not None or not m.machine_s:
        return m
    return replace(m, machine_s={"mean": sum(m.machine_s.values()) / len(m.machine_s)}, clusters={})
