"""A recommendation: what to take, what speaks for it, what would change it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from adaptkit.core.results import TaskRecommendation
from adaptkit.decision.blocks import Block
from adaptkit.decision.checking import Checked
from adaptkit.decision.limits import Exclusion
from adaptkit.decision.recommendation_text import blocks
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.shown import ShownAsBlocks
from adaptkit.decision.turning_points import TurningPoint


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
