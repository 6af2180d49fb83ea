"""Why a strategy is wrong where it is wrong, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from adaptkit.decision import Causes
from adaptkit.decision.blocks import Bullets, Paragraph, TextTable
from adaptkit.decision.causes import blocks
from adaptkit.report.tables import Grid


@dataclass(frozen=True, kw_only=True)
class Why:
    """The document of the causes in parts; ``table`` and ``examples`` are empty where nothing is wrong."""

    title: str
    headline: str
    next_lever: str
    table: Grid
    examples: tuple[str, ...]


def why_of(found: Causes) -> Why:
    """Return the causes of a task, counted, with examples."""
    made = blocks(found)
    table = next((b for b in made if isinstance(b, TextTable)), TextTable(header=(), rows=()))
    return Why(
        title=f"Why {found.strategy} is not right on {found.task}",
        headline=next(b.text for b in made if isinstance(b, Paragraph)),
        next_lever=found.next_lever,
        table=Grid(title="Causes of wrong answers", header=table.header, rows=table.rows),
        examples=next((b.lines for b in made if isinstance(b, Bullets)), ()),
    )
