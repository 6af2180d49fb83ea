"""``adaptkit advise``: what to try first, by what is known of the situation."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from adaptkit.cli.options import FileOptions, file_options, json_of, load_task_given, task_option
from adaptkit.core.errors import ConfigError

FORMATS = ("text", "markdown", "json")


@click.command("advise")
@task_option(help="Task folder, data file or name: what its data show is not asked.")
@file_options
@click.option(
    "--requirements",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file with a table [requirements]: what stands there is not asked.",
)
@click.option(
    "--parameters", type=float, metavar="N", help="Weights of the model that will serve, e.g. 1.35e8."
)
@click.option("--ask/--no-ask", default=None, help="Ask for the rest; by default in a terminal only.")
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path), help="Write the answers as TOML.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="What is printed.")
def advise(
    task: str | None,
    path: Path | None,
    parameters: float | None,
    ask: bool | None,
    save: Path | None,
    form: str,
    **given: str | None,
) -> int:
    """Say which strategies to try, in which order, and why; nothing is run.

    An empty answer leaves a question open, "done" all that are left.
    """
    from adaptkit import decision
    from adaptkit.core.files import write_text_atomic
    from adaptkit.decision.interview import answers, interview
    from adaptkit.decision.requirements_file import to_toml

    known = decision.load_requirements(path) if path else decision.Requirements()
    reading = FileOptions(**given).parameters()
    if reading and not task:
        raise ConfigError(f"--{next(iter(reading))} says how to read a data file. Name it with --task.")
    loaded = load_task_given(task, reading, quiet=False) if task else None
    if ask if ask is not None else sys.stdin.isatty():
        # Questions go to the other stream, so that what is printed can be sent to a file.
        asking = interview(known, loaded, model_parameters=parameters)
        known = answers(asking, lambda asked: _reply(asked.text))
    if save:
        write_text_atomic(save, to_toml(known))
    advice = decision.advise(known, loaded, model_parameters=parameters)
    if form == "json":
        click.echo(json_of(advice))
    else:
        click.echo(advice.to_text() if form == "text" else advice.to_markdown(), nl=False)
    return 0


def _reply(text: str) -> str:
    """One line typed; the end of the input ends the questions."""
    from adaptkit.decision.interview import DONE

    click.echo(f"{text} ", nl=False, err=True)
    line = sys.stdin.readline()
    return line.strip() if line else DONE
