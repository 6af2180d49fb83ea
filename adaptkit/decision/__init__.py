"""From requirements and measured rows to advice, verdicts and recommendations; no model is touched."""

from adaptkit.decision.advice import Advice
from adaptkit.decision.advise import advise
from adaptkit.decision.causes import Cause, Causes, WrongAnswer, causes
from adaptkit.decision.evidence import Evidence
from adaptkit.decision.flips import Flip, Flips, flips
from adaptkit.decision.recommend import recommend, recommend_for
from adaptkit.decision.recommendation import Recommendation, Recommendations
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.requirements_file import load_requirements
from adaptkit.decision.situation import DataFacts, facts_of
from adaptkit.stats.verdict import verdict

__all__ = [
    "Advice",
    "Cause",
    "Causes",
    "DataFacts",
    "Evidence",
    "Flip",
    "Flips",
    "Recommendation",
    "Recommendations",
    "Requirements",
    "WrongAnswer",
    "advise",
    "causes",
    "facts_of",
    "flips",
    "load_requirements",
    "recommend",
    "recommend_for",
    "verdict",
]
