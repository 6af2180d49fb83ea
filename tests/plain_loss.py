"""The loss as nobody would compute it for speed: what fast ones have to equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from adaptkit.strategies.training.encode import EncodedRow


def plain_loss(module: Any, rows: Sequence[EncodedRow]) -> torch.Tensor:
    """Row by row over whole sequences, without padding, cache or shared parts."""
    total, n = torch.zeros(()), 0
    for row in rows:
        ids = torch.tensor([[*row.prompt, *row.completion]])
        logits = module(input_ids=ids, use_cache=False).logits[0, len(row.prompt) - 1 : -1]
        total = total + cross_entropy(logits.float(), torch.tensor(row.completion), reduction="sum")
        n += len(row.completion)
    return total / n
