"""How far a training goes, and what it leaves: losses, the best weights, steps and tokens."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from transformers import TrainerCallback

from adaptkit.core.errors import TrainingError

Progress = Callable[[int, int], None]
"""Called with steps done and steps planned; a training of open length plans further as it goes on."""
Ended = Literal["flat", "steps", "seconds"]
COOLDOWN_SHARE = 0.25
"""Part of the steps over which the learning rate falls at last, where it was level before. Falling over a
fifth is as good as falling all the way (Haegele et al. 2024, arXiv:2405.18392), and needs no known end."""


class Schedule:
    """The learning rate by step, as a factor: up over the warm-up, level, then down to 0 at the last step.

    Args:
        warmup: steps until it is level.
        n_steps: the last step, as far as is known.
        cooldown: steps over which it falls.
    """

    def __init__(self, *, warmup: int, n_steps: int, cooldown: int) -> None:
        self.warmup, self.n_steps, self.falls_from = warmup, n_steps, n_steps - cooldown

    def factor(self, step: int) -> float:
        """Share of the full rate at a step."""
        rising = step / self.warmup if step < self.warmup else 1.0
        falling = (self.n_steps - step) / max(1, self.n_steps - self.falls_from)
        return max(0.0, min(rising, falling))

    def cooldown_after(self, step: int) -> int:
        """Steps that the rate would fall over, if it began to at this step."""
        return max(1, round(step * COOLDOWN_SHARE / (1 - COOLDOWN_SHARE)))

    def end_soon(self, step: int, after: int) -> None:
        """Begin to fall at ``step``, over what ``after`` steps ask for; never longer than planned."""
        self.falls_from = step
        self.n_steps = min(self.n_steps, step + self.cooldown_after(after))


@dataclass
class SftReport:
    """What happened.

    Attributes:
        losses: (step, mean training loss since the last entry).
        validation_losses: (step, validation loss).
        best_step: the step whose weights were kept.
        n_steps: steps done; fewer than planned when the validation loss stopped falling.
        ended: ``flat`` when the validation loss stopped falling, else what was used up, ``steps`` or
            ``seconds``.
        improving: whether the validation loss still fell when the end was in sight; None where too few were
            taken to tell.
        n_tokens: real tokens trained on, shared instruction counted for every row.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    validation_losses: list[tuple[int, float]] = field(default_factory=list)
    best_step: int = 0
    n_steps: int = 0
    n_tokens: int = 0
    seconds: float = 0.0
    ended: Ended = "steps"
    improving: bool | None = None


def diverged(what: str, value: float, step: int) -> TrainingError:
    """The error of a training whose loss is no number any more."""
    return TrainingError(
        f"Training diverged: the {what} at step {step} is {value}. Lower the learning rate.", step=step
    )


class Watch(TrainerCallback):
    """Keeps losses and the best weights, tells progress, and says when a training ends.

    Args:
        schedule: of the learning rate; it ends sooner where nothing is gained any more or time is up.
        patience: so many evaluations in a row without a loss that is better by ``min_gain``, as a share of
            the last one that was, mean that nothing is gained; None to go on to the last step.
        until_flat: the rate is level until then, and falls at last; otherwise the training just stops.
        max_seconds: of the training, the fall at its end included; None for no bound.
        expected_steps: what to tell as planned while the end is open.
        on_restore: called after the best weights were put back in the midst of a training.
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name only
        self,
        module: Any,
        report: SftReport,
        *,
        schedule: Schedule,
        patience: int | None,
        min_gain: float,
        until_flat: bool = False,
        max_seconds: float | None = None,
        expected_steps: int | None = None,
        on_restore: Callable[[], None] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.module, self.report, self.progress = module, report, progress
        self.schedule, self.until_flat, self.max_seconds = schedule, until_flat, max_seconds
        self.patience, self.min_gain = patience, min_gain
        self.expected_steps, self.on_restore = expected_steps, on_restore
        self.started = time.perf_counter()
        self.open = until_flat or max_seconds is not None
        self.n_idle = 0
        self.last_gain = math.inf
        self.best: dict[str, torch.Tensor] | None = None
        self.best_loss = math.inf

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the step; begin the end where the time asks for it, and stop at the last step."""
        step = self.report.n_steps = state.global_step
        if self.open and step >= self.schedule.falls_from:
            self._end("steps", step, step)
        if self.open and self._time_is_up(step):
            self._end("seconds", step, step)
        if step >= self.schedule.n_steps:
            # The last weights are judged like the others.
            control.should_evaluate = args.eval_strategy != "no"
            control.should_training_stop = True
        if self.progress:
            self.progress(step, self._planned(step))

    def _time_is_up(self, step: int) -> bool:
        if self.max_seconds is None:
            return False
        taken = time.perf_counter() - self.started
        return taken + self.schedule.cooldown_after(step) * taken / step >= self.max_seconds

    def _end(self, why: Ended, step: int, after: int) -> None:
        self.open = False
        self.report.ended = why
        self.report.improving = self._improving
        self.schedule.end_soon(step, after)

    @property
    def _improving(self) -> bool | None:
        """Whether the last loss was a gain; one loss alone says nothing."""
        return self.n_idle == 0 if len(self.report.validation_losses) > 1 else None

    def _planned(self, step: int) -> int:
        if not self.open or self.expected_steps is None:
            return self.schedule.n_steps
        return min(self.schedule.n_steps, max(self.expected_steps, step + self.schedule.cooldown_after(step)))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Note the training loss."""
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(float(loss)):
            raise diverged("loss", float(loss), state.global_step)
        self.report.losses.append((state.global_step, float(loss)))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Note the validation loss, keep the weights if they are the best, end it if nothing is gained."""
        step = state.global_step
        loss = float((metrics or {}).get("eval_loss", math.inf))
        if not math.isfinite(loss):
            raise diverged("validation loss", loss, step)
        self.report.validation_losses.append((step, loss))
        # Against the last gain, not the best: many small gains are one.
        gained = loss < self.last_gain * (1 - self.min_gain)
        self.n_idle = 0 if gained else self.n_idle + 1
        self.last_gain = loss if gained else self.last_gain
        if loss < self.best_loss:
            self._keep(loss, step)
        if self.patience is None or self.n_idle < self.patience:
            return
        if self.until_flat and self.open:
            self._put_best_back()
            if self.on_restore:
                self.on_restore()
            self._end("flat", step, self.report.best_step)
        elif not self.until_flat:
            self.report.ended, self.report.improving = "flat", False
            control.should_training_stop = True

    def _keep(self, loss: float, step: int) -> None:
        self.best_loss, self.report.best_step = loss, step
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        # In main memory: on a GPU, room for a second copy of all weights is dear.
        self.best = {n: p.detach().to("cpu", copy=True) for n, p in trained.items()}

    def restore_best(self) -> None:
        """Put the best weights back, at the end."""
        if self.best is None:
            self.report.best_step = self.report.n_steps
        self._put_best_back()
        if self.open or (not self.until_flat and self.report.ended == "steps"):
            self.report.improving = self._improving

    @torch.no_grad()
    def _put_best_back(self) -> None:
        for name, parameter in self.module.named_parameters():
            if self.best is not None and name in self.best:
                parameter.copy_(self.best[name])
