"""A short document as headings, paragraphs, lists and tables, written as Markdown, plain text or HTML.

``**`` around words makes them bold, ``*`` slanted, backquotes a name; plain text goes without, HTML has tags.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adaptkit.core.shown import as_markdown as as_markdown_line
from adaptkit.core.shown import as_markdown_table, visible


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading; the first one of a document is its title."""

    text: str
    level: int = 2


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Bullets:
    """A list, ``numbered`` or not."""

    lines: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table of cells as text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Bullets | TextTable


def as_markdown(blocks: Sequence[Block]) -> str:
    """Write blocks as Markdown.

    Examples:
        >>> print(as_markdown([Heading(text="A", level=1), Bullets(lines=("b",))]), end="")
        # A
        <BLANKLINE>
        - b
    """
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_marked(block.text)}"
    if isinstance(block, Paragraph):
        return _marked(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"{mark} {_marked(line)}" for mark, line in _with_marks(block))
    return as_markdown_table([block.header, ("---",) * len(block.header), *block.rows], links=True)


def _marked(text: str) -> str:
    return as_markdown_line(text, links=True)


def _with_marks(block: Bullets) -> list[tuple[str, str]]:
    return [(f"{i}." if block.numbered else "-", line) for i, line in enumerate(block.lines, 1)]


def as_text(blocks: Sequence[Block], width: int) -> str:
    """Write blocks as plain text, in lines of at most ``width`` characters where words allow it."""
    return "\n\n".join(_text(block, max(40, width)) for block in blocks) + "\n"


def _text(block: Block, width: int) -> str:
    if isinstance(block, Heading):
        text = _plain(block.text)
        return f"{text}\n{('=' if block.level == 1 else '-') * len(text)}"
    if isinstance(block, Paragraph):
        return _filled(block.text, width)
    if isinstance(block, Bullets):
        return "\n".join(_filled(line, width, f"{mark} ") for mark, line in _with_marks(block))
    return _grid(block, width)


def _filled(text: str, width: int, mark: str = "") -> str:
    return textwrap.fill(
        _plain(text),
        width,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    return visible(" ".join(re.sub(r"[*`]", "", text).split()))


def _grid(table: TextTable, width: int) -> str:
    """Align the cells; the last column is wrapped into what is left of the line."""
    rows = [tuple(_plain(cell) for cell in row) for row in (table.header, *table.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header) - 1)]
    indent = sum(w + 2 for w in widths)
    lines = []
    for row in rows:
        start = "".join(cell.ljust(w + 2) for cell, w in zip(row, widths, strict=False))
        wrapped = textwrap.wrap(row[-1], max(30, width - indent), break_long_words=False) or [""]
        lines += [start + wrapped[0], *(" " * indent + line for line in wrapped[1:])]
    return "\n".join(line.rstrip() for line in lines)


def as_html(blocks: Sequence[Block]) -> str:
    """Write blocks as an HTML fragment."""
    return f"<div>{''.join(_html(block) for block in blocks)}</div>"


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        # A notebook has headings of its own: these are kept small.
        return _tag(f"h{block.level + 2}", block.text)
    if isinstance(block, Paragraph):
        return _tag("p", block.text)
    if isinstance(block, Bullets):
        kind = "ol" if block.numbered else "ul"
        return f"<{kind}>{''.join(_tag('li', line) for line in block.lines)}</{kind}>"
    rows = [_row(block.header, "th"), *(_row(row, "td") for row in block.rows)]
    return f"<table>{''.join(rows)}</table>"


def _row(cells: Sequence[str], kind: str) -> str:
    return f"<tr>{''.join(_tag(kind, cell) for cell in cells)}</tr>"


def _tag(name: str, text: str) -> str:
    return f"<{name}>{_emphasised(html.escape(text))}</{name}>"


_EMPHASIS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"\*\*(.+?)\*\*", lambda m: f"<b>{m[1]}</b>"),
    (r"\*(.+?)\*", lambda m: f"<i>{m[1]}</i>"),
    (r"`(.+?)`", lambda m: f"<code>{m[1]}</code>"),
)


def _emphasised(text: str) -> str:
    for pattern, tagged in _EMPHASIS:
        text = re.sub(pattern, tagged, text)
    return text
