"""The shared-prefix engine: what rows have in common is computed and held once.

Shapes: T tokens of a pass, rows one after the other without filler; B rows under way; V vocabulary.

1. Plan: a prefix tree over the rows (:mod:`tree`); segments that an earlier call computed are taken from
   the store.
2. Compute the shared segments that are new, level by level.
3. Rows enter slots, longest first: their own tokens are computed in one pass, which gives their first token.
4. Decode: each step feeds a row's newest token and guesses at the next; finished rows leave, waiting ones
   enter (:mod:`decoding`).

Attention is the cascade of :mod:`cascade`; all else of the model is transformers' own code.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

from adaptkit.core.errors import ModelError
from adaptkit.models.local import cascade
from adaptkit.models.local.cascade import Layout, Own
from adaptkit.models.local.choices import ChoiceTree
from adaptkit.models.local.drafts import MOST_WEIGHT_TOKENS, WEIGHT_TOKENS
from adaptkit.models.local.memory import MemoryBudget, free_bytes, ran_out
from adaptkit.models.local.packed import PackedLinears
from adaptkit.models.local.plan import BatchPlan, readers_of, spans_of, under_budget
from adaptkit.models.local.prefix import PrefixStore
from adaptkit.models.local.slots import Extension, Prefill, Slots, Stored
from adaptkit.models.local.tree import Segment, common_beginning, plan_segments

logger = logging.getLogger(__name__)
T = TypeVar("T")
LOGITS_BYTES = 256 * 2**20
"""Logits of choices held at once."""


class Engine:
    """Runs one transformers causal model.

    Args:
        module: the model, in eval mode, on its device.
        stop_ids: tokens that end a completion.
        budget: of memory; None for one by what is free.
    """

    def __init__(self, module: Any, *, stop_ids: frozenset[int], budget: MemoryBudget | None = None) -> None:
        self.module = module
        self.stop_ids = stop_ids
        self.budget = budget or MemoryBudget.of(module)
        self.prefixes = PrefixStore(self.budget.prefix_bytes)
        self._linears: PackedLinears | None = None
        self._lock = threading.RLock()
        cascade.register()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.module.parameters()).device
        return device

    @property
    def weight_tokens(self) -> float:
        """Tokens whose work costs as much as reading the weights once, as far as it is known."""
        measured = self._linears.weight_tokens if self._linears is not None else None
        return WEIGHT_TOKENS if measured is None else min(measured, MOST_WEIGHT_TOKENS)

    def within_memory(self, work: Callable[[], T]) -> T:
        """Do some work; when memory runs out, halve the budget and do it again.

        Raises:
            ModelError: memory does not suffice for a single row.
        """
        while True:
            try:
                return work()
            except Exception as error:
                if not ran_out(error):
                    raise
                smaller = self.budget.halved()
                if smaller is None:
                    raise ModelError(
                        f"Memory does not suffice for a single request ({error}). "
                        "Use a smaller model or shorter prompts, or free memory."
                    ) from error
            self.budget = smaller
            self.prefixes.clear()
            logger.warning(
                "Memory ran out; going on with %d rows and %d tokens at once.",
                smaller.max_rows,
                smaller.pass_tokens,
            )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let the model use the cascade, and compute no gradients; one thread at a time."""
        config = self.module.config.get_text_config()
        with self._lock:
            if self._linears is None:
                self._linears = PackedLinears(self.module, free_bytes=free_bytes(self.device))
            before = config._attn_implementation
            config._attn_implementation = cascade.NAME
            try:
                with torch.inference_mode(), self._linears.in_use():
                    yield
            finally:
                config._attn_implementation = before

    def plan(self, rows: Sequence[Sequence[int]]) -> BatchPlan:
        """Find what the rows share, and compute what of it is new."""
        arrays = [np.asarray(row, dtype=np.int64) for row in rows]
        root = self.prefixes.longest_match(common_beginning(arrays))
        shared, own = plan_segments(arrays, root.segment if root else None)
        known: dict[Segment, Stored] = {}
        if root is not None:
            self._recall(root, known)
        members = {segment: list(range(len(rows))) for segment in known}
        n_cached = [root.segment.end if root else 0] * len(rows)
        new: list[Segment] = []
        replaced: dict[Segment, Segment] = {}
        for segment in shared:
            segment.parent = replaced.get(segment.parent, segment.parent) if segment.parent else None
            stored = self.prefixes.same(segment)
            if stored is not None:
                replaced[segment] = stored.segment
                known[stored.segment] = stored
            else:
                new.append(segment)
            members[replaced.get(segment, segment)] = segment.rows
            # The first row pays for what is new.
            payer = min(segment.rows) if stored is None else None
            for row in segment.rows:
                n_cached[row] += len(segment) if row != payer else 0
        for segment in own:
            segment.parent = replaced.get(segment.parent, segment.parent) if segment.parent else None
        self._compute(new, known)
        return BatchPlan(own, known, members, n_cached)

    def _recall(self, stored: Stored, known: dict[Segment, Stored]) -> None:
        """Take a stored segment and its parents."""
        for segment in stored.segment.chain():
            parent = self.prefixes.find(segment)
            assert parent is not None
            known[segment] = parent
        known[stored.segment] = stored

    def _compute(self, new: list[Segment], known: dict[Segment, Stored]) -> None:
        """Compute shared segments, those first whose parents are known."""
        while new:
            level = [s for s in new if s.parent is None or s.parent in known]
            new = [s for s in new if s not in level]
            for part in under_budget(level, len, self.budget.pass_tokens):
                kept = [Stored(s) for s in part]
                spans = list(spans_of(part))
                own = Prefill(spans, device=self.device, kept=list(zip(kept, spans, strict=True)))
                self.forward(part, own, known, logits_at=torch.tensor([0], device=self.device))
                for stored in kept:
                    known[stored.segment] = stored
                    self._keep(stored, known)

    def _keep(self, stored: Stored, known: dict[Segment, Stored]) -> None:
        """Store a segment; what it follows may be a part of a stored one, and becomes one of its own."""
        parent = stored.segment.parent
        if parent is not None and self.prefixes.find(parent) is None:
            self.prefixes.put(known[parent])
        self.prefixes.put(stored)

    def forward(
        self,
        segments: Sequence[Segment],
        own: Own,
        known: dict[Segment, Stored],
        *,
        logits_at: torch.Tensor,
    ) -> torch.Tensor:
        """Run whole segments through the model.

        Args:
            logits_at: positions in the pass.

        Returns:
            Logits there, [len(logits_at), V].
        """
        ids = np.concatenate([s.ids for s in segments])
        positions = np.concatenate([np.arange(s.start, s.end) for s in segments])
        return self.run(ids, positions, Layout(own, readers_of(segments, known)), logits_at)

    def run(
        self, ids: np.ndarray, positions: np.ndarray, layout: Layout, logits_at: torch.Tensor | None = None
    ) -> torch.Tensor:
        """One pass over T tokens: logits at the given positions, or at all, [n, V]."""
        out = self.module(
            input_ids=torch.from_numpy(ids)[None].to(self.device),
            position_ids=torch.from_numpy(positions)[None].to(self.device),
            use_cache=False,
            logits_to_keep=0 if logits_at is None else logits_at,
            cascade=layout,
        )
        return torch.as_tensor(out.logits[0])

    def enter(
        self,
        segments: Sequence[Segment],
        known: dict[Segment, Stored],
        slots: Slots,
        at: Sequence[tuple[int, int]],
    ) -> torch.Tensor:
        """Compute rows' own segments into slots.

        Args:
            at: for each row its slot, and how many tokens the slot holds already.

        Returns:
            Logits at each row's last token, [n_rows, V].
        """
        places = np.concatenate(
            [np.arange(len(s)) + slot * slots.capacity + n for s, (slot, n) in zip(segments, at, strict=True)]
        )
        spans = list(spans_of(segments))
        own = Prefill(spans, device=self.device, slots=slots, places=torch.from_numpy(places).to(self.device))
        last = torch.tensor([s.stop - 1 for s in spans], device=self.device)
        return self.forward(segments, own, known, logits_at=last)

    def score_choices(self, rows: Sequence[list[int]], tree: ChoiceTree) -> tuple[torch.Tensor, list[int]]:
        """Log-probability of each choice after each row, end token included: [B, n_choices], float32.

        All choices are computed in one pass: their tokens form a tree, and each node sees the prompt and
        its own ancestors only. Also tells how many tokens of each row were not computed for it.
        """
        with self.running():
            plan = self.plan(rows)
            order = plan.in_order()
            scores: dict[int, torch.Tensor] = {}
            for part in self._choice_parts(order, plan, len(tree.nodes)):
                found = self._score_part([plan.own[i] for i in part], plan.known, tree)
                scores |= dict(zip(part, found, strict=True))
        return torch.stack([scores[i] for i in range(len(rows))]), plan.n_cached

    def _choice_parts(self, order: Sequence[int], plan: BatchPlan, n_nodes: int) -> Iterator[list[int]]:
        """Rows that are scored together, by what their tokens and their nodes' logits take."""
        vocabulary = int(self.module.get_output_embeddings().weight.shape[0])
        most = max(1, LOGITS_BYTES // (4 * vocabulary * max(1, n_nodes)))
        return under_budget(order, lambda i: len(plan.own[i]) + n_nodes, self.budget.pass_tokens, most)

    def _score_part(
        self, segments: Sequence[Segment], known: dict[Segment, Stored], tree: ChoiceTree
    ) -> torch.Tensor:
        n_nodes = len(tree.nodes)
        slots = Slots(len(segments), max(map(len, segments)) + n_nodes)
        first = self.enter(segments, known, slots, [(i, 0) for i in range(len(segments))])
        first = torch.log_softmax(first.float(), -1)  # [B, V]
        if not n_nodes:
            return tree.gather(first, None)
        own = Extension(slots, [len(s) for s in segments], tree.ancestors(self.device), self.module.dtype)
        readers = readers_of(segments, known, n_tokens=n_nodes)
        ids = np.tile(np.asarray(tree.nodes, dtype=np.int64), len(segments))
        depths = np.asarray(tree.depths, dtype=np.int64)
        positions = np.concatenate([s.end + depths for s in segments])
        logits = self.run(ids, positions, Layout(own, readers))
        return tree.gather(first, logits.reshape(len(segments), n_nodes, -1))
