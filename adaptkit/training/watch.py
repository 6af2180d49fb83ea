"""What a training leaves: losses, the best weights, steps and tokens."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainerCallback

from adaptkit.core.errors import TrainingError

Progress = Callable[[int, int], None]
"""Called with steps done and steps planned."""


@dataclass
class SftReport:
    """What happened.

    Attributes:
        losses: (step, mean training loss since the last entry).
        validation_losses: (step, validation loss).
        best_step: the step whose weights were kept.
        n_steps: steps done; fewer than planned when the validation loss stopped falling.
        n_tokens: real tokens trained on, shared instruction counted for every row.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    validation_losses: list[tuple[int, float]] = field(default_factory=list)
    best_step: int = 0
    n_steps: int = 0
    n_tokens: int = 0
    seconds: float = 0.0


def diverged(what: str, value: float, step: int) -> TrainingError:
    """The error of a training whose loss is no number any more."""
    return TrainingError(
        f"Training diverged: the {what} at step {step} is {value}. Lower the learning rate.", step=step
    )


class Watch(TrainerCallback):
    """Keeps losses, the best weights, and tells progress; stops a training that diverged.

    Args:
        patience: training stops after so many evaluations in a row without a loss that is better by
            ``min_gain``, as a share of the best; None for never.
    """

    def __init__(
        self,
        module: Any,
        report: SftReport,
        *,
        patience: int | None,
        min_gain: float,
        progress: Progress | None,
    ) -> None:
        self.module, self.report, self.progress = module, report, progress
        self.patience, self.min_gain = patience, min_gain
        self.n_idle = 0
        self.best: dict[str, torch.Tensor] | None = None
        self.best_loss = math.inf

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the step."""
        self.report.n_steps = state.global_step
        if self.progress:
            self.progress(state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Note the training loss."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(float(loss)):
            raise diverged("loss", float(loss), state.global_step)
        self.report.losses.append((state.global_step, float(loss)))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Note the validation loss, keep the weights if they are the best, stop if nothing is gained."""
        loss = float((metrics or {}).get("eval_loss", math.inf))
        if not math.isfinite(loss):
            raise diverged("validation loss", loss, state.global_step)
        self.report.validation_losses.append((state.global_step, loss))
        gained = loss < self.best_loss * (1 - self.min_gain)
        self.n_idle = 0 if gained else self.n_idle + 1
        if loss < self.best_loss:
            self._keep(loss, state.global_step)
        if self.patience is not None and self.n_idle >= self.patience:
            control.should_training_stop = True

    def _keep(self, loss: float, step: int) -> None:
        self.best_loss, self.report.best_step = loss, step
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        # In main memory: on a GPU, room for a second copy of all weights is dear.
        self.best = {n: p.detach().to("cpu", copy=True) for n, p in trained.items()}

    def restore_best(self) -> None:
        """Put the best weights back."""
        if self.best is None:
            self.report.best_step = self.report.n_steps
            return
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if name in self.best:
                    parameter.copy_(self.best[name])
