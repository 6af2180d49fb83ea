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


def comparison_about(folder: Path | None, tasks: Collection[str]) -> Comparison | None:
    """Load the comparison whose page is to show something; asked for before anything runs.

    Args:
        folder: what was given for --report, None where nothing was.
        tasks: what is measured is about these.

    Raises:
        StoreError: the folder holds no finished comparison.
        ConfigError: that is about other tasks.
    """
    if folder is None:
        return None
    from adaptkit.comparison import load_comparison
    from adaptkit.tasks.cut import whole_name

    found = load_comparison(folder)
    theirs = dict.fromkeys(whole_name(row.task) for row in found.rows)
    if not theirs.keys() & set(tasks):
        raise ConfigError(
            f"--report must name a comparison on {' or '.join(sorted(tasks))}. {folder} is about "
            f"{', '.join(theirs)}: give another folder, or leave --report out."
        )
    return found


def show_beside(found: Saved, comparison: Comparison | None) -> None:
    """Lay what was measured beside the comparison, if there is one, and write its page again."""
    if comparison is not None:
        found.save(comparison.folder)
        comparison.report(comparison.folder / "report.html")
