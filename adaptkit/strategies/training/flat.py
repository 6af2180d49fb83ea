"""The flat layout: rows one after the other behind the shared tokens, one pass, no filler.

Nothing is computed for masked positions, the shared instruction is computed once a batch with
gradients, and every product sees all tokens of the batch at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AttentionInterface

from adaptkit.models.local.support import known_obstacle
from adaptkit.strategies.training import attention
from adaptkit.strategies.training.encode import IGNORED, EncodedRow, TrainingBatch, collate, on_device

PROBE = ((5, 6, 7, 8), (3, 9), (4, 5, 6, 3))
"""Token ids: a shared beginning and two rows, to try the layout on."""


def is_flat(module: Any) -> bool:
    """Whether the layout is switched on for this module."""
    config = bare(module).config.get_text_config()
    return bool(config._attn_implementation == attention.NAME)


def bare(module: Any) -> Any:
    """The model inside what distributed training puts around it."""
    inner = getattr(module, "module", module)
    return inner.get_base_model() if hasattr(inner, "get_base_model") else inner


@contextmanager
def flat_layout(module: Any, n_tokens: int) -> Iterator[bool]:
    """Switch the layout on for as long as it lasts, where the model can have it.

    Args:
        n_tokens: of the longest row. Where a sliding window is shorter, the layout stays off.

    Yields:
        Whether it is on.
    """
    base = bare(module)
    before = base.config._attn_implementation
    AttentionInterface.register(attention.NAME, attention.attend)
    try:
        if not (_may_have_it(base, n_tokens) and _switch(base, attention.NAME) and _agrees(module)):
            # On a CPU, plain attention is faster for short rows than the fused kernel.
            on_cpu = next(base.parameters()).device.type == "cpu"
            base.set_attn_implementation("eager" if on_cpu else before)
        yield is_flat(base)
    finally:
        base.set_attn_implementation(before)


def _may_have_it(base: Any, n_tokens: int) -> bool:
    drops = getattr(base.config.get_text_config(), "attention_dropout", 0.0)
    return known_obstacle(base, n_tokens) is None and not drops


def _switch(base: Any, name: str) -> bool:
    base.set_attn_implementation(name)
    return bool(base.config._attn_implementation == name)


def _agrees(module: Any) -> bool:
    """Whether a probe's last row has the loss that it has alone: some models attend to more than this."""
    shared, *own = PROBE
    rows = [EncodedRow([*shared, *part], [2]) for part in own]
    base = bare(module)
    where = next(base.parameters()).device
    batch = on_device(collate(rows, n_shared=len(shared), pad_id=0), where)
    with torch.inference_mode():
        try:
            found = float(flat_loss(module, batch, reduction="none")[-1])
        except (TypeError, NotImplementedError, RuntimeError):
            return False
        base.set_attn_implementation("eager")
        expected = _loss_alone(module, rows[-1], where)
        base.set_attn_implementation(attention.NAME)
    return abs(found - expected) <= 0.02 * max(1.0, abs(expected))


def _loss_alone(module: Any, row: EncodedRow, where: torch.device) -> float:
    ids = torch.tensor([row.prompt], device=where)
    logits = module(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0].float()
    return float(cross_entropy(logits, torch.tensor(row.completion, device=where)))


def flat_loss(module: Any, batch: TrainingBatch, reduction: str = "mean") -> torch.Tensor:
    """Cross-entropy over the completion tokens of a batch, in float32, in one pass over the flat rows."""
    n_shared = batch["prefix"].shape[1]
    real = batch["mask"][:, n_shared:].bool()  # [B, S]
    labels = batch["labels"]  # [B, K]
    lengths = real.sum(1)
    positions = torch.arange(n_shared, device=real.device)
    logits = module(
        input_ids=torch.cat((batch["prefix"][0], batch["input_ids"][real]))[None],
        position_ids=torch.cat((positions, batch["positions"][real]))[None],
        logits_to_keep=_wanted(lengths, labels != IGNORED, n_shared),
        use_cache=False,
        spans=attention.Spans(n_shared, lengths),
    ).logits[0]
    return cross_entropy(logits.float(), labels[labels != IGNORED], reduction=reduction)


def _wanted(lengths: torch.Tensor, labelled: torch.Tensor, n_shared: int) -> torch.Tensor:
    """Flat positions whose logits predict a label: those one before each completion token.

    Args:
        lengths: [B] own tokens of each row.
        labelled: boolean [B, K], aligned with the rows' ends.
    """
    ends = n_shared + lengths.cumsum(0)  # [B]
    before_end = torch.arange(labelled.shape[1], 0, -1, device=lengths.device)  # K .. 1
    return (ends[:, None] - before_end - 1)[labelled]
