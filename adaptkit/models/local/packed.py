"""Linear layers on a CPU with their weights laid out for products of a few rows.

A decoding step multiplies a few dozen rows with every weight. The general product re-arranges the weights
each time, which costs as much as the product itself; oneDNN can keep them arranged. Whether that pays on
this machine is measured for each shape of layer; where it does not, or memory is short, nothing is changed.
"""

from __future__ import annotations

import time
import types
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import Any, NamedTuple

import torch
from torch.nn.functional import linear, pad

from adaptkit.models.local.weights import state_of

ROWS = range(1, 513)
"""Numbers of rows for which the arranged weights are used; from some hundred on they gain nothing."""
ARRANGED_FOR = 64
PROBE_ROWS = (1, 8, 64)
MIN_GAIN = 1.1
"""The arranged products have to be this much faster on the probe, over its numbers of rows together."""
MEDIUM_ROWS, WIDENED = range(17, 33), 33
"""With AMX, oneDNN takes longer for 17 to 32 rows than for 33 (measured: 7.2 ms and 4.0 for a head of
49,152 tokens, bfloat16): where the probe finds that, filler is added up to 33."""
MIN_GAIN_WIDENED = 1.2
MEMORY_SHARE = 0.15
"""Part of the free memory that the second copy of the weights may take."""
N_LAYERS = 4
"""Layers of a shape that are measured in turn, so that weights come from memory as they do in use."""
MIN_TRIES, MAX_TRIES, SECONDS_A_SHAPE = 2, 6, 0.3


class Gains(NamedTuple):
    """What arranging the weights of one shape gains.

    Attributes:
        arranged: how many times faster the products are, over the probe's numbers of rows together.
        widened: those of 33 rows beside those of 32.
        seconds: of an arranged product of the probe's fewest rows, and of its most.
    """

    arranged: float
    widened: float
    seconds: tuple[float, float]


class PackedLinears:
    """The linear layers of a model, with arranged copies of their weights.

    Args:
        module: the model; it changes only inside :meth:`in_use`.
        free_bytes: memory that is free.
    """

    def __init__(self, module: Any, *, free_bytes: int) -> None:
        # Any: they get attributes that torch's classes do not declare.
        layers: list[Any] = [m for m in module.modules() if type(m) is torch.nn.Linear]
        self._layers: list[Any] = []
        self._gains: list[Gains] = []
        self._packed: list[Any] = []
        self._state: tuple[int, ...] = ()
        if _is_possible(layers, free_bytes):
            self._choose(layers)

    @cached_property
    def weight_tokens(self) -> float | None:
        """Tokens whose products take as long as reading the weights once; None where nothing is arranged.

        The seconds of n rows are taken to be c (W + n); this is W.
        """
        few, many = (sum(g.seconds[i] for g in self._gains) for i in (0, -1))
        if few >= many:
            return None
        return max(0.0, (PROBE_ROWS[-1] * few - PROBE_ROWS[0] * many) / (many - few))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let the layers use the arranged weights."""
        self._refresh()
        for layer, packed, gains in zip(self._layers, self._packed, self._gains, strict=True):
            layer.adaptkit_packed = packed
            layer.adaptkit_widened = gains.widened >= MIN_GAIN_WIDENED
            layer.forward = types.MethodType(_forward, layer)
        try:
            yield
        finally:
            for layer in self._layers:
                del layer.forward, layer.adaptkit_packed, layer.adaptkit_widened

    def _choose(self, layers: Sequence[Any]) -> None:
        """Keep the layers of those shapes that gain."""
        by_shape: dict[tuple[int, ...], list[Any]] = defaultdict(list)
        for layer in layers:
            by_shape[tuple(layer.weight.shape)].append(layer)
        for shape, alike in by_shape.items():
            try:
                gains = _gains(shape, alike[0].weight.dtype, min(len(alike), N_LAYERS))
            except RuntimeError:  # this build of torch has no such product
                return
            if gains.arranged >= MIN_GAIN:
                self._layers += alike
                self._gains += [gains] * len(alike)

    def _refresh(self) -> None:
        """Arrange the weights anew where they have been changed."""
        state = state_of(m.weight for m in self._layers)
        if state != self._state:
            self._packed = [_pack(m.weight) for m in self._layers]
            self._state = state


def _is_possible(layers: Sequence[Any], free_bytes: int) -> bool:
    weights = [m.weight for m in layers]
    if any(w.device.type != "cpu" or w.dtype not in (torch.float32, torch.bfloat16) for w in weights):
        return False
    size: int = sum(w.numel() * w.element_size() for w in weights)
    return size <= MEMORY_SHARE * free_bytes


def _pack(weight: torch.Tensor) -> Any:
    with torch.inference_mode():
        return torch.ops.mkldnn._reorder_linear_weight(weight.detach(), ARRANGED_FOR)


def _multiply(x: torch.Tensor, packed: Any, bias: torch.Tensor | None) -> torch.Tensor:
    return torch.as_tensor(torch.ops.mkldnn._linear_pointwise(x, packed, bias, "none", [], ""))


def _forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    n_rows = x.numel() // x.shape[-1]
    if n_rows not in ROWS:
        return linear(x, layer.weight, layer.bias)
    if n_rows in MEDIUM_ROWS and layer.adaptkit_widened:
        wide = pad(x.reshape(n_rows, -1), (0, 0, 0, WIDENED - n_rows))
        return _multiply(wide, layer.adaptkit_packed, layer.bias)[:n_rows].view(*x.shape[:-1], -1)
    return _multiply(x, layer.adaptkit_packed, layer.bias)


@cache
def _gains(shape: tuple[int, ...], dtype: torch.dtype, n_layers: int) -> Gains:
    """Measured once a process: models trained from one another decide alike."""
    with torch.inference_mode():
        weights = [torch.ones(shape, dtype=dtype) for _ in range(n_layers)]
        packed = [_pack(w) for w in weights]

        def plain(x: torch.Tensor) -> None:
            for weight in weights:
                linear(x, weight)

        def arranged(x: torch.Tensor) -> None:
            for weight in packed:
                _multiply(x, weight, None)

        few = [torch.ones(n, shape[1], dtype=dtype) for n in PROBE_ROWS]
        medium = [torch.ones(n, shape[1], dtype=dtype) for n in (MEDIUM_ROWS[-1], WIDENED)]
        products = [partial(plain, x) for x in few] + [partial(arranged, x) for x in (*few, *medium)]
        *seconds, medium_s, widened_s = _fastest(products)
    plain_s, arranged_s = seconds[: len(few)], seconds[len(few) :]
    ends = arranged_s[0] / n_layers, arranged_s[-1] / n_layers
    return Gains(sum(plain_s) / sum(arranged_s), medium_s / widened_s, ends)


def _fastest(products: Sequence[Callable[[], None]]) -> list[float]:
    """The least seconds of each, taken in turn."""
    best = [float("inf")] * len(products)
    began = time.perf_counter()
    for attempt in range(MAX_TRIES + 1):
        for i, product in enumerate(products):
            started = time.perf_counter()
            product()
            if attempt:  # the first one pays for what is set up
                best[i] = min(best[i], time.perf_counter() - started)
        if attempt >= MIN_TRIES and time.perf_counter() - began > SECONDS_A_SHAPE:
            break
    return best
