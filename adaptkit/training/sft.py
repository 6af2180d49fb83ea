"""Supervised fine-tuning: one transformers.Trainer subclass for every set of trainable weights."""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments

from adaptkit.core.errors import TrainingError
from adaptkit.models.local.support import fits
from adaptkit.models.local.tree import shared_length
from adaptkit.training.encode import EncodedRow, TrainingBatch, collate
from adaptkit.training.generators import kept_generators
from adaptkit.training.loss import completion_loss

Progress = Callable[[int, int], None]
"""Called with steps done and steps planned."""
MAX_VALIDATION_ROWS = 48
"""Rows that a validation loss is taken on: more would cost as much as the training itself."""


@dataclass(frozen=True, kw_only=True)
class SftSettings:
    """How to train.

    Attributes:
        n_steps: optimiser steps.
        warmup_share: part of the steps over which the learning rate rises; then it falls linearly to 0.
        evaluations: how many times, evenly spread, the validation loss is taken; the best weights win.
        patience: training stops after so many evaluations in a row without a loss that is better by
            ``min_gain``, as a share of the best.
    """

    learning_rate: float
    n_steps: int
    batch_size: int
    warmup_share: float = 0.1
    max_grad_norm: float = 1.0
    evaluations: int = 5
    patience: int = 2
    min_gain: float = 0.02
    seed: int = 0


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


