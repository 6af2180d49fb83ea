"""From what the rules say to an order of hypotheses.

Scores are added up. Before them stand three things that no sum may outweigh: what a rule excludes, what it
defers (tuning on examples that hardly exist), and facts: where they are missing, what supplies them comes
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adaptkit.decision.rules import (
    BASELINES,
    ORDER,
    STRATEGIES,
    SUPPLIES_FACTS,
    Citation,
    Grade,
    RuleResult,
    find_all,
    tie,
)
from adaptkit.decision.situation import Situation


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a strategy is advised or not.

    Attributes:
        rule: the id of the rule, e.g. ``R4``.
        about: when it applies, in a few words.
        text: one sentence.
        score: from -2 to +2 for this strategy; 0 for a reason without weight.
        grade: how strong the evidence is.
        sources: what says so.
        measure: what confirms or rejects it.
    """

    rule: str
    about: str
    text: str
    score: int
    grade: Grade
    sources: tuple[Citation, ...]
    measure: str


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A strategy that is worth trying.

    Attributes:
        score: the sum of what speaks for and against it; comparable within one advice only.
        because: what speaks for it, the weightiest first.
        against: what speaks against it.
        deferred: whether it comes after all others, whatever its score.
        expected_to_beat: strategies that it should be better than in quality, as far as rules about what is
            missing say; what is only cheaper or quicker is not among them.
    """

    strategy: str
    score: int
    because: tuple[Reason, ...]
    against: tuple[Reason, ...]
    deferred: bool = False
    expected_to_beat: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A strategy that is not worth trying now, and why.

    Attributes:
        because: what excludes it, then what speaks against it; empty where only nothing speaks for it.
        excluded: whether a rule excludes it.
    """

    strategy: str
    score: int
    because: tuple[Reason, ...]
    excluded: bool


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """All strategies, weighed: hypotheses in their order, and those not worth trying."""

    findings: tuple[RuleResult, ...]
    hypotheses: tuple[Hypothesis, ...]
    rejected: tuple[Rejected, ...]

    @property
    def first(self) -> str | None:
        """The strategy to try first; None where every one is excluded."""
        return self.hypotheses[0].strategy if self.hypotheses else None

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What whoever decides has to know, whichever strategy it is."""
        return tuple(_reason("", f) for f in self.findings if f.warns)


def weigh(situation: Situation) -> Weighed:
    """Ask all rules and put the strategies in order."""
    findings = find_all(situation)
    excluded = {name for f in findings for name in f.excludes}
    deferred = {name for f in findings for name in f.defers}
    # A baseline is run beside the others anyway; it is a hypothesis where a rule speaks for it.
    candidates = [*(n for n in BASELINES if _total(n, findings) > 0), *STRATEGIES]
    keys = {name: _key(name, situation, findings, deferred) for name in candidates}
    possible = sorted((n for n in candidates if n not in excluded), key=lambda n: (keys[n], ORDER.index(n)))
    worth = [n for n in possible if _total(n, findings) >= 0 and _in_favour(n, findings)] or possible[:1]
    hypotheses = tuple(_hypothesis(n, findings, n in deferred, worth) for n in worth)
    others = [n for n in candidates if n not in worth]
    return Weighed(
        findings=findings,
        hypotheses=_with_tie(hypotheses, keys),
        rejected=tuple(_rejected(n, findings, n in excluded) for n in others),
    )


_Key = tuple[bool, bool, int]


def _key(name: str, situation: Situation, findings: Sequence[RuleResult], deferred: set[str]) -> _Key:
    lacks_facts = situation.lacks_knowledge and name not in SUPPLIES_FACTS
    return name in deferred, lacks_facts, -_total(name, findings)


def _total(name: str, findings: Sequence[RuleResult], part: str | None = None) -> int:
    return sum(f.scores.get(name, 0) for f in findings if part is None or f.part == part)


def _in_favour(name: str, findings: Sequence[RuleResult]) -> list[RuleResult]:
    return [f for f in findings if f.scores.get(name, 0) > 0 or name in f.favours]


def _hypothesis(
    name: str, findings: Sequence[RuleResult], deferred: bool, worth: Sequence[str]
) -> Hypothesis:
    return Hypothesis(
        strategy=name,
        score=_total(name, findings),
        because=_reasons(name, _in_favour(name, findings)),
        against=_reasons(name, [f for f in findings if f.scores.get(name, 0) < 0]),
        deferred=deferred,
        expected_to_beat=_beaten(name, findings, worth),
    )


def _beaten(name: str, findings: Sequence[RuleResult], worth: Sequence[str]) -> tuple[str, ...]:
    own = _total(name, findings, "gap")
    if own <= 0:
        return ()
    others = [n for n in ORDER if n != name and (n in worth or n == "prompt")]
    return tuple(n for n in others if _total(n, findings, "gap") < own)


def _rejected(name: str, findings: Sequence[RuleResult], excluded: bool) -> Rejected:
    against = [f for f in findings if name in f.excludes or f.scores.get(name, 0) < 0]
    # What excludes comes before what weighs.
    ordered = sorted(against, key=lambda f: name not in f.excludes)
    return Rejected(
        strategy=name,
        score=_total(name, findings),
        because=tuple(_reason(name, f) for f in ordered),
        excluded=excluded,
    )


def _reasons(name: str, findings: Sequence[RuleResult]) -> tuple[Reason, ...]:
    ordered = sorted(findings, key=lambda f: -abs(f.scores.get(name, 0)))
    return tuple(_reason(name, f) for f in ordered)


def _reason(name: str, finding: RuleResult) -> Reason:
    return Reason(
        rule=finding.rule,
        about=finding.about,
        text=finding.text,
        score=finding.scores.get(name, 0),
        grade=finding.grade,
        sources=finding.sources,
        measure=finding.measure,
    )


def _with_tie(hypotheses: tuple[Hypothesis, ...], keys: dict[str, _Key]) -> tuple[Hypothesis, ...]:
    """Give the first one R17 for a reason where only its price tells it from the next."""
    if not hypotheses:
        return ()
    first, *others = hypotheses
    equal = tuple(h.strategy for h in others if keys[h.strategy] == keys[first.strategy])
    if not equal and first.because:
        return hypotheses
    reason = _reason(first.strategy, tie(first.strategy, equal))
    return (replace(first, because=(*first.because, reason)), *others)
