"""``adaptkit report DIR``: the report of a finished comparison, written again."""

from __future__ import annotations

from pathlib import Path

import click

from adaptkit.cli.options import PATH
from adaptkit.cli.process import EXIT_DONE
from adaptkit.cli.talk import talk_options


@click.command("report")
@click.argument("folder", metavar="DIR", type=PATH)
@click.option("--out", metavar="FILE", type=PATH, help="Only this file, .html or .md; else both, into DIR.")
@talk_options
def report(folder: Path, out: Path | None, quiet: bool) -> int:
    """Write the report of the comparison in DIR again, from its files alone; nothing is run.

    Exit codes: 0 written, 2 the folder cannot be read or the file not be written.
    """
    from adaptkit.comparison import load_comparison
    from adaptkit.comparison.store import REPORTS

    comparison = load_comparison(folder)
    written = [comparison.report(path) for path in ([out] if out else [folder / name for name in REPORTS])]
    if not quiet:
        click.echo("\n".join(map(str, written)))
    return EXIT_DONE
