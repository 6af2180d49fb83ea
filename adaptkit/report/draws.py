"""What the page needs to tell how sure a choice is under settings that the run did not have."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from adaptkit.costs import CostAssumptions, MeasuredCost, fixed_usd_per_hour, strategy_costs
from adaptkit.stats import Gaps

# Of the library's 10,000: a probability told by so many is off by one point, as a rule.
N_DRAWS = 2_000
# With many strategies fewer: a page is to be sent by mail.
_MOST_NUMBERS = 80_000
_FEWEST_DRAWS = 500
# A hundredth of a point, far below what rows can tell; stored as whole numbers of two bytes.
STEP = 1e-4
_MISSING = -(2**15)
_MOST = 2**15 - 1


def draws_data(gaps: Gaps | None) -> dict[str, Any] | None:
    """Return resampled differences of strategies in as few bytes as tell a probability.

    Returns:
        ``names``, the ``step`` of a unit, and ``values``: base64 of little-endian 16-bit integers,
        ``[n_draws, n_strategies]``, the lowest one where a draw says nothing of a strategy. None where
        nothing was drawn.
    """
    if gaps is None or not len(gaps.values):
        return None
    kept = gaps.values[: min(N_DRAWS, max(_FEWEST_DRAWS, _MOST_NUMBERS // max(1, len(gaps.names))))]
    step = max(STEP, float(np.nanmax(np.abs(kept), initial=0.0)) / _MOST)
    whole = np.where(np.isnan(kept), _MISSING, np.rint(kept / step)).astype("<i2")
    return {"names": list(gaps.names), "step": step, "values": base64.b64encode(whole.tobytes()).decode()}


def cost_spread(m: MeasuredCost, assumptions: CostAssumptions) -> dict[str, float] | None:
    """Return how the requests of a strategy differ in cost, at any price of the machine's second.

    Args:
        m: what was measured of the strategy.
        assumptions: whether its machine is paid by the month, where seconds cost nothing more.

    Returns:
        ``n`` requests, the variance of what is ``billed`` in USD^2 and of the ``machine``'s seconds in s^2,
        and what ``both`` share, in USD s: at a price of p USD a second, a request's variance is
        ``billed + 2 p both + p^2 machine``. None where fewer than two requests were measured.
    """
    seconds, bills = (_samples(m, assumptions, usd_per_s) for usd_per_s in (1.0, 0.0))
    if len(seconds) < 2 or len(seconds) != len(bills):
        return None
    (machine, both), (_, billed) = np.cov(seconds - bills, bills, ddof=1)
    return {"n": len(bills), "billed": float(billed), "machine": float(machine), "both": float(both)}


def _samples(m: MeasuredCost, assumptions: CostAssumptions, usd_per_s: float) -> np.ndarray:
    """What single requests cost at a price of the machine's second that it works."""
    hours = assumptions.of(m.strategy).machine_hours_per_month
    asked = CostAssumptions(utilisation=1.0, machine_hours_per_month=hours)
    found = strategy_costs(m, asked, machine=fixed_usd_per_hour(3600.0 * usd_per_s)).samples
    return np.array(list((found or {}).values()))
