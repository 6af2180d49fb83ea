"""A document of blocks for a terminal with colours. Texts are texts: square brackets in them mean nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from adaptkit.core.shown import visible
from adaptkit.decision.blocks import Block, Bullets, Heading, Paragraph, TextTable

_MARKED = re.compile(r"\*\*(?P<bold>.+?)\*\*|\*(?P<italic>.+?)\*|`(?P<cyan>.+?)`")


def as_rich(blocks: Sequence[Block]) -> Group:
    """Return what ``rich.print`` shows, in as many columns as the terminal has."""
    spaced: list[RenderableType] = []
    for number, block in enumerate(blocks):
        spaced.append(Padding(_shown(block), (1 if number else 0, 0, 0, 0)))
    return Group(*spaced)


def _shown(block: Block) -> RenderableType:
    if isinstance(block, Heading):
        return Text(_plain(block.text), style="bold green" if block.level == 1 else "bold")
    if isinstance(block, Paragraph):
        return styled(block.text)
    if isinstance(block, Bullets):
        return _bullets(block)
    return _table(block)


def _bullets(block: Bullets) -> RichTable:
    """A grid, so that further lines of one stand under its first."""
    grid = RichTable.grid(padding=(0, 1, 0, 0))
    for number, line in enumerate(block.lines, 1):
        grid.add_row(Text(f"{number}." if block.numbered else "-"), styled(line))
    return grid


def _table(block: TextTable) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for cell in block.header:
        table.add_column(Text(_plain(cell)), overflow="fold")
    for row in block.rows:
        table.add_row(*(styled(cell) for cell in row))
    return table


def styled(text: str) -> Text:
    """The words with their marks turned into styles.

    Examples:
        >>> found = styled("**a** [bold]b[/bold] `c`")
        >>> found.plain, [span.style for span in found.spans]
        ('a [bold]b[/bold] c', ['bold', 'cyan'])
    """
    found, at = Text(), 0
    line = visible(" ".join(text.split()))
    for match in _MARKED.finditer(line):
        found.append(line[at : match.start()])
        found.append(match[match.lastgroup or 0], style=match.lastgroup)
        at = match.end()
    found.append(line[at:])
    return found


def _plain(text: str) -> str:
    return styled(text).plain
