"""Swap a model's normalisation layers for ones with a hand-written backward pass, while training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from adaptkit.strategies.training.layers import RmsNorm

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-5, torch.bfloat16: 2e-2, torch.float16: 2e-3}


@contextmanager
def fast_norms(module: Any) -> Iterator[int]:
    """Replace what is recognised, and put it back.

    Yields:
        How many layers were replaced.
    """
    swapped = []
    for layer in module.modules():
        forward = _norm(layer) if type(layer).__name__.endswith("RMSNorm") else None
        if forward is not None and "forward" not in vars(layer):
            layer.forward = forward
            swapped.append(layer)
    try:
        yield len(swapped)
    finally:
        for layer in swapped:
            del layer.forward


def _norm(layer: Any) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """A forward that gives what the layer gives, or None.

    Families differ in what they multiply by, the weight (Llama, Qwen) or one more (Gemma): the layer
    itself is asked. Weights that are trained keep the layer's own forward.
    """
    weight = getattr(layer, "weight", None)
    epsilon = getattr(layer, "variance_epsilon", getattr(layer, "eps", None))
    if weight is None or weight.requires_grad or weight.ndim != 1 or not isinstance(epsilon, float):
        return None
    for factor in (weight.detach(), 1 + weight.detach().float()):
        if _gives_the_same(layer, factor, epsilon):
            return lambda x: RmsNorm.apply(x, factor, epsilon)  # type: ignore[no-untyped-call]
    return None


def _gives_the_same(layer: Any, factor: torch.Tensor, epsilon: float) -> bool:
    # No random draw: a wave of uneven size shows mean, scale and weight.
    wave = torch.arange(2 * len(factor), device=factor.device).sin().view(2, -1) * 3 + 0.5
    x = wave.to(layer.weight.dtype)
    with torch.no_grad():
        expected, found = layer(x), RmsNorm.apply(x, factor, epsilon)  # type: ignore[no-untyped-call]
    tolerance = TOLERANCE.get(x.dtype, 0.0)
    return expected.dtype == found.dtype and torch.allclose(expected, found, rtol=tolerance, atol=tolerance)
