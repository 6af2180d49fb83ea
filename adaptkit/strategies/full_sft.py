"""Full fine-tuning: all weights are trained, for what a low-rank adapter has no room for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from adaptkit.core.errors import CapabilityError
from adaptkit.core.types import Prompt, Traits
from adaptkit.models.base import Model, Trainable
from adaptkit.strategies.sft_base import SupervisedFineTuning, TrainingRows, rate_by_size

if TYPE_CHECKING:
    from adaptkit.strategies.training.encode import EncodedRow
    from adaptkit.strategies.training.sft import SftSettings
    from adaptkit.strategies.training.watch import SftReport

WEIGHTS_FILE = "weights.safetensors"
RATES = ((500e6, 3e-4), (4e9, 3e-5), (20e9, 2e-5))
"""Measured for the first: 12,000 tokens of request_routing in steps of 4 rows gave the embedded model a
validation loss of 0.36 at 1e-4, 0.32 at 3e-4 and 0.37 at 1e-3 (LoRA at 2e-3: 0.31)."""
RATE_BEYOND = 1e-5


@dataclass(kw_only=True)
class FullSFT(SupervisedFineTuning):
    """All weights trained on the train rows, loss on the completion only.

    It learns more than LoRA and forgets more (Biderman et al. 2024, arXiv:2405.09673), takes about one and
    a half times the computation and many times the memory, and its file is as large as the model. What
    memory it takes is computed first (``fit_notes_["memory_gb"]``), and refused where it is not there.

    Parameters are those of :class:`~adaptkit.strategies.sft_base.SupervisedFineTuning`.
    """

    name: ClassVar[str] = "full-sft"
    traits: ClassVar[Traits] = Traits(trains_weights=True, complexity=16)

    def default_learning_rate(self, n_parameters: int) -> float:
        """Measured for small models; else a tenth of LoRA's (Biderman et al. 2024, arXiv:2405.09673)."""
        return rate_by_size(n_parameters, RATES, RATE_BEYOND)

    def settings(self, model: Trainable, rows: Sequence[EncodedRow]) -> SftSettings:
        """How to train, within the memory there is.

        Raises:
            CapabilityError: it does not suffice.
        """
        from adaptkit.strategies.training.memory import full_training_need

        settings = super().settings(model, rows)
        longest = sorted(rows, key=len)[-settings.batch_size :]
        need = full_training_need(
            model.module,
            n_tokens=sum(map(len, longest)),
            n_targets=sum(len(r.completion) for r in longest),
        )
        self.fit_notes_["memory_gb"] = need.in_gb()
        if not need.fits:
            raise CapabilityError(_too_large(model.info.id, need.in_gb()))
        return dataclasses.replace(settings, checkpointing=need.checkpointing)

    def train(self, model: Trainable, rows: TrainingRows, settings: SftSettings) -> tuple[Model, SftReport]:
        """Train a copy of all weights, check that it answers otherwise."""
        from adaptkit.strategies.training import full, sft

        module = full.trainable_copy(model.module)
        report = sft.train(
            module, rows.train, rows.validation, settings, pad_id=model.pad_id, progress=self.progress_
        )
        module = full.served(module, model.module.dtype)
        change = full.check_effect(model.module, module, rows.train[0].prompt)
        self.fit_notes_["largest_logit_change"] = round(change, 3)
        return self._serve(model, module), report

    def _serve(self, model: Trainable, module: Any) -> Model:
        from adaptkit.strategies.training import full

        # The module itself: a part of a composition that comes later may put another model in its place.
        self.module_ = module
        self.changed_ = full.changed_names(model.module, module)
        return model.derive(module, note="all weights trained")

    def save_trained(self, folder: Path) -> None:
        """The weights that changed."""
        from adaptkit.strategies.training import full

        full.save_weights(self.module_, self.changed_, folder / WEIGHTS_FILE)

    def load_trained(self, folder: Path, model: Trainable) -> Model:
        """Put the weights on a copy of the model, check that it answers otherwise."""
        from adaptkit.strategies.training import full

        module = full.load_weights(model.module, folder / WEIGHTS_FILE)
        probe = model.encode(Prompt(instruction=self.instruction_, input="probe"))
        full.check_effect(model.module, module, probe)
        return self._serve(model, module)


def _too_large(model_id: str, gb: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {gb[name]}" for name in ("weights", "gradients", "optimizer", "activations"))
    return (
        f"FullSFT of '{model_id}' needs {gb['total']} GB of memory ({parts}), and {gb['free']} GB are free. "
        "Use LoRASFT, a smaller model, or a smaller batch_size."
    )
