"""Layers with a hand-written backward pass: fewer kernels, less memory, the same numbers.

Autograd records a node and keeps tensors for every small operation. Here a LoRA layer keeps its input
once and adds the adapter into the base layer's product in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import linear

N_ARGUMENTS = 6
"""That LoraLinears takes for each layer."""


class LoraLinears(torch.autograd.Function):
    """LoRA layers that read the same input: ``y = x W' + bias + scaling (x A') B'`` each, W frozen.

    Arguments of ``apply``: x [..., in], the scalings, then for every layer W [out, in], bias [out] or
    None, A [rank, in], B [out, rank], and A and B in the dtype of x. Gradients reach x, A and B, the
    latter two in their own dtype.
    """

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, scalings: tuple[float, ...], *layers: Any
    ) -> tuple[torch.Tensor, ...]:
        """Base products, and the adapters' on top of them; all layers' way down is one product."""
        parts = [layers[i : i + N_ARGUMENTS] for i in range(0, len(layers), N_ARGUMENTS)]
        flat = x.reshape(-1, x.shape[-1])  # [T, in]
        downs = torch.cat([down for *_, down, _ in parts])  # [sum of ranks, in]
        inner = flat @ downs.t()  # [T, sum of ranks]
        ranks = [len(down) for *_, down, _ in parts]
        outs = []
        for (weight, bias, *_, up), own, scaling in zip(
            parts, torch.split(inner, ranks, 1), scalings, strict=True
        ):
            out = linear(flat, weight, bias).addmm_(own, up.t(), alpha=scaling)
            outs.append(out.view(*x.shape[:-1], -1))
        ctx.save_for_backward(flat, inner, downs, *(t for w, *_, up in parts for t in (w, up)))
        ctx.scalings, ctx.ranks, ctx.shape = scalings, ranks, x.shape
        return tuple(outs)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """No gradient is computed that nobody asked for, such as that of the embeddings."""
        flat, inner, downs, *frozen = ctx.saved_tensors
        d_inner = torch.empty_like(inner)  # [T, sum of ranks]
        d_x = torch.empty_like(flat) if ctx.needs_input_grad[0] else None
        columns = zip(torch.split(inner, ctx.ranks, 1), torch.split(d_inner, ctx.ranks, 1), strict=True)
        d_ups = []
        for i, (own, d_own) in enumerate(columns):
            grad = gradients[i].reshape(len(flat), -1)  # [T, out]
            weight, up = frozen[2 * i : 2 * i + 2]
            d_own.copy_(grad @ up).mul_(ctx.scalings[i])
            # The short side first: two thirds of the time of the other order.
            d_ups.append((own.t() @ grad).mul_(ctx.scalings[i]).t())
            if d_x is not None:
                d_x = torch.addmm(d_x, grad, weight, beta=0 if i == 0 else 1, out=d_x)
        d_downs = (d_inner.t() @ flat).split(ctx.ranks)
        if d_x is not None:
            d_x = d_x.addmm_(d_inner, downs).view(ctx.shape)
        # A and B are float32, and autograd wants gradients of their dtype.
        pairs = zip(d_downs, d_ups, strict=True)
        own_gradients = [g for down, up in pairs for g in (None, None, down.float(), up.float(), None, None)]
        return d_x, None, *own_gradients


class RmsNorm(torch.autograd.Function):
    """``x / rms(x) * weight`` with frozen weight, as Llama, Qwen and Gemma compute it.

    Arguments of ``apply``: x [..., H], weight [H] (what is multiplied by), epsilon.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        """In float32 inside, in the dtype of x outside."""
        wide = x.float()
        scale = (wide * wide).mean(-1, keepdim=True).add_(epsilon).rsqrt_()  # [..., 1]
        ctx.save_for_backward(x, scale, weight)
        return (wide * scale).mul_(weight).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """``d_x = s (g - x s^2 mean(g x))`` with g the gradient times weight, and s = 1 / rms(x)."""
        x, scale, weight = ctx.saved_tensors
        wide = x.float()
        grad = gradients[0].float() * weight
        # One number a token.
        along = (grad * wide).mean(-1, keepdim=True).mul_(scale).mul_(scale)
        return grad.addcmul_(wide, along, value=-1).mul_(scale).to(x.dtype), None, None
