"""Attention over rows that lie one after the other, each behind the tokens that all of them share.

Layout: ``[shared ; row 1 ; row 2 ; ...]`` along the token axis, without filler. The shared tokens see
themselves, a row sees the shared tokens and itself, both causally. The function is registered with
transformers, so that a model's own projections, norms and rotary positions stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

NAME = "adaptkit_rows"
"""Attention implementation that transformers knows this function by."""


@dataclass(frozen=True)
class Spans:
    """Where the rows of a flat batch lie.

    Attributes:
        n_shared: tokens at the start that all rows see; may be 0.
        lengths: own tokens of each row.
    """

    n_shared: int
    lengths: tuple[int, ...]

    def cuts(self) -> list[tuple[int, int]]:
        """Start and end of each part that attends: the shared tokens first, where there are any."""
        cuts = [(0, self.n_shared)] if self.n_shared else []
        at = self.n_shared
        for n in self.lengths:
            cuts.append((at, at + n))
            at += n
        return cuts


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *_: Any,
    spans: Spans,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of a flat batch, in the form that transformers' ``AttentionInterface`` calls.

    Args:
        query: [1, heads, T, d].
        key: [1, kv_heads, T, d]; as is ``value``.
        spans: handed to the model as a keyword argument.
        options: ``scaling`` of the scores is used, of those that models hand on.

    Returns:
        [1, T, heads, d], and no weights.
    """
    if options.get("dropout"):
        raise NotImplementedError("Attention dropout is not computed here.")
    scaling = options.get("scaling")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = (t[0].transpose(0, 1) for t in (query, key, value))  # [T, heads, d]
    out = _RowAttention.apply(*parts, spans, scale)  # type: ignore[no-untyped-call]
    return out[None], None


class _RowAttention(torch.autograd.Function):
    """Part by part with few kernels: grouped-query heads are folded into the row axis, nothing is repeated.

    A part's scores stay in the processor's cache, and causality costs no work between rows.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, spans: Spans, scale: float
    ) -> torch.Tensor:
        n_kv = key.shape[1]
        out = query.new_empty(query.shape)
        # The head axis first, once for the whole batch: [kv_heads, T, d].
        keys, values = key.transpose(0, 1).contiguous(), value.transpose(0, 1).contiguous()
        saved = []
        for start, end in spans.cuts():
            folded = _folded(query[start:end], n_kv) * scale  # [kv_heads, group * S, d]
            weights = _weights(folded, _seen(keys, spans, start, end), end - start)
            _unfold_into(out[start:end], torch.bmm(weights, _seen(values, spans, start, end)))
            saved += [folded, weights]
        ctx.save_for_backward(keys, values, *saved)
        ctx.spans, ctx.scale = spans, scale
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = gradients  # [T, heads, d]
        keys, values, *saved = ctx.saved_tensors
        spans: Spans = ctx.spans
        d_query = torch.empty_like(grad)
        d_keys, d_values = torch.zeros_like(keys), torch.zeros_like(values)
        # Rows first: the shared tokens' own part adds to what the rows left at them.
        for i, (start, end) in enumerate(spans.cuts()):
            folded, weights = saved[2 * i], saved[2 * i + 1]
            d_out = _folded(grad[start:end], keys.shape[0])
            _add_seen(d_values, torch.bmm(weights.transpose(1, 2), d_out), spans, start, end)
            d_weights = torch.bmm(d_out, _seen(values, spans, start, end).transpose(1, 2))
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
            # ``folded`` holds the scaled queries, so the keys' gradient is scaled already.
            _add_seen(d_keys, torch.bmm(d_scores.transpose(1, 2), folded), spans, start, end)
            d_folded = torch.bmm(d_scores, _seen(keys, spans, start, end)).mul_(ctx.scale)
            _unfold_into(d_query[start:end], d_folded)
        return d_query, d_keys.transpose(0, 1), d_values.transpose(0, 1), None, None


def _folded(part: torch.Tensor, n_kv: int) -> torch.Tensor:
    """[S, heads, d] -> [kv_heads, group * S, d]: heads that read the same keys lie together."""
    n, heads, d = part.shape
    return part.reshape(n, n_kv, heads // n_kv, d).permute(1, 2, 0, 3).reshape(n_kv, -1, d)


def _unfold_into(out: torch.Tensor, folded: torch.Tensor) -> None:
    """Write [kv_heads, group * S, d] to [S, heads, d]."""
    n, heads, d = out.shape
    n_kv = folded.shape[0]
    group = heads // n_kv
    out.view(n, n_kv, group, d).copy_(folded.view(n_kv, group, n, d).permute(2, 0, 1, 3))


def _seen(states: torch.Tensor, spans: Spans, start: int, end: int) -> torch.Tensor:
    """Keys or values that a part sees: [kv_heads, shared + S, d]."""
    if start <= spans.n_shared:
        # The first row lies right behind the shared tokens.
        return states[:, :end]
    if not spans.n_shared:
        return states[:, start:end]
    return torch.cat((states[:, : spans.n_shared], states[:, start:end]), 1)


def _add_seen(total: torch.Tensor, gradient: torch.Tensor, spans: Spans, start: int, end: int) -> None:
    n_before = gradient.shape[1] - (end - start)
    if n_before:
        total[:, :n_before] += gradient[:, :n_before]
    total[:, start:end] += gradient[:, n_before:]


def _weights(folded: torch.Tensor, keys: torch.Tensor, n_own: int) -> torch.Tensor:
    """Softmax over what each token may see: [kv_heads, group * S, shared + S]."""
    scores = torch.bmm(folded, keys.transpose(1, 2))
    n_seen = keys.shape[1]
    own = scores.view(len(scores), -1, n_own, n_seen)[..., n_seen - n_own :]
    own += torch.full((n_own, n_own), -torch.inf, dtype=scores.dtype, device=scores.device).triu_(1)
    return torch.softmax(scores, -1, dtype=torch.float32).to(scores.dtype)
