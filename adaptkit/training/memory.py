"""Whether the activations of a step fit in memory."""

from __future__ import annotations

from typing import Any

from adaptkit.models.local.memory import free_bytes

HIDDEN_KEPT, INNER_KEPT = 14, 6
"""Tensors of hidden and of feed-forward width that a layer keeps for its backward pass, rounded up."""
LOGITS_KEPT = 3
"""Logits, their softmax and their gradient, in float32."""
MAX_SHARE = 0.5
"""Of the free memory; the rest is for gradients, optimiser state and what else runs."""


def activation_bytes(module: Any, *, n_tokens: int, n_targets: int) -> int:
    """Bytes that the backward pass needs kept, without checkpointing: an estimate from above."""
    config = module.config.get_text_config()
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    a_token = HIDDEN_KEPT * config.hidden_size + INNER_KEPT * inner
    size: int = next(module.parameters()).element_size()
    layers = n_tokens * config.num_hidden_layers * a_token * size
    return int(layers + LOGITS_KEPT * 4 * n_targets * config.vocab_size)


def asks_for_checkpointing(module: Any, *, n_tokens: int, n_targets: int) -> bool:
    """Whether a step would fill more than half of the free memory with activations."""
    needed = activation_bytes(module, n_tokens=n_tokens, n_targets=n_targets)
    return needed > MAX_SHARE * free_bytes(next(module.parameters()).device)
