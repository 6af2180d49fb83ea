"""Which beginnings of which rows are computed once: a prefix tree over token ids.

Rows of a strategy share the instruction; rows of one label or document may share more. A beginning
becomes a segment of its own only where that saves work; what is left of each row is its own segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

MIN_SAVED_TOKENS = 16
"""Tokens that sharing the first level has to save; below this it costs more than it saves."""
MIN_SAVED_DEEPER = 64
"""The same for levels below the first: each one more costs a kernel a layer and step."""

Ids = npt.NDArray[np.int64]


@dataclass(eq=False)
class Segment:
    """Tokens that follow one another, behind those of its parents.

    Attributes:
        ids: its own tokens.
        parent: what comes before, None at the start of the text.
        start: position of its first token in the text.
        rows: indexes of the rows that begin with it, for a shared segment; of the one row, for a row's own.
    """

    ids: Ids
    parent: Segment | None
    start: int
    rows: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def end(self) -> int:
        """Position after its last token."""
        return self.start + len(self.ids)

    def chain(self) -> list[Segment]:
        """Its parents, the first of the text first."""
        found: list[Segment] = []
        at = self.parent
        while at is not None:
            found.append(at)
            at = at.parent
        return found[::-1]


def shared_length(a: Ids, b: Ids) -> int:
    """Number of equal tokens at the start of both."""
    n = min(len(a), len(b))
    differ = a[:n] != b[:n]
    return int(differ.argmax()) if differ.any() else n


def common_beginning(rows: Sequence[Ids]) -> Ids:
    """The tokens that all rows begin with, at least one left to each."""
    if not rows:
        return np.zeros(0, dtype=np.int64)
    # What all share is what the two extremes in sorted order share.
    lowest, highest = min(rows, key=lambda r: r.tolist()), max(rows, key=lambda r: r.tolist())
    n = min(shared_length(lowest, highest), min(map(len, rows)) - 1)
    return lowest[:n]


def plan_segments(rows: Sequence[Ids], root: Segment | None = None) -> tuple[list[Segment], list[Segment]]:
    """Find the beginnings worth computing once.

    Args:
        rows: token ids of each row.
        root: a segment computed by an earlier call with which all rows begin.

    Returns:
        The shared segments, parents before children, and each row's own segment, in the order of the rows.
        A row keeps at least its last token to itself: that one predicts the first new token.
    """
    order = sorted(range(len(rows)), key=lambda i: rows[i].tolist())
    # With the neighbour in sorted order, a row shares the most.
    common = [
        min(shared_length(rows[a], rows[b]), len(rows[a]) - 1, len(rows[b]) - 1)
        for a, b in itertools.pairwise(order)
    ]
    shared: list[Segment] = []
    own: list[Segment | None] = [None] * len(rows)
    # Ranges of `order` still to be looked at, with the segment that all of the range begin with.
    waiting = [(0, len(order), root)] if rows else []
    while waiting:
        low, high, parent = waiting.pop()
        depth = parent.end if parent else 0
        if high - low == 1:
            row = order[low]
            own[row] = Segment(rows[row][depth:], parent, depth, [row])
            continue
        length = max(min(common[low : high - 1]), depth)
        saved = (length - depth) * (high - low - 1)
        if saved >= (MIN_SAVED_DEEPER if parent else MIN_SAVED_TOKENS):
            parent = Segment(rows[order[low]][depth:length], parent, depth, order[low:high])
            shared.append(parent)
        cuts = [at + 1 for at in range(low, high - 1) if common[at] <= length]
        for a, b in zip([low, *cuts], [*cuts, high], strict=True):
            waiting.append((a, b, parent))
    return shared, [s for s in own if s is not None]
