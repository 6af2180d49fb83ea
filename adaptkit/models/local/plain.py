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

from adaptkit.models.local.memory import MemoryBudget
from adaptkit.models.local.rows import RowState, next_tokens


def _pad_left(rows: Sequence[list[int]], pad_id: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(len(r) for r in rows)
    ids = torch.full((len(rows), width), pad_id, device=device)
    mask = torch.zeros((len(rows), width), dtype=torch.long, device=device)
    for i, row in enumerate(rows):
        ids[i, width - len(row) :] = torch.tensor(row, device=device)
        mask[i, width - len(row) :] = 1
    return ids, mask


def batches(rows: Sequence[RowState], budget: MemoryBudget) -> Iterator[list[RowState]]:
    """Cut rows, longest first, into batches under the budget, filler counted; special rows stay alone."""
    batch: list[RowState] = []
    for row in sorted(rows, key=lambda r: -len(r.ids)):
        if batch and (
            len(batch) >= budget.max_rows
            or (len(batch) + 1) * len(batch[0].ids) > budget.pass_tokens
            or not row.is_greedy
            or not batch[0].is_greedy
        ):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def generate(module: Any, rows: list[RowState], *, pad_id: int, stop_ids: frozenset[int]) -> None:
    """Decode; results are left in the rows. A row that samples or is constrained comes alone."""
    if rows[0].is_greedy:
        _generate_greedily(module, rows, pad_id=pad_id, stop_ids=stop_ids)
    else:
        _generate_alone(module, rows[0], stop_ids=stop_ids)


def _generate_alone(module: Any, row: RowState, *, stop_ids: frozenset[int]) -> None:
    """Token by token, with the model's own cache."""
    from transformers import DynamicCache

    started = time.perf_counter()
    cache = DynamicCache(config=module.config)
    ids = row.ids
    with torch.inference_mode():
        while True:
            out = module(
                input_ids=torch.tensor([ids], device=module.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            (token,) = next_tokens(out.logits[:, -1], [row])
            if not row.take(token, stop_ids, time.perf_counter() - started):
                return
            ids = [token]


def _generate_greedily(module: Any, rows: list[RowState], *, pad_id: int, stop_ids: frozenset[int]) -> None:
    """With ``module.generate``.

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
        for token in tokens:
            if not row.take(token, stop_ids, seconds):
                break


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
