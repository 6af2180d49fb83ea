"""What strategies that train weights have in common: rows, steps, losses, notes, files."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.reading import read_json
from adaptkit.core.types import Example, Prompt, Traits
from adaptkit.models.base import Model, Trainable
from adaptkit.strategies.base import Strategy, leader_of
from adaptkit.strategies.checks import ABOVE_ZERO, COUNT, SWITCH, Check, check_params
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.updating import Update
from adaptkit.strategies.wording import short_instruction
from adaptkit.tasks import Task

if TYPE_CHECKING:
    from adaptkit.strategies.training.encode import EncodedRow
    from adaptkit.strategies.training.sft import SftSettings
    from adaptkit.strategies.training.watch import SftReport

LOSS_FILE = "loss.json"
MIN_STEPS = 100
MAX_EPOCHS = 20
EPOCHS = 3

ABOVE_ZERO_OR_NONE: Check = (lambda v: v is None or (is_number(v) and v > 0), "above 0, or None")
COUNT_OR_NONE: Check = (lambda v: v is None or (is_int(v) and v >= 1), "an int >= 1, or None")


@dataclass(kw_only=True)
class SupervisedFineTuning(Strategy):
    """Weights trained on the train rows, loss on the completion only.

    Prompts are the task's own short instruction and the input: what a prompt would have to spell out,
    the weights have learnt. In a composition they are what the strategies before this one make of them.

    Args:
        learning_rate: None for a default by model size.
        learning_rate_factor: multiplies the learning rate, given or default: a grid around a default
            that depends on the model.
        epochs: passes over the train rows; None to train until the validation loss stops falling, at most
            20 passes (without validation rows 3 passes, or as many as make 100 steps).
        batch_size: rows of a step.
        max_tokens: upper bound on the tokens trained on, prompts included; None for no bound. Where it, or
            the ``seconds`` of ``fit()``, ends a training whose loss still falls, ``fit_notes_["cut_short"]``
            says so, and a comparison takes the result for a lower bound.
        patience: training ends after so many evaluations in a row whose validation loss gains nothing;
            None to go on to the end. The weights with the best validation loss are kept either way.
        permute_targets: a negative control: rows are trained on (and chosen by) the targets of other
            rows, drawn by ``seed``. If that answers as well, the relation of input and target is not
            what training teaches, or test rows were in it.
        seed: of the order of rows, and of all else that is drawn.
    """

    traits: ClassVar[Traits] = Traits(trains_weights=True)
    learns_from: ClassVar[tuple[str, ...]] = ("train", "validation")
    update: ClassVar[Update] = "re-train"

    learning_rate: float | None = None
    learning_rate_factor: float = 1.0
    epochs: float | None = None
    batch_size: int = 8
    max_tokens: int | None = None
    patience: int | None = 2
    permute_targets: bool = False
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """The order of rows is drawn."""
        return True

    def check(self) -> None:
        """Sizes and rates are positive."""
        check_params(
            self,
            {
                "batch_size": COUNT,
                "learning_rate": ABOVE_ZERO_OR_NONE,
                "learning_rate_factor": ABOVE_ZERO,
                "epochs": ABOVE_ZERO_OR_NONE,
                "max_tokens": ABOVE_ZERO_OR_NONE,
                "patience": COUNT_OR_NONE,
                "permute_targets": SWITCH,
            },
        )
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Weights and train rows are needed."""
        kind = type(self).__name__
        if model is not None and not isinstance(model, Trainable):
            return f"{kind} needs a model whose weights are at hand, and '{model.info.id}' is not one."
        if not task.train:
            return f"{kind} needs train examples, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The task's own words."""
        return short_instruction(task)

    def alternatives(self, task: Task) -> list[Self]:
        """The learning rate first, by far the most important; then what else a strategy has; then longer.

        Twice and a third of the rate, because rates matter by factors; smaller steps, of which the same
        tokens make more; twice the passes.
        """
        smaller = [self._with(batch_size=self.batch_size // 2)] if self.batch_size > 1 else []
        return [
            self,
            self._with(learning_rate_factor=2 * self.learning_rate_factor),
            self._with(learning_rate_factor=self.learning_rate_factor / 3),
            *self._own_alternatives(),
            *smaller,
            self._with(epochs=2 * self._epochs(len(task.train))),
        ]

    def _with(self, **changes: Any) -> Self:
        return dataclasses.replace(self, **changes)

    def _own_alternatives(self) -> list[Self]:
        """What only this strategy can vary."""
        return []

    @abstractmethod
    def default_learning_rate(self, n_parameters: int) -> float:
        """Learning rate by model size."""

    @abstractmethod
    def train(self, model: Trainable, rows: TrainingRows, settings: SftSettings) -> tuple[Model, SftReport]:
        """Train; return the model that answers, and what happened."""

    def settings(self, model: Trainable, rows: Sequence[EncodedRow]) -> SftSettings:
        """How to train."""
        from adaptkit.strategies.training.sft import SftSettings

        rate = self.learning_rate or self.default_learning_rate(model.info.n_parameters)
        return SftSettings(
            learning_rate=rate * self.learning_rate_factor,
            n_steps=self._n_steps([len(r) for r in rows]),
            batch_size=min(self.batch_size, len(rows)),
            until_flat=self._until_flat,
            expected_steps=self.steps_wanted(len(rows)),
            max_seconds=self.seconds_left,
            patience=self.patience,
            seed=self.seed,
        )

    @property
    def _until_flat(self) -> bool:
        return self.epochs is None and self.patience is not None

    def learn(self, model: Model, task: Task) -> Model:
        """Train, and tell what it did to the task's loss and to that of general text."""
        from adaptkit.strategies.training.forgetting import general_loss

        assert isinstance(model, Trainable)
        validation = task.validation or ()
        rows = TrainingRows(
            self._encode(model, task.train, self.training_prompts(task.train)),
            self._encode(model, validation, self.prompts([e.input for e in validation])),
        )
        self._note_left_out(model, rows, task)
        settings = self.settings(model, rows.train)
        self.fit_notes_["general_loss_before"] = round(general_loss(model), 4)
        trained, report = self.train(model, rows, settings)
        assert isinstance(trained, Trainable)
        self.fit_notes_["general_loss_after"] = round(general_loss(trained), 4)
        self.loss_ = dataclasses.asdict(report)
        self.template_hash_ = model.template_hash
        self._note(report, settings, len(rows.train))
        return trained

    def _encode(
        self, model: Trainable, examples: Sequence[Example], prompts: Sequence[Prompt]
    ) -> list[EncodedRow]:
        """Prompts and completions; rows that the context cannot hold are left out."""
        from adaptkit.strategies.training.encode import EncodedRow

        leader = leader_of((*self.before_, self))
        prompts = [fit_to_context(p, model, self.format_.max_new_tokens) for p in prompts]
        completions = [leader.completion(example) for example in self._answered(examples)]
        rows = [
            EncodedRow(model.encode(prompt), model.encode_completion(completion))
            for prompt, completion in zip(prompts, completions, strict=True)
        ]
        return [r for r in rows if len(r) <= model.info.context_tokens]

    def _answered(self, examples: Sequence[Example]) -> list[Example]:
        """The examples whose answers the rows get: their own, or for the control others'."""
        if not self.permute_targets:
            return list(examples)
        order = np.random.default_rng(self.seed).permutation(len(examples))
        return [examples[int(i)] for i in order]

    def _note_left_out(self, model: Trainable, rows: TrainingRows, task: Task) -> None:
        if not rows.train:
            raise CapabilityError(
                f"No train example of the task '{task.name}' fits into the {model.info.context_tokens} "
                f"tokens that '{model.info.id}' can hold. Show less in the prompt, or take another model."
            )
        if len(rows.train) < len(task.train):
            self.fit_notes_["train_rows_too_long"] = len(task.train) - len(rows.train)

    def _epochs(self, n_rows: int) -> float:
        """Passes over the train rows, if tokens set no bound."""
        return self.epochs or min(max(EPOCHS, MIN_STEPS / self._steps_an_epoch(n_rows)), MAX_EPOCHS)

    def _steps_an_epoch(self, n_rows: int) -> int:
        return math.ceil(n_rows / self.batch_size)

    def steps_wanted(self, n_rows: int) -> int:
        """Steps of the epochs on so many rows; where the loss decides, those that are likely."""
        return math.ceil(self._steps_an_epoch(n_rows) * self._epochs(n_rows))

    def most_steps(self, n_rows: int, tokens_a_step: float) -> int:
        """Steps at most, within the bound on tokens."""
        most = self._steps_an_epoch(n_rows) * MAX_EPOCHS if self._until_flat else self.steps_wanted(n_rows)
        if self.max_tokens is None:
            return most
        return max(1, min(most, math.floor(self.max_tokens / tokens_a_step)))

    def _n_steps(self, lengths: Sequence[int]) -> int:
        self.fit_notes_ |= {"n_steps_wanted": self.steps_wanted(len(lengths)), "max_tokens": self.max_tokens}
        return self.most_steps(len(lengths), self.batch_size * sum(lengths) / len(lengths))

    def _note(self, report: SftReport, settings: SftSettings, n_rows: int) -> None:
        epochs = report.n_steps * settings.batch_size / n_rows
        self.fit_notes_ |= {
            "learning_rate": settings.learning_rate,
            "n_steps": report.n_steps,
            "n_steps_planned": settings.n_steps,
            "ended": report.ended,
            "best_step": report.best_step,
            "epochs": round(epochs, 2),
            "train_tokens": report.n_tokens,
            "train_tokens_per_s": round(report.n_tokens / report.seconds, 1),
            "final_loss": report.losses[-1][1] if report.losses else None,
            "validation_losses": report.validation_losses,
        }
        if self.permute_targets:
            self.fit_notes_["control"] = "targets permuted"
        if cut := self._cut_short(report, settings, n_rows):
            self.fit_notes_["cut_short"] = [cut]

    def _cut_short(self, report: SftReport, settings: SftSettings, n_rows: int) -> dict[str, Any] | None:
        """What ended a training that was not seen to be flat; None where nothing but its own end did.

        ``more_s`` is what the steps that are likely would take beyond those done, or as many as were done
        once more where they are past.
        """
        asked_for = self.epochs is not None and report.ended == "steps" and self.max_tokens is None
        if report.improving is False or report.ended == "flat" or asked_for:
            return None
        wanted = self.steps_wanted(n_rows)
        if not self._until_flat and report.n_steps >= wanted:
            return None
        more = wanted - report.n_steps if report.n_steps < wanted else report.n_steps
        by_tokens = self.max_tokens is not None and report.ended == "steps"
        return {
            "what": "training",
            "by": "seconds" if report.ended == "seconds" else "max_tokens" if by_tokens else "epochs",
            "share_of_rows": round(report.n_steps * settings.batch_size / n_rows, 3),
            "improving": report.improving,
            "more_s": round(more * report.seconds / report.n_steps, 1),
        }

    @abstractmethod
    def save_trained(self, folder: Path) -> None:
        """Write the trained weights."""

    @abstractmethod
    def load_trained(self, folder: Path, model: Trainable) -> Model:
        """Put saved weights on a model, and check that they have an effect."""

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The weights, and the loss curve."""
        self.save_trained(folder)
        write_json_atomic(folder / LOSS_FILE, self.loss_)
        return {"template_hash": self.template_hash_}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back.

        Raises:
            CapabilityError: the model has no weights.
            ConfigError: the model renders prompts otherwise than in training.
            TrainingError: the weights do not fit the model, or change nothing.
        """
        if not isinstance(model, Trainable):
            raise CapabilityError(
                f"Trained weights need a model with weights, and '{model.info.id}' has none."
            )
        if model.template_hash != state["template_hash"]:
            raise ConfigError(
                f"The weights in '{folder}' were trained with another chat template than this model has. "
                "Load the tokenizer that they were trained with, or fit again."
            )
        self.loss_ = read_json(folder / LOSS_FILE)
        self.template_hash_ = str(state["template_hash"])
        return self.load_trained(folder, model)


@dataclass(frozen=True)
class TrainingRows:
    """Encoded rows: those to train on, and those that the best weights are chosen by."""

    train: list[EncodedRow]
    validation: list[EncodedRow]


def rate_by_size(n_parameters: int, rates: Sequence[tuple[float, float]], beyond: float) -> float:
    """The rate of the first size limit that holds the model.

    Args:
        rates: pairs of most parameters and rate, in order.
        beyond: the rate of larger models.
    """
    return next((rate for limit, rate in rates if n_parameters <= limit), beyond)
