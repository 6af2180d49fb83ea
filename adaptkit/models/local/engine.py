"""Greedy decoding and choice scoring for batches of rows behind one shared prefix.

Shapes: B rows, P shared prefix tokens, S own tokens (left-padded), V vocabulary.
The prefix is computed once at batch 1; each batch starts from a copy of its keys and values. Own
tokens are padded on the left, so that the last position of every row is its newest token.
Explicit position ids make the padding invisible: a row's tokens do not depend on its batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from adaptkit.models.local.choices import ChoiceTree
from adaptkit.models.local.prefix import (
    MIN_PREFIX_TOKENS,
    Prefix,
    PrefixStore,
    common_prefix_length,
)


@dataclass
class RowState:
    """One row on its way through a batch.

    Attributes:
        ids: all prompt tokens, the shared prefix included.
        finished: whether ``text`` was already found to be complete, given the ids so far.
    """

    ids: list[int]
    max_new_tokens: int
    is_complete: Callable[[list[int]], bool]
    generated: list[int] = field(default_factory=list)
    finish_reason: str = "length"
    n_cached: int = 0
    first_token_s: float = 0.0
    latency_s: float = 0.0


@dataclass(frozen=True)
class Batch:
    """What a forward pass over a batch needs to go on.

    Attributes:
        cache: the rows' keys and values.
        mask: [B, tokens so far], 1 for real tokens.
        positions: [B] position of the next token of each row.
        logits: [B, V] at the last position.
    """

    cache: Any
    mask: torch.Tensor
    positions: torch.Tensor
    logits: torch.Tensor


class Engine:
    """Runs one transformers causal model.

    Args:
        module: the model, in eval mode, on its device.
        pad_id: filler for short rows; masked everywhere.
        stop_ids: tokens that end a completion.
    """

    def __init__(self, module: Any, *, pad_id: int, stop_ids: frozenset[int]) -> None:
        self.module = module
        self.pad_id = pad_id
        self.stop_ids = stop_ids
        self.prefixes = PrefixStore()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.module.parameters()).device
        return device

    def share_prefix(self, rows: Sequence[list[int]]) -> tuple[Prefix | None, int]:
        """Find or compute the prefix that all rows start with.

        Returns:
            The prefix (None when too short to be worth it) and how many of its tokens had been
            computed by an earlier call.
        """
        if len(rows) == 1:
            stored = self.prefixes.longest_match(rows[0][:-1])
            return stored, len(stored) if stored else 0
        length = common_prefix_length(rows)
        if length < MIN_PREFIX_TOKENS:
            return None, 0
        ids = rows[0][:length]
        known = self.prefixes.longest_match(ids)
        if known is not None and len(known) == length:
            return known, length
        prefix = self._extend(known, ids)
        self.prefixes.put(prefix)
        return prefix, len(known) if known else 0

    def _extend(self, known: Prefix | None, ids: Sequence[int]) -> Prefix:
        """Compute the rest of ``ids`` after ``known``."""
        from transformers import DynamicCache

        start = len(known) if known else 0
        cache: Any = known.cache(1) if known else DynamicCache()
        with torch.inference_mode():
            self.module(
                input_ids=torch.tensor([ids[start:]], device=self.device),
                position_ids=torch.arange(start, len(ids), device=self.device)[None],
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        layers = tuple((layer.keys, layer.values) for layer in cache.layers)
        return Prefix(tuple(ids), layers)

    def prefill(self, rows: Sequence[list[int]], prefix: Prefix | None) -> Batch:
        """Compute the rows' own tokens after the shared prefix."""
        from transformers import DynamicCache

        start = len(prefix) if prefix else 0
        own = [row[start:] for row in rows]
        width = max(len(r) for r in own)
        ids = torch.full((len(rows), width), self.pad_id, device=self.device)
        mask = torch.zeros((len(rows), start + width), dtype=torch.long, device=self.device)
        mask[:, :start] = 1
        for i, row in enumerate(own):
            ids[i, width - len(row) :] = torch.tensor(row, device=self.device)
            mask[i, start + width - len(row) :] = 1
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, start:]
        cache = prefix.cache(len(rows)) if prefix else DynamicCache()
        logits = self._forward(ids, mask, positions, cache)
        return Batch(cache, mask, positions[:, -1] + 1, logits)

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: Any
    ) -> torch.Tensor:
        out = self.module(
            input_ids=ids,
            # Where nothing is padded, no mask lets the kernel use its plain causal path.
            attention_mask=None if bool(mask.all()) else mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return torch.as_tensor(out.logits[:, -1])

    def generate(self, rows: list[RowState], prefix: Prefix | None) -> None:
        """Decode greedily until every row is finished; results are left in the rows.

        Finished rows leave the batch once a quarter of it is done: dropping them earlier costs
        more copying of keys and values than it saves.
        """
        started = time.perf_counter()
        with torch.inference_mode():
            batch = self.prefill([r.ids for r in rows], prefix)
            active = rows
            while True:
                tokens = batch.logits.argmax(-1)
                keep = self._accept(active, tokens.tolist(), started)
                if not keep:
                    return
                if len(keep) <= 0.75 * len(active):
                    active, batch, tokens = self._compact(active, batch, tokens, keep)
                batch = self._step(batch, tokens)

    def _accept(self, active: list[RowState], tokens: list[int], started: float) -> list[int]:
        """Append each unfinished row's token; return the positions of rows that go on."""
        now = time.perf_counter() - started
        keep = []
        for i, (row, token) in enumerate(zip(active, tokens, strict=True)):
            if row.latency_s:
                continue  # finished earlier, still in the batch until the next compaction
            row.first_token_s = row.first_token_s or now
            if token in self.stop_ids:
                row.finish_reason = "stop"
            else:
                row.generated.append(token)
                if row.is_complete(row.generated):
                    row.finish_reason = "stop"
                elif len(row.generated) < row.max_new_tokens:
                    keep.append(i)
                    continue
            row.latency_s = now
        return keep

    def _compact(
        self, active: list[RowState], batch: Batch, tokens: torch.Tensor, keep: list[int]
    ) -> tuple[list[RowState], Batch, torch.Tensor]:
        index = torch.tensor(keep, device=self.device)
        batch.cache.batch_select_indices(index)
        smaller = Batch(batch.cache, batch.mask[index], batch.positions[index], batch.logits[index])
        return [active[i] for i in keep], smaller, tokens[index]

    def _step(self, batch: Batch, tokens: torch.Tensor) -> Batch:
        """Feed one token a row."""
        mask = torch.cat([batch.mask, batch.mask.new_ones(len(tokens), 1)], dim=1)
        logits = self._forward(tokens[:, None], mask, batch.positions[:, None], batch.cache)
        return Batch(batch.cache, mask, batch.positions + 1, logits)

    def score_choices(
        self, rows: Sequence[list[int]], tree: ChoiceTree, prefix: Prefix | None
    ) -> torch.Tensor:
        """Log-probability of each choice after each row, end token included: [B, n_choices].

        All choices are computed in one pass: their tokens form a tree, and a mask lets each node
        see the prompt and its own ancestors only.
        """
        with torch.inference_mode():
            batch = self.prefill(rows, prefix)
            first = torch.log_softmax(batch.logits.float(), -1)  # [B, V]
            if not tree.nodes:
                return tree.gather(first, None)
            out = self.module(
                input_ids=torch.tensor([tree.nodes], device=self.device).expand(len(rows), -1),
                attention_mask=self._tree_mask(batch.mask, tree),
                position_ids=batch.positions[:, None] + torch.tensor(tree.depths, device=self.device),
                past_key_values=batch.cache,
                use_cache=True,
            )
            return tree.gather(first, out.logits)

    def _tree_mask(self, mask: torch.Tensor, tree: ChoiceTree) -> torch.Tensor:
        """Additive mask [B, 1, nodes, tokens so far + nodes]."""
        visible = torch.cat(
            [
                mask.bool()[:, None, :].expand(-1, len(tree.nodes), -1),
                tree.ancestors(self.device)[None].expand(len(mask), -1, -1),
            ],
            dim=2,
        )
        dtype = self.module.dtype
        hidden = torch.full(visible.shape, torch.finfo(dtype).min, dtype=dtype, device=self.device)
        return hidden.masked_fill(visible, 0.0)[:, None]
