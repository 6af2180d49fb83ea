"""What ``adaptkit curve`` and ``robustness`` leave beside a finished comparison, for its page to show."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from adaptkit.cli.options import PATH, Command
from adaptkit.core.errors import ConfigError

if TYPE_CHECKING:
    from adaptkit.comparison import Comparison

REPORTS = ("report.html", "report.md")


class Saved(Protocol):
    """Curves, or the robustness of a choice."""

    def save(self, folder: Path) -> Path:
        """Write it into a folder."""


def report_option(command: Command) -> Command:
    """Whose page is to show what was measured."""
    option: Callable[[Command], Command] = click.option(
        "--report",
        "report_of",
        metavar="DIR",
        type=PATH,
        help="Finished comparison whose page is to show it, too.",
    )
    return option(command)


def comparison_about(folder: Path, tasks: Collection[str]) -> Comparison:
    """Load the comparison whose page is to show something; asked for before anything runs.

    Raises:
        StoreError: the folder holds no finished comparison.
        ConfigError: that is about other tasks.
    """
    from adaptkit.comparison import load_comparison
    from adaptkit.tasks.cut import read_cut

    found = load_comparison(folder)
    cuts = {row.task: read_cut(row.task) for row in found.rows}
    theirs = dict.fromkeys(name if cut is None else cut.task for name, cut in cuts.items())
    if not theirs.keys() & set(tasks):
        raise ConfigError(
            f"--report must name a comparison on {' or '.join(sorted(tasks))}. {folder} is about "
            f"{', '.join(theirs)}: give another folder, or leave --report out."
        )
    return found


def show_beside(found: Saved, comparison: Comparison, folder: Path) -> None:
    """Lay what was measured beside a comparison, and write its page again."""
    found.save(folder)
    comparison.report(folder / REPORTS[0])


def write_reports(comparison: Comparison, folder: Path) -> list[Path]:
    """Write both forms of the report into a folder; return their paths."""
    return [comparison.report(folder / name) for name in REPORTS]
