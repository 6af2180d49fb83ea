"""From seconds to USD, and when dearer training pays. Unknown stays None all the way; it is never 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from adaptkit.accounting.pricing import MachinePrice


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """From how many requests on the one costs less in total than the other.

    Attributes:
        requests: the number, 0 when it is never the dearer; None when it never pays or is unknown.
        never: whether it never pays. Not an infinite ``requests``, which JSON could not hold.
    """

    requests: float | None
    never: bool


def usd_for_seconds(seconds: float | None, price: MachinePrice | None) -> float | None:
    """Return what a machine costs for this long, None when the time or the price is unknown."""
    if seconds is None or price is None:
        return None
    return seconds / 3600 * price.usd_per_hour


def usd_per_1k(costs: Sequence[float | None]) -> float | None:
    """Return 1,000 times the mean of those costs that are known, None when none is.

    A request whose latency was not measured alone has no cost; it is left out, not counted as free.
    """
    known = [c for c in costs if c is not None]
    return 1000 * math.fsum(known) / len(known) if known else None


def usd_per_correct(mean_cost: float | None, quality: float | None) -> float | None:
    """Return the cost of one right answer: wrong answers are paid for too.

    Args:
        mean_cost: USD a request.
        quality: share of requests answered right, 0..1.

    Returns:
        USD, or None when either is unknown or nothing is right.
    """
    if mean_cost is None or not quality:
        return None
    return mean_cost / quality


def break_even_requests(
    fit_usd_a: float | None, cost_a: float | None, fit_usd_b: float | None, cost_b: float | None
) -> BreakEven:
    """Return from how many requests on ``a`` costs less in total than ``b``.

    ``(fit_a - fit_b) / (cost_b - cost_a)``. If a request of ``a`` costs no less than one of ``b``, ``a``
    never pays in the long run, even where its fit is the cheaper one.

    Args:
        fit_usd_a: what fitting ``a`` costs once, USD.
        cost_a: what a request of ``a`` costs, USD.
        fit_usd_b: likewise for ``b``.
        cost_b: likewise for ``b``.

    Examples:
        >>> break_even_requests(1.35, 0.00018, 0.0, 0.00024)
        BreakEven(requests=22500.0, never=False)
        >>> break_even_requests(1.35, 0.00018, 0.0, 0.00012)
        BreakEven(requests=None, never=True)
    """
    if fit_usd_a is None or cost_a is None or fit_usd_b is None or cost_b is None:
        return BreakEven(requests=None, never=False)
    if cost_a >= cost_b:
        return BreakEven(requests=None, never=True)
    # Twelve digits: costs are differences of small decimals, whose last bits are noise.
    requests = float(f"{(fit_usd_a - fit_usd_b) / (cost_b - cost_a):.12g}")
    return BreakEven(requests=max(0.0, requests), never=False)
