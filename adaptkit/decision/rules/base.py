"""What a rule is, what it finds in a situation, and how it judges two strategies that are combined.

A rule is data: when it applies, what it says for or against each strategy (from -2 to +2), why, by which
source, how strong that evidence is, and what to measure to confirm or reject it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from adaptkit.decision.rules.sources import Citation
from adaptkit.decision.situation import Situation

Grade = Literal["controlled", "vendor", "practitioner", "derived"]
Part = Literal["gap", "need", "limit", "method"]
T = TypeVar("T")
RuleValue: TypeAlias = T | Callable[[Situation], T]

# From what a change of text undoes to what needs new weights for every model (Microsoft Learn's order of
# time, complexity and cost): of strategies that are equally advised, the first is tried first.
# Other compositions no source speaks of, so no rule does.
ORDER = (
    "knn-vote", "tfidf", "top-passage",
    "prompt", "few-shot", "rag", "function-calling",
    "lora", "function-calling+lora", "rag+lora", "full-sft",
)  # fmt: skip
BASELINES = ORDER[:3]
STRATEGIES = ORDER[3:]
TUNED = ("lora", "function-calling+lora", "rag+lora", "full-sft")
COMPOSED = tuple(name for name in STRATEGIES if "+" in name)
# What brings facts into an answer that are not in the model.
SUPPLIES_FACTS = ("rag", "function-calling", "function-calling+lora", "rag+lora")
GRADES: Mapping[Grade, str] = {
    "controlled": "controlled study",
    "vendor": "vendor guidance",
    "practitioner": "practitioners' experience",
    "derived": "derived",
}


@dataclass(frozen=True, kw_only=True)
class RuleResult:
    """What a rule says of one situation.

    Attributes:
        rule: its id, e.g. ``R4``.
        about: when it applies, in a few words.
        part: a ``gap`` in quality is closed by a combination where one part closes it, and so is a ``need``,
            which says nothing of quality; a ``limit`` is broken where one part breaks it; ``method`` says how
            to go about it.
        text: the reason, in one sentence.
        measure: what confirms or rejects it.
        scores: for (+) or against (-) each strategy.
        favours: strategies that it gives a reason for, without weight.
        excludes: strategies that it rules out.
        defers: strategies that come after all others for its sake.
        warns: whether it is a warning to whoever decides.
        settings: how to run a strategy.
    """

    rule: str
    about: str
    part: Part
    text: str
    grade: Grade
    sources: tuple[Citation, ...]
    measure: str
    scores: Mapping[str, int] = field(default_factory=dict)
    favours: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    defers: tuple[str, ...] = ()
    warns: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule; attributes as those of :class:`RuleResult`, each as it is or as a function of the situation.

    Attributes:
        id: ``R`` for the ordered rules, ``C`` for criteria, ``N`` for what a strategy cannot do without.
        when: when it applies.
    """

    id: str
    about: str
    part: Part
    grade: Grade
    sources: tuple[Citation, ...]
    measure: str
    when: Callable[[Situation], bool]
    text: RuleValue[str]
    scores: RuleValue[Mapping[str, int]] = field(default_factory=dict)
    favours: tuple[str, ...] = ()
    excludes: RuleValue[tuple[str, ...]] = ()
    defers: RuleValue[tuple[str, ...]] = ()
    warns: RuleValue[bool] = False
    settings: Mapping[str, str] = field(default_factory=dict)

    def find(self, situation: Situation) -> RuleResult | None:
        """Return what the rule says here, or None where it does not apply."""
        if not self.when(situation):
            return None
        return RuleResult(
            rule=self.id,
            about=self.about,
            part=self.part,
            text=_told(self.text, situation),
            grade=self.grade,
            sources=self.sources,
            measure=self.measure,
            scores=with_combinations(_told(self.scores, situation), self.part),
            favours=self.favours,
            excludes=_told(self.excludes, situation),
            defers=_told(self.defers, situation),
            warns=_told(self.warns, situation),
            settings=self.settings,
        )


def _told(value: RuleValue[T], situation: Situation) -> T:
    return value(situation) if callable(value) else value


def with_combinations(scores: Mapping[str, int], part: Part) -> Mapping[str, int]:
    """Add the scores of combined strategies that none is given for.

    A combination closes a gap or meets a need where one part does, and breaks a limit where one part does.

    Examples:
        >>> dict(with_combinations({"rag": 2, "lora": -1}, "gap"))["rag+lora"]
        2
        >>> dict(with_combinations({"rag": -1, "lora": 1}, "limit"))["rag+lora"]
        -1
    """
    if part == "method":
        return dict(scores)
    combine = min if part == "limit" else max
    found = dict(scores)
    for name in COMPOSED:
        parts = [scores[p] for p in name.split("+") if p in scores]
        if parts and name not in found:
            found[name] = combine(parts)
    return found
