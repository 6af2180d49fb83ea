"""Attention over rows that lie one after the other, each behind the tokens that all of them share.

Layout: ``[shared ; row 1 ; row 2 ; ...]`` along the token axis, without filler. The shared tokens see
themselves, a row sees the shared tokens and itself, both causally. The function is registered with
transformers, so that a model's own projections, norms and rotary positions stay as they are.
"""

from __future__ import annotations

from typing import Any

import torch

NAME = "adaptkit_rows"
"""Attention implementation that transformers knows this function by."""


class Spans:
    """Where the rows of a flat batch lie, for all layers of a pass.

    Within attention alone, rows stand beside each other, filled up on the right: a few large products
    instead of many small ones. No token sees the filler, and nothing flows back from it.

    Args:
        n_shared: tokens at the start that all rows see; may be 0.
        lengths: [B] own tokens of each row.
    """

    def __init__(self, n_shared: int, lengths: torch.Tensor) -> None:
        self.n_shared, self.n_rows, self.width = n_shared, len(lengths), int(lengths.max())
        columns = torch.arange(self.width, device=lengths.device)
        real = columns < lengths[:, None]  # [B, S]
        starts = lengths.cumsum(0) - lengths
        self.spread = torch.where(real, starts[:, None] + columns, 0).flatten()
        """[B * S] flat position of each place of the table, counted behind the shared tokens."""
        self.taken = real.flatten().nonzero()[:, 0]
        """[own tokens] place in the table of each flat position."""
        self._hidden: torch.Tensor | None = None

    def hidden(self, like: torch.Tensor) -> torch.Tensor:
        """What is added to the scores of a row, [S, shared + S]: minus infinity for its later tokens.

        The layers of a pass share it; it is made in the dtype of the first one's queries.
        """
        if self._hidden is None:
            later = like.new_full((self.width, self.width), -torch.inf).triu_(1)
            self._hidden = torch.cat((like.new_zeros(self.width, self.n_shared), later), 1)
        return self._hidden


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
    """Two tables: the shared tokens alone, and the rows behind them.

    Grouped-query heads are folded into the row axis, so keys and values are not repeated for them.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, spans: Spans, scale: float
    ) -> torch.Tensor:
        n, n_kv = spans.n_shared, key.shape[1]
        out = query.new_empty(query.shape)
        saved = []
        if n:
            folded = _folded(query[None, :n], n_kv).mul_(scale)
            keys, values = (t[:n].transpose(0, 1).contiguous() for t in (key, value))
            own = query.new_full((n, n), -torch.inf).triu_(1)
            out[:n], weights = _attended(folded, keys, values, own)
            saved += [folded, keys, values, weights]
        folded = _folded(_table(query[n:], spans), n_kv).mul_(scale)  # [B * kv_heads, group * S, d]
        keys, values = (_seen(t, spans) for t in (key, value))  # [B * kv_heads, shared + S, d]
        rows, weights = _attended(folded, keys, values, spans.hidden(query), n_kv)
        torch.index_select(rows, 0, spans.taken, out=out[n:])
        ctx.save_for_backward(*saved, folded, keys, values, weights)
        ctx.spans, ctx.scale, ctx.n_kv = spans, scale, n_kv
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = gradients  # [T, heads, d]
        spans, n, n_kv = ctx.spans, ctx.spans.n_shared, ctx.n_kv
        saved = ctx.saved_tensors  # once: checkpointing computes them when they are asked for
        table = grad.new_zeros((spans.n_rows * spans.width, *grad.shape[1:]))
        table.index_copy_(0, spans.taken, grad[n:])
        d_out = _folded(table.view(spans.n_rows, spans.width, *grad.shape[1:]), n_kv)
        folded_gradients = _gradients(d_out, *saved[-4:])
        d_query = torch.empty_like(grad)
        rows = _unfolded(folded_gradients[0].mul_(ctx.scale), spans.width, n_kv)
        torch.index_select(rows, 0, spans.taken, out=d_query[n:])
        d_key, d_value = (_unseen(t, spans, n_kv) for t in folded_gradients[1:])
        if n:
            shared = _gradients(_folded(grad[None, :n], n_kv), *saved[:4])
            d_query[:n] = _unfolded(shared[0].mul_(ctx.scale), n, n_kv)
            d_key[:n] += shared[1].transpose(0, 1)
            d_value[:n] += shared[2].transpose(0, 1)
        return d_query, d_key, d_value, None, None


def _table(own: torch.Tensor, spans: Spans) -> torch.Tensor:
    """[own tokens, heads, d] -> [B, S, heads, d]."""
    return own.index_select(0, spans.spread).view(spans.n_rows, spans.width, *own.shape[1:])


def _folded(table: torch.Tensor, n_kv: int) -> torch.Tensor:
    """[B, S, heads, d] -> [B * kv_heads, group * S, d]: heads that read the same keys lie together."""
    n_rows, width, heads, d = table.shape
    parts = table.view(n_rows, width, n_kv, heads // n_kv, d).permute(0, 2, 3, 1, 4)
    return parts.clone(memory_format=torch.contiguous_format).view(n_rows * n_kv, -1, d)


def _unfolded(folded: torch.Tensor, width: int, n_kv: int) -> torch.Tensor:
    """[B * kv_heads, group * S, d] -> [B * S, heads, d]."""
    d = folded.shape[-1]
    parts = folded.view(len(folded) // n_kv, n_kv, -1, width, d)
    return parts.permute(0, 3, 1, 2, 4).reshape(len(parts) * width, -1, d)


def _seen(states: torch.Tensor, spans: Spans) -> torch.Tensor:
    """Keys or values [T, kv_heads, d] -> what each row sees: [B * kv_heads, shared + S, d]."""
    n = spans.n_shared
    _, n_kv, d = states.shape
    seen = states.new_empty((spans.n_rows, n_kv, n + spans.width, d))
    seen[:, :, :n] = states[:n].transpose(0, 1)
    seen[:, :, n:] = _table(states[n:], spans).transpose(1, 2)
    return seen.view(-1, n + spans.width, d)


def _unseen(gradient: torch.Tensor, spans: Spans, n_kv: int) -> torch.Tensor:
    """Gradient of what rows saw -> [T, kv_heads, d]: the rows' shares of the shared tokens add up."""
    n, d = spans.n_shared, gradient.shape[-1]
    parts = gradient.view(spans.n_rows, n_kv, -1, d)
    out = gradient.new_empty((n + len(spans.taken), n_kv, d))
    out[:n] = parts[:, :, :n].sum(0).transpose(0, 1)
    own = parts[:, :, n:].transpose(1, 2).reshape(-1, n_kv, d)
    torch.index_select(own, 0, spans.taken, out=out[n:])
    return out


def _attended(
    folded: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    hidden: torch.Tensor,
    n_kv: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention output [B * S, heads, d], and its weights [B * kv_heads, group * S, seen].

    Args:
        hidden: added to the scores of each head, [S, seen].
    """
    group = folded.shape[1] // len(hidden)
    scores = torch.baddbmm(hidden.repeat(group, 1)[None], folded, keys.transpose(1, 2))
    # In 16 bits too the sums are float32 inside, and the weights are rounded once.
    weights = torch.softmax(scores, -1)
    return _unfolded(torch.bmm(weights, values), len(hidden), n_kv or len(keys)), weights


def _gradients(
    d_out: torch.Tensor,
    folded: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    weights: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Of scaled queries, keys and values; ``folded`` is scaled, so the keys' gradient is too."""
    d_values = torch.bmm(weights.transpose(1, 2), d_out)
    d_weights = torch.bmm(d_out, values.transpose(1, 2))
    d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype)
    return torch.bmm(d_scores, keys), torch.bmm(d_scores.transpose(1, 2), folded), d_values
