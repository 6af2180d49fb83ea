"""The ``adaptkit`` command: a name for each thing to do, loaded when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from adaptkit.cli.process import EXIT_INTERRUPTED, EXIT_USAGE
from adaptkit.core.errors import AdaptKitError, UnknownNameError
from adaptkit.core.version import __version__

# What each command is for, and where it stands; the list is shown without loading any of them.
COMMANDS = {
    "advise": ("adaptkit.cli.advise:advise", "What to try first, and why, before anything is run."),
    "compare": ("adaptkit.cli.main:compare", "Run strategies on the same rows with the same model."),
    "curve": ("adaptkit.cli.curve:curve", "Measure quality against the number of labels."),
    "recommend": ("adaptkit.cli.recommend:recommend", "What to take by a finished comparison."),
    "robustness": (
        "adaptkit.cli.robustness:robustness",
        "Whether the choice stands when inputs are otherwise.",
    ),
    "verify": ("adaptkit.cli.verify:verify", "Compute a comparison's numbers again from its records."),
}


class Commands(click.Group):
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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the closest."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            raise click.UsageError(str(UnknownNameError.for_name("command", args[0], COMMANDS)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="adaptkit")
def cli() -> None:
    """Prompt, few-shot, retrieval or fine-tuning? Compare them on your task and your model."""


class HandedOn(click.Command):
    """A command with a parser of its own: everything after its name is handed on, --help too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments as they are."""
        ctx.params["arguments"] = tuple(args)
        return []


@click.command("compare", cls=HandedOn)
def compare(arguments: tuple[str, ...]) -> int:
    """Run strategies on the same rows with the same model; options as of ``python -m benchmarks.run``."""
    from adaptkit.cli.run import main as run

    return run(list(arguments))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: the command's own, 2 for arguments or files that cannot be used (one sentence, no
        traceback), 130 when interrupted.
    """
    try:
        code = cli.main(
            args=None if argv is None else list(argv), prog_name="adaptkit", standalone_mode=False
        )
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except AdaptKitError as error:
        click.echo(f"Error: {' '.join(str(error).split())}", err=True)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
