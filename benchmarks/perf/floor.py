"""The physical floor: what the same answers would take if only products and reads of weights took time.

Two rates are measured when a run starts: ``operations_per_s`` of one layer's matrix products at the
model's own shapes, and ``bytes_per_s`` of a large copy (bytes read plus bytes written). Then, with

* ``L``: weights of all linear layers, without embedding and head; ``H``: weights of the head,
* ``b``: bytes a weight, in the dtype that adaptkit chose,
* ``attention(p) = 4 * layers * heads * head_dim * (p + 1)`` operations of the token at position ``p``,

the floor of answering rows is

* prefill: ``max(operations / rate, (L + H) * b / copy)``, where the operations are ``2 L +
  attention(p)`` for each prompt token **that no earlier row begins with** (the nodes of the rows' prefix
  tree) and ``2 H`` for each row;
* plus, for each further token ``s`` and the rows that still run, all in one batch: ``max(operations /
  rate, bytes / copy)`` with ``2 L + 2 H + attention`` operations a row, and as bytes the weights once
  and the keys and values of the running rows, shared ones once.

In training, a token costs its forward products and one more set for the gradient towards the inputs (the
base weights are fixed): ``4 L + 3 attention(p)``; the adapters' ``P`` weights, which have gradients, ``6
P``; a completion token ``4 H``. Tokens that all rows of a batch share are counted once a batch.

Everything else (norms, softmax, rotary positions, sampling, tokenising, Python) counts as nothing. The
copy rate is a little below what reading alone reaches, so the floor of decoding is a little too high: a
share above 1 is no miracle. Weights of 4 bits have a lower floor, which is not the one given here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

WEIGHT_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
PROBE_TOKENS = 1_024
PROBE_S = 0.8
COPY_BYTES = 1 << 28


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """Sizes of a decoder of the Llama kind: four attention products and a gated MLP of three, a layer."""

    hidden: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read a model folder's config.json."""
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        heads = int(config["num_attention_heads"])
        return cls(
            hidden=int(config["hidden_size"]),
            n_layers=int(config["num_hidden_layers"]),
            n_heads=heads,
            n_kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or config["hidden_size"] // heads),
            intermediate=int(config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
        )

    @property
    def linears(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of a layer's linear maps."""
        q, kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        return (
            (self.hidden, q), (self.hidden, kv), (self.hidden, kv), (q, self.hidden),
            (self.hidden, self.intermediate), (self.hidden, self.intermediate),
            (self.intermediate, self.hidden),
        )  # fmt: skip

    @property
    def n_linear(self) -> int:
        """Weights of all linear layers, without embedding and head."""
        return self.n_layers * sum(i * o for i, o in self.linears)

    @property
    def n_head(self) -> int:
        """Weights of the head."""
        return self.hidden * self.vocabulary

    def n_adapter(self, rank: int) -> int:
        """Weights of LoRA adapters on every linear layer."""
        return self.n_layers * sum(rank * (i + o) for i, o in self.linears)

    @property
    def attention_operations(self) -> int:
        """Operations for one token to look at one position, in all layers."""
        return 4 * self.n_layers * self.n_heads * self.head_dim

    @property
    def n_cached(self) -> int:
        """Keys and values kept for one token."""
        return 2 * self.n_layers * self.n_kv_heads * self.head_dim


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What the machine was measured to do in one dtype."""

    dtype: str
    operations_per_s: float
    bytes_per_s: float

    @property
    def weight_bytes(self) -> int:
        """Bytes of one number."""
        return WEIGHT_BYTES[self.dtype]

    def seconds(self, operations: float, n_read: float) -> float:
        """The longer of computing and of reading ``n_read`` numbers: at best both happen at once."""
        return max(operations / self.operations_per_s, n_read * self.weight_bytes / self.bytes_per_s)


def n_shared(rows: Sequence[list[int]]) -> int:
    """Number of tokens that all rows begin with."""
    lowest, highest = min(rows), max(rows)
    return next((i for i, (a, b) in enumerate(zip(lowest, highest, strict=False)) if a != b), len(lowest))


def prompt_tree(rows: Sequence[list[int]]) -> tuple[int, int]:
    """Tokens to compute when no prefix is computed twice, and positions that they look at.

    Examples:
        >>> prompt_tree([[1, 2, 3], [1, 2, 4]])  # 1, 2, 3 at positions 0 to 2, then 4 at position 2
        (4, 9)
    """
    n_nodes = n_looks = 0
    before: list[int] = []
    for row in sorted(rows):
        known = n_shared([before, row]) if before else 0
        n_nodes += len(row) - known
        n_looks += (len(row) * (len(row) + 1) - known * (known + 1)) // 2
        before = row
    return n_nodes, n_looks


def generation_floor(
    shape: ModelShape, rows: Sequence[list[int]], n_new: Sequence[int], rates: Rates
) -> float:
    """Seconds to answer rows of token ids with so many new tokens each; see the module's docstring."""
    n_nodes, n_looks = prompt_tree(rows)
    operations = 2 * shape.n_linear * n_nodes + shape.attention_operations * n_looks
    weights = shape.n_linear + shape.n_head
    total = rates.seconds(operations + 2 * shape.n_head * len(rows), weights)
    cached, running = 0, -1
    for step in range(1, max(n_new, default=0)):
        active = [i for i, n in enumerate(n_new) if n > step]
        if len(active) != running:
            cached, running = prompt_tree([rows[i] for i in active])[0], len(active)
        looks = sum(len(rows[i]) + step for i in active)
        total += rates.seconds(
            2 * weights * running + shape.attention_operations * looks,
            weights + shape.n_cached * (cached + running * step),
        )
    return total


def training_floor(
    shape: ModelShape,
    rows: Sequence[tuple[list[int], list[int]]],
    rates: Rates,
    *,
    batch_size: int,
    rank: int,
) -> float:
    """Seconds for one pass over rows of (prompt, completion) ids with LoRA on all linear layers."""
    common = min(n_shared([p for p, _ in rows]), min(len(p) for p, _ in rows) - 1)
    n_batches = -(-len(rows) // batch_size)
    lengths = [len(p) + len(c) for p, c in rows]
    n_tokens = sum(n - common for n in lengths) + n_batches * common
    n_looks = (
        sum(n * (n + 1) - common * (common + 1) for n in lengths) + n_batches * common * (common + 1)
    ) / 2
    operations = (
        (4 * shape.n_linear + 6 * shape.n_adapter(rank)) * n_tokens
        + 3 * shape.attention_operations * n_looks
        + 4 * shape.n_head * sum(len(c) for _, c in rows)
    )
    # Forward and backward read the weights once each, every batch.
    return rates.seconds(operations, 2 * n_batches * (shape.n_linear + shape.n_head))


def measure_rates(shape: ModelShape, dtypes: Sequence[str]) -> dict[str, Rates]:
    """Measure the machine, some seconds a dtype; on the GPU where there is one."""
    return {name: _measure(shape, name) for name in dtypes}


def _measure(shape: ModelShape, dtype_name: str) -> Rates:
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = getattr(torch, dtype_name)

    def made(*size: int) -> torch.Tensor:
        return torch.randn(size, device=device).to(dtype)

    pairs = [(made(PROBE_TOKENS, i), made(i, o)) for i, o in shape.linears]
    outs = [torch.empty(PROBE_TOKENS, w.shape[1], device=device, dtype=dtype) for _, w in pairs]

    def products() -> None:
        for (x, w), out in zip(pairs, outs, strict=True):
            torch.matmul(x, w, out=out)

    source = torch.ones(COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    operations = 2 * PROBE_TOKENS * shape.n_linear / shape.n_layers
    with torch.inference_mode():
        return Rates(
            dtype=dtype_name,
            operations_per_s=operations / _best_s(products, device),
            bytes_per_s=2 * COPY_BYTES / _best_s(lambda: target.copy_(source), device),
        )


def _best_s(work: Callable[[], object], device: str) -> float:
    """The quickest of as many calls as fit: a floor asks what the machine can do undisturbed."""
    import torch

    def timed() -> float:
        started = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - started

    best, ends = timed(), time.perf_counter() + PROBE_S
    while time.perf_counter() < ends:
        best = min(best, timed())
    return best
