"""LoRA supervised fine-tuning: examples go into weights instead of into prompts."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.types import Example, Prompt
from adaptkit.models.base import Model, Trainable
from adaptkit.strategies.base import Strategy, is_int, is_number, leader_of
from adaptkit.strategies.wording import short_instruction
from adaptkit.tasks import Task

if TYPE_CHECKING:
    from adaptkit.training.encode import EncodedRow
    from adaptkit.training.sft import SftSettings
    from adaptkit.training.watch import SftReport

ADAPTER_FOLDER = "adapter"
LOSS_FILE = "loss.json"
MIN_STEPS = 100
MAX_EPOCHS_SMALL = 20
EPOCHS = 3
MAX_TOKENS_CPU = 60_000


@dataclass(kw_only=True)
class LoRASFT(Strategy):
    """Low-rank adapters trained on the train rows, loss on the completion only.

    Prompts are the task's own short instruction and the input: what a prompt would have to spell out,
    the weights have learnt.

    Args:
        rank: of the adapters.
        alpha: scaling numerator; None for ``2 * rank`` (Biderman et al. 2024, arXiv:2405.09673).
        learning_rate: None for a default by model size.
        epochs: passes over the train rows; None for 3, or as many as make 100 steps (at most 20).
        batch_size: rows of a step.
        max_tokens: upper bound on the tokens trained on, prompts included; what the epochs ask for
            beyond it is not done, and ``fit_notes_`` says so. None for 60,000 on a CPU (minutes for a
            small model) and no bound on a GPU.
        dropout: on the adapters' input.
        target_modules: ``all-linear`` or names of layers.
        seed: of initial adapter and row order.
    """

    name: ClassVar[str] = "lora"

    rank: int = 16
    alpha: int | None = None
    learning_rate: float | None = None
    epochs: float | None = None
    batch_size: int = 8
    max_tokens: int | None = None
    dropout: float = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    seed: int = 0

    @property
    def draws_at_random(self) -> bool:
        """The initial adapter and the order of rows are drawn."""
        return True

    def check(self) -> None:
        """Sizes and rates are positive."""
        for name in ("rank", "batch_size"):
            value = getattr(self, name)
            if not is_int(value) or value < 1:
                raise ConfigError.for_parameter("LoRASFT", name, "an int >= 1", value)
        for name in ("alpha", "learning_rate", "epochs", "max_tokens"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and value > 0):
                raise ConfigError.for_parameter("LoRASFT", name, "above 0, or None", value)
        if not is_number(self.dropout) or not 0 <= self.dropout < 1:
            raise ConfigError.for_parameter("LoRASFT", "dropout", "in [0, 1)", self.dropout)

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Weights and train rows are needed."""
        if model is not None and not isinstance(model, Trainable):
            return f"LoRASFT needs a model whose weights are at hand, and '{model.info.id}' is not one."
        if not task.train:
            return f"LoRASFT needs train examples, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The task's own words."""
        return short_instruction(task)

    def learn(self, model: Model, task: Task) -> Model:
        """Train an adapter, check that it has an effect, merge it."""
        from adaptkit.training import lora, sft

        assert isinstance(model, Trainable)
        rows = self._encode(model, task.train)
        settings = self._settings(model, [len(r) for r in rows])
        alpha = self.alpha if self.alpha is not None else 2 * self.rank
        shape = lora.LoraSettings(
            rank=self.rank, alpha=alpha, dropout=self.dropout, target_modules=self.target_modules
        )
        adapted = lora.attach(model.module, shape, seed=self.seed)
        with lora.fast_forward(adapted):
            report = sft.train(
                adapted,
                rows,
                self._encode(model, task.validation or ()),
                settings,
                pad_id=model.pad_id,
                progress=self.progress_,
            )
        change = lora.check_effect(adapted, rows[0].prompt)
        self.adapter_ = lora.Adapter.of(adapted)
        self.loss_ = dataclasses.asdict(report)
        self.template_hash_ = model.template_hash
        self._note(report, settings, len(rows), change)
        return self._serve(model, adapted)

    def _encode(self, model: Trainable, examples: Sequence[Example]) -> list[EncodedRow]:
        from adaptkit.training.encode import EncodedRow

        leader = leader_of((*self.before_, self))
        prompts = self.prompts([e.input for e in examples])
        return [
            EncodedRow(model.encode(prompt), model.encode_completion(leader.completion(example)))
            for prompt, example in zip(prompts, examples, strict=True)
        ]

    def _settings(self, model: Trainable, lengths: Sequence[int]) -> SftSettings:
        from adaptkit.training.sft import SftSettings

        return SftSettings(
            learning_rate=self.learning_rate or default_learning_rate(model.info.n_parameters),
            n_steps=self._n_steps(lengths, model.info.device),
            batch_size=min(self.batch_size, len(lengths)),
            seed=self.seed,
        )

    def _n_steps(self, lengths: Sequence[int], device: str) -> int:
        """Steps for the epochs wanted, within the token budget."""
        steps_an_epoch = math.ceil(len(lengths) / self.batch_size)
        epochs = self.epochs or min(max(EPOCHS, MIN_STEPS / steps_an_epoch), MAX_EPOCHS_SMALL)
        wanted = math.ceil(steps_an_epoch * epochs)
        budget = self.max_tokens or (MAX_TOKENS_CPU if device.startswith("cpu") else None)
        self.fit_notes_ |= {"n_steps_wanted": wanted, "max_tokens": budget}
        if budget is None:
            return wanted
        tokens_a_step = self.batch_size * sum(lengths) / len(lengths)
        return max(1, min(wanted, math.floor(budget / tokens_a_step)))

    def _note(self, report: SftReport, settings: SftSettings, n_rows: int, change: float) -> None:
        epochs = report.n_steps * settings.batch_size / n_rows
        self.fit_notes_ |= {
            "learning_rate": settings.learning_rate,
            "n_steps": report.n_steps,
            "n_steps_planned": settings.n_steps,
            "best_step": report.best_step,
            "epochs": round(epochs, 2),
            "train_tokens": report.n_tokens,
            "train_tokens_per_s": round(report.n_tokens / report.seconds, 1),
            "final_loss": report.losses[-1][1] if report.losses else None,
            "validation_losses": report.validation_losses,
            "largest_logit_change": round(change, 3),
        }

    def _serve(self, model: Trainable, adapted: Any) -> Model:
        from adaptkit.training import lora

        return model.derive(lora.merged(adapted), note=f"LoRA rank {self.rank}, merged")

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The adapter in peft's layout, and the loss curve."""
        self.adapter_.save(folder / ADAPTER_FOLDER)
        write_json_atomic(folder / LOSS_FILE, self.loss_)
        return {"template_hash": self.template_hash_}

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Put the adapter on the model and check that it has an effect.

        Raises:
            ConfigError: the model renders prompts otherwise than in training.
        """
        from adaptkit.training import lora

        if not isinstance(model, Trainable):
            raise CapabilityError(f"An adapter needs a model with weights, and '{model.info.id}' has none.")
        if model.template_hash != state["template_hash"]:
            raise ConfigError(
                f"The adapter in '{folder}' was trained with another chat template than this model has. "
                "Load the tokenizer that it was trained with, or fit again."
            )
        adapted = lora.load_adapter(model.module, folder / ADAPTER_FOLDER)
        lora.check_effect(adapted, model.encode(Prompt(instruction=self.instruction_, input="probe")))
        self.adapter_ = lora.Adapter.of(adapted)
        self.loss_ = json.loads((folder / LOSS_FILE).read_text(encoding="utf-8"))
        self.template_hash_ = str(state["template_hash"])
        return self._serve(model, adapted)


def default_learning_rate(n_parameters: int) -> float:
    """Learning rate by model size.

    Small models take larger steps; the values are the middle of published recipes (Hu et al. 2021,
    arXiv:2106.09685; Dettmers et al. 2023, arXiv:2305.14314; Biderman et al. 2024, arXiv:2405.09673).
    """
    for limit, rate in ((500e6, 1e-3), (4e9, 3e-4), (20e9, 2e-4)):
        if n_parameters <= limit:
            return rate
    return 1e-4
