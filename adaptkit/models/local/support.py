"""Which models the shared-prefix engine can run: told by their configuration, and then tried."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adaptkit.models.local.engine import Engine
from adaptkit.models.local.slots import Slots

PLAIN_LAYERS = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
N_SHARED, OWN = 20, (3, 5)
TOLERANCE = 1e-3
"""Largest difference of a logit in float32, in standard deviations of the logits."""
COARSE_TOLERANCE = 0.25
"""Root mean square of the differences in 16-bit floats, where a single logit says little.

Rows of random tokens gave up to 0.12 in bfloat16 (0.33 in a single logit), the engine being no farther from
float32 than plain attention is; an attention that misses what it should see gives about 1.
"""


def fits(module: Any, n_tokens: int) -> bool:
    """Whether the engine may run requests of this length, completion included, on this model.

    A sliding window is harmless while the whole request fits in it: nothing slides out.
    """
    config = module.config.get_text_config()
    if getattr(module, "_is_stateful", False) or getattr(config, "is_encoder_decoder", False):
        return False
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= PLAIN_LAYERS:
        return False
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    slides = bool(kinds & {"sliding_attention", "chunked_attention"}) or not getattr(
        config, "layer_types", None
    )
    return not slides or all(w is None or n_tokens <= w for w in windows)


def known_obstacle(module: Any, n_tokens: int) -> str | None:
    """Why attention of our own cannot stand in for this model's, as far as its configuration tells.

    Args:
        n_tokens: of the longest row.
    """
    if not getattr(type(module), "_supports_attention_backend", False):
        return "its attention cannot be replaced"
    if getattr(module.config.get_text_config(), "attn_logit_softcapping", None) is not None:
        return "its attention caps the scores"
    if not fits(module, n_tokens):
        return "it keeps more than keys and values, or its window is short"
    return None


def find_obstacle(engine: Engine) -> str | None:
    """Why the engine cannot run its model; None when it can.

    What a configuration does not tell (an attention of its own, a term that it adds to the scores) shows
    in the logits of a probe, which are compared with those of the plain model.
    """
    module = engine.module
    known = known_obstacle(module, N_SHARED + max(OWN))
    if known:
        return known
    try:
        difference = _difference(engine)
    except Exception as error:  # whatever a model of any origin raises here, `generate` may still run it
        return f"it fails in the engine ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    if not difference <= (TOLERANCE if module.dtype == torch.float32 else COARSE_TOLERANCE):
        return f"its logits differ by {difference:.3g} standard deviations"
    return None


def _difference(engine: Engine) -> float:
    """How far the logits at the ends of two rows with a shared beginning are from the plain model's."""
    rng = np.random.default_rng(0)
    vocabulary = int(engine.module.get_input_embeddings().weight.shape[0])
    shared = rng.integers(0, vocabulary, N_SHARED)
    rows = [np.concatenate([shared, rng.integers(0, vocabulary, n)]).tolist() for n in OWN]
    with engine.running():
        plan = engine.plan(rows)
        slots = Slots(len(rows), max(OWN))
        found = engine.enter(plan.own, plan.known, slots, [(i, 0) for i in range(len(rows))])
    engine.prefixes.clear()
    with torch.inference_mode():
        plain = torch.stack(
            [
                engine.module(input_ids=torch.tensor([row], device=engine.device), use_cache=False).logits[
                    0, -1
                ]
                for row in rows
            ]
        )
    differences = (found.float() - plain.float()) / plain.float().std()
    if engine.module.dtype == torch.float32:
        return float(differences.abs().max())
    return float(differences.square().mean().sqrt())
