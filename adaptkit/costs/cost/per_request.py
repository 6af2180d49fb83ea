"""One request of a strategy: the provider's bill, the own machine's time, and how requests differ."""

from __future__ import annotations

import math
from collections.abc import Mapping

from adaptkit.costs.cost.assumptions import CostAssumptions
from adaptkit.costs.cost.machine import machine_s_per_request, machine_usd_per_request
from adaptkit.costs.cost.measured import NO_MACHINE_PRICE, MeasuredCost
from adaptkit.costs.cost.terms import Term
from adaptkit.costs.pricing import MachinePrice


def request_term(
    m: MeasuredCost, machine: MachinePrice | None, utilisation: float, *, uncached: bool = False
) -> Term:
    """What a request costs with an own machine paid by the hour.

    Args:
        machine: price of the own machine.
        utilisation: share of its paid time in which it works.
        uncached: as if the provider's cache did not exist.
    """
    terms = _bills(m, uncached=uncached)
    if m.uses_machine:
        terms.append(_machine_time(m, machine, utilisation))
    if not terms:
        return Term(name="request", unknown="neither its tokens nor its seconds were measured")
    return _summed(terms)


def marginal_term(m: MeasuredCost, machine: MachinePrice | None, a: CostAssumptions) -> Term:
    """What one more request adds: no machine time where the machine is kept on, and paid by the month."""
    if paid_by_month(m, a):
        return _summed(_bills(m, uncached=False))
    return request_term(m, machine, a.utilisation)


def paid_by_month(m: MeasuredCost, a: CostAssumptions) -> bool:
    """Whether the machine that answers is kept on."""
    return m.uses_machine and a.machine_hours_per_month > 0


def capacity(m: MeasuredCost, a: CostAssumptions) -> float | None:
    """Requests a month that the hours of a machine suffice for; None for no bound, or an unknown one."""
    seconds = _seconds(m)
    return a.machine_hours_per_month * 3600 / seconds if paid_by_month(m, a) and seconds else None


def samples(m: MeasuredCost, machine: MachinePrice | None, a: CostAssumptions) -> Mapping[str, float] | None:
    """What each example's request adds to the bill.

    Seconds of requests sent alone are scaled so that their mean is what a request takes in batched runs:
    these say how much a request takes, those how far requests differ. An example of which only the
    provider's bill is known is given the mean seconds.

    Returns:
        None where a request adds nothing, exactly; empty where single requests were not measured, or have
        no price.
    """
    kept_on = paid_by_month(m, a)
    if kept_on and m.bills is None:
        return None
    if marginal_term(m, machine, a).usd is None:
        return {}
    alone = {} if kept_on else m.machine_s or {}
    scale = _usd_per_second_alone(m, machine, a.utilisation)
    if m.bills is None:
        return {i: scale * s for i, s in alone.items()}
    usual = math.fsum(alone.values()) / len(alone) if alone else 0.0
    return {i: usd + scale * alone.get(i, usual) for i, usd in m.bills.usd.items()}


def _usd_per_second_alone(m: MeasuredCost, machine: MachinePrice | None, utilisation: float) -> float:
    alone = math.fsum((m.machine_s or {}).values())
    usd = machine_usd_per_request(_seconds(m), machine, utilisation)
    return len(m.machine_s or {}) * usd / alone if usd and alone else 0.0


def _seconds(m: MeasuredCost) -> float | None:
    return machine_s_per_request((m.machine_s or {}).values(), m.rows_per_s)


def _summed(terms: list[Term]) -> Term:
    """One term of all, their reasons without their names: a request is what the reader asks for."""
    reasons = [t.unknown for t in terms if t.unknown]
    if reasons:
        return Term(name="request", unknown=" and ".join(reasons))
    return Term(name="request", usd=math.fsum(t.usd or 0.0 for t in terms))


def _bills(m: MeasuredCost, *, uncached: bool) -> list[Term]:
    """The provider's bill, if one is asked."""
    if m.bills is None:
        return []
    reason = m.bills.uncached_reason if uncached else m.bills.reason
    each = (m.bills.uncached_usd if uncached else m.bills.usd).values()
    if reason or not each:
        return [Term(name="bill", unknown=reason or "no request was answered")]
    return [Term(name="bill", usd=math.fsum(each) / len(each))]


def _machine_time(m: MeasuredCost, machine: MachinePrice | None, utilisation: float) -> Term:
    seconds = _seconds(m)
    if seconds is None:
        return Term(name="machine", unknown="no request was timed")
    usd = machine_usd_per_request(seconds, machine, utilisation)
    return Term(name="machine", usd=usd, unknown=NO_MACHINE_PRICE if usd is None else None)
