"""``adaptkit diff DIR1 DIR2``: what changed from one comparison to another, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.options import PATH, format_option, json_of
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from adaptkit.studies.diff import Diff


@click.command("diff")
@click.argument("first", metavar="DIR1", type=PATH)
@click.argument("second", metavar="DIR2", type=PATH)
@click.option("--metric", metavar="NAME", help="What rows are judged by; else each task's first metric.")
@click.option("--margin", type=click.FloatRange(0, 1, min_open=True, max_open=True), metavar="M",
              help="Largest difference that does not matter; by default DIR1's.")  # fmt: skip
@click.option("--rows", default=3, type=click.IntRange(min=0), show_default=True, metavar="N",
              help="Gained and lost rows shown of each strategy.")  # fmt: skip
@click.option("--fail-if-worse", is_flag=True, help="Exit 1 where a strategy is shown to be worse in DIR2.")
@format_option("table", "json", "csv", "markdown")
def diff(first: Path, second: Path, rows: int, fail_if_worse: bool, form: str, **judged_by: Any) -> int:
    """Compare each strategy in DIR2 with itself in DIR1, on the rows that both answered.

    Nothing is run. Differences are DIR2 minus DIR1. Exit codes: 0 done, 1 --fail-if-worse held, 2 the two
    cannot be compared, or a folder cannot be read.
    """
    from adaptkit.studies.diff import diff as compare_folders

    found = compare_folders(first, second, **judged_by)
    click.echo(_text(found, form, rows).rstrip("\n"))
    if fail_if_worse and found.worse:
        click.echo(f"Worse: {', '.join(found.worse)}.", err=True)
        return EXIT_FAILED
    return EXIT_DONE


def _text(found: Diff, form: str, rows: int) -> str:
    if form == "json":
        return json_of(found)
    if form == "csv":
        return found.to_csv()
    return found.to_markdown(rows=rows) if form == "markdown" else found.to_text(rows=rows)
