"""LoRA adapters: the one file that imports peft."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptkit.core.errors import CapabilityError, TrainingError


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Shape of an adapter, in peft's words.

    Attributes:
        target_modules: ``all-linear`` (every linear layer but the head) or names of layers.
    """

    rank: int
    alpha: int
    dropout: float
    target_modules: str | tuple[str, ...]


def attach(module: Any, settings: LoraSettings, *, seed: int) -> Any:
    """Copy a module and put a fresh adapter on the copy.

    The base weights keep their dtype; the adapter is float32, because AdamW's small updates vanish in
    bfloat16.
    """
    from peft import LoraConfig, get_peft_model

    targets = settings.target_modules
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(), warnings.catch_warnings():
        # peft draws the initial adapter from torch's global generator.
        torch.manual_seed(seed)
        warnings.simplefilter("ignore", UserWarning)
        try:
            adapted = get_peft_model(copy.deepcopy(module), config)
        except ValueError as error:
            raise CapabilityError(f"LoRA cannot be put on this model: {error}") from error
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def adapter_norm(adapted: Any) -> float:
    """Norm of all ``lora_B`` weights: 0 means that the adapter does nothing."""
    total = sum(
        float(p.detach().float().pow(2).sum()) for n, p in adapted.named_parameters() if "lora_B" in n
    )
    return float(total**0.5)


def check_effect(adapted: Any, probe: Sequence[int]) -> float:
    """Largest change of a logit that the adapter makes on a probe.

    Raises:
        TrainingError: none: the adapter was not trained, or is not applied.
    """
    ids = torch.tensor([list(probe)], device=adapted.device)
    adapted.eval()
    with torch.inference_mode():
        with_adapter = adapted(input_ids=ids, logits_to_keep=1).logits.float()
        with adapted.disable_adapter():
            without = adapted(input_ids=ids, logits_to_keep=1).logits.float()
    change = float((with_adapter - without).abs().max())
    if adapter_norm(adapted) == 0 or change == 0:
        raise TrainingError(
            "The adapter changes nothing: its weights are zero or it is not applied. "
            "Check target_modules and that the learning rate is above 0."
        )
    return change


def merged(adapted: Any) -> Any:
    """Fold the adapter into the weights: the same answers at the base model's speed."""
    return adapted.merge_and_unload(safe_merge=True)


@dataclass(frozen=True)
class Adapter:
    """An adapter apart from its base model.

    Attributes:
        config: peft's configuration.
        weights: peft's state dict, on the CPU.
    """

    config: Any
    weights: dict[str, torch.Tensor]

    @classmethod
    def of(cls, adapted: Any) -> Adapter:
        """Copy the adapter out of a module that carries it."""
        from peft import get_peft_model_state_dict

        weights = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        config = copy.deepcopy(adapted.peft_config["default"])
        return cls(config, {n: w.detach().cpu().clone().contiguous() for n, w in weights.items()})

    def save(self, folder: Path) -> None:
        """Write peft's own layout, so that peft, vLLM and others can load it."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        self.config.save_pretrained(str(folder))


def load_adapter(module: Any, folder: Path) -> Any:
    """Put a saved adapter on a copy of a module.

    Raises:
        TrainingError: weights of the adapter are missing or do not fit the module.
    """
    from peft import PeftModel

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            adapted = PeftModel.from_pretrained(copy.deepcopy(module), str(folder))
        except (UserWarning, RuntimeError, OSError, ValueError) as error:
            raise TrainingError(f"The adapter in '{folder}' does not fit this model: {error}") from error
    return adapted.eval()
