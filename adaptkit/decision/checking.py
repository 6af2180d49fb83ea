"""Whether rows bear out what published evidence let expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from adaptkit.core.results import Pair, Row
from adaptkit.decision.candidates import Differences
from adaptkit.decision.hypotheses import Hypothesis
from adaptkit.decision.order import parts_of
from adaptkit.decision.wording import digits_for, interval, listing, points

Status = Literal["confirmed", "rejected", "open", "untested"]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A hypothesis beside what was measured.

    Attributes:
        strategy: as the hypothesis names it; ``measured_as`` is the best of its kind in the table.
        first: whether it was the one to try first.
        status: ``confirmed`` and ``rejected`` are shown by the rows; ``open`` is not, ``untested`` was not
            measured, or nothing that it was to beat.
        text: why, with the figures.
        rules: the rules that it comes from.
    """

    strategy: str
    measured_as: str | None
    first: bool
    status: Status
    text: str
    rules: tuple[str, ...]


def check(
    hypotheses: Sequence[Hypothesis],
    rows: Sequence[Row],
    pairs: Differences,
    margin: float,
) -> tuple[Checked, ...]:
    """Hold each hypothesis against the rows.

    One that is expected to beat others is confirmed when it beats each of them, and every baseline that
    needs no model, by more than the margin, and rejected when one of them is shown to be as good within
    the margin or better. One that is only cheap is confirmed when nothing dearer is shown, or can be, to be
    more than the margin better.

    Args:
        hypotheses: of an advice.
        rows: that were measured.
        pairs: in quality.
        margin: the largest difference that does not matter.
    """
    return tuple(_checked(h, n == 0, rows, pairs, margin) for n, h in enumerate(hypotheses))


def _checked(h: Hypothesis, first: bool, rows: Sequence[Row], pairs: Differences, margin: float) -> Checked:
    own = _best_of_kind(h.strategy, rows)
    status, text = _judged(h, own, rows, pairs, margin)
    return Checked(
        strategy=h.strategy,
        measured_as=None if own is None else own.strategy,
        first=first,
        status=status,
        text=text,
        rules=tuple(dict.fromkeys(reason.rule for reason in h.because)),
    )


def _best_of_kind(name: str, rows: Sequence[Row]) -> Row | None:
    kind = parts_of(name)
    return max(
        (r for r in rows if parts_of(r.strategy) == kind), key=lambda r: r.quality or 0.0, default=None
    )


def _judged(
    h: Hypothesis,
    own: Row | None,
    rows: Sequence[Row],
    pairs: Differences,
    margin: float,
) -> tuple[Status, str]:
    if own is None:
        return "untested", "it was not measured"
    others = _compared_with(h, own, rows)
    found = [(o, pairs.of(own.strategy, o.strategy)) for o in others]
    known = [(o, p) for o, p in found if p is not None and p.delta is not None]
    if not known:
        return "untested", "nothing that it is compared with was measured"
    against = [(o, p) for o, p in known if _refutes(p, bool(h.expected_to_beat), margin)]
    if against:
        return "rejected", _figures(own, against)
    held = [(o, p) for o, p in known if _bears_out(p, bool(h.expected_to_beat), margin)]
    if len(held) == len(known):
        return "confirmed", _figures(own, known)
    return "open", _figures(own, [(o, p) for o, p in known if (o, p) not in held])


def _compared_with(h: Hypothesis, own: Row, rows: Sequence[Row]) -> list[Row]:
    if h.expected_to_beat:
        beaten = [_best_of_kind(name, rows) for name in h.expected_to_beat]
        floor = [r for r in rows if not r.traits.uses_llm and r is not own]
        return _different(own, [*beaten, *floor])
    dearer = [r for r in rows if r.traits.complexity > own.traits.complexity]
    return _different(own, dearer)


def _different(own: Row, rows: Sequence[Row | None]) -> list[Row]:
    found = {r.strategy: r for r in rows if r is not None and r.strategy != own.strategy}
    return list(found.values())


def _refutes(pair: Pair, should_beat: bool, margin: float) -> bool:
    if should_beat:
        return pair.verdict in ("worse", "equivalent") or pair.turned().non_inferior is True
    return pair.verdict == "worse" and pair.delta is not None and pair.delta < -margin


def _bears_out(pair: Pair, should_beat: bool, margin: float) -> bool:
    if should_beat:
        return pair.verdict == "better" and pair.delta is not None and pair.delta > margin
    return pair.verdict in ("better", "equivalent") or pair.non_inferior is True


def _figures(own: Row, found: Sequence[tuple[Row, Pair]]) -> str:
    """Write e.g. ``few-shot beside prompt +41 points [28, 54]``."""
    digits = digits_for(own.n)
    each = []
    for o, p in found:
        bounds = interval(p.delta_low, p.delta_high, digits)
        each.append(f"{o.strategy} {points(p.delta, digits)} points {bounds}".rstrip())
    return f"{own.strategy} beside {listing(each)}"
