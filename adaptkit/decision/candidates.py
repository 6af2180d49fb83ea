"""Strategies that may be taken: what each scores, less what a request costs where that is known in points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

from adaptkit.core.results import Pair, Row
from adaptkit.costs import CostAssumptions, StrategyCosts
from adaptkit.stats import holm, non_inferior, verdict

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A strategy that was measured and breaks no requirement.

    Attributes:
        row: its line of the table.
        request_usd: what a request costs; all-in over the horizon where the number of requests is known.
        total_usd: total over the horizon, None where it is not known.
        offset: its cost in points of quality, 0 where answers have no stated worth.
    """

    row: Row
    request_usd: float | None
    total_usd: float | None
    offset: float = 0.0

    @property
    def strategy(self) -> str:
        """Its name in the table."""
        return self.row.strategy

    @property
    def quality(self) -> float:
        """Its mean score; what was measured has one."""
        assert self.row.quality is not None
        return self.row.quality

    @property
    def score(self) -> float:
        """Quality, less the cost in points."""
        return self.quality - self.offset

    @property
    def objectives(self) -> tuple[float | None, ...]:
        """What should be low: wrong answers, price, time, complexity."""
        row = self.row
        return -self.quality, self.request_usd, row.p95_latency_s, float(row.traits.complexity)


class Differences:
    """Pairs by their two strategies, turned round and judged as they are asked for: few of many are.

    Args:
        pairs: of any strategies.
        margin: the largest difference that does not matter; None for the pairs' own.
    """

    def __init__(self, pairs: Sequence[Pair], margin: float | None = None) -> None:
        self._pairs = {(p.strategy, p.baseline): p for p in pairs}
        self._margin = margin
        self._asked_for: dict[tuple[str, str], Pair] = {}

    def of(self, strategy: str, other: str) -> Pair | None:
        """``strategy`` minus ``other``; None where they were not compared."""
        if (strategy, other) not in self._asked_for:
            found = self._pairs.get((strategy, other)) or self._pairs.get((other, strategy))
            if found is None:
                return None
            if self._margin is not None:
                found = _judged(found, found.p_value_adjusted, self._margin)
            self._asked_for[strategy, other] = found if found.strategy == strategy else found.turned()
        return self._asked_for[strategy, other]


@dataclass(frozen=True, kw_only=True)
class CandidateSet:
    """The candidates of a task and how they differ.

    Attributes:
        candidates: the cheapest to keep first: by total cost where the number of requests is known and so
            is every total, else by the order of strategies.
        pairs: of candidates, in points; shifted by what they cost where answers have a stated worth.
        at_stake_usd: what a right answer is worth over a wrong one; None where that is not stated.
        by_total: whether the order is that of total cost.
    """

    candidates: tuple[Candidate, ...]
    pairs: Differences
    at_stake_usd: float | None
    by_total: bool

    def difference(self, strategy: str, other: str) -> Pair | None:
        """How ``strategy`` differs from ``other``; None where they were not compared."""
        return self.pairs.of(strategy, other)

    @cached_property
    def best(self) -> Candidate:
        """The highest score; of equal ones the cheapest."""
        return max(self.candidates, key=lambda c: c.score)


def field_of(
    rows: Sequence[Row],
    pairs: Sequence[Pair],
    costs: Mapping[str, StrategyCosts],
    assumptions: CostAssumptions,
    *,
    margin: float | None = None,
) -> CandidateSet:
    """Put the rows that may be taken in order, and state their differences.

    With a stated worth of answers, ``V`` of a right one and ``F`` of a wrong one, strategies differ by
    ``(V + F) * (quality_a - quality_b) - (cost_a - cost_b)`` USD a request; divided by ``V + F`` that is
    the difference in quality, shifted by a constant.

    Args:
        rows: measured, breaking no requirement.
        pairs: of any strategies of the task.
        costs: by strategy; may be empty.
        assumptions: volume, horizon and worth.
        margin: the largest difference that does not matter; None for the pairs' own.
    """
    volume = min(assumptions.volumes, default=None)
    found = [_candidate(row, costs.get(row.strategy), volume) for row in rows]
    stake = at_stake(assumptions)
    if stake is not None and all(c.request_usd is not None for c in found):
        found = [replace(c, offset=(c.request_usd or 0.0) / stake) for c in found]
    else:
        stake = None
    by_total = stake is None and volume is not None and all(c.total_usd is not None for c in found)
    ordered = sorted(found, key=lambda c: _preference(c, by_total))
    names = {c.strategy: c.offset for c in found}
    return CandidateSet(
        candidates=tuple(ordered),
        pairs=Differences(_shifted(pairs, names, margin), margin),
        at_stake_usd=stake,
        by_total=by_total,
    )


