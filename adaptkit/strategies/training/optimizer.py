"""AdamW for 16-bit weights: the sums are kept in float32.

A step changes a weight by about the learning rate. bfloat16 has 8 bits, so a change below 1/256 of the
weight is rounded away, and a small learning rate would teach nothing. Micikevicius et al. 2018,
arXiv:1710.03740: keep a float32 copy of each weight, add to that, round the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


class MasterAdamW(torch.optim.AdamW):
    """AdamW over float32 copies of weights, which it writes back after each step.

    The model computes in its own dtype. Weights that are float32 already are their own copies.

    Args:
        weights: what to train.
        options: of ``torch.optim.AdamW``.
    """

    def __init__(self, weights: Iterable[torch.nn.Parameter], **options: Any) -> None:
        self.weights = list(weights)
        self.masters = [
            w if w.dtype == torch.float32 else torch.nn.Parameter(w.detach().float()) for w in self.weights
        ]
        super().__init__(self.masters, **options)

    @property
    def _pairs(self) -> Iterable[tuple[torch.nn.Parameter, torch.nn.Parameter]]:
        return ((w, m) for w, m in zip(self.weights, self.masters, strict=True) if w is not m)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the copies by the weights' gradients, and the weights to the copies, rounded."""
        for weight, master in self._pairs:
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None  # one of the two at a time
        found = super().step(closure)
        for weight, master in self._pairs:
            weight.copy_(master)
            master.grad = None
        return found

    @torch.no_grad()
    def reload(self) -> None:
        """Take over weights that were put in place from elsewhere."""
        for weight, master in self._pairs:
            master.copy_(weight)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, which stand at the weights."""
        super().zero_grad(set_to_none)
        for weight in self.weights:
            weight.grad = None


def optimizer_for(module: Any, learning_rate: float) -> MasterAdamW | None:
    """What trains the weights that require a gradient; None where plain AdamW does it as well."""
    trained = [p for p in module.parameters() if p.requires_grad]
    if all(p.dtype == torch.float32 for p in trained):
        return None
    fused = all(p.device.type in ("cpu", "cuda") for p in trained)
    return MasterAdamW(trained, lr=learning_rate, weight_decay=0.0, fused=fused)
