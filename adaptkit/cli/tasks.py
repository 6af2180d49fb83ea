"""``adaptkit tasks``: which tasks are known by name; check one of your own before a run."""

from __future__ import annotations

import click

from adaptkit.cli.options import FileOptions, file_options, format_option, json_of
from adaptkit.cli.process import EXIT_DONE, EXIT_USAGE, Listing
from adaptkit.core.shorten import shorten

SHORT = 70


@click.group("tasks", cls=Listing, invoke_without_command=True)
@format_option("text", "json")
@click.pass_context
def tasks(ctx: click.Context, form: str) -> int:
    """List the tasks that commands know by name; ``check`` looks one over, of your own too."""
    if ctx.invoked_subcommand is not None:
        return EXIT_DONE
    from adaptkit.report.lines import aligned
    from adaptkit.tasks.catalogue import find_task, known_tasks

    found = [
        {"name": name, "description": text, "folder": find_task(name)} for name, text in known_tasks().items()
    ]
    if form == "json":
        click.echo(json_of(found))
        return EXIT_DONE
    lines = [["name", "what it is", "folder"]]
    lines += [[str(f["name"]), _short(str(f["description"])), str(f["folder"] or "not found")] for f in found]
    click.echo(aligned(lines))
    return EXIT_DONE


def _short(text: str) -> str:
    return shorten(text, SHORT)


@tasks.command("check")
@click.argument("source", metavar="FOLDER|FILE")
@file_options
@click.option("--paraphrases", is_flag=True, help="Look for reworded test rows too; takes the embedder.")
@format_option("text", "json")
def check(source: str, paraphrases: bool, form: str, **given: str | None) -> int:
    """Load a task as ``compare`` would, and say what was read and what is doubtful.

    Exit codes: 0 a comparison would run, 2 it would refuse: bad data (with path and line), or test rows that
    stand in train.
    """
    from adaptkit.cli.readiness import check_source

    found = check_source(source, paraphrases=paraphrases, **FileOptions(**given).parameters())
    click.echo(json_of(found) if form == "json" else found.to_text().rstrip("\n"))
    if found.runs:
        return EXIT_DONE
    click.echo(f"Error: {found.leakage.reason}", err=True)
    return EXIT_USAGE
