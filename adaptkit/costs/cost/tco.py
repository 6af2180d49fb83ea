"""What a strategy costs: once, each month, each request, and over a horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adaptkit.costs.cost.assumptions import CostAssumptions
from adaptkit.costs.cost.terms import Term, listed, total
from adaptkit.costs.cost.value import expected_utility, usd_per_correct


@dataclass(frozen=True, kw_only=True)
class StrategyCosts:
    """The costs of one strategy, each USD or the reason why it is unknown.

    Attributes:
        fixed: paid once: labels, tuning, failed trials, training, index, evaluation.
        monthly: hosting, retraining, re-indexing, maintenance.
        request: one request, with an own machine by the hour at the assumed utilisation.
        requests_at: likewise, at each utilisation that is shown.
        uncached: one request without the provider's cache; as ``request`` where there is no provider.
        marginal: what one more request adds to the bill. Less than ``request`` where the own machine is kept
            on and paid by the month.
        samples: by example id, the measured costs that ``marginal`` is the mean of; what intervals are
            made of. None where ``marginal`` is exact, empty where no single request was measured.
        capacity: requests a month that the hours of the own machine suffice for, None without a bound.
    """

    strategy: str
    quality: float | None
    assumptions: CostAssumptions
    fixed: tuple[Term, ...]
    monthly: tuple[Term, ...]
    request: Term
    requests_at: tuple[Term, ...]
    uncached: Term
    marginal: Term
    samples: Mapping[str, float] | None = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    capacity: float | None = None

    @property
    def once(self) -> Term:
        """All that is paid once."""
        return total("once", self.fixed)

    @property
    def each_month(self) -> Term:
        """All that is paid each month, whatever the number of requests."""
        return total("each month", self.monthly)

    @property
    def per_correct(self) -> Term:
        """One right answer, by requests at the assumed utilisation."""
        if self.request.usd is None:
            return total("right answer", [self.request])
        usd = usd_per_correct(self.request.usd, self.quality)
        why = "the quality is not known" if self.quality is None else "no answer is right"
        return Term(name="right answer", usd=usd, unknown=why if usd is None else None)

    @property
    def utility(self) -> Term:
        """What a request brings on average, its cost taken off."""
        a = self.assumptions
        usd = expected_utility(self.quality, self.request.usd, a.usd_per_success, a.usd_per_failure)
        if usd is not None:
            return Term(name="utility", usd=usd)
        missing = [n for n in ("usd_per_success", "usd_per_failure") if getattr(a, n) is None]
        reasons = [f"{listed(missing)} not given"] if missing else []
        reasons += ["the quality is not known"] if self.quality is None else []
        reasons += [f"{self.request.name}: {self.request.unknown}"] if self.request.usd is None else []
        return Term(name="utility", unknown="; ".join(reasons))

    def total(self, requests_per_month: float | None) -> Term:
        """What it costs over the horizon at so many requests a month, or all that is not known of it."""
        months = self.assumptions.horizon_months
        parts = (*self.fixed, *self.monthly, self.marginal, self._volume(requests_per_month))
        if months is None:
            parts = (*parts, Term(name="horizon", unknown="horizon_months is not given"))
        summed = total("total", parts)
        if summed.usd is None or months is None or requests_per_month is None:
            return summed
        fixed, monthly, request = (t.usd or 0.0 for t in (self.once, self.each_month, self.marginal))
        return Term(name="total", usd=total_usd(fixed, monthly, request, requests_per_month, months))

    def _volume(self, requests_per_month: float | None) -> Term:
        """Nothing, or why no total can be made of so many requests."""
        why = None
        if requests_per_month is None:
            why = "requests_per_month is not given"
        elif self.capacity is not None and requests_per_month > self.capacity:
            why = (
                f"machine_hours_per_month suffice for {self.capacity:,.0f} requests a month, "
                f"and {requests_per_month:,.0f} are assumed"
            )
        return Term(name="volume", usd=None if why else 0.0, unknown=why)


def total_usd(
    fixed_usd: float, monthly_usd: float, request_usd: float, requests_per_month: float, horizon_months: float
) -> float:
    """Return the total cost of ownership, ``F + H * (R + V * c)``.

    Examples:
        >>> total_usd(100.0, 10.0, 0.001, 5000, 12)
        280.0
    """
    return fixed_usd + horizon_months * (monthly_usd + requests_per_month * request_usd)
