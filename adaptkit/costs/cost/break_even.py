"""From how many requests on one strategy is cheaper than another.

Strategy ``s`` costs ``F_s`` once, ``R_s`` each month and ``c_s`` a request; ``t`` likewise. Over ``H`` months
``s`` is the cheaper one at ``V`` requests a month when its advance ``(F_s - F_t) / H + R_s - R_t`` is less
than what its requests save, ``V * (c_t - c_s)``: the two are equal at ``V* = advance / saving``. Without a
horizon nothing is spread over months, and ``R* = (F_s - F_t) / (c_t - c_s)`` counts requests in all.

The advance is known and the saving is a mean of measured requests. ``V*`` falls as the saving rises, and is
"never" from a saving of 0 downwards, so the interval of ``V*`` is that of the saving, turned over: it has the
same coverage, and an upper bound that says "perhaps never" exactly where the saving may be 0 or less. (For
a known numerator that is also what Fieller's theorem gives.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from adaptkit.costs.cost.saving import Saving, difference, exact_saving, request_saving
from adaptkit.costs.cost.tco import StrategyCosts
from adaptkit.costs.cost.terms import total

Kind = Literal["from", "up to", "always", "never", "unknown"]


@dataclass(frozen=True, kw_only=True)
class BreakEvenVolume:
    """At how many requests a strategy is cheaper than another.

    Attributes:
        kind: cheaper ``from`` so many requests on, ``up to`` so many, ``always``, ``never`` (it costs at
            least as much at any number), or ``unknown``.
        requests: the number for the first two, None otherwise.
        low: the 95 % interval's lower bound, as far as measured costs of requests make it uncertain; what is
            paid once and monthly is taken as exact. None where there is no bound.
        high: its upper bound; None also where the interval has no end, because ``kind`` itself is uncertain.
        certain: whether the whole interval is of this kind; None without an interval.
        monthly: whether ``requests`` are a month's, or all there will ever be.
        reason: why it is unknown, or what else a reader has to know.
    """

    kind: Kind
    requests: float | None = None
    low: float | None = None
    high: float | None = None
    certain: bool | None = None
    monthly: bool = True
    reason: str | None = None

    @property
    def words(self) -> str:
        """As a reader wants it, e.g. ``from 6,429 requests a month (4,900 to 9,300)``.

        Examples:
            >>> BreakEvenVolume(kind="from", requests=6428.6, low=4900.2, certain=False).words
            'from 6,429 requests a month (4,900 or more, perhaps never)'
            >>> BreakEvenVolume(kind="never", low=9000.0, certain=False, monthly=False).words
            'never by these rows, perhaps from 9,000 requests'
        """
        unit = "requests a month" if self.monthly else "requests"
        if self.kind == "unknown":
            return f"unknown: {self.reason}"
        if self.kind in ("always", "never"):
            return self.kind + self._doubt(unit)
        return f"{self.kind} {_count(self.requests)} {unit}{self._range()}"

    def _range(self) -> str:
        if self.certain is None:
            return ""
        if self.certain:
            return f" ({_count(self.low)} to {_count(self.high)})"
        return f" ({_count(self.low)} or more, perhaps {'never' if self.kind == 'from' else 'always'})"

    def _doubt(self, unit: str) -> str:
        if self.certain is not False:
            return ""
        if self.low is None:
            return f" by these rows, perhaps {'never' if self.kind == 'always' else 'always'}"
        other = "from" if self.kind == "never" else "only up to"
        return f" by these rows, perhaps {other} {_count(self.low)} {unit}"


def _count(requests: float | None) -> str:
    if requests is None:
        return "?"
    return f"{requests:,.0f}" if requests >= 10 else f"{requests:.2g}"


def break_even_requests(fit_usd_a: float, cost_a: float, fit_usd_b: float, cost_b: float) -> float | None:
    """Return from how many requests on ``a`` costs less in total than ``b``.

    ``(fit_a - fit_b) / (cost_b - cost_a)``. If a request of ``a`` costs no less than one of ``b``, ``a``
    never pays in the long run, even where its fit is the cheaper one.

    Args:
        fit_usd_a: what fitting ``a`` costs once, USD.
        cost_a: what a request of ``a`` costs, USD.
        fit_usd_b: likewise for ``b``.
        cost_b: likewise for ``b``.

    Returns:
        The number, 0 where ``a`` is never the dearer; None where it never pays.

    Examples:
        >>> break_even_requests(1.35, 0.00018, 0.0, 0.00024)
        22500.0
        >>> break_even_requests(1.35, 0.00018, 0.0, 0.00012) is None
        True
    """
    if cost_a >= cost_b:
        return None
    return max(0.0, _quotient(fit_usd_a - fit_usd_b, cost_b - cost_a))


def break_even_volume(advance_usd: float, saving: Saving, *, monthly: bool = True) -> BreakEvenVolume:
    """Return at how many requests the strategy that costs more in advance has saved it again.

    Args:
        advance_usd: what it costs more before the first request: a month, or in all; below 0 for less.
        saving: what each of its requests costs less.
        monthly: whether the advance is a month's.

    Examples:
        >>> break_even_volume(1.35, exact_saving(0.00021, "stated"), monthly=False).words
        'from 6,429 requests'
    """
    kind = _kind(advance_usd, saving.usd)
    found = BreakEvenVolume(kind=kind, requests=_volume(advance_usd, saving.usd), monthly=monthly)
    if saving.low is None or saving.high is None:
        return replace(found, reason=saving.method)
    # A larger saving pays an advance sooner; where requests cost more, it puts off the end.
    first, last = (saving.high, saving.low) if advance_usd > 0 else (saving.low, saving.high)
    return replace(
        found,
        low=_volume(advance_usd, first),
        high=_volume(advance_usd, last),
        certain=_kind(advance_usd, saving.low) == _kind(advance_usd, saving.high),
    )


def _kind(advance: float, saving: float) -> Kind:
    if advance > 0:
        return "from" if saving > 0 else "never"
    if advance < 0:
        return "up to" if saving < 0 else "always"
    return "always" if saving > 0 else "never"


def _volume(advance: float, saving: float) -> float | None:
    return _quotient(advance, saving) if _kind(advance, saving) in ("from", "up to") else None


def _quotient(usd: float, saving: float) -> float:
    # Twelve digits: costs are differences of small decimals, whose last bits are noise.
    return float(f"{usd / saving:.12g}")


def break_even_between(s: StrategyCosts, t: StrategyCosts, *, rng: np.random.Generator) -> BreakEvenVolume:
    """Return at how many requests strategy ``s`` is cheaper than ``t``.

    A month, over the horizon of the assumptions; without a horizon, requests in all.

    Args:
        s: the costs of one strategy.
        t: those of another, with the same horizon.
        rng: for the bootstrap over measured costs of requests.
    """
    unknown = _unknown(s, t)
    if unknown:
        return BreakEvenVolume(kind="unknown", reason=unknown)
    once = difference(s.once.usd or 0.0, t.once.usd or 0.0)
    each_month = difference(s.each_month.usd or 0.0, t.each_month.usd or 0.0)
    months = s.assumptions.horizon_months
    if months is None and each_month:
        return BreakEvenVolume(kind="unknown", reason="monthly costs differ, and horizon_months is not given")
    advance = once if months is None else difference(once / months, -each_month)
    found = break_even_volume(advance, _saving(s, t, rng), monthly=months is not None)
    return replace(found, reason=_beyond(found, s, t) or found.reason)


def _unknown(s: StrategyCosts, t: StrategyCosts) -> str | None:
    """Which terms are missing, by strategy."""
    reasons = []
    for costs in (s, t):
        whole = total(costs.strategy, (*costs.fixed, *costs.monthly, costs.marginal))
        if whole.usd is None:
            reasons.append(f"{costs.strategy}: {whole.unknown}")
    return "; ".join(reasons) or None


def _saving(s: StrategyCosts, t: StrategyCosts, rng: np.random.Generator) -> Saving:
    usd = difference(t.marginal.usd or 0.0, s.marginal.usd or 0.0)
    if s.samples is None and t.samples is None:
        return exact_saving(usd, "no interval: no request adds to either bill")
    # What adds nothing adds nothing to any row of the other.
    own = s.samples if s.samples is not None else dict.fromkeys(t.samples or {}, 0.0)
    other = t.samples if t.samples is not None else dict.fromkeys(s.samples or {}, 0.0)
    if not own or not other:
        return exact_saving(usd, "no interval: no single requests were measured")
    found = request_saving(own, other, rng=rng, clusters={**s.clusters, **t.clusters})
    return _moved(found, usd)


def _moved(saving: Saving, usd: float) -> Saving:
    """The same uncertainty about the figure of the account.

    The two differ only where a provider's bill and the own machine's time are known of different rows.
    """
    if saving.low is None or saving.high is None:
        return replace(saving, usd=usd)
    by = usd - saving.usd
    return replace(saving, usd=usd, low=saving.low + by, high=saving.high + by)


def _beyond(found: BreakEvenVolume, s: StrategyCosts, t: StrategyCosts) -> str | None:
    """A warning where the machine that is kept on could not answer so many requests."""
    bounds = [c.capacity for c in (s, t) if c.capacity is not None]
    if found.requests is None or not found.monthly or not bounds or found.requests <= min(bounds):
        return None
    return f"machine_hours_per_month suffice for {min(bounds):,.0f} requests a month only"
