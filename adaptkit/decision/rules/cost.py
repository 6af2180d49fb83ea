"""Rules about money: from how many requests on tuning pays, computed and never taken from a threshold."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.costs import break_even_accuracy, break_even_requests
from adaptkit.decision.rules.base import Rule
from adaptkit.decision.rules.sources import read
from adaptkit.decision.situation import Situation

_HIGH_VOLUME = {"prompt": 0, "few-shot": -2, "rag": -1, "lora": 2, "full-sft": 1, "function-calling": -1}
_LOW_VOLUME = {"prompt": 2, "few-shot": 2, "rag": 1, "lora": -1, "full-sft": -2, "function-calling": 0}
MEASURE = "tokens and USD of a request, with prompt caching, prompted and tuned; hosting included"


@dataclass(frozen=True, kw_only=True)
class Payback:
    """From how many requests in all tuning is cheaper than the long prompt, beside how many are expected.

    Attributes:
        from_requests: None where it never pays.
        low: requests expected over the horizon, ``high`` the most; None where the volume is not stated.
    """

    from_requests: float | None
    low: float | None
    high: float | None

    @property
    def pays(self) -> bool:
        """Whether even the lowest volume is enough."""
        return self.from_requests is not None and self.low is not None and self.low >= self.from_requests

    @property
    def fails(self) -> bool:
        """Whether not even the highest is."""
        return self.from_requests is None or (self.high is not None and self.high < self.from_requests)


def payback(s: Situation) -> Payback | None:
    """Compare tuning with the long prompt; None where a request's price or tuning's is not stated.

    ``(usd_to_tune + months * hosting) / (prompted - tuned)``, with hosting over the whole horizon.
    """
    r = s.required
    if r.usd_to_tune is None or r.usd_per_request_tuned is None or r.usd_per_request_prompted is None:
        return None
    once = r.usd_to_tune + s.horizon_months * (r.hosting_usd_per_month or 0.0)
    found = break_even_requests(once, r.usd_per_request_tuned, 0.0, r.usd_per_request_prompted)
    totals = [s.horizon_months * v for v in r.volumes]
    return Payback(
        from_requests=found,
        low=totals[0] if totals else None,
        high=totals[-1] if totals else None,
    )


def _expected(found: Payback, s: Situation) -> str:
    if found.low is None or found.high is None:
        return "how many there will be is not known"
    total = f"{found.low:,.0f}" if found.low == found.high else f"{found.low:,.0f} to {found.high:,.0f}"
    months = "1 month" if s.horizon_months == 1 else f"{s.horizon_months:g} months"
    return f"{total} are expected in {months}"


def _told(s: Situation) -> str:
    found = payback(s)
    if found is None:
        return ""
    if found.from_requests is None:
        return (
            f"A tuned request costs ${s.required.usd_per_request_tuned:.6f} and a prompted one "
            f"${s.required.usd_per_request_prompted:.6f}: on price tuning never pays."
        )
    verdict = "it pays" if found.pays else "it does not pay" if found.fails else "whether it pays is open"
    return (
        f"Tuning pays from {found.from_requests:,.0f} requests in all on; {_expected(found, s)}: {verdict}."
    )


def _is(s: Situation, outcome: str) -> bool:
    found = payback(s)
    if found is None:
        return False
    return outcome == ("pays" if found.pays else "fails" if found.fails else "open")


def _needed_accuracy(s: Situation) -> str:
    success, failure = s.required.usd_per_success or 0.0, s.required.usd_per_failure or 0.0
    share = break_even_accuracy(success, failure)
    return (
        "A right answer gains nothing and a wrong one loses nothing: money sets no target."
        if share is None
        else f"With {success:g} USD gained by a right answer and {failure:g} lost by a wrong one, answering "
        f"pays from {100 * share:.1f} % right on."
    )


COST = (
    Rule(
        id="R15",
        about="tuning pays at the volume expected",
        part="limit",
        grade="derived",
        sources=read("TFEW", "ANTH"),
        measure=MEASURE,
        when=lambda s: _is(s, "pays"),
        text=_told,
        scores=_HIGH_VOLUME,
    ),
    Rule(
        id="R15b",
        about="tuning does not pay at the volume expected",
        part="limit",
        grade="derived",
        sources=read("ANTH", "FIRE", "MS-Learn"),
        measure=MEASURE,
        when=lambda s: _is(s, "fails"),
        text=_told,
        scores=_LOW_VOLUME,
    ),
    Rule(
        id="R15c",
        about="whether tuning pays is open at the volumes expected",
        part="method",
        grade="derived",
        sources=read("ANTH", "FIRE"),
        measure=MEASURE,
        when=lambda s: _is(s, "open"),
        text=_told,
        warns=True,
    ),
    Rule(
        id="C12",
        about="demand is unknown",
        part="limit",
        grade="vendor",
        sources=read("MS-Learn", "FIRE", "applied-llms"),
        measure="requests of the first weeks",
        when=lambda s: s.demand_is_unknown and not _is(s, "fails"),
        text="Nobody knows the demand yet: a prompt costs its tokens only, while training and hosting are "
        "paid before the first request.",
        scores=_LOW_VOLUME,
    ),
    Rule(
        id="V1",
        about="what a right and a wrong answer are worth is stated",
        part="method",
        grade="vendor",
        sources=read("OAI"),
        measure="quality with its interval, against this share",
        when=lambda s: s.required.usd_per_success is not None and s.required.usd_per_failure is not None,
        text=_needed_accuracy,
        warns=True,
    ),
)
