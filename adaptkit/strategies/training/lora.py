"""LoRA adapters: the one file that imports peft."""

from __future__ import annotations

import copy
import functools
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adaptkit.core.errors import CapabilityError, TrainingError
from adaptkit.core.reading import read_json
from adaptkit.models.folder import shown
from adaptkit.strategies.training.layers import LoraLinears
from adaptkit.strategies.training.quantised import four_bit_copy


@dataclass(frozen=True, kw_only=True)
class LoraSettings:
    """Shape of an adapter, in peft's words.

    Attributes:
        target_modules: ``all-linear`` (every linear layer but the head) or names of layers.
        dora: learn the weights' lengths apart from their directions (Liu et al. 2024, arXiv:2402.09353).
        rslora: scale by ``alpha / sqrt(rank)`` instead of ``alpha / rank`` (Kalajdzievski 2023,
            arXiv:2312.03732).
        quantised: train over a copy of the weights packed into 4 bits.
    """

    rank: int
    alpha: float
    dropout: float
    target_modules: str | tuple[str, ...]
    dora: bool = False
    rslora: bool = False
    quantised: bool = False


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
        use_dora=settings.dora,
        use_rslora=settings.rslora,
        bias="none",
        task_type="CAUSAL_LM",
    )
    base = four_bit_copy(module) if settings.quantised else copy.deepcopy(module)
    with torch.random.fork_rng(), warnings.catch_warnings():
        # peft draws the initial adapter from torch's global generator.
        torch.manual_seed(seed)
        # peft asks transformers by an old name, and advises on fan-in for some layers.
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        try:
            adapted = get_peft_model(base, config)
        except ValueError as error:
            raise CapabilityError(f"LoRA cannot be put on this model: {error}") from error
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


@contextmanager
def fast_forward(adapted: Any) -> Iterator[None]:
    """Compute the adapters in the base weights' dtype, and with few kernels, while training.

    peft casts every layer's activations to float32, because the adapter is; casting the adapter's few
    weights to the activations' dtype instead gives the same loss and gradients up to rounding.
    """
    from peft.tuners.lora import Linear

    groups = [g for parent in adapted.modules() for g in _groups(parent, Linear)]
    plain = [layer for group in groups for layer in group]
    for group in groups:
        together = _Together(group)
        for layer in group:
            layer.forward = functools.partial(together, layer)
    try:
        yield
    finally:
        for layer in plain:
            del layer.forward


SIBLINGS = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Names of layers that read the same input."""


def _groups(parent: Any, kind: type) -> list[list[Any]]:
    """A module's LoRA layers, those that read the same input together."""
    plain = {n: m for n, m in parent.named_children() if type(m) is kind and _is_plain(m)}
    together = [[plain.pop(n) for n in names if n in plain] for names in SIBLINGS]
    return [group for group in together if group] + [[layer] for layer in plain.values()]


def _is_plain(layer: Any) -> bool:
    """A single active adapter without dropout, bias or DoRA: what LoraLinears computes."""
    (name,) = layer.active_adapters or ("",)
    return (
        name in layer.lora_A
        and not layer.use_dora.get(name, False)
        and not layer.lora_bias.get(name, False)
        and type(layer.lora_dropout[name]).__name__ == "Identity"
    )


class _Together:
    """What replaces the forward of layers that read the same input: the first one called computes all.

    Weights are looked up at each call: sharded training puts others in their place.
    """

    def __init__(self, layers: Sequence[Any]) -> None:
        self._layers = list(layers)
        self._x: torch.Tensor | None = None
        self._waiting: dict[int, torch.Tensor] = {}

    def __call__(self, layer: Any, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        if x is not self._x or id(layer) not in self._waiting:
            self._compute(x)
        out = self._waiting.pop(id(layer))
        if not self._waiting:
            self._x = None
        return out

    def _compute(self, x: torch.Tensor) -> None:
        scalings, arguments = [], []
        for layer in self._layers:
            (name,) = layer.active_adapters
            base = layer.get_base_layer()
            down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
            scalings.append(layer.scaling[name])
            # Cast anew each time, a hundredth of a step: fused optimizers change weights without
            # counting a new version, so nothing tells when a kept copy is stale.
            cast = (down.detach().to(x.dtype), up.detach().to(x.dtype))
            arguments += [base.weight, base.bias, down, up, *cast]
        outs = LoraLinears.apply(x, tuple(scalings), *arguments)  # type: ignore[no-untyped-call]
        self._x, self._waiting = x, dict(zip(map(id, self._layers), outs, strict=True))


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
    if not math.isfinite(change):
        raise TrainingError("The adapter's weights are no numbers any more. Lower the learning rate.")
    if adapter_norm(adapted) == 0 or change == 0:
        raise TrainingError(
            "The adapter changes nothing: its weights are zero or it is not applied. "
            "Check target_modules and that the learning rate is above 0."
        )
    return change


MERGE_TOLERANCE = {torch.float32: 1e-3}
COARSE_MERGE_TOLERANCE = 0.2
"""Root mean square of what merging may change of the logits, in their standard deviations.

A merged weight is rounded to the weights' dtype, an adapter beside it is not.
"""
N_COMPARED = 16
"""Positions at the end of the probe whose logits are compared."""


def merged(adapted: Any, probe: Sequence[int]) -> tuple[Any, float]:
    """Fold the adapter into the weights: the same answers at the base model's speed.

    Args:
        probe: token ids on which the logits before and after are compared.

    Returns:
        The module without the adapter, and how far its logits are from those with it: the root mean
        square of the differences, in standard deviations of the logits.

    Raises:
        TrainingError: they are too far for rounding to explain it.
    """
    dtype = adapted.get_base_model().dtype
    with torch.inference_mode():
        beside = _logits(adapted.eval(), probe)
        module = adapted.merge_and_unload(safe_merge=True)
        difference = float((_logits(module, probe) - beside).square().mean().sqrt() / beside.std())
    if not difference <= MERGE_TOLERANCE.get(dtype, COARSE_MERGE_TOLERANCE):
        raise TrainingError(
            f"Merged into the weights, the adapter answers otherwise than beside them: logits differ by "
            f"{difference:.3g} standard deviations. Load the model in float32, or train with a smaller rank."
        )
    return module, difference


def _logits(module: Any, probe: Sequence[int]) -> torch.Tensor:
    ids = torch.tensor([list(probe)], device=module.device)
    found: torch.Tensor = module(input_ids=ids, logits_to_keep=N_COMPARED).logits
    return found.float()


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
        # As peft saves it; and in an order, so that saving it twice writes the same file.
        config.inference_mode = True
        if not isinstance(config.target_modules, str):
            config.target_modules = sorted(config.target_modules)
        if isinstance(config.target_modules, set):
            # peft would write its set in another order each time: equal adapters are equal files.
            config.target_modules = sorted(config.target_modules)
        return cls(config, {n: w.detach().cpu().clone().contiguous() for n, w in weights.items()})

    def save(self, folder: Path) -> None:
        """Write peft's own layout, so that peft, vLLM and others can load it."""
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.weights, folder / _ADAPTER_WEIGHTS, metadata={"format": "pt"})
        self.config.save_pretrained(str(folder))


