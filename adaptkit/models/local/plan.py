"""What the rows of a call share, in terms of segments, and which tokens of a pass read which of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adaptkit.models.local.cascade import Reader
from adaptkit.models.local.slots import Stored
from adaptkit.models.local.tree import Segment

Item = TypeVar("Item")


@dataclass(frozen=True)
class BatchPlan:
    """Rows as segments.

    Attributes:
        own: each row's own segment, in the order of the rows.
        known: keys and values of the shared segments.
        members: rows of each shared segment.
        n_cached: prompt tokens of each row that are not computed for it.
    """

    own: list[Segment]
    known: dict[Segment, Stored]
    members: dict[Segment, list[int]]
    n_cached: list[int]

    def in_order(self) -> list[int]:
        """Rows of the same beginning one after the other, the longest of each first."""
        rank: dict[Segment, int] = {s: i for i, s in enumerate(self.members)}

        def key(row: int) -> tuple[list[int], int]:
            segment = self.own[row]
            return [rank.get(s, -1) for s in segment.chain()], -len(segment)

        return sorted(range(len(self.own)), key=key)


def under_budget(
    items: Sequence[Item], n_tokens: Callable[[Item], int], budget: int, most: int | None = None
) -> Iterator[list[Item]]:
    """Cut items, in their order, into parts that run in one pass, each of one item at least.

    Args:
        n_tokens: tokens of an item.
        budget: tokens of a part.
        most: items of a part; None for any number.
    """
    part: list[Item] = []
    total = 0
    for item in items:
        n = n_tokens(item)
        if part and (total + n > budget or len(part) == most):
            yield part
            part, total = [], 0
        part.append(item)
        total += n
    if part:
        yield part


def spans_of(segments: Sequence[Segment]) -> Iterator[slice]:
    """Each segment's slice of a pass over them."""
    at = 0
    for segment in segments:
        yield slice(at, at + len(segment))
        at += len(segment)


def readers_of(
    segments: Sequence[Segment], known: dict[Segment, Stored], *, n_tokens: int | None = None
) -> list[Reader]:
    """Which tokens of a pass read which shared segment.

    Args:
        segments: of the pass, those with the same parents next to each other.
        n_tokens: tokens of each in the pass, where it is not the segment itself that is run.
    """
    spans: dict[Segment, tuple[int, int]] = {}
    at = 0
    for segment in segments:
        end = at + (len(segment) if n_tokens is None else n_tokens)
        for parent in segment.chain():
            spans[parent] = (spans.get(parent, (at, 0))[0], end)
        at = end
    return [
        Reader(known[parent], None if (a, b) == (0, at) else slice(a, b)) for parent, (a, b) in spans.items()
    ]
