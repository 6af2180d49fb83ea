"""What training costs elsewhere: the loss on general text that no task is about, before and after.

Weights that learn a task forget others, full fine-tuning more than LoRA (Biderman et al. 2024,
arXiv:2405.09673). A task's own score does not show it; this loss does, in a second or two.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any
from weakref import WeakKeyDictionary

import torch

from adaptkit.core.types import Prompt
from adaptkit.models.base import Trainable
from adaptkit.models.local.weights import state_of
from adaptkit.strategies.training.encode import EncodedRow, collate, on_device
from adaptkit.strategies.training.flat import flat_layout
from adaptkit.strategies.training.loss import completion_loss
from adaptkit.strategies.training.sft import n_shared_in

TEXT_FILE = "general_text.txt"
BATCH_SIZE = 12


@cache
def general_text() -> tuple[tuple[str, str], ...]:
    """Requests and answers, written for this purpose: a block each, the request on its first line."""
    text = files("adaptkit.strategies.training").joinpath(TEXT_FILE).read_text(encoding="utf-8")
    pairs = [block.partition("\n")[::2] for block in text.strip().split("\n\n")]
    return tuple((request, answer) for request, answer in pairs)


_measured: WeakKeyDictionary[Any, tuple[tuple[str, tuple[int, ...]], float]] = WeakKeyDictionary()
"""What was measured of a module, and with which chat template and state of its weights."""


def general_loss(model: Trainable) -> float:
    """Mean loss of a token of the answers, in nats, as the model is served.

    Of the same weights it is measured once: a comparison trains many times from one model.
    """
    module = model.module
    state = model.template_hash, state_of(module.parameters())
    known = _measured.get(module)
    if known is None or known[0] != state:
        known = _measured[module] = state, _measure(model)
    return known[1]


def _measure(model: Trainable) -> float:
    rows = [
        EncodedRow(
            model.encode(Prompt(instruction="", input=request)),
            model.encode_completion(answer),
        )
        for request, answer in general_text()
    ]
    rows.sort(key=len)
    module = model.module
    device = next(module.parameters()).device
    total = 0.0
    with torch.inference_mode(), flat_layout(module, len(rows[-1])):
        n_shared = n_shared_in(module, rows)
        for start in range(0, len(rows), BATCH_SIZE):
            part = rows[start : start + BATCH_SIZE]
            batch = on_device(collate(part, n_shared=n_shared, pad_id=model.pad_id), device)
            total += float(completion_loss(module, batch)) * sum(len(r.completion) for r in part)
    return total / sum(len(r.completion) for r in rows)
