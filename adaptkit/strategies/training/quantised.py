"""Weights packed into 4 bits, to train adapters over (QLoRA: Dettmers et al. 2023, arXiv:2305.14314).

The one file that imports bitsandbytes. Its test needs a CUDA device, and CI, which has none, skips it.
"""

from __future__ import annotations

import copy
from importlib.util import find_spec
from typing import Any

import torch

PACKAGE = "bitsandbytes"


def missing_for_four_bit(device: str | None) -> str | None:
    """What packing weights needs and does not have here, in words; None where nothing is missing.

    Args:
        device: where the weights are; None when they are not loaded yet.
    """
    if find_spec(PACKAGE) is None:
        return f"the package '{PACKAGE}' (pip install 'adaptkit-llm[gpu]')"
    if device is not None and not device.startswith("cuda"):
        return f"a CUDA device, and the model is on '{device}'"
    return None


def four_bit_copy(module: Any) -> Any:
    """Copy a module with its linear layers, all but the head, packed as 4-bit normal floats.

    Beside the model itself, which stays as it is, this takes a quarter of what a plain copy would.
    """
    head = module.get_output_embeddings()
    linears = [m for m in module.modules() if type(m) is torch.nn.Linear and m is not head]
    # deepcopy takes what stands here for what it has copied already: no second set of wide weights.
    packed: dict[int, Any] = {id(layer): _packed(layer) for layer in linears}
    made = copy.deepcopy(module, packed).requires_grad_(False)
    made.is_loaded_in_4bit = True  # peft asks for it
    return made


def _packed(layer: torch.nn.Linear) -> Any:
    from bitsandbytes.nn import Linear4bit, Params4bit

    made = Linear4bit(
        layer.in_features,
        layer.out_features,
        bias=layer.bias is not None,
        compute_dtype=layer.weight.dtype,
        quant_type="nf4",
        device="meta",
    )
    made.weight = Params4bit(layer.weight.detach().clone(), requires_grad=False, quant_type="nf4")
    if layer.bias is not None:
        made.bias = torch.nn.Parameter(layer.bias.detach().clone(), requires_grad=False)
    return made.to(layer.weight.device)  # packs
