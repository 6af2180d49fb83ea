"""Rows gained and lost as a short document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adaptkit.decision.blocks import Block, Heading, Paragraph, TextTable
from adaptkit.decision.causes_text import one_line

if TYPE_CHECKING:
    from adaptkit.decision.flips import Flip, Flips

MOST_ROWS = 5


def blocks(found: Flips) -> list[Block]:
    """How many rows each side has better, and the widest gaps of both."""
    return [
        Heading(text=f"{found.strategy} beside {found.baseline} on {found.task}", level=1),
        Paragraph(text=_counts(found)),
        *_side(f"Gained by {found.strategy}", found.gained, found),
        *_side(f"Lost by {found.strategy}", found.lost, found),
    ]


def _counts(found: Flips) -> str:
    alone = f", and {len(found.unpaired)} that only one of them answered" if found.unpaired else ""
    return (
        f"{len(found.gained)} rows gained, {len(found.lost)} lost, {found.n_same} with the same score{alone}."
    )


def _side(title: str, some: Sequence[Flip], found: Flips) -> list[Block]:
    if not some:
        return []
    shown = some[:MOST_ROWS]
    rows = tuple(
        (f.example_id, *map(one_line, (f.target, f.strategy_output, f.baseline_output))) for f in shown
    )
    rest = f" (the first {MOST_ROWS} of {len(some)})" if len(some) > MOST_ROWS else ""
    header = ("row", "target", found.strategy, found.baseline)
    return [Heading(text=f"{title}{rest}"), TextTable(header=header, rows=rows)]
