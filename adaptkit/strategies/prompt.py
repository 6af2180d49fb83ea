"""Prompt engineering: the best that words alone can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from adaptkit.core.types import Completion, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.wording import full_instruction
from adaptkit.tasks import Task

CONTENT_FREE = ("N/A", "[MASK]", "...")
"""Inputs without content (Zhao et al. 2021, arXiv:2102.09690, section 5)."""


@dataclass(kw_only=True)
class PromptEngineering(Strategy):
    """Instruction, allowed answers and reply shape in the prompt; nothing is trained.

    Args:
        instruction_text: replaces the instruction made from the task.
        calibrate: for a classification, divide each label's probability by the one it gets on inputs
            without content, so that the model's liking for a label does not decide (contextual
            calibration, Zhao et al. 2021, arXiv:2102.09690).
    """

    name: ClassVar[str] = "prompt"

    instruction_text: str | None = None
    calibrate: bool = True

    def instruction(self, task: Task) -> str:
        """The full instruction, or the one given."""
        return self.instruction_text or full_instruction(task)

    def learn(self, model: Model, task: Task) -> Model:
        """Measure the labels' probabilities on content-free inputs."""
        self.prior_: dict[str, float] | None = None
        if self.calibrate and self.format_.choices:
            self.prior_ = self._measure_prior(model)
            self.fit_notes_["calibrated"] = self.prior_ is not None
        return model

    def _measure_prior(self, model: Model) -> dict[str, float] | None:
        requests = [
            Request(
                prompt=Prompt(instruction=self.instruction_, input=text),
                max_new_tokens=self.format_.max_new_tokens,
                choices=self.format_.choices,
            )
            for text in CONTENT_FREE
        ]
        found = [c.choice_logprobs for c in model.complete(requests)]
        known = [f for f in found if f is not None]
        if len(known) < len(requests):
            return None  # a model that does not tell log-probabilities cannot be calibrated
        return {label: sum(f[label] for f in known) / len(known) for label in self.format_.choices or ()}

    def decide(self, completion: Completion) -> str:
        """The label that gains most over its content-free probability."""
        scores = completion.choice_logprobs
        if self.prior_ is None or scores is None:
            return completion.text
        prior = self.prior_
        return max(scores, key=lambda label: scores[label] - prior[label])

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The label probabilities."""
        return {"prior": self.prior_}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read the label probabilities."""
        self.prior_ = state["prior"]
        return model
