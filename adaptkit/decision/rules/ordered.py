"""All rules, in the order in which they are asked."""

from __future__ import annotations

import re

from adaptkit.decision.rules.base import Rule, RuleResult
from adaptkit.decision.rules.behaviour import BEHAVIOUR
from adaptkit.decision.rules.cost import COST
from adaptkit.decision.rules.examples import EXAMPLES
from adaptkit.decision.rules.knowledge import KNOWLEDGE
from adaptkit.decision.rules.limits import LIMITS
from adaptkit.decision.rules.method import METHOD
from adaptkit.decision.situation import Situation

_KINDS = "NRCV"


def _place(rule: Rule) -> tuple[int, int, str]:
    kind, number, rest = re.fullmatch(r"([A-Z])(\d+)(\w*)", rule.id).groups()  # type: ignore[union-attr]
    return _KINDS.index(kind), int(number), rest


RULES: tuple[Rule, ...] = tuple(
    sorted((*METHOD, *KNOWLEDGE, *BEHAVIOUR, *EXAMPLES, *LIMITS, *COST), key=_place)
)


def find_all(situation: Situation) -> tuple[RuleResult, ...]:
    """Return what all rules that apply say, in their order."""
    found = (rule.find(situation) for rule in RULES)
    return tuple(finding for finding in found if finding is not None)
