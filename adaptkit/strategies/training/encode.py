"""Rows of token ids for supervised fine-tuning, with the loss on the completion only.

A row is prompt ids and completion ids. All rows of a task start with the same instruction; it is cut
off here, so that a batch computes it once. Batches are padded on the left: completions then end at the
same position, and logits are needed for the last few positions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch

IGNORED = -100
"""Label that the loss leaves out."""


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of one training row.

    Attributes:
        prompt: chat markup, instruction and input.
        completion: the target, its end token included.
    """

    prompt: list[int]
    completion: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


class TrainingBatch(TypedDict):
    """Tensors of a batch of B rows behind P shared tokens; S is the longest rest.

    A dict, because Trainer moves and counts the tensors of dicts.

    Attributes:
        prefix: [1, P] token ids that all rows start with; P may be 0.
        input_ids: [B, S] the rest of each row, left-padded.
        mask: [B, P + S].
        positions: [B, S].
        labels: [B, K] targets of the last K positions; IGNORED where nothing is to be predicted.
    """

    prefix: torch.Tensor
    input_ids: torch.Tensor
    mask: torch.Tensor
    positions: torch.Tensor
    labels: torch.Tensor


def collate(rows: Sequence[EncodedRow], *, n_shared: int, pad_id: int) -> TrainingBatch:
    """Pad rows to a batch.

    Args:
        n_shared: tokens that all rows start with, fewer than the shortest prompt.
        pad_id: filler; masked in attention and loss, so it may equal the end token.
    """
    width = max(len(r) for r in rows) - n_shared
    n_labels = max(len(r.completion) for r in rows)
    ids = torch.full((len(rows), width), pad_id)
    mask = torch.zeros((len(rows), n_shared + width), dtype=torch.long)
    mask[:, :n_shared] = 1
    labels = torch.full((len(rows), n_labels), IGNORED)
    for i, row in enumerate(rows):
        own = [*row.prompt, *row.completion][n_shared:]
        ids[i, width - len(own) :] = torch.tensor(own)
        mask[i, n_shared + width - len(own) :] = 1
        labels[i, n_labels - len(row.completion) :] = torch.tensor(row.completion)
    positions = (mask.cumsum(1) - 1).clamp(min=0)[:, n_shared:]
    prefix = torch.tensor([rows[0].prompt[:n_shared]], dtype=torch.long)
    return TrainingBatch(prefix=prefix, input_ids=ids, mask=mask, positions=positions, labels=labels)


def on_device(batch: TrainingBatch, device: torch.device) -> TrainingBatch:
    """The batch where the weights are."""
    return TrainingBatch(
        prefix=batch["prefix"].to(device),
        input_ids=batch["input_ids"].to(device),
        mask=batch["mask"].to(device),
        positions=batch["positions"].to(device),
        labels=batch["labels"].to(device),
    )
