"""Linear layers on a CPU with their weights laid out for products of a few rows.

A decoding step multiplies a few dozen rows with every weight. The general product re-arranges the weights
each time, which costs as much as the product itself; oneDNN can keep them arranged. Whether that pays on
this machine is measured on one layer; where it does not, or memory is short, nothing is changed.
"""

from __future__ import annotations

import time
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import linear

ROWS = range(1, 513)
"""Numbers of rows for which the arranged weights are used; from some hundred on they gain nothing."""
TYPICAL_ROWS = 32
MIN_GAIN = 1.15
"""The arranged product has to be this much faster on the probe."""
MEMORY_SHARE = 0.15
"""Part of the free memory that the second copy of the weights may take."""
N_TRIES = 5


class PackedLinears:
    """The linear layers of a model, with arranged copies of their weights.

    Args:
        module: the model; it changes only inside :meth:`in_use`.
        free_bytes: memory that is free.
    """

    def __init__(self, module: Any, *, free_bytes: int) -> None:
        self._free_bytes = free_bytes
        # Any: they get attributes that torch's classes do not declare.
        self._layers: list[Any] = [m for m in module.modules() if type(m) is torch.nn.Linear]
        self._packed: list[Any] | None = None
        self._state: tuple[int, ...] = ()
        self._useful = bool(self._layers) and self._is_useful()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let the layers use the arranged weights."""
        if not self._useful:
            yield
            return
        self._refresh()
        for layer, packed in zip(self._layers, self._packed or (), strict=True):
            layer.adaptkit_packed = packed
            layer.forward = types.MethodType(_forward, layer)
        try:
            yield
        finally:
            for layer in self._layers:
                del layer.forward, layer.adaptkit_packed

    def _is_useful(self) -> bool:
        weights = [m.weight for m in self._layers]
        if any(w.device.type != "cpu" or w.dtype not in (torch.float32, torch.bfloat16) for w in weights):
            return False
        size = sum(w.numel() * w.element_size() for w in weights)
        if size > MEMORY_SHARE * self._free_bytes:
            return False
        try:
            return _gain(max(weights, key=torch.Tensor.numel)) >= MIN_GAIN
        except RuntimeError:  # this build of torch has no such product
            return False

    def _refresh(self) -> None:
        """Arrange the weights anew where they have been changed."""
        state = tuple(x for m in self._layers for x in (m.weight.data_ptr(), m.weight._version))
        if state != self._state:
            self._packed = [_pack(m.weight) for m in self._layers]
            self._state = state


def _pack(weight: torch.Tensor) -> Any:
    with torch.inference_mode():
        return torch.ops.mkldnn._reorder_linear_weight(weight.detach(), TYPICAL_ROWS)


def _multiply(x: torch.Tensor, packed: Any, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.as_tensor(torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], ""))


def _forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    if x.numel() // x.shape[-1] in ROWS:
        return _multiply(x, layer.adaptkit_packed, layer.bias)
    return linear(x, layer.weight, layer.bias)


def _gain(weight: torch.Tensor) -> float:
    """How many times faster the arranged product is."""
    with torch.inference_mode():
        x = torch.ones(TYPICAL_ROWS, weight.shape[1], dtype=weight.dtype)
        packed = _pack(weight)
        plain_s, packed_s = _fastest([lambda: linear(x, weight), lambda: _multiply(x, packed, None)])
    return plain_s / packed_s


def _fastest(products: Sequence[Any]) -> list[float]:
    """The least seconds of each, taken in turn."""
    best = [float("inf")] * len(products)
    for attempt in range(N_TRIES + 1):
        for i, product in enumerate(products):
            started = time.perf_counter()
            product()
            if attempt:  # the first one pays for what is set up
                best[i] = min(best[i], time.perf_counter() - started)
    return best
