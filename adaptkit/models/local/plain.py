"""The slow, general path: transformers' own ``generate`` and whole-sequence scoring.

Taken by models whose keys and values are not one plain tensor a layer (recurrent state, sliding
windows shorter than the request): correct for all, without any sharing between rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from adaptkit.models.local.engine import RowState

PLAIN_LAYERS = frozenset({"full_attention", "sliding_attention", "chunked_attention"})


def fits_prefix_cache(module: Any, n_tokens: int) -> bool:
    """Whether the prefix engine may run requests of this length, completion included, on this model.

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


def _pad_left(rows: Sequence[list[int]], pad_id: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(r) for r in rows)
    ids = torch.full((len(rows), width), pad_id, device=device)
    mask = torch.zeros((len(rows), width), dtype=torch.long, device=device)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :] = torch.tensor(row, device=device)
        mask[i, width - len(row) :] = 1
    return ids, mask


def generate(module: Any, rows: list[RowState], *, pad_id: int, stop_ids: frozenset[int]) -> None:
    """Decode greedily with ``module.generate``; results are left in the rows.

    The first token's time is that of the whole answer: ``generate`` does not tell them apart.
    """
    started = time.perf_counter()
    ids, mask = _pad_left([r.ids for r in rows], pad_id, module.device)
    with torch.inference_mode(), _only_greedy(module):
        out = module.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(r.max_new_tokens for r in rows),
            do_sample=False,
            eos_token_id=sorted(stop_ids),
            pad_token_id=pad_id,
        )
    seconds = time.perf_counter() - started
    for row, tokens in zip(rows, out[:, ids.shape[1] :].tolist(), strict=True):
        _take(row, tokens, stop_ids)
        row.first_token_s = row.latency_s = seconds


@contextmanager
def _only_greedy(module: Any) -> Iterator[None]:
    """Lay aside the checkpoint's own generation settings.

    Some bring a repetition penalty, which ``generate`` applies to greedy decoding too: then the same
    model would answer otherwise here than in the prefix engine.
    """
    from transformers import GenerationConfig

    settings: Any = GenerationConfig  # it has no types
    before, module.generation_config = module.generation_config, settings()
    try:
        yield
    finally:
        module.generation_config = before


def _take(row: RowState, tokens: list[int], stop_ids: frozenset[int]) -> None:
    for token in tokens[: row.max_new_tokens]:
        if token in stop_ids:
            row.finish_reason = "stop"
            return
        row.generated.append(token)
        if row.is_complete(row.generated):
            row.finish_reason = "stop"
            return


def score_choices(
    module: Any, rows: Sequence[list[int]], choices: Sequence[list[int]], *, pad_id: int
) -> torch.Tensor:
    """Log-probability of each choice after each row: [B, n_choices], one row's choices at a time."""
    scores = []
    longest = max(len(c) for c in choices)
    for row in rows:
        ids, mask = _pad_left([[*row, *c] for c in choices], pad_id, module.device)
        with torch.inference_mode():
            logits = module(
                input_ids=ids,
                attention_mask=mask,
                position_ids=(mask.cumsum(1) - 1).clamp(min=0),
                logits_to_keep=longest + 1,
                use_cache=False,
            ).logits.float()
        logprobs = torch.log_softmax(logits, -1)
        scores.append(
            torch.stack(
                [
                    # The logits at position i predict token i + 1; rows end together, on the right.
                    sum(
                        (logprobs[n, -len(c) - 1 + j, token] for j, token in enumerate(c)),
                        start=torch.zeros(()),
                    )
                    for n, c in enumerate(choices)
                ]
            )
        )
    return torch.stack(scores)