_ADAPTER_CONFIG, _ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# What an adapter of ours may set, and what peft writes down without using it again.
_SET = {"r", "lora_alpha", "lora_dropout", "target_modules", "use_dora", "use_rslora", "task_type"}
_WRITTEN = {"base_model_name_or_path", "revision", "inference_mode", "peft_type", "peft_version"}
_WRITTEN |= {"auto_mapping", "init_lora_weights"}


def load_adapter(module: Any, folder: Path) -> Any:
    """Put a saved adapter on a copy of a module.

    Raises:
        TrainingError: it is no adapter of ours; or its weights are missing, no numbers, or of another module.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = _adapter_config(folder)
        weights = load_file(folder / _ADAPTER_WEIGHTS)
        ranks = {w.shape[0] for n, w in weights.items() if ".lora_A." in n}
        if ranks != {config.r}:
            raise ValueError(f"the rank is {config.r}, and the weights are of rank {sorted(ranks)}")
        adapted = apply_adapter(module, Adapter(config, weights))
        _check_adapter(adapted, weights)
    except (RuntimeError, OSError, ValueError, TypeError, AttributeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:300]
        raise TrainingError(f"The adapter in '{folder}' does not fit this model: {reason}.") from error
    return adapted


def _adapter_config(folder: Path) -> Any:
    """The configuration of a LoRA adapter, of which nothing names modules, tokenizers or models to load.

    Raises:
        ValueError: it is missing or damaged, or asks for something else.
    """
    from peft import LoraConfig

    saved = read_json(folder / _ADAPTER_CONFIG)
    if not isinstance(saved, dict) or saved.get("peft_type") != "LORA":
        raise ValueError(f"{_ADAPTER_CONFIG} is not that of a LoRA adapter")
    usual = LoraConfig().to_dict()
    for name, value in saved.items():
        if value and name not in _SET | _WRITTEN and value != usual.get(name):
            raise ValueError(f"{_ADAPTER_CONFIG} sets {name}, which no adapter of this library does")
    return LoraConfig.from_pretrained(str(folder))


def _check_adapter(adapted: Any, weights: dict[str, torch.Tensor]) -> None:
    """Refuse an adapter that its file does not fill: peft only warns, and leaves the rest at random.

    Raises:
        ValueError: with the names of some tensors.
    """
    from peft import get_peft_model_state_dict

    wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    faults = {
        "are missing": sorted(wanted.keys() - weights.keys()),
        "have no place": sorted(weights.keys() - wanted.keys()),
        "have another shape": sorted(
            n for n in wanted.keys() & weights.keys() if wanted[n].shape != weights[n].shape
        ),
        "are no numbers": sorted(n for n, w in weights.items() if not bool(w.isfinite().all())),
    }
    found = [f"{len(names)} {what} ({shown(names)})" for what, names in faults.items() if names]
    if found:
        raise ValueError(f"of its {len(wanted)} tensors, {'; '.join(found)}")


def apply_adapter(module: Any, adapter: Adapter) -> Any:
    """Put an adapter that was trained elsewhere on a copy of a module."""
    from peft import get_peft_model, set_peft_model_state_dict

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", FutureWarning)
        adapted = get_peft_model(copy.deepcopy(module), copy.deepcopy(adapter.config))
    set_peft_model_state_dict(adapted, adapter.weights)
    return adapted.eval()
