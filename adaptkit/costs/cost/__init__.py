"""From tokens, seconds and assumptions to USD. Unknown stays None all the way; it is never 0."""

from adaptkit.costs.cost.account import strategy_costs
from adaptkit.costs.cost.assumptions import CostAssumptions, load_assumptions
from adaptkit.costs.cost.break_even import (
    BreakEvenVolume,
    break_even_between,
    break_even_requests,
    break_even_volume,
)
from adaptkit.costs.cost.machine import (
    HOURS_PER_MONTH,
    UTILISATIONS,
    hosting_usd_per_month,
    machine_s_per_request,
    machine_usd_per_request,
    usd_for_seconds,
)
from adaptkit.costs.cost.measured import (
    NOTHING,
    FitSeconds,
    MeasuredCost,
    Spent,
    mean_by_example,
    spared_s,
    split_fit,
)
from adaptkit.costs.cost.request import (
    RequestCost,
    TokenBills,
    request_usd,
    token_bills,
    uncached,
)
from adaptkit.costs.cost.saving import Saving, exact_saving, request_saving
from adaptkit.costs.cost.table import CostRow, cost_notes, cost_rows
from adaptkit.costs.cost.tco import StrategyCosts, total_usd
from adaptkit.costs.cost.terms import Term, total
from adaptkit.costs.cost.value import (
    break_even_accuracy,
    expected_utility,
    usd_per_correct,
)

__all__ = [
    "HOURS_PER_MONTH",
    "NOTHING",
    "UTILISATIONS",
    "BreakEvenVolume",
    "CostAssumptions",
    "CostRow",
    "FitSeconds",
    "MeasuredCost",
    "RequestCost",
    "Saving",
    "Spent",
    "StrategyCosts",
    "Term",
    "TokenBills",
    "break_even_accuracy",
    "break_even_between",
    "break_even_requests",
    "break_even_volume",
    "cost_notes",
    "cost_rows",
    "exact_saving",
    "expected_utility",
    "hosting_usd_per_month",
    "load_assumptions",
    "machine_s_per_request",
    "machine_usd_per_request",
    "mean_by_example",
    "request_saving",
    "request_usd",
    "spared_s",
    "split_fit",
    "strategy_costs",
    "token_bills",
    "total",
    "total_usd",
    "uncached",
    "usd_for_seconds",
    "usd_per_correct",
]
