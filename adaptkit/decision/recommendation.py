"""A recommendation: what to take, what speaks for it, what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

from adaptkit.core.results import TaskRecommendation
from adaptkit.decision.blocks import Block, Bullets, Heading, Paragraph, TextTable
from adaptkit.decision.checking import Checked
from adaptkit.decision.limits import Exclusion
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.shown import ShownAsBlocks
from adaptkit.decision.turning_points import TurningPoint
from adaptkit.decision.wording import percent


@dataclass(frozen=True, kw_only=True)
class Recommendation(ShownAsBlocks, TaskRecommendation):
    """What the evidence says for one task under some requirements.

    Attributes:
        requirements: what was required.
        excluded: strategies that break a requirement, and by how much.
        front: candidates that no other beats in quality, price, time and effort at once.
        p_near_best: how often ``strategy`` (or ``for_now``) is at most the margin worse than the best
            candidate, in score, when rows, seeds and costs are drawn again; None without records.
        p_best: how often it is the best.
        would_change: where another strategy would be taken, by what is assumed or required.
        hypotheses: what published evidence let expect, and whether these rows bear it out.
        cautions: what to know before acting on it.
    """

    requirements: Requirements
    excluded: tuple[Exclusion, ...] = ()
    front: tuple[str, ...] = ()
    p_near_best: float | None = None
    p_best: float | None = None
    would_change: tuple[TurningPoint, ...] = ()
    hypotheses: tuple[Checked, ...] = ()
    cautions: tuple[str, ...] = ()

    def short(self) -> TaskRecommendation:
        """The part that a comparison keeps."""
        return TaskRecommendation(**{f.name: getattr(self, f.name) for f in fields(TaskRecommendation)})

    def blocks(self) -> list[Block]:
        """It as a document."""
        return blocks(self)


def blocks(r: Recommendation) -> list[Block]:
    """Return the recommendation as a document."""
    return [
        *short_blocks(r),
        *_sureness(r),
        *_listed("Before you act on it", [f"{c[0].upper()}{c[1:]}." for c in r.cautions]),
        *_listed("Breaks a requirement", [f"`{e.strategy}`: {e.text}." for e in r.excluded]),
        *_changes(r.would_change),
        *_checked(r.hypotheses),
    ]


def short_blocks(r: TaskRecommendation) -> list[Block]:
    """What a comparison keeps of a recommendation: which one, and why."""
    return [Heading(text=f"{r.task}: {_title(r)}", level=1), Paragraph(text=r.reason)]


def _title(r: TaskRecommendation) -> str:
    if r.verdict == "none":
        return "no strategy meets the requirements"
    if r.strategy is None:
        return f"undecided; for now {r.for_now}" if r.for_now else "undecided"
    without = "" if r.uses_llm else ", without a language model"
    return f"take {r.strategy}{without}"


def sureness(r: Recommendation) -> str | None:
    """How often it would stand, in a sentence; None without records."""
    if r.p_near_best is None or r.p_best is None:
        return None
    return (
        f"Were rows, seeds and costs drawn again, {r.named} would be within the margin of the best "
        f"candidate in {percent(r.p_near_best, 0)} of the draws, and the best one in {percent(r.p_best, 0)}."
    )


def _sureness(r: Recommendation) -> list[Block]:
    text = sureness(r)
    return [] if text is None else [Paragraph(text=text)]


def _listed(title: str, lines: Iterable[str]) -> list[Block]:
    found = tuple(lines)
    return [Heading(text=title), Bullets(lines=found)] if found else []


def _changes(found: Iterable[TurningPoint]) -> list[Block]:
    rows = tuple((f"`{p.name}`", _now(p), _turn(p)) for p in found)
    if not rows:
        return []
    return [
        Heading(text="What would change it"),
        TextTable(header=("assumption", "now", "another strategy is named"), rows=rows),
    ]


# Shares, which read better in percent.
_SHARES = frozenset({"utilisation", "target_quality", "margin"})


def _now(p: TurningPoint) -> str:
    return "not stated" if p.now is None else _number(p, p.now)


def _turn(p: TurningPoint) -> str:
    if p.at is None:
        return f"nowhere between {_number(p, p.low)} and {_number(p, p.high)}"
    side = "from" if p.above else "up to"
    return f"{side} {p.words.format(_number(p, p.at))}: {p.strategy or 'none'}"


def turn_sentence(p: TurningPoint) -> str:
    """Say where the choice turns, e.g. from 6,429 requests a month on, or that nothing looked at turns it."""
    if p.at is None:
        return f"No change within {p.words.format(f'{_number(p, p.low)} to {_number(p, p.high)}')}."
    now = "not stated now" if p.now is None else f"now {_number(p, p.now)}"
    named = "no strategy meets the requirements" if p.strategy is None else f"{p.strategy} is named"
    return f"{'From' if p.above else 'Up to'} {p.words.format(_number(p, p.at))} ({now}): {named}."


def _number(p: TurningPoint, value: float) -> str:
    if p.name in _SHARES:
        return f"{100 * value:.3g} %"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _checked(found: Iterable[Checked]) -> list[Block]:
    rows = tuple(
        (f"`{c.strategy}`{' (first)' if c.first else ''}", c.status, f"{c.text} ({', '.join(c.rules)})")
        for c in found
    )
    if not rows:
        return []
    return [
        Heading(text="What published evidence let expect"),
        TextTable(header=("hypothesis", "these rows", "figures and rules"), rows=rows),
    ]


T = TypeVar("T", bound=TaskRecommendation)


class Recommendations(ShownAsBlocks, tuple[T, ...]):
    """One recommendation a task: a tuple that a notebook and a terminal show as text.

    Examples:
        >>> found = TaskRecommendation(task="t", verdict="recommend", strategy="rag", tied=(), reason="Why.")
        >>> print(Recommendations([found]), end="")
        t: take rag
        ===========
        <BLANKLINE>
        Why.
    """

    __slots__ = ()

    def blocks(self) -> list[Block]:
        """All of them, one below the other."""
        return [block for one in self for block in _blocks_of(one)]

    def __str__(self) -> str:
        return super().__str__() if self else "No task was compared.\n"


def _blocks_of(one: TaskRecommendation) -> Sequence[Block]:
    return one.blocks() if isinstance(one, ShownAsBlocks) else short_blocks(one)
