"""Whether a model is what it was."""

from __future__ import annotations

import hashlib
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.types import Prompt, Request
from adaptkit.models.base import Model, Trainable

PROBES = tuple(
    Request(prompt=Prompt(instruction="Reply with a few words.", input=text), max_new_tokens=4)
    for text in ("The sky is", "One, two,")
)


def fingerprint(model: Model) -> dict[str, Any]:
    """What may not change about a model that is only used: identity, answers, and weights if it has some."""
    told: dict[str, Any] = {
        "info": to_json(model.info),
        "answers": [(c.text, c.finish_reason) for c in model.complete(PROBES)],
    }
    return told | (weights(model.module) if isinstance(model, Trainable) else {})


def weights(module: Any) -> dict[str, Any]:
    """Hash of all tensors, and whether anything is in the middle of a training."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes: numpy knows no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    parameters = list(module.parameters())
    return {
        "weights": digest.hexdigest(),
        "in training mode": bool(module.training),
        "gradients": sum(p.grad is not None for p in parameters),
        "frozen": sum(not p.requires_grad for p in parameters),
    }
