"""The comparison as LaTeX tables with booktabs' rules."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.results import ComparisonResult, Row
from adaptkit.core.shown import visible
from adaptkit.report.cells import columns
from adaptkit.report.view import TaskView, headline, task_views

PREAMBLE = r"% \usepackage{booktabs}"
# The marks of verdicts and signs that the report writes, in commands that plain LaTeX has.
_COMMANDS = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{MINUS SIGN}": "$-$",
    "Δ": r"$\Delta$",
    "▲": r"$\uparrow$",
    "▼": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "…": r"\ldots{}",
    "±": r"$\pm$",
}  # fmt: skip


def latex_text(result: ComparisonResult) -> str:
    """Return a table environment for each task, to be read in where booktabs is loaded."""
    return f"{PREAMBLE}\n\n" + "\n\n".join(_table(view) for view in task_views(result) if view.ran) + "\n"


def escape(text: str) -> str:
    r"""Write a text so that LaTeX sets it as it is.

    Examples:
        >>> escape("50 % of a_b & {c}")
        '50 \\% of a\\_b \\& \\{c\\}'
    """
    line = visible(" ".join(text.split()))
    return "".join(_COMMANDS.get(character, character) for character in line)


def _table(view: TaskView) -> str:
    shown = columns(view)
    head = [escape(c.title) for c in shown]
    body = [[_bold(escape(c.cell(row)), view.chosen(row)) for c in shown] for row in view.ran]
    # Names to the left, figures to the right.
    spec = "ll" + "r" * (len(shown) - 2)
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{_caption(view)}}}",
            rf"  \label{{tab:{_label(view.task)}}}",
            rf"  \begin{{tabular}}{{@{{}}{spec}@{{}}}}",
            r"    \toprule",
            _line(head),
            r"    \midrule",
            *map(_line, body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    # The end of the line before would take a bracket or a star that begins this one for its own.
    guard = "{}" if cells[0].startswith(("[", "*")) else ""
    return f"    {guard}{' & '.join(cells)} \\\\"


def _bold(text: str, on: bool) -> str:
    return rf"\textbf{{{text}}}" if on and text else text


def _caption(view: TaskView) -> str:
    told = "" if view.recommendation is None else f" {headline(view.recommendation)}."
    return escape(
        f"{view.task}: {view.metric} with its 95 % interval, {_rows(view.ran)} test rows; differences in "
        f"points on the same rows, p adjusted after Holm: ▲ better, ▼ worse, = equivalent, ? undecided.{told}"
    )


def _rows(ran: Sequence[Row]) -> str:
    counts = sorted({row.n for row in ran})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _label(task: str) -> str:
    """Keep of a name what a label may hold."""
    return "".join(c if c.isalnum() and c.isascii() else "-" for c in task)
