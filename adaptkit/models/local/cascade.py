"""Attention in parts: keys and values that rows share are read once for all of them.

A query attends to several sets of keys (the instruction, a document, its row's own tokens). Softmax over
their union is a weighted mean of the softmax over each, the weights being the sets' sums of exponentials:
so each part is computed by itself, for all rows that share it at once, and the parts are merged.
(Juravsky et al. 2024, arXiv:2402.05099; the identity is that of Dao et al. 2022, arXiv:2205.14135.)

Shapes: T tokens of a pass, one after the other, rows not padded; G key-value heads with R query heads each;
D head size. Queries are [T, G, R, D], keys and values [T, G, D].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

NAME = "adaptkit_cascade"
"""The name under which transformers finds :func:`attend`."""

Part = tuple[torch.Tensor, torch.Tensor]
"""Weighted values [b, h, n, D] and log of the sum of exponentials [b, h, n], float32."""


class Own(Protocol):
    """Attention of a pass's tokens to those of their own row."""

    def attend(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return [T, G, R, D] and [T, G, R]; store keys and values on the way."""


class Shared(Protocol):
    """Where a shared segment's keys and values are: [G, n, D] each."""

    def keys_values(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Of one layer."""


@dataclass(frozen=True)
class Reader:
    """Which of a pass's tokens attend to a shared segment.

    Attributes:
        tokens: positions in the pass: a slice, or an index where they are scattered; None for all.
    """

    segment: Shared
    tokens: slice | torch.Tensor | None = None


@dataclass(frozen=True)
class Layout:
    """How the tokens of one forward pass see each other and what was computed before."""

    own: Own
    readers: Sequence[Reader] = ()

    def attend(
        self, layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Attention output of one layer: [T, G, R, D]."""
        out, lse = self.own.attend(layer, q, k, v, scale)
        for reader in self.readers:
            keys, values = reader.segment.keys_values(layer)
            at = reader.tokens
            if at is None:
                out, lse = _merge((out, lse), _read(q, keys, values, scale))
            else:
                out[at], lse[at] = _merge((out[at], lse[at]), _read(q[at], keys, values, scale))
        return out


def _read(q: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float) -> Part:
    """All queries over the same keys; the query heads of a key-value head stand along the batch, uncopied."""
    r = q.shape[2]
    out, lse = attention_part(
        q.permute(2, 1, 0, 3), keys.expand(r, -1, -1, -1), values.expand(r, -1, -1, -1), scale
    )
    return out.permute(2, 1, 0, 3), lse.permute(2, 1, 0)


def _merge(a: Part, b: Part) -> Part:
    weight = torch.sigmoid(b[1] - a[1])  # the share of b in the sum of exponentials
    merged = torch.lerp(a[0], b[0], weight[..., None].to(a[0].dtype))
    return merged, torch.logaddexp(a[1], b[1])


def attention_part(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float,
    *,
    mask: torch.Tensor | None = None,
    causal: bool = False,
) -> Part:
    """Attention with the log of its sum of exponentials, which merging needs.

    Args:
        q: [b, h, n, D]; ``k`` and ``v`` [b, h, m, D], in any strides with D contiguous.
        mask: additive, [b or 1, 1, n, m].
        causal: query i sees keys up to i; then n = m.
    """
    if q.device.type == "cpu" and q.shape[-1] == v.shape[-1]:
        out, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, causal, attn_mask=mask, scale=scale
        )
        return out, lse
    return _in_plain_steps(q, k, v, scale, mask=mask, causal=causal)


def _in_plain_steps(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float,
    *,
    mask: torch.Tensor | None,
    causal: bool,
) -> Part:
    """The same by products and a softmax, for devices whose kernels do not tell the sum."""
    scores = torch.matmul(q, k.transpose(-1, -2)).float() * scale
    if mask is not None:
        scores = scores + mask
    if causal:
        n = q.shape[2]
        hidden = torch.ones(n, n, dtype=torch.bool, device=q.device).triu(1)
        scores = scores.masked_fill(hidden, float("-inf"))
    lse = torch.logsumexp(scores, -1)
    weights = torch.exp(scores - lse[..., None]).to(v.dtype)
    return torch.matmul(weights, v), lse


def attend(  # noqa: PLR0913 - transformers decides what it passes
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    cascade: Layout,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """What transformers calls in each layer; ``cascade`` comes through the model's keyword arguments.

    Args:
        query: [1, G * R, T, D]; ``key`` and ``value`` [1, G, T, D].

    Returns:
        [1, T, G * R, D]; no weights.

    Raises:
        NotImplementedError: the layer wants scores changed in a way that parts cannot be merged with.
    """
    if softcap is not None or s_aux is not None:
        raise NotImplementedError("scores that are capped, or shared with a sink")
    n_heads, n_tokens, size = query.shape[1:]
    n_groups = key.shape[1]
    q = query[0].transpose(0, 1).reshape(n_tokens, n_groups, n_heads // n_groups, size)
    k, v = key[0].transpose(0, 1), value[0].transpose(0, 1)
    out = cascade.attend(module.layer_idx, q, k, v, scaling)
    return out.flatten(1, 2)[None], None


def register() -> None:
    """Make the attention known to transformers; calling it again does no harm."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
