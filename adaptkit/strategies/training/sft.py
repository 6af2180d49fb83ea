"""Supervised fine-tuning: one transformers.Trainer subclass for every set of trainable weights."""

from __future__ import annotations

import math
import os
import tempfile
import time
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

from adaptkit.core.errors import TrainingError
from adaptkit.models.local.support import fits
from adaptkit.models.local.tree import common_beginning
from adaptkit.strategies.training.allocator import kept_memory
from adaptkit.strategies.training.encode import IGNORED, EncodedRow, TrainingBatch, collate
from adaptkit.strategies.training.fast import fast_norms
from adaptkit.strategies.training.flat import flat_layout
from adaptkit.strategies.training.generators import kept_generators
from adaptkit.strategies.training.loss import completion_loss
from adaptkit.strategies.training.memory import asks_for_checkpointing
from adaptkit.strategies.training.optimizer import optimizer_for
from adaptkit.strategies.training.order import LengthGroupedOrder
from adaptkit.strategies.training.watch import COOLDOWN_SHARE, Progress, Schedule, SftReport, Watch

MIN_VALIDATION_ROWS, MAX_VALIDATION_ROWS = 16, 48
"""Rows that a validation loss is taken on: fewer tell little, more could cost as much as the training."""
MIN_EVALUATIONS = 2
EVALUATIONS_A_PASS = 4
MAX_VALIDATION_SHARE = 0.25
"""Validation rows over all evaluations, for a row trained on. Without a backward pass a row costs less
than half, so this is about a tenth of the time. Short trainings cut the rows first, then the evaluations."""


@dataclass(frozen=True, kw_only=True)
class SftSettings:
    """How to train.

    Attributes:
        n_steps: optimiser steps, at most.
        until_flat: train until the validation loss stops falling, and let the learning rate, level until
            then, fall over the last quarter of the steps. Otherwise it falls all the way to ``n_steps``.
        expected_steps: how many are likely, where the end is open: of the warm-up and of what is told as
            progress; None for ``n_steps``.
        max_seconds: of the training; None for no bound. With one the rate is level, too, and falls in time.
        warmup_share: part of the steps over which the learning rate rises.
        batch_size: rows of a step, over all processes and passes.
        accumulation: passes that the rows of a step are cut into, to need less memory.
        checkpointing: compute activations again in the backward pass, to need less memory; None to do so
            where memory asks.
        evaluations: how many times at most, evenly spread, the validation loss is taken; the best weights
            win. A short training does with two. One of open length takes it every quarter of a pass, or more
            seldom, within the same share of the work.
        patience: nothing is gained any more after so many evaluations in a row without a loss that is better
            by ``min_gain``, as a share of the last that was; None to go on to the last step.
    """

    learning_rate: float
    n_steps: int
    batch_size: int
    until_flat: bool = False
    expected_steps: int | None = None
    max_seconds: float | None = None
    accumulation: int = 1
    checkpointing: bool | None = None
    warmup_share: float = 0.1
    max_grad_norm: float = 1.0
    evaluations: int = 5
    patience: int | None = 2
    min_gain: float = 0.02
    seed: int = 0

    @property
    def n_expected(self) -> int:
        """Steps that are likely."""
        return min(self.n_steps, self.expected_steps or self.n_steps)

    @property
    def n_warmup(self) -> int:
        """Never all steps: the learning rate of the first of them is 0."""
        return min(max(1, round(self.n_expected * self.warmup_share)), self.n_steps - 1)