class _Rows(Dataset[EncodedRow]):
    def __init__(self, rows: Sequence[EncodedRow]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> EncodedRow:
        return self.rows[index]


class LengthGroupedOrder(Sampler[int]):
    """A shuffled order in which the rows of a batch have similar lengths: little padding, no curriculum.

    Args:
        lengths: tokens of each row.
        batch_size: rows of a batch.
        n_rows: how many positions to give; the rows are gone through as often as needed.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, n_rows: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.order: list[int] = []
        while len(self.order) < n_rows:
            self.order += _grouped_epoch(lengths, batch_size, rng)
        del self.order[n_rows:]

    def __iter__(self) -> Any:
        return iter(self.order)

    def __len__(self) -> int:
        return len(self.order)


def _grouped_epoch(lengths: Sequence[int], batch_size: int, rng: np.random.Generator) -> list[int]:
    """One pass: shuffle, sort within pools of eight batches, shuffle the batches."""
    shuffled = rng.permutation(len(lengths))
    pool = batch_size * 8
    batches: list[list[int]] = []
    for start in range(0, len(shuffled), pool):
        part = sorted((int(i) for i in shuffled[start : start + pool]), key=lambda i: lengths[i])
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    # Short batches go last: a later pass would otherwise shift the grouping.
    whole = [b for b in batches if len(b) == batch_size]
    rest = [i for b in batches if len(b) < batch_size for i in b]
    return [i for at in rng.permutation(len(whole)) for i in whole[int(at)]] + rest


class SftTrainer(Trainer):
    """Trainer with the completion loss and an order of its own.

    Args:
        order: positions of the training rows, for the whole training.
        device: where batches go.
    """

    def __init__(self, *, order: LengthGroupedOrder, **options: Any) -> None:
        self._order = order
        super().__init__(**options)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self._order

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Completion loss of a batch."""
        loss = completion_loss(model, inputs)
        return (loss, None) if return_outputs else loss

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> Any:
        """Validation loss of a batch."""
        with torch.inference_mode():
            batch = cast(TrainingBatch, self._prepare_inputs(inputs))
            return completion_loss(model, batch).detach(), None, None


def diverged(what: str, value: float, step: int) -> TrainingError:
    """The error of a training whose loss is no number any more."""
    return TrainingError(
        f"Training diverged: the {what} at step {step} is {value}. Lower the learning rate.", step=step
    )


class _Watch(TrainerCallback):
    """Keeps losses, the best weights, and tells progress; stops a training that diverged."""

    def __init__(
        self, module: Any, report: SftReport, settings: SftSettings, progress: Progress | None
    ) -> None:
        self.module, self.report, self.settings, self.progress = module, report, settings, progress
        self.n_idle = 0
        self.best: dict[str, torch.Tensor] | None = None
        self.best_loss = math.inf

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.report.n_steps = state.global_step
        if self.progress:
            self.progress(state.global_step, state.max_steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not math.isfinite(float(loss)):
            raise diverged("loss", float(loss), state.global_step)
        self.report.losses.append((state.global_step, float(loss)))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        loss = float((metrics or {}).get("eval_loss", math.inf))
        if not math.isfinite(loss):
            raise diverged("validation loss", loss, state.global_step)
        self.report.validation_losses.append((state.global_step, loss))
        gained = loss < self.best_loss * (1 - self.settings.min_gain)
        self.n_idle = 0 if gained else self.n_idle + 1
        if loss < self.best_loss:
            self._keep(loss, state.global_step)
        if self.n_idle >= self.settings.patience:
            control.should_training_stop = True

    def _keep(self, loss: float, step: int) -> None:
        self.best_loss, self.report.best_step = loss, step
        trained = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.best = {n: p.detach().clone() for n, p in trained.items()}

    def restore_best(self) -> None:
        """Put the best weights back."""
        if self.best is None:
            self.report.best_step = self.report.n_steps
            return
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if name in self.best:
                    parameter.copy_(self.best[name])


def train(
    module: Any,
    rows: Sequence[EncodedRow],
    validation: Sequence[EncodedRow],
    settings: SftSettings,
    *,
    pad_id: int,
    progress: Progress | None = None,
) -> SftReport:
    """Train the weights of ``module`` that require a gradient, in place.

    Args:
        rows: training rows.
        validation: rows to choose the best weights on; may be empty, then the last weights stay.

    Raises:
        TrainingError: the loss is not a number any more, or memory ran out.
    """
    report = SftReport()
    validation = validation[:MAX_VALIDATION_ROWS]
    n_shared = n_shared_in(module, [*rows, *validation])
    order = LengthGroupedOrder(
        [len(r) for r in rows],
        batch_size=settings.batch_size,
        n_rows=settings.n_steps * settings.batch_size,
        seed=settings.seed,
    )
    watch = _Watch(module, report, settings, progress)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(), kept_generators():
        # Advice about pinned memory and the like, for a loader that is set up on purpose.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|accelerate|transformers)\..*")
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
        trainer = SftTrainer(
            order=order,
            model=module,
            args=_arguments(
                settings,
                Path(scratch),
                has_validation=bool(validation),
                # Where the weights are, not what the machine has: Trainer would move them.
                on_cpu=next(module.parameters()).device.type == "cpu",
            ),
            data_collator=lambda part: collate(part, n_shared=n_shared, pad_id=pad_id),
            train_dataset=_Rows(rows),
            eval_dataset=_Rows(sorted(validation, key=len)) if validation else None,
            callbacks=[watch],
        )
        _quiet(trainer)
        _run(trainer)
    watch.restore_best()
    report.n_tokens = sum(len(rows[i]) for i in order.order[: report.n_steps * settings.batch_size])
    report.seconds = time.perf_counter() - started
    module.eval()
    return report


def _run(trainer: Trainer) -> None:
    try:
        trainer.train()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TrainingError(
            "Memory ran out in training. Lower batch_size, or use a smaller rank or model."
        ) from error


def _quiet(trainer: Trainer) -> None:
    from transformers.trainer_callback import PrinterCallback, ProgressCallback

    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)


def n_shared_in(module: Any, rows: Sequence[EncodedRow]) -> int:
    """Tokens that all prompts start with and that a batch may compute once.

    The last token of a prompt stays with its row: it predicts the first target. Nothing is shared
    where a sliding window is shorter than the rows: filler behind the shared tokens would use it up.
    """
    if not fits(module, max(len(r) for r in rows)):
        return 0
    lowest, highest = min(r.prompt for r in rows), max(r.prompt for r in rows)
    return min(shared_length(np.asarray(lowest), np.asarray(highest)), min(len(r.prompt) for r in rows) - 1)


def _arguments(
    settings: SftSettings, scratch: Path, *, has_validation: bool, on_cpu: bool
) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(scratch),
        max_steps=settings.n_steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size * 2,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        # Never all steps: the learning rate of the first warm-up step is 0.
        warmup_steps=min(max(1, round(settings.n_steps * settings.warmup_share)), settings.n_steps - 1),
        # Trainer would log a loss that is no number as 0, and a diverged training would look perfect.
        logging_nan_inf_filter=False,
        weight_decay=0.0,
        max_grad_norm=settings.max_grad_norm,
        eval_strategy="steps" if has_validation else "no",
        eval_steps=max(1, math.ceil(settings.n_steps / settings.evaluations)),
        save_strategy="no",
        logging_steps=max(1, settings.n_steps // 40),
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        seed=settings.seed,
        use_cpu=on_cpu,
    )
