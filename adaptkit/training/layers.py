"""Layers with a hand-written backward pass: fewer kernels, less memory, the same numbers.

Autograd records a node and keeps tensors for every small operation. Here a LoRA layer keeps its input
once and adds the adapter into the base layer's product in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import linear


class LoraLinear(torch.autograd.Function):
    """``y = x W' + bias + scaling (x A') B'`` with W frozen; gradients for x, A and B.

    Arguments of ``apply``: x [..., in], W [out, in], bias [out] or None, A [rank, in], B [out, rank], the
    scaling, and A and B in the dtype of x. Gradients reach A and B in their own dtype.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, *arguments: Any) -> torch.Tensor:
        """Base product, and the adapter's on top of it."""
        weight, bias, _, _, scaling, down, up = arguments
        flat = x.reshape(-1, x.shape[-1])  # [T, in]
        inner = flat @ down.t()  # [T, rank]
        out = linear(flat, weight, bias).addmm_(inner, up.t(), alpha=scaling)
        ctx.save_for_backward(flat, inner, weight, down, up)
        ctx.scaling, ctx.shape = scaling, x.shape
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """No gradient is computed that nobody asked for, such as that of the embeddings."""
        flat, inner, weight, down, up = ctx.saved_tensors
        grad = gradients[0].reshape(-1, gradients[0].shape[-1])  # [T, out]
        d_inner = (grad @ up).mul_(ctx.scaling)  # [T, rank]
        d_down = d_inner.t() @ flat
        # The short side first: half the time of the other order.
        d_up = (inner.t() @ grad).mul_(ctx.scaling).t()
        d_x = None
        if ctx.needs_input_grad[0]:
            d_x = (grad @ weight).addmm_(d_inner, down).view(ctx.shape)
        # A and B are float32, and autograd wants gradients of their dtype.
        return d_x, None, None, d_down.float(), d_up.float(), None, None, None


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
