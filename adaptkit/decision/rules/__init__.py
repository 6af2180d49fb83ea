"""What is published about choosing a strategy, as rules: each with its reason, source and grade of evidence.

``R1`` to ``R20`` are rules in the order in which they are asked, ``C`` are criteria that weigh for and
against, ``N`` is what a strategy cannot do without, ``V`` is about value. All yield hypotheses: measurement
decides.
"""

from adaptkit.decision.rules.base import (
    BASELINES,
    COMPOSED,
    GRADES,
    ORDER,
    STRATEGIES,
    SUPPLIES_FACTS,
    TUNED,
    Grade,
    Part,
    Rule,
    RuleResult,
)
from adaptkit.decision.rules.behaviour import BEHAVIOUR
from adaptkit.decision.rules.cost import COST, Payback, payback
from adaptkit.decision.rules.examples import EXAMPLES
from adaptkit.decision.rules.knowledge import KNOWLEDGE
from adaptkit.decision.rules.limits import LIMITS
from adaptkit.decision.rules.method import ASSUMED_DISCORDANCE, METHOD, SEEDS, size, tie
from adaptkit.decision.rules.ordered import RULES, find_all
from adaptkit.decision.rules.sources import KEYS, Citation

__all__ = [
    "ASSUMED_DISCORDANCE",
    "BASELINES",
    "BEHAVIOUR",
    "COMPOSED",
    "COST",
    "EXAMPLES",
    "GRADES",
    "KEYS",
    "KNOWLEDGE",
    "LIMITS",
    "METHOD",
    "ORDER",
    "RULES",
    "SEEDS",
    "STRATEGIES",
    "SUPPLIES_FACTS",
    "TUNED",
    "Citation",
    "Grade",
    "Part",
    "Payback",
    "Rule",
    "RuleResult",
    "find_all",
    "payback",
    "size",
    "tie",
]
