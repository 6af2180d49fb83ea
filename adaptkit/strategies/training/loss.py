"""The loss: cross-entropy of the completion, with the shared instruction computed once a batch.

The shared tokens run once at batch 1 with gradients; their keys and values, repeated along the batch,
are what the rows attend to. Gradients are those of the plain computation: every row's share of the
instruction's gradient arrives through the repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from adaptkit.strategies.training.encode import IGNORED, TrainingBatch
from adaptkit.strategies.training.flat import bare, flat_loss, is_flat


def completion_loss(module: Any, batch: TrainingBatch) -> torch.Tensor:
    """Mean cross-entropy over the completion tokens of a batch, in float32."""
    if is_flat(module):
        return flat_loss(module, batch)
    cache = _shared_cache(module, batch) if batch["prefix"].shape[1] else None
    labels = batch["labels"]
    wanted = labels != IGNORED  # [B, K]
    with head_at(module, wanted):
        logits = module(
            input_ids=batch["input_ids"],
            attention_mask=batch["mask"],
            position_ids=batch["positions"],
            past_key_values=cache,
            use_cache=cache is not None,
            # The logits at a position predict the next token, so one more position is needed.
            logits_to_keep=labels.shape[1] + 1,
        ).logits
    return cross_entropy(logits.reshape(-1, logits.shape[-1]).float(), labels[wanted])


@contextmanager
def head_at(module: Any, wanted: torch.Tensor) -> Iterator[None]:
    """Let the head compute logits at the wanted positions only; it is a fifth of a small model.

    Args:
        wanted: boolean [B, K]; the head is given hidden states [B, K + 1, H] and shown those that
            predict a wanted token, as [n_wanted, H].
    """

    def select(_: Any, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        hidden = arguments[0]
        return (hidden[:, :-1][wanted],)

    handle = bare(module).get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def _shared_cache(module: Any, batch: TrainingBatch) -> Any:
    from transformers import DynamicCache

    cache = DynamicCache()
    n_shared = batch["prefix"].shape[1]
    module(
        input_ids=batch["prefix"],
        position_ids=torch.arange(n_shared, device=batch["prefix"].device)[None],
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    cache.batch_repeat_interleave(len(batch["input_ids"]))
    return cache
