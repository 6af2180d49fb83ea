"""What would change a recommendation: the nearest value of each assumption that puts another strategy first.

Costs are linear in volume and prices, and bounds of quality and latency are single numbers, so between two
values of an assumption there are few points at which the choice turns. They are looked for on a grid of
ratios, and each is then narrowed down by halves: where the model is linear, that is the exact crossing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adaptkit.decision.candidates import at_stake
from adaptkit.decision.evidence import Evidence
from adaptkit.decision.requirements import Requirements

Choose = Callable[[Evidence, Requirements], str | None]
Put = Callable[[Evidence, Requirements, float], tuple[Evidence, Requirements]]

# Steps of the grid of an assumption: six to a power of ten.
_STEP = 10 ** (1 / 6)
# From a step of the grid to twelve digits.
_HALVINGS = 40


@dataclass(frozen=True, kw_only=True)
class TurningPoint:
    """How a choice depends on one assumption.

    Attributes:
        name: the assumption or requirement.
        words: how a value of it reads, ``{}`` in its place.
        now: its value; None where it is not stated.
        at: the nearest value at which the choice turns; None where nothing within ``low`` to ``high`` does.
        above: whether it turns when the value rises past ``at``.
        strategy: what would be taken beyond it; None where no strategy is left.
        low: the lowest value looked at, ``high`` the highest.
        high: see ``low``.
    """

    name: str
    words: str
    now: float | None
    at: float | None
    above: bool
    strategy: str | None
    low: float
    high: float


@dataclass(frozen=True)
class _Assumption:
    """One number to vary.

    Attributes:
        words: how a value reads, ``{}`` in its place.
        now: where it stands, None where it is not stated or does not enter.
        put: sets it.
        low: how far down to look, ``high`` how far up.
        high: see ``low``.
        unstated: where to start from without ``now``; None for nowhere.
    """

    name: str
    words: str
    now: Callable[[Evidence, Requirements], float | None]
    put: Put
    low: float
    high: float
    unstated: Callable[[Evidence, Requirements], float | None] = lambda e, r: None


def turning_points(evidence: Evidence, required: Requirements, choose: Choose) -> tuple[TurningPoint, ...]:
    """Look in both directions of each assumption for the nearest value that changes the choice.

    Args:
        evidence: the measurements and assumptions.
        required: the requirements.
        choose: makes the choice from both; cheap, because it is asked some hundred times.

    Returns:
        One for each direction in which the choice turns, and one for each stated assumption that changes
        nothing. An assumption that does not enter (a price where no cost is known) is left out.
    """
    evidence = evidence.light()
    return tuple(point for a in _ASSUMPTIONS for point in _of(a, evidence, required, choose))


def _of(a: _Assumption, e: Evidence, r: Requirements, choose: Choose) -> Iterator[TurningPoint]:
    now = a.now(e, r)
    start = a.unstated(e, r) if now is None else now
    if start is None:
        return

    def choice_at(value: float) -> str | None:
        return choose(*a.put(e, r, value))

    bounds = {"low": min(a.low, start), "high": max(a.high, start)}
    ends = {False: bounds["low"], True: bounds["high"]}
    turns = [(above, _nearest(start, end, choice_at, least=a.low)) for above, end in ends.items()]
    for above, turn in turns:
        if turn is not None:
            at, strategy = turn
            yield TurningPoint(
                name=a.name, words=a.words, now=now, at=at, above=above, strategy=strategy, **bounds
            )
    if now is not None and all(turn is None for _, turn in turns):
        yield TurningPoint(name=a.name, words=a.words, now=now, at=None, above=False, strategy=None, **bounds)


def _nearest(
    start: float, end: float, choice_at: Callable[[float], str | None], *, least: float
) -> tuple[float, str | None] | None:
    """The first value on the way to ``end`` from which another strategy is taken, and which one."""
    before, first = start, choice_at(start)
    for value in _grid(start, end, least):
        if choice_at(value) != first:
            at = _halved(before, value, lambda v: choice_at(v) != first)
            return at, choice_at(at)
        before = value
    return None


def _grid(start: float, end: float, least: float) -> Iterator[float]:
    """Values from ``start`` to ``end`` in equal ratios, ``end`` itself the last; none where they are equal.

    Ratios lead nowhere from 0: on the way up from below ``least``, that is the first value.
    """
    value = start
    if start < least < end:
        value = least
        yield value
    while value < end / _STEP if end > start else value > end * _STEP:
        value = value * _STEP if end > start else value / _STEP
        yield value
    if end != start:
        yield end


def _halved(unchanged: float, changed: float, differs: Callable[[float], bool]) -> float:
    """The first value that differs, to twelve digits."""
    for _ in range(_HALVINGS):
        middle = (unchanged + changed) / 2
        if differs(middle):
            changed = middle
        else:
            unchanged = middle
    return changed


def _required(name: str) -> Put:
    return lambda e, r, v: (e, r.with_values(**{name: v}))


def _assumed(name: str) -> Put:
    def put(e: Evidence, r: Requirements, v: float) -> tuple[Evidence, Requirements]:
        values: dict[str, Any] = {name: v}
        return replace(e, assumptions=replace(e.assumptions, **values)), r

    return put


def _priced(e: Evidence, r: Requirements, v: float) -> tuple[Evidence, Requirements]:
    return (e if e.machine is None else replace(e, machine=replace(e.machine, usd_per_hour=v))), r


def _stated(name: str) -> Callable[[Evidence, Requirements], float | None]:
    return lambda e, r: getattr(r, name)


def _counts(e: Evidence, r: Requirements) -> bool:
    """Whether costs enter the choice: totals over a volume, or the worth of answers."""
    a = e.under(r).assumptions
    return bool(e.measured) and bool(a.volumes or at_stake(a))


def _volume(e: Evidence, r: Requirements) -> float | None:
    return min(e.under(r).assumptions.volumes, default=None)


def _machine(e: Evidence, r: Requirements) -> float | None:
    return e.machine.usd_per_hour if e.machine is not None and _counts(e, r) else None


def _utilisation(e: Evidence, r: Requirements) -> float | None:
    return e.assumptions.utilisation if e.machine is not None and _counts(e, r) else None


def _wage(e: Evidence, r: Requirements) -> float | None:
    a = e.under(r).assumptions
    return a.usd_per_hour_of_labelling if a.minutes_per_label and _counts(e, r) else None


def _retraining(e: Evidence, r: Requirements) -> float | None:
    return (e.assumptions.n_retrain_per_month or None) if _counts(e, r) else None


def _worth(name: str) -> Callable[[Evidence, Requirements], float | None]:
    return lambda e, r: getattr(e.under(r).assumptions, name) or None if e.measured else None


_ASSUMPTIONS: Sequence[_Assumption] = (
    _Assumption(
        "requests_per_month", "{} requests a month", _volume, _required("requests_per_month"), 1.0, 1e9,
        lambda e, r: 1.0 if e.measured else None,
    ),
    _Assumption("usd_per_hour", "{} USD for an hour of the machine", _machine, _priced, 1e-4, 1e3),
    _Assumption(
        "utilisation", "{} of the paid time used", _utilisation, _assumed("utilisation"), 0.01, 1.0
    ),
    _Assumption(
        "usd_per_hour_of_labelling", "{} USD for an hour of labelling", _wage,
        _assumed("usd_per_hour_of_labelling"), 0.01, 1e4,
    ),
    _Assumption(
        "n_retrain_per_month", "{} retrainings a month", _retraining, _assumed("n_retrain_per_month"),
        0.01, 1e3, lambda e, r: 0.01 if _counts(e, r) else None,
    ),
    _Assumption(
        "max_p95_s", "a limit of {} s", _stated("max_p95_s"), _required("max_p95_s"),
        1e-4, 1e3, lambda e, r: 1e3,
    ),
    _Assumption(
        "target_quality", "{} required", _stated("target_quality"), _required("target_quality"),
        0.01, 1.0,
    ),
    _Assumption(
        "margin", "a margin of {}", lambda e, r: r.margin or e.margin,
        _required("margin"), 0.001, 0.5,
    ),
    _Assumption(
        "usd_per_success", "{} USD gained by a right answer", _worth("usd_per_success"),
        _required("usd_per_success"), 1e-6, 1e6,
    ),
    _Assumption(
        "usd_per_failure", "{} USD lost by a wrong one", _worth("usd_per_failure"),
        _required("usd_per_failure"), 1e-6, 1e6,
    ),
)  # fmt: skip