def _candidate(row: Row, cost: StrategyCosts | None, volume: float | None) -> Candidate:
    if cost is None:
        usd = None if row.usd_per_1k_requests is None else row.usd_per_1k_requests / 1000
        return Candidate(row=row, request_usd=usd, total_usd=None)
    total, months = cost.total(volume).usd, cost.assumptions.horizon_months
    if total is None or volume is None or months is None:
        return Candidate(row=row, request_usd=cost.request.usd, total_usd=None)
    return Candidate(row=row, request_usd=total / (volume * months), total_usd=total)


def at_stake(a: CostAssumptions) -> float | None:
    """What a right answer is worth over a wrong one, ``V + F``; None where neither is stated.

    One that is not stated is taken for 0 where the other is.
    """
    return (a.usd_per_success or 0.0) + (a.usd_per_failure or 0.0) or None


def _preference(c: Candidate, by_total: bool) -> tuple[float, float, float, float, float, float, str]:
    """Sort key: cheap and reversible first; an unknown cost sorts after known ones."""
    row = c.row
    figures = (row.usd_per_1k_requests, row.p50_latency_s, row.fit_usd, row.tokens_in)
    usd, seconds, fit, tokens = (math.inf if v is None else v for v in figures)
    total = c.total_usd if by_total and c.total_usd is not None else 0.0
    return total, row.traits.complexity, usd, seconds, fit, tokens, row.strategy


def _shifted(pairs: Sequence[Pair], offsets: Mapping[str, float], margin: float | None) -> list[Pair]:
    """Pairs of the candidates, each less the difference of their offsets; corrected anew."""
    own = [p for p in pairs if p.strategy in offsets and p.baseline in offsets]
    shifts = [offsets[p.strategy] - offsets[p.baseline] for p in own]
    if not any(shifts):
        return own
    moved = [_moved(p, by) for p, by in zip(own, shifts, strict=True)]
    adjusted = holm([p.p_value for p in moved])
    return [_judged(p, q, margin) for p, q in zip(moved, adjusted, strict=True)]


def _moved(pair: Pair, by: float) -> Pair:
    """Take ``by`` off a difference; its p-value is then a z test with the width of its interval."""
    if pair.delta is None or pair.delta_low is None or pair.delta_high is None:
        return pair
    delta, width = pair.delta - by, (pair.delta_high - pair.delta_low) / (2 * _Z)
    p_value = 2 * NormalDist().cdf(-abs(delta) / width) if width > 0 else float(delta == 0)
    return replace(
        pair,
        delta=delta,
        delta_low=pair.delta_low - by,
        delta_high=pair.delta_high - by,
        p_value=p_value,
        equivalence_low=None if pair.equivalence_low is None else pair.equivalence_low - by,
        equivalence_high=None if pair.equivalence_high is None else pair.equivalence_high - by,
        n_to_decide=None,
    )


def _judged(pair: Pair, p_adjusted: float | None, margin: float | None) -> Pair:
    """The pair judged by a p-value and a margin; None for its own margin."""
    margin = pair.margin if margin is None else margin
    bounds = (pair.equivalence_low, pair.equivalence_high)
    return replace(
        pair,
        margin=margin,
        p_value_adjusted=p_adjusted,
        verdict=verdict(pair.delta_low, pair.delta_high, p_adjusted, margin=margin, equivalence=bounds),
        non_inferior=non_inferior(pair.equivalence_low, margin),
    ).bounded()
