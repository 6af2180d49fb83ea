"""The comparison in a terminal, and as CSV and JSON text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adaptkit.core.result_io import comparison_csv, comparison_json
from adaptkit.core.results import ComparisonResult
from adaptkit.core.shown import text_console, visible
from adaptkit.report.cells import Column, columns
from adaptkit.report.lines import width_of
from adaptkit.report.view import TaskView, general_notes, headline, task_views, warning_at_top

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

# Spaces that rich puts between two columns (one of them also after the last), and the mark in the first.
_GAP, _MARK = 2, 2


class ConsoleReport:
    """A comparison that rich can print; it drops columns that the terminal has no room for."""

    def __init__(self, result: ComparisonResult) -> None:
        self._result = result

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        if warning := warning_at_top(self._result):
            yield Text(visible(warning), style="bold red")
            yield Text()
        for view in task_views(self._result):
            yield Text(visible(view.task), style="bold")
            yield from _task_lines(view, options.max_width)
        for note in general_notes(self._result):
            yield Text(visible(note), style="dim")


def console_table(result: ComparisonResult) -> ConsoleReport:
    """Return what ``rich.console.Console.print`` shows as tables with footnotes and recommendations."""
    return ConsoleReport(result)


def console_text(result: ComparisonResult, *, width: int = 100) -> str:
    """Return the terminal's tables as plain text of so many columns."""
    import io

    buffer = io.StringIO()
    text_console(file=buffer, width=width, color_system=None, highlight=False).print(console_table(result))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def csv_text(result: ComparisonResult) -> str:
    """Return the content of comparison.csv."""
    return comparison_csv(result)


def json_text(result: ComparisonResult) -> str:
    """Return the content of comparison.json."""
    return json.dumps(comparison_json(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _task_lines(view: TaskView, width: int) -> Iterator[RenderableType]:
    """Yield the table of a task, what did not run, the recommendation, and the footnotes."""
    from rich.text import Text

    every = columns(view, wide=False)
    shown = fitting(view, every, width)
    if view.ran:
        yield _table(view, shown)
    for row in view.absent:
        reason = visible(f"{view.label(row)} {row.status}: {row.reason or 'no reason given'}")
        yield Text(reason, style="red")
    if view.recommendation is not None:
        told = (visible(headline(view.recommendation)), "bold green")
        yield Text.assemble(told, visible(f": {view.recommendation.reason}"))
    for note in view.notes:
        yield Text(visible(note), style="dim")
    if hidden := [c.title for c in every if c not in shown]:
        names = visible(", ".join(hidden))
        yield Text(f"No room here for: {names}. They are in comparison.csv.", style="dim")
    yield Text()


def fitting(view: TaskView, every: list[Column], width: int) -> list[Column]:
    """Return the columns that fit into ``width`` characters, dropping the least important first."""
    widths = {c.title: max(width_of(visible(t)) for t in (c.title, *map(c.cell, view.ran))) for c in every}
    shown = list(every)
    while len(shown) > 2 and _MARK + sum(widths[c.title] + _GAP for c in shown) - 1 > width:
        shown.remove(min(shown, key=lambda c: c.keep))
    return shown


def _table(view: TaskView, shown: list[Column]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold", show_edge=False)
    for number, column in enumerate(shown):
        table.add_column(
            Text(("  " if number == 0 else "") + visible(column.title)),
            justify="left" if number < 3 else "right",
            no_wrap=True,
        )
    for row in view.ran:
        mark = "▸ " if view.chosen(row) else "  "
        texts = [visible(column.cell(row)) for column in shown]
        style = "bold" if view.chosen(row) else ""
        # Text, not markup: a name in square brackets is a name.
        table.add_row(*(Text(mark * (i == 0) + text) for i, text in enumerate(texts)), style=style)
    return table
