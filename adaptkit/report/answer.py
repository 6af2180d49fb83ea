"""The answer for one task as the page opens with it: what to take, how sure that is, what would change it."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.core.results import TaskRecommendation
from adaptkit.decision.recommendation import sureness, turn_sentence
from adaptkit.report.findings import PageData
from adaptkit.report.view import TaskView, headline


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What stands at the top, one sentence each.

    Attributes:
        verdict: see :class:`TaskRecommendation`.
        sure: how often it would stand, None where that is not known.
        turns: where another strategy would be named; ``stays`` what was looked at and changes nothing.
        cautions: what to know before acting on it.
    """

    verdict: str
    headline: str
    reason: str
    sure: str | None = None
    turns: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


def answer_of(view: TaskView, findings: PageData) -> Headline | None:
    """Return the answer: with the costs of the run where they are known, else what the table alone says."""
    table, found = view.recommendation, findings.recommendation
    if found is None:
        return None if table is None else _plain(table)
    return Headline(
        verdict=found.verdict,
        headline=headline(found),
        reason=found.reason,
        sure=sureness(found),
        turns=tuple(turn_sentence(p) for p in found.would_change if p.at is not None),
        stays=tuple(turn_sentence(p) for p in found.would_change if p.at is None),
        cautions=(*_otherwise(table, found), *(f"{c[0].upper()}{c[1:]}." for c in found.cautions)),
    )


def _plain(r: TaskRecommendation) -> Headline:
    return Headline(verdict=r.verdict, headline=headline(r), reason=r.reason)


def _otherwise(table: TaskRecommendation | None, found: TaskRecommendation) -> tuple[str, ...]:
    """A word where comparison.json, which counts no costs over a horizon, says something else."""
    if table is None or (table.verdict, table.named) == (found.verdict, found.named):
        return ()
    return (f"By quality and effort alone, without the costs that the run assumes: {headline(table)}.",)
