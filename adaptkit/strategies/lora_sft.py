"""LoRA supervised fine-tuning: examples go into weights instead of into prompts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args

from adaptkit.core.numbers import is_number
from adaptkit.core.types import Prompt, Traits
from adaptkit.models.base import Model, Trainable
from adaptkit.strategies.checks import COUNT, SWITCH, check_params
from adaptkit.strategies.sft_base import (
    ABOVE_ZERO_OR_NONE,
    SupervisedFineTuning,
    TrainingRows,
    rate_by_size,
)
from adaptkit.tasks import Task

if TYPE_CHECKING:
    from adaptkit.strategies.training.lora import LoraSettings
    from adaptkit.strategies.training.sft import SftSettings
    from adaptkit.strategies.training.watch import SftReport

Quantised = Literal["4bit"]
ADAPTER_FOLDER = "adapter"
RATES = ((500e6, 1e-3), (4e9, 3e-4), (20e9, 2e-4))
RATE_BEYOND = 1e-4
RSLORA_ALPHA = 8
LARGER_RANK = 4


@dataclass(kw_only=True)
class LoRASFT(SupervisedFineTuning):
    """Low-rank adapters trained on the train rows, and merged into the weights for serving.

    Args:
        rank: of the adapters.
        alpha: scaling numerator; None for ``2 * rank`` (Biderman et al. 2024, arXiv:2405.09673). With
            ``rslora`` None is 8 for any rank, the same scale at rank 16.
        dropout: on the adapters' input.
        target_modules: ``all-linear`` or names of layers.
        dora: learn the weights' lengths apart from their directions (Liu et al. 2024, arXiv:2402.09353);
            slower.
        rslora: scale by the root of the rank, so that large ranks are not damped (Kalajdzievski 2023,
            arXiv:2312.03732).
        quantise: ``4bit`` trains over weights packed into 4 bits (QLoRA: Dettmers et al. 2023,
            arXiv:2305.14314), which takes less memory beside the model itself; the adapter is then merged
            into the weights as they were. It needs bitsandbytes and a CUDA device; the project's CI has
            neither and does not run it.

    The others are those of :class:`~adaptkit.strategies.sft_base.SupervisedFineTuning`.
    """

    name: ClassVar[str] = "lora"
    traits: ClassVar[Traits] = Traits(trains_weights=True, complexity=8)

    rank: int = 16
    alpha: float | None = None
    dropout: float = 0.0
    target_modules: str | tuple[str, ...] = "all-linear"
    dora: bool = False
    rslora: bool = False
    quantise: Quantised | None = None

    def check(self) -> None:
        """Sizes and rates are positive."""
        check_params(
            self,
            {
                "rank": COUNT,
                "alpha": ABOVE_ZERO_OR_NONE,
                "dropout": (lambda v: is_number(v) and 0 <= v < 1, "in [0, 1)"),
                "dora": SWITCH,
                "rslora": SWITCH,
                "quantise": (lambda v: v is None or v in get_args(Quantised), "'4bit' or None"),
            },
        )
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """Weights and train rows are needed, and for packed weights what packs them."""
        reason = super().refusal(task, model)
        if reason or self.quantise is None:
            return reason
        from adaptkit.strategies.training.quantised import missing_for_four_bit

        missing = missing_for_four_bit(None if model is None else model.info.device)
        return f"LoRASFT with quantise='{self.quantise}' needs {missing}." if missing else None

    def default_learning_rate(self, n_parameters: int) -> float:
        """Small models take larger steps.

        The values are the middle of published recipes (Hu et al. 2021, arXiv:2106.09685; Dettmers et al.
        2023, arXiv:2305.14314; Biderman et al. 2024, arXiv:2405.09673).
        """
        return rate_by_size(n_parameters, RATES, RATE_BEYOND)

    def _own_alternatives(self) -> list[Self]:
        # What is learnt is bounded by the rank; scaled along, the same learning rate serves.
        alpha = None if self.alpha is None else self.alpha * LARGER_RANK
        return [self._with(rank=self.rank * LARGER_RANK, alpha=alpha)]

    @property
    def _shape(self) -> LoraSettings:
        from adaptkit.strategies.training.lora import LoraSettings

        default = RSLORA_ALPHA if self.rslora else 2 * self.rank
        return LoraSettings(
            rank=self.rank,
            alpha=default if self.alpha is None else self.alpha,
            dropout=self.dropout,
            target_modules=self.target_modules,
            dora=self.dora,
            rslora=self.rslora,
            quantised=self.quantise is not None,
        )

    def train(self, model: Trainable, rows: TrainingRows, settings: SftSettings) -> tuple[Model, SftReport]:
        """Train an adapter, check that it has an effect, merge it."""
        from adaptkit.strategies.training import lora, sft

        adapted = lora.attach(model.module, self._shape, seed=self.seed)
        with lora.fast_forward(adapted):
            report = sft.train(
                adapted,
                rows.train,
                rows.validation,
                settings,
                pad_id=model.pad_id,
                progress=self.progress_,
            )
        self.adapter_ = lora.Adapter.of(adapted)
        if self.quantise is not None:
            adapted = lora.apply_adapter(model.module, self.adapter_)
        served, change, lost = self._serve(model, adapted, rows.train[0].prompt)
        self.fit_notes_["largest_logit_change"] = round(change, 3)
        self.fit_notes_["merging_changed_logits_by"] = round(lost, 5)
        return served, report

    def _serve(self, model: Trainable, adapted: Any, probe: list[int]) -> tuple[Model, float, float]:
        """The model with the adapter merged, the adapter's effect, and what of it merging lost."""
        from adaptkit.strategies.training import lora

        change = lora.check_effect(adapted, probe)
        module, lost = lora.merged(adapted, probe)
        return model.derive(module, note=f"LoRA rank {self.rank}, merged"), change, lost

    def save_trained(self, folder: Path) -> None:
        """The adapter in peft's layout."""
        self.adapter_.save(folder / ADAPTER_FOLDER)

    def load_trained(self, folder: Path, model: Trainable) -> Model:
        """Put the adapter on the model, check that it has an effect, merge it."""
        from adaptkit.strategies.training import lora

        adapted = lora.load_adapter(model.module, folder / ADAPTER_FOLDER)
        self.adapter_ = lora.Adapter.of(adapted)
        probe = model.encode(Prompt(instruction=self.instruction_, input="probe"))
        return self._serve(model, adapted, probe)[0]
