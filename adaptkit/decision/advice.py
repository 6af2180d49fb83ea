"""An advice: what to try first and why, before anything has been measured."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.decision.advice_text import blocks
from adaptkit.decision.blocks import Block
from adaptkit.decision.hypotheses import Hypothesis, Reason, Rejected
from adaptkit.decision.planning import ExperimentPlan
from adaptkit.decision.requirements import Requirements
from adaptkit.decision.shown import ShownAsBlocks
from adaptkit.decision.situation import DataFacts
from adaptkit.decision.what_if import WhatIf


@dataclass(frozen=True, kw_only=True)
class Advice(ShownAsBlocks):
    """Hypotheses about which strategy suits, with reasons, and the plan that tests them.

    ``adaptkit.core.codec.to_json`` turns it into what JSON holds.

    Attributes:
        requirements: what is required and known.
        facts: what the task showed, None without one.
        model_parameters: the model's weights, None if not given.
        hypotheses: strategies worth trying, the one to try first at the front.
        not_worth_trying: the others, and why.
        warnings: what to know or do before anything is run.
        would_change: answers not given yet that would put another strategy first.
        plan: what to run, on how many rows.
    """

    requirements: Requirements
    facts: DataFacts | None
    model_parameters: float | None
    hypotheses: tuple[Hypothesis, ...]
    not_worth_trying: tuple[Rejected, ...]
    warnings: tuple[Reason, ...]
    would_change: tuple[WhatIf, ...]
    plan: ExperimentPlan

    @property
    def first(self) -> str | None:
        """The strategy to try first; None where every one is excluded."""
        return self.hypotheses[0].strategy if self.hypotheses else None

    def blocks(self) -> list[Block]:
        """It as a document."""
        return blocks(self)