class _Rows(Dataset[EncodedRow]):
    def __init__(self, rows: Sequence[EncodedRow]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> EncodedRow:
        return self.rows[index]


class SftTrainer(Trainer):
    """Trainer with the completion loss and an order of its own.

    Args:
        order: positions of the training rows, for the whole training.
        schedule: of the learning rate.
    """

    def __init__(self, *, order: LengthGroupedOrder, schedule: Schedule, **options: Any) -> None:
        self._order, self._schedule = order, schedule
        super().__init__(**options)
        # The loss below is a share of the whole step's mean; Trainer must not divide it once more.
        self.model_accepts_loss_kwargs = True
        self.loss_is_scaled_for_ga = True

    def get_batch_samples(self, *arguments: Any, **options: Any) -> Any:
        """Batches of a step, and how many targets they hold over all processes."""
        batches, _ = super().get_batch_samples(*arguments, **options)
        n = sum(int((b["labels"] != IGNORED).sum()) for b in batches)
        if self.accelerator.num_processes > 1:
            counted = torch.tensor([n], device=self.accelerator.device)
            n = int(self.accelerator.gather(counted).sum())
        return batches, n

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self._order

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The schedule's rates: Trainer's own know their last step beforehand."""
        if self.lr_scheduler is None:
            optimizer = self.optimizer if optimizer is None else optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self._schedule.factor)
        return self.lr_scheduler

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: Trainer would walk through all parameters at each step for a number nobody reads."""
        return 0

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """A batch's part of the step's mean loss over all completion tokens."""
        loss = completion_loss(model, inputs)
        if num_items_in_batch is not None:
            # Processes are averaged, passes are summed.
            share = (inputs["labels"] != IGNORED).sum() / int(num_items_in_batch)
            loss = loss * share * self.accelerator.num_processes
        return (loss, None) if return_outputs else loss

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> Any:
        """Validation loss of a batch."""
        with torch.inference_mode():
            batch = cast(TrainingBatch, self._prepare_inputs(inputs))
            return completion_loss(model, batch).detach(), None, None


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
    validation = validation[: _n_validation_rows(settings)]
    if not validation:
        # Nothing says when it is flat.
        settings = replace(settings, until_flat=False, n_steps=settings.n_expected)
    longest = max(len(r) for r in [*rows, *validation])
    started = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(kept_memory())
        flat = stack.enter_context(flat_layout(module, longest))
        stack.enter_context(fast_norms(module))
        # Checkpointed layers keep no cache, and the padded layout shares tokens through one.
        checkpointing = _checkpointing(module, rows, settings)
        n_shared = n_shared_in(module, [*rows, *validation]) if flat or not checkpointing else 0
        n_processes = int(os.environ.get("WORLD_SIZE", "1"))
        a_pass = math.ceil(settings.batch_size / (settings.accumulation * n_processes))
        a_step = a_pass * settings.accumulation * n_processes
        order = LengthGroupedOrder(
            [len(r) for r in rows], batch_size=a_step, n_rows=settings.n_steps * a_step, seed=settings.seed
        )
        schedule, optimizer = _schedule(settings), optimizer_for(module, settings.learning_rate)
        watch = Watch(
            module,
            report,
            schedule=schedule,
            patience=settings.patience,
            min_gain=settings.min_gain,
            until_flat=settings.until_flat,
            max_seconds=settings.max_seconds,
            expected_steps=settings.expected_steps,
            on_restore=optimizer.reload if optimizer else None,
            progress=progress,
        )
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _prepare(stack)
        trainer = SftTrainer(
            order=order,
            schedule=schedule,
            model=module,
            args=_arguments(
                settings,
                output_dir=str(scratch),
                per_device_train_batch_size=a_pass,
                gradient_checkpointing=checkpointing,
                eval_strategy="steps" if validation else "no",
                eval_steps=_steps_between_evaluations(settings, len(rows), len(validation)),
                # Where the weights are, not what the machine has: Trainer would move them.
                use_cpu=next(module.parameters()).device.type == "cpu",
            ),
            data_collator=lambda part: collate(part, n_shared=n_shared, pad_id=pad_id),
            train_dataset=_Rows(rows),
            eval_dataset=_Rows(sorted(validation, key=len)) if validation else None,
            callbacks=[watch],
            optimizers=(optimizer, None),
        )
        _quiet(trainer)
        _run(trainer)
        if checkpointing:
            module.gradient_checkpointing_disable()
    watch.restore_best()
    report.n_tokens = sum(len(rows[i]) for i in order.order[: report.n_steps * a_step])
    report.seconds = time.perf_counter() - started
    module.eval()
    return report


def _prepare(stack: ExitStack) -> None:
    stack.enter_context(warnings.catch_warnings())
    # Advice about pinned memory and the like, for a loader that is set up on purpose.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(torch|accelerate|transformers)\..*")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers\..*")
    stack.enter_context(kept_generators())


def _checkpointing(module: Any, rows: Sequence[EncodedRow], settings: SftSettings) -> bool:
    if settings.checkpointing is not None:
        return settings.checkpointing
    longest = sorted(rows, key=len)[-math.ceil(settings.batch_size / settings.accumulation) :]
    return asks_for_checkpointing(
        module, n_tokens=sum(map(len, longest)), n_targets=sum(len(r.completion) for r in longest)
    )


def _schedule(settings: SftSettings) -> Schedule:
    level = settings.until_flat or settings.max_seconds is not None
    cooldown = (
        max(1, round(settings.n_steps * COOLDOWN_SHARE)) if level else settings.n_steps - settings.n_warmup
    )
    return Schedule(warmup=settings.n_warmup, n_steps=settings.n_steps, cooldown=cooldown)


def _n_validation_rows(settings: SftSettings) -> int:
    """Rows of each evaluation, so that the fewest evaluations keep within the share."""
    affordable = MAX_VALIDATION_SHARE * settings.n_expected * settings.batch_size / MIN_EVALUATIONS
    return min(MAX_VALIDATION_ROWS, max(MIN_VALIDATION_ROWS, math.floor(affordable)))


def _steps_between_evaluations(settings: SftSettings, n_rows: int, n_validation: int) -> int:
    """As often as wanted within the share of rows, but at least twice in the steps that are expected."""
    n = settings.n_expected
    affordable = math.floor(MAX_VALIDATION_SHARE * n * settings.batch_size / max(n_validation, 1))
    wanted = settings.evaluations
    if settings.until_flat:
        wanted = math.ceil(EVALUATIONS_A_PASS * n * settings.batch_size / n_rows)
    return max(1, math.ceil(n / min(wanted, max(MIN_EVALUATIONS, affordable))))


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
    return len(common_beginning([np.asarray(r.prompt) for r in rows]))


def _arguments(settings: SftSettings, **more: Any) -> TrainingArguments:
    return TrainingArguments(
        max_steps=settings.n_steps,
        gradient_accumulation_steps=settings.accumulation,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        per_device_eval_batch_size=settings.batch_size * 2,
        learning_rate=settings.learning_rate,
        # Trainer would log a loss that is no number as 0, and a diverged training would look perfect.
        logging_nan_inf_filter=False,
        weight_decay=0.0,
        max_grad_norm=settings.max_grad_norm,
        save_strategy="no",
        logging_steps=max(1, settings.n_expected // 40),
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=False,
        seed=settings.seed,
        **more,
    )
