"""From what was measured and what is assumed to the costs of a strategy."""

from __future__ import annotations

from collections.abc import Mapping

from adaptkit.costs.cost import per_request
from adaptkit.costs.cost.assumptions import CostAssumptions
from adaptkit.costs.cost.machine import hosting_usd_per_month
from adaptkit.costs.cost.measured import NO_MACHINE_PRICE, MeasuredCost
from adaptkit.costs.cost.tco import StrategyCosts
from adaptkit.costs.cost.terms import Term, listed
from adaptkit.costs.pricing import MachinePrice


def strategy_costs(
    measured: MeasuredCost, assumptions: CostAssumptions, *, machine: MachinePrice | None
) -> StrategyCosts:
    """Make the account of one strategy.

    Args:
        measured: its facts.
        assumptions: of the comparison; what differs for this strategy is taken from ``by_strategy``.
        machine: price of the own machine, None when unknown or when there is none.
    """
    mine = assumptions.of(measured.strategy)
    fixed = _fixed(measured, mine, machine)
    return StrategyCosts(
        strategy=measured.strategy,
        quality=measured.quality,
        assumptions=mine,
        fixed=fixed,
        monthly=_monthly(measured, mine, machine, {term.name: term for term in fixed}),
        request=per_request.request_term(measured, machine, mine.utilisation),
        requests_at=tuple(per_request.request_term(measured, machine, u) for u in mine.utilisations),
        uncached=per_request.request_term(measured, machine, mine.utilisation, uncached=True),
        marginal=per_request.marginal_term(measured, machine, mine),
        samples=per_request.samples(measured, machine, mine),
        clusters=measured.clusters,
        capacity=per_request.capacity(measured, mine),
    )


def _fixed(m: MeasuredCost, a: CostAssumptions, machine: MachinePrice | None) -> tuple[Term, ...]:
    return (
        _labels(m.n_labels, a),
        m.tuning.term("tuning", machine),
        m.failed.term("failed trials", machine),
        m.training.term("training", machine),
        m.index.term("index", machine),
        m.evaluation.term("evaluation", machine),
    )


def _labels(n_used: int | None, a: CostAssumptions) -> Term:
    """``n * minutes / 60 * wage``; a strategy that learns from none pays for none."""
    n = n_used if a.n_labels is None or n_used == 0 else a.n_labels
    if n == 0:
        return Term(name="labels", usd=0.0)
    missing = [f for f in ("minutes_per_label", "usd_per_hour_of_labelling") if getattr(a, f) is None]
    if missing:
        return Term(name="labels", unknown=f"{listed(missing)} not given")
    if n is None or a.minutes_per_label is None or a.usd_per_hour_of_labelling is None:
        return Term(name="labels", unknown="their number is not known")
    return Term(name="labels", usd=n * a.minutes_per_label / 60 * a.usd_per_hour_of_labelling)


def _monthly(
    m: MeasuredCost, a: CostAssumptions, machine: MachinePrice | None, fixed: Mapping[str, Term]
) -> tuple[Term, ...]:
    return (
        _hosting(m, a, machine),
        fixed["training"].times(a.n_retrain_per_month, "retraining"),
        fixed["index"].times(a.n_reindex_per_month * a.changed_share, "re-indexing"),
        Term(name="maintenance", usd=a.maintenance_usd_per_month),
    )


def _hosting(m: MeasuredCost, a: CostAssumptions, machine: MachinePrice | None) -> Term:
    """The fixed bill, and the own machine where requests need one and it is kept on."""
    if not per_request.paid_by_month(m, a):
        return Term(name="hosting", usd=a.hosting_usd_per_month)
    usd = hosting_usd_per_month(machine, a.machine_hours_per_month)
    if usd is None:
        return Term(name="hosting", unknown=NO_MACHINE_PRICE)
    return Term(name="hosting", usd=a.hosting_usd_per_month + usd)
