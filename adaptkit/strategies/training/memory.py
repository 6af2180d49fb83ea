"""What a training needs in memory, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adaptkit.models.local.memory import free_bytes

HIDDEN_KEPT, INNER_KEPT = 14, 6
"""Tensors of hidden and of feed-forward width that a layer keeps for its backward pass, rounded up."""
LOGITS_KEPT = 3
"""Logits, their softmax and their gradient, in float32."""
MAX_SHARE = 0.5
"""Of the free memory that activations may fill; the rest is for what else runs."""
MOMENTS = 8
"""Bytes of AdamW's two moments of a weight, in float32."""
MASTER = 4 + 2
"""Bytes of a 16-bit weight's float32 copy, and of its gradient on the way into float32."""
GIGA = 1e9


def activation_bytes(module: Any, *, n_tokens: int, n_targets: int, checkpointing: bool = False) -> int:
    """Bytes that the backward pass needs kept: an estimate from above.

    With checkpointing, one hidden state a layer, and what a single layer computes again.
    """
    config = module.config.get_text_config()
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    a_layer = HIDDEN_KEPT * config.hidden_size + INNER_KEPT * inner
    n_layers = config.num_hidden_layers
    a_token = n_layers * config.hidden_size + a_layer if checkpointing else n_layers * a_layer
    size: int = next(module.parameters()).element_size()
    return int(n_tokens * a_token * size + LOGITS_KEPT * 4 * n_targets * config.vocab_size)


def asks_for_checkpointing(module: Any, *, n_tokens: int, n_targets: int, taken: int = 0) -> bool:
    """Whether a step would fill more than half of the free memory with activations.

    Args:
        taken: bytes that are free now and will not be, such as those of the optimizer.
    """
    needed = activation_bytes(module, n_tokens=n_tokens, n_targets=n_targets)
    return needed > MAX_SHARE * (free_bytes(next(module.parameters()).device) - taken)


@dataclass(frozen=True, kw_only=True)
class MemoryNeed:
    """Bytes that training all weights takes beside the model that is there already.

    Attributes:
        weights: the copy that is trained, and on a CPU the best one so far.
        gradients: of every weight.
        optimizer: float32 copies of 16-bit weights, and AdamW's two moments.
        activations: kept for the backward pass, an estimate from above.
        free: free memory on the device.
        checkpointing: whether activations are computed again in the backward pass, to need fewer.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    free: int
    checkpointing: bool

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations

    @property
    def fits(self) -> bool:
        """Whether there is as much."""
        return self.total <= self.free

    def in_gb(self) -> dict[str, float]:
        """The figures in 1e9 bytes, for notes and messages."""
        parts = ("weights", "gradients", "optimizer", "activations", "total", "free")
        return {name: round(getattr(self, name) / GIGA, 3) for name in parts}


def full_training_need(module: Any, *, n_tokens: int, n_targets: int) -> MemoryNeed:
    """What training all weights of a module needs.

    Args:
        n_tokens: of the longest step.
        n_targets: tokens of it that the loss is taken on.
    """
    device = next(module.parameters()).device
    sizes = {"weights": 0, "gradients": 0, "optimizer": 0}
    for p in module.parameters():
        # The best weights so far are kept in main memory.
        sizes["weights"] += p.numel() * p.element_size() * (2 if device.type == "cpu" else 1)
        sizes["gradients"] += p.numel() * p.element_size()
        sizes["optimizer"] += p.numel() * (MOMENTS + (MASTER if p.element_size() == 2 else 0))
    fixed = sum(sizes.values())
    step = {"n_tokens": n_tokens, "n_targets": n_targets}
    checkpointing = asks_for_checkpointing(module, **step, taken=fixed)
    return MemoryNeed(
        **sizes,
        activations=activation_bytes(module, **step, checkpointing=checkpointing),
        free=free_bytes(device),
        checkpointing=checkpointing,
    )
