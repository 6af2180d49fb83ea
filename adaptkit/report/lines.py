"""Rows of texts as an aligned table, and sentences as a list: plain for a terminal, HTML for a notebook."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells with columns as wide as their widest cell; the first line is the header.

    Examples:
        >>> print(aligned([["strategy", "n"], ["rag", "60"]]))
        strategy  n
        rag       60
    """
    widths = [max(width_of(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def width_of(text: str) -> int:
    """Columns that a text takes in a terminal: two for a Chinese character, none for a vowel sign.

    Examples:
        >>> width_of("abc"), width_of("東京"), width_of("की")
        (3, 4, 1)
    """
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def padded(text: str, width: int) -> str:
    """The text with spaces behind it up to a width."""
    return text + " " * (width - width_of(text))


def section(title: str, sentences: Sequence[str]) -> str:
    """Return a title and, below it, a line a sentence."""
    return f"{title}\n" + "".join(f"- {sentence}\n" for sentence in sentences)


def html_table(lines: Sequence[Sequence[str]]) -> str:
    """Return the same lines as a table for a notebook."""
    head, *body = lines
    rows = [_html_row(head, "th"), *(_html_row(line, "td") for line in body)]
    return f"<table>{''.join(rows)}</table>"


def _html_row(cells: Sequence[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{markup.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def html_list(sentences: Sequence[str]) -> str:
    """Return sentences as a list for a notebook."""
    return f"<ul>{''.join(f'<li>{markup.escape(s)}</li>' for s in sentences)}</ul>"


def html_title(text: str) -> str:
    """Return a line in bold."""
    return f"<p><b>{markup.escape(text)}</b></p>"
