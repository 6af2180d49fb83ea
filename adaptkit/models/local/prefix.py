"""Shared segments kept between calls, so that a later call starts from them.

Rows of one strategy share a long beginning (instruction, fixed demonstrations). The store keeps the
segments that were used last, under a limit of memory; a segment goes before the one that it follows.
"""

from __future__ import annotations

import numpy as np

from adaptkit.models.local.slots import Stored
from adaptkit.models.local.tree import MIN_SAVED_TOKENS, Ids, Segment, shared_length


class PrefixStore:
    """The shared segments of one model.

    Args:
        max_bytes: keys and values kept in all.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._stored: dict[Segment, Stored] = {}  # least recently used first

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def n_bytes(self) -> int:
        """Memory that the segments hold."""
        return sum(s.n_bytes for s in self._stored.values())

    def longest_match(self, ids: Ids) -> Stored | None:
        """The segment that ends the longest known beginning of ``ids``, cut to what is shared."""
        found: Stored | None = None
        while (deeper := self._child(found, ids)) is not None:
            stored, n = deeper
            self._touch(stored)
            if n < len(stored.segment):
                return stored.cropped(n)
            found = stored
        return found

    def _child(self, parent: Stored | None, ids: Ids) -> tuple[Stored, int] | None:
        above = parent.segment if parent else None
        rest = ids[above.end if above else 0 :]
        best: tuple[Stored, int] | None = None
        for segment, stored in self._stored.items():
            if segment.parent is above:
                n = shared_length(segment.ids, rest)
                whole = n == len(segment)
                if (whole or n >= MIN_SAVED_TOKENS) and (best is None or n > best[1]):
                    best = stored, n
        return best

    def find(self, segment: Segment) -> Stored | None:
        """The keys and values of a segment of the store."""
        return self._stored.get(segment)

    def same(self, segment: Segment) -> Stored | None:
        """A stored segment with the same parent and the same tokens."""
        for other, stored in self._stored.items():
            if other.parent is segment.parent and np.array_equal(other.ids, segment.ids):
                self._touch(stored)
                return stored
        return None

    def put(self, stored: Stored) -> None:
        """Keep a segment; the oldest ones past the limit go."""
        self._touch(stored)
        while self.n_bytes > self._max_bytes and len(self._stored) > 1:
            followed = {s.parent for s in self._stored}
            oldest = next((s for s in self._stored if s not in followed and s is not stored.segment), None)
            if oldest is None:
                return
            del self._stored[oldest]

    def _touch(self, stored: Stored) -> None:
        self._stored.pop(stored.segment, None)
        self._stored[stored.segment] = stored

    def clear(self) -> None:
        """Forget all segments and free their memory."""
        self._stored.clear()
