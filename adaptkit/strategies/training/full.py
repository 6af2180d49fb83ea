"""All weights of a model: a copy to train, its effect, and the file that it is saved in."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from adaptkit.core.errors import CapabilityError, TrainingError
from adaptkit.models.folder import shown

N_TENSORS = "n_tensors"
"""In the head of a file of weights: how many it was written with. Those that did not change are not in it."""


def trainable_copy(module: Any) -> Any:
    """Copy a module so that all its weights can be trained.

    float16 has no room for small gradients, so such weights are trained in float32.

    Raises:
        CapabilityError: weights are packed (quantised), and have no gradient.
    """
    if not all(p.is_floating_point() for p in module.parameters()):
        raise CapabilityError("All weights of a quantised model cannot be trained. Load it unquantised.")
    made = copy.deepcopy(module).requires_grad_(True)
    return made.float() if made.dtype == torch.float16 else made


def served(trained: Any, dtype: torch.dtype) -> Any:
    """The trained module as it answers: in the dtype of the model that it came from, no gradients kept."""
    trained.zero_grad(set_to_none=True)
    return trained.to(dtype).eval()


def check_effect(base: Any, trained: Any, probe: Sequence[int]) -> float:
    """Largest change of a logit that training made on a probe.

    Raises:
        TrainingError: none, or the weights are no numbers any more.
    """
    ids = torch.tensor([list(probe)], device=base.device)
    with torch.inference_mode():
        before, after = (m(input_ids=ids, logits_to_keep=1).logits.float() for m in (base, trained))
    change = float((after - before).abs().max())
    if not math.isfinite(change):
        raise TrainingError("The trained weights are no numbers any more. Lower the learning rate.")
    if change == 0:
        raise TrainingError("Training changed nothing. Check that the learning rate is above 0.")
    return change


def changed_names(base: Any, trained: Any) -> list[str]:
    """Names of the weights that training changed; tied weights have one name."""
    before = dict(base.named_parameters())
    return [n for n, p in trained.named_parameters() if not torch.equal(p, before[n])]


def save_weights(module: Any, names: Iterable[str], path: Path) -> None:
    """Write weights as safetensors, by the names that the module gives them."""
    from safetensors.torch import save_file

    weights = dict(module.named_parameters())
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {n: weights[n].detach().cpu().contiguous() for n in sorted(names)}
    # One entry: of several the order is drawn anew each time, and the file's hash with it.
    save_file(kept, path, metadata={N_TENSORS: str(len(kept))})


def load_weights(module: Any, path: Path) -> Any:
    """Put saved weights on a copy of a module; those that are not in the file stay as they are.

    Raises:
        TrainingError: the file is damaged, or its weights are not of this module.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        weights = load_file(path)
        with safe_open(path, framework="pt") as f:
            n_saved = (f.metadata() or {}).get(N_TENSORS, str(len(weights)))
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"The weights in '{path}' cannot be read: {error}") from error
    broken = sorted(n for n, w in weights.items() if not bool(w.isfinite().all()))
    if n_saved != str(len(weights)) or broken:
        fault = (
            f"{len(weights)} of {n_saved} tensors are there" if not broken else f"no numbers: {shown(broken)}"
        )
        raise TrainingError(f"The weights in '{path}' are not those that were saved ({fault}). Train again.")
    made = copy.deepcopy(module)
    own = dict(made.named_parameters())
    for name, weight in weights.items():
        expected = tuple(own[name].shape) if name in own else "no weight of that name"
        if expected != tuple(weight.shape):
            raise TrainingError(
                f"The weights in '{path}' do not fit this model: '{name}' is {tuple(weight.shape)} there, "
                f"and the model has {expected}."
            )
    with torch.no_grad():
        for name, weight in weights.items():
            own[name].copy_(weight)
    return made.eval()
