"""The ``adaptkit`` command: a name for each thing to do, loaded when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import click

from adaptkit.cli.output import printed
from adaptkit.cli.process import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, Listing, sentence, with_help
from adaptkit.core.errors import AdaptKitError
from adaptkit.core.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "adaptkit"
# What each command is for, and where it stands; the list is shown without loading any of them.
COMMANDS = {
    "advise": ("adaptkit.cli.advise:advise", "What to try first, and why, before anything is run."),
    "compare": ("adaptkit.cli.main:compare", "Run strategies on the same rows with the same model."),
    "curve": ("adaptkit.cli.curve:curve", "Measure quality against the number of labels."),
    "diff": ("adaptkit.cli.diff:diff", "What changed from one comparison to another, row by row."),
    "doctor": ("adaptkit.cli.doctor:doctor", "Whether this machine has what a comparison needs."),
    "export": ("adaptkit.cli.export:export", "Tables, records, prompts and weights for other programs."),
    "models": ("adaptkit.cli.models:models", "Which models are on this machine; fetch or remove them."),
    "recommend": ("adaptkit.cli.recommend:recommend", "What to take by a finished comparison."),
    "report": ("adaptkit.cli.report:report", "Write a finished comparison's report again."),
    "robustness": (
        "adaptkit.cli.robustness:robustness",
        "Whether the choice stands when inputs are otherwise.",
    ),
    "serve": ("adaptkit.cli.serve:serve", "Serve a saved strategy to any client of the OpenAI API."),
    "tasks": ("adaptkit.cli.tasks:tasks", "Which tasks are known; check your own before a run."),
    "verify": ("adaptkit.cli.verify:verify", "Compute a comparison's numbers again from its records."),
}


# What is printed has no colours but rich's: click need not look for any, and take out what only looks so.
SETTINGS = {"help_option_names": ["-h", "--help"], "color": True}


class Commands(Listing):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings=SETTINGS,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.version_option(__version__, prog_name=PROGRAM)
@click.pass_context
def cli(ctx: click.Context) -> int:
    """Prompt, few-shot, retrieval or fine-tuning? Compare them on your task and your model.

    Exit codes: 0 done, 1 a trial failed or what was asked does not hold, 2 bad arguments or data, 130
    interrupted, 141 the output was closed before its end.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        return EXIT_USAGE
    return EXIT_DONE


class HandedOn(click.Command):
    """A command with a parser of its own: everything after its name is handed on, --help too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments as they are."""
        ctx.params["arguments"] = tuple(args)
        return []

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the parser's options, and paths."""
        from click.shell_completion import CompletionItem

        from adaptkit.cli.arguments import parser

        if not incomplete.startswith("-"):
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(name) for name in parser().options() if name.startswith(incomplete)]


@click.command("compare", cls=HandedOn)
def compare(arguments: tuple[str, ...]) -> int:
    """Run strategies on the same rows with the same model; options as of ``python -m benchmarks.run``."""
    from adaptkit.cli.run import main as run

    try:
        return run(list(arguments), prog=f"{PROGRAM} compare")
    except SystemExit as end:  # of its parser: help was shown, or an argument is wrong
        return end.code if isinstance(end.code, int) else EXIT_DONE


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: the command's own, 2 for arguments or files that cannot be used (one sentence, no
        traceback), 130 when interrupted, 141 when nobody reads the output to its end.
    """
    return printed(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    try:
        code = cli.main(args=None if argv is None else list(argv), prog_name=PROGRAM, standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"Error: {_sentence(error)}", err=True)
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except (AdaptKitError, OSError) as error:
        click.echo(f"Error: {sentence(error)}", err=True)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _sentence(error: click.ClickException) -> str:
    """What is wrong with the arguments."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return with_help(error.format_message(), error.ctx.command_path)
    return " ".join(error.format_message().split())


if __name__ == "__main__":
    sys.exit(main())
