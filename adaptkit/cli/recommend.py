"""``adaptkit recommend DIR``: what to take by a finished comparison, under requirements."""

from __future__ import annotations

from pathlib import Path

import click

from adaptkit.cli.options import json_of

FORMATS = ("text", "markdown", "json")
EXIT_DECIDED, EXIT_OPEN = 0, 1


@click.command("recommend")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--requirements",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file with a table [requirements].",
)
@click.option(
    "--costs",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file of cost assumptions; by default those of the run.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="What is printed.")
def recommend(folder: Path, path: Path | None, costs: Path | None, form: str) -> int:
    """Say what to take by the comparison in DIR, how sure that is, and what would change it.

    Nothing is run again. Exit codes: 0 every task has an answer, 1 one is undecided or meets no requirement,
    2 the files cannot be read.
    """
    from adaptkit.comparison import load_comparison
    from adaptkit.costs import load_assumptions
    from adaptkit.decision import Requirements, load_requirements

    required = load_requirements(path) if path else Requirements()
    assumptions = load_assumptions(costs) if costs else None
    found = load_comparison(folder).recommend(required, assumptions=assumptions)
    if form == "json":
        click.echo(json_of(found))
    else:
        texts = [r.to_text() if form == "text" else r.to_markdown() for r in found]
        click.echo("\n".join(texts), nl=False)
    return EXIT_DECIDED if all(r.strategy is not None for r in found) else EXIT_OPEN
