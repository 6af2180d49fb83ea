"""The costs of several strategies side by side, ready for a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as date_

import numpy as np

from adaptkit.costs.cost.account import strategy_costs
from adaptkit.costs.cost.assumptions import CostAssumptions
from adaptkit.costs.cost.break_even import BreakEvenVolume, break_even_between
from adaptkit.costs.cost.measured import MeasuredCost
from adaptkit.costs.cost.tco import StrategyCosts
from adaptkit.costs.cost.terms import Term
from adaptkit.costs.cost.value import break_even_accuracy
from adaptkit.costs.model_price import ModelPrice
from adaptkit.costs.pricing import MachinePrice


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One strategy's line of the cost table. All figures are USD; None is unknown, and ``blank`` says why.

    Attributes:
        fixed: the parts of ``fixed_usd``, likewise ``monthly`` of ``monthly_usd``.
        utilisation: share of an own machine's paid time in which it works, as assumed, and
        usd_per_1k: what 1,000 requests cost then. All other figures rest on it.
        utilisations: other shares, and
        usd_per_1k_requests: what 1,000 requests cost at each; the same at all for a provider that bills by
            the token.
        usd_per_1k_uncached: 1,000 requests without the provider's cache, at the assumed utilisation.
        tco_low_usd: total over the horizon at the lowest number of requests, ``tco_high_usd`` at the highest;
            equal when one number is assumed.
        break_even: at how many requests this strategy is cheaper than the baseline; None for the baseline.
        usd_per_correct: requests only, at the assumed utilisation.
        utility_usd: what a request brings on average.
        blank: by figure, which of its terms are unknown and why.
    """

    strategy: str
    fixed_usd: float | None
    monthly_usd: float | None
    fixed: tuple[Term, ...]
    monthly: tuple[Term, ...]
    utilisation: float
    usd_per_1k: float | None
    utilisations: tuple[float, ...]
    usd_per_1k_requests: tuple[float | None, ...]
    usd_per_1k_uncached: float | None
    tco_low_usd: float | None
    tco_high_usd: float | None
    break_even: BreakEvenVolume | None
    usd_per_correct: float | None
    utility_usd: float | None
    quality: float | None
    blank: Mapping[str, str] = field(default_factory=dict)


def cost_rows(
    measured: Sequence[MeasuredCost],
    assumptions: CostAssumptions,
    *,
    baseline: str | None,
    machine: MachinePrice | None,
    rng: np.random.Generator,
) -> list[CostRow]:
    """Account for several strategies of one task.

    Args:
        measured: their facts, in the order of the table.
        assumptions: what was not measured.
        baseline: the strategy that break-evens refer to, None for none.
        machine: price of the own machine, None when unknown or when there is none.
        rng: for the intervals of the break-evens.
    """
    every = [strategy_costs(m, assumptions, machine=machine) for m in measured]
    base = next((costs for costs in every if costs.strategy == baseline), None)
    return [_row(costs, base, rng) for costs in every]


def _row(costs: StrategyCosts, base: StrategyCosts | None, rng: np.random.Generator) -> CostRow:
    low, high = _totals(costs)
    against = None if base is None or base is costs else break_even_between(costs, base, rng=rng)
    figures = {
        "fixed_usd": costs.once,
        "monthly_usd": costs.each_month,
        "usd_per_1k_requests": costs.request,
        "usd_per_1k_uncached": costs.uncached,
        "tco_low_usd": low,
        "tco_high_usd": high,
        "usd_per_correct": costs.per_correct,
        "utility_usd": costs.utility,
    }
    blank = {name: term.unknown or "" for name, term in figures.items() if term.usd is None}
    if against is not None and against.kind == "unknown":
        blank["break_even"] = against.reason or ""
    return CostRow(
        strategy=costs.strategy,
        fixed_usd=costs.once.usd,
        monthly_usd=costs.each_month.usd,
        fixed=costs.fixed,
        monthly=costs.monthly,
        utilisation=costs.assumptions.utilisation,
        usd_per_1k=_thousand(costs.request),
        utilisations=costs.assumptions.utilisations,
        usd_per_1k_requests=tuple(_thousand(term) for term in costs.requests_at),
        usd_per_1k_uncached=_thousand(costs.uncached),
        tco_low_usd=low.usd,
        tco_high_usd=high.usd,
        break_even=against,
        usd_per_correct=costs.per_correct.usd,
        utility_usd=costs.utility.usd,
        quality=costs.quality,
        blank=blank,
    )


def _totals(costs: StrategyCosts) -> tuple[Term, Term]:
    """Over the horizon, at the lowest and at the highest number of requests."""
    volumes = costs.assumptions.volumes or (None,)
    return costs.total(volumes[0]), costs.total(volumes[-1])


def _thousand(term: Term) -> float | None:
    return None if term.usd is None else 1000 * term.usd


def cost_notes(
    assumptions: CostAssumptions,
    *,
    machine: MachinePrice | None,
    model: ModelPrice | None,
    today: date_,
) -> list[str]:
    """Return what a reader of the table has to know: what is assumed, priced how, and not covered.

    Args:
        assumptions: those of the table.
        machine: price of the own machine, None when unknown or when there is none.
        model: price of the provider's model, None when unknown or when there is none.
        today: prices older than 180 days are warned of.
    """
    notes = list(assumptions.described())
    for price in (machine, model):
        if price is not None:
            dated = f", as of {price.date}" if price.date else ""
            notes.append(f"Price of {price.label}{dated}. Source: {price.source}.")
            notes += [warning for warning in (price.stale_warning(today),) if warning]
    notes.append(
        "Intervals of break-evens cover which requests were measured; what is paid once and each month, "
        "prices and the speed of batched runs are taken as exact."
    )
    return notes + _accuracy_note(assumptions)


def _accuracy_note(a: CostAssumptions) -> list[str]:
    if a.usd_per_success is None or a.usd_per_failure is None:
        return []
    least = break_even_accuracy(a.usd_per_success, a.usd_per_failure)
    if least is None:
        return []
    return [f"Answering pays from {100 * least:.1f} % right answers on, what requests cost not counted."]
