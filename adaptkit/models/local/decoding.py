"""Decoding with rows that come and go: a finished row's slot is taken by the next one waiting."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from adaptkit.models.local.cascade import Layout, Reader
from adaptkit.models.local.drafts import MOST, RowAnswerLookup, least_chance
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.plan import BatchPlan, under_budget
from adaptkit.models.local.rows import RowState, likeliest_tokens
from adaptkit.models.local.slots import Extension, Slots
from adaptkit.models.local.tree import Segment

MIN_READERS = 4
"""Rows from which on a shared segment is read apart; for fewer, a copy in each slot costs less."""
REFILL_SHARE = 0.25
"""Part of the slots that has to be free before waiting rows enter: a pass for one row alone is dear."""


@dataclass
class _Active:
    """A row in a slot, its first new token picked.

    Attributes:
        n_prompt: tokens of its prompt that its slot holds.
    """

    row: RowState
    segment: Segment
    n_prompt: int

    @property
    def token(self) -> int:
        """The newest, which is still to be fed."""
        return self.row.generated[-1]

    @property
    def length(self) -> int:
        """Tokens in its slot."""
        return self.n_prompt + len(self.row.generated) - 1

    @property
    def position(self) -> int:
        """Of the newest token in the text."""
        return self.segment.end + len(self.row.generated) - 1


def generate(engine: Engine, rows: Sequence[RowState]) -> None:
    """Decode until every row is finished; results are left in the rows."""
    with engine.running():
        _Decoding(engine, rows).run()


class _Decoding:
    def __init__(self, engine: Engine, rows: Sequence[RowState]) -> None:
        self._started = time.perf_counter()
        self._engine, self._rows = engine, rows
        self._plan: BatchPlan = engine.plan([r.ids for r in rows])
        for row, n in zip(rows, self._plan.n_cached, strict=True):
            row.n_cached = n
        self._apart = {s for s, members in self._plan.members.items() if len(members) >= MIN_READERS}
        self._waiting = deque(self._plan.in_order())
        capacity = max(
            self._n_copied(s) + len(s) + r.max_new_tokens for s, r in zip(self._plan.own, rows, strict=True)
        )
        self._slots = Slots(engine.budget.n_slots(len(rows), capacity), capacity)
        self._active: list[_Active] = []  # the row in slot i is number i
        self._readers: dict[Segment, list[int]] | None = None
        self._answers = RowAnswerLookup()
        self._causal = torch.ones(1 + MOST, 1 + MOST, dtype=torch.bool, device=engine.device).tril()

    def run(self) -> None:
        while self._waiting or self._active:
            n_free = self._slots.n_slots - len(self._active)
            if self._waiting and (n_free >= REFILL_SHARE * self._slots.n_slots or not self._active):
                self._enter(n_free)
            if self._active:
                self._step()

    def _n_copied(self, segment: Segment) -> int:
        return sum(len(s) for s in segment.chain() if s not in self._apart)

    def _enter(self, n_free: int) -> None:
        """Compute waiting rows, as many as have a slot and fit in a pass; each gets its first token."""
        budget = self._engine.budget.pass_tokens
        entering = next(under_budget(self._waiting, lambda i: len(self._plan.own[i]), budget, n_free))
        for _ in entering:
            self._waiting.popleft()
        segments = [self._plan.own[i] for i in entering]
        at = []
        for slot, segment in enumerate(segments, start=len(self._active)):
            at.append((slot, self._copy_parents(segment, slot)))
        logits = self._engine.enter(segments, self._plan.known, self._slots, at)
        for i, (_, n), segment in zip(entering, at, segments, strict=True):
            self._active.append(_Active(self._rows[i], segment, n + len(segment)))
        self._readers = None
        first = len(self._active) - len(entering)
        self._take(logits, [[]] * len(entering), first=first)

    def _copy_parents(self, segment: Segment, slot: int) -> int:
        """Put the segments that few rows share into the row's slot; return how many tokens they are."""
        n = 0
        for parent in segment.chain():
            if parent in self._apart:
                continue
            start = slot * self._slots.capacity + n
            places = torch.arange(start, start + len(parent), device=self._engine.device)
            for layer, (k, v) in enumerate(self._plan.known[parent].layers):
                self._slots.write(layer, places, k.transpose(0, 1), v.transpose(0, 1))
            n += len(parent)
        return n

    def _take(self, logits: torch.Tensor, fed: Sequence[list[int]], *, first: int) -> None:
        """Give each row from slot ``first`` on its next tokens; finished rows leave.

        Args:
            fed: the guesses of each row that were fed.
        """
        likeliest = likeliest_tokens(logits)
        now = time.perf_counter() - self._started
        end = 0
        for a, guess in zip(self._active[first:], fed, strict=True):
            at = slice(end, end := end + 1 + len(guess))
            n_before = len(a.row.generated)
            a.row.take_fed(logits[at], likeliest[at], guess, self._engine.stop_ids, now)
            self._answers.add(a.row.generated, len(a.row.generated) - n_before)
        for slot in range(len(self._active) - 1, first - 1, -1):
            if self._active[slot].row.finish_reason:
                self._leave(slot)

    def _leave(self, slot: int) -> None:
        """Free a slot: the last row moves into it, so that rows stay in the first slots."""
        last = self._active.pop()
        if slot < len(self._active):
            self._slots.move(len(self._active), slot, last.length)
            self._active[slot] = last
        self._readers = None

    def _step(self) -> None:
        """Feed each row its newest token, and guesses at the next ones where they are worth it."""
        active, engine = self._active, self._engine
        least = least_chance(len(active), engine.weight_tokens)
        fed = [a.row.guess(least, self._answers) for a in active]
        counts = np.array([1 + len(guess) for guess in fed])
        n_new = int(counts.max())
        own = Extension(
            self._slots,
            [a.length for a in active],
            self._causal[:n_new, :n_new],
            engine.module.dtype,
            counts.tolist(),
        )
        ids = np.array([token for a, guess in zip(active, fed, strict=True) for token in (a.token, *guess)])
        positions = np.concatenate([a.position + np.arange(n) for a, n in zip(active, counts, strict=True)])
        logits = engine.run(ids, positions, Layout(own, self._find_readers(counts)))
        self._take(logits, fed, first=0)

    def _find_readers(self, counts: np.ndarray) -> list[Reader]:
        """Which tokens of a pass read which shared segment, each row having ``counts`` of them."""
        if self._readers is None:  # rows have come or gone
            self._readers = {}
            for slot, a in enumerate(self._active):
                for parent in a.segment.chain():
                    if parent in self._apart:
                        self._readers.setdefault(parent, []).append(slot)
        ends = counts.cumsum()
        found = []
        for segment, slots in self._readers.items():
            at = None
            if len(slots) < len(self._active):
                tokens = np.concatenate([np.arange(ends[i] - counts[i], ends[i]) for i in slots])
                at = torch.from_numpy(tokens).to(self._engine.device)
            found.append(Reader(self._plan.known[segment], at))
        return found
