"""Which strategies break a requirement, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import Row
from adaptkit.core.types import Traits
from adaptkit.costs import StrategyCosts
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.wording import digits_for, interval, percent


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A strategy that breaks a requirement.

    Attributes:
        requirement: its name in ``Requirements``.
        text: what was measured, what is required, and how far apart they are.
        value: what was measured, None where nothing is to be measured.
        limit: what is required, None likewise.
        miss: how far the one is from the other as a share of the limit; None likewise.
    """

    strategy: str
    requirement: str
    text: str
    value: float | None = None
    limit: float | None = None
    miss: float | None = None


def exclusions(
    rows: Sequence[Row], costs: Mapping[str, StrategyCosts], required: Requirements
) -> tuple[Exclusion, ...]:
    """Hold strategies against requirements.

    A quality below the target excludes only where the whole interval lies below it. What was not measured
    excludes nothing; see ``unknown``.

    Args:
        rows: of the strategies that were measured.
        costs: of each, as far as they are known.
        required: what is required; what is not stated excludes nothing.
    """
    stated = required.stated()
    return tuple(e for row in rows for e in _of_row(row, costs.get(row.strategy), required, stated))


def unknown(
    rows: Sequence[Row], costs: Mapping[str, StrategyCosts], required: Requirements
) -> dict[str, tuple[str, ...]]:
    """Limits that could not be checked: by requirement, the strategies whose figure is not known."""
    stated = required.stated()
    found = {}
    for limit in _LIMITS:
        if limit.requirement in stated:
            blank = [r.strategy for r in rows if limit.value(r, costs.get(r.strategy)) is None]
            if blank:
                found[limit.requirement] = tuple(blank)
    return found


def _of_row(
    row: Row, cost: StrategyCosts | None, required: Requirements, stated: Mapping[str, Any]
) -> Iterator[Exclusion]:
    if required.target_quality is not None:
        yield from _quality(row, required.target_quality)
    for limit in _LIMITS:
        if limit.requirement in stated:
            yield from limit.check(row, cost, float(stated[limit.requirement]))
    for name, broken, text in _POLICIES:
        if broken(row.traits, required):
            yield Exclusion(strategy=row.strategy, requirement=name, text=text)


def _quality(row: Row, target: float) -> Iterator[Exclusion]:
    if row.quality is None or row.quality_high is None or row.quality_high >= target:
        return
    digits = digits_for(row.n)
    yield Exclusion(
        strategy=row.strategy,
        requirement="target_quality",
        text=f"quality {percent(row.quality, digits)} "
        f"{interval(row.quality_low, row.quality_high, digits)}, {percent(target, digits)} required: "
        f"{100 * (target - row.quality):.{digits}f} points short",
        value=row.quality,
        limit=target,
        miss=(target - row.quality) / target,
    )


@dataclass(frozen=True)
class _Limit:
    """A figure that may not be above what is required."""

    requirement: str
    figure: str
    unit: str
    value: Callable[[Row, StrategyCosts | None], float | None]

    def check(self, row: Row, cost: StrategyCosts | None, limit: float) -> Iterator[Exclusion]:
        value = self.value(row, cost)
        if value is None or value <= limit:
            return
        yield Exclusion(
            strategy=row.strategy,
            requirement=self.requirement,
            text=f"{self.figure} {value:.3g} {self.unit}, at most {limit:g} {self.unit} allowed: "
            f"{100 * (value / limit - 1):.0f} % over",
            value=value,
            limit=limit,
            miss=value / limit - 1,
        )


def usd_per_1k(row: Row, cost: StrategyCosts | None) -> float | None:
    """1,000 requests at the assumed utilisation; without an account, as in the table."""
    if cost is None:
        return row.usd_per_1k_requests
    return None if cost.request.usd is None else 1000 * cost.request.usd


def usd_per_month(row: Row, cost: StrategyCosts | None) -> float | None:
    """The bill of a month at the highest number of requests, without what is paid once."""
    if cost is None or not cost.assumptions.volumes:
        return None
    fixed, request = cost.each_month.usd, cost.marginal.usd
    if fixed is None or request is None:
        return None
    return fixed + max(cost.assumptions.volumes) * request


_LIMITS = (
    _Limit("max_p95_s", "95 % of the requests within", "s", lambda row, _: row.p95_latency_s),
    _Limit("max_first_token_s", "first token after", "s", lambda row, _: row.first_token_p50_s),
    _Limit("max_usd_per_1k", "1,000 requests cost", "USD", usd_per_1k),
    _Limit("max_usd_per_month", "a month costs", "USD", usd_per_month),
)


def _too_old(t: Traits, r: Requirements) -> bool:
    """Whether facts in weights are out of date before they are trained; passages and calls are not."""
    if r.knowledge_changes_every_days is None or r.days_to_retrain is None:
        return False
    alone = t.trains_weights and not t.retrieves and not t.calls_tools
    return alone and r.knowledge_changes_every_days <= r.days_to_retrain


_POLICIES: tuple[tuple[str, Callable[[Traits, Requirements], bool], str], ...] = (
    (
        "may_enter_weights",
        lambda t, r: r.may_enter_weights is False and t.trains_weights,
        "it trains on the data, which may not enter weights",
    ),
    (
        "needs_citations",
        lambda t, r: r.needs_citations is True and not t.retrieves,
        "it has no passages to name, and answers have to name theirs",
    ),
    (
        "needs_actions",
        lambda t, r: r.needs_actions is True and not t.calls_tools,
        "it calls no functions, and answers need live data or actions",
    ),
    (
        "knowledge_changes_every_days",
        _too_old,
        "its facts would be out of date before it is trained again",
    ),
)
