"""What every command agrees on: its exit codes, and what it may use."""

from __future__ import annotations

import os

import click

from adaptkit.core.errors import UnknownNameError

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def listed(text: str) -> list[str]:
    """Names with commas between them.

    Examples:
        >>> listed("prompt, rag:k=5,")
        ['prompt', 'rag:k=5']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def sentence(error: Exception) -> str:
    """An error as one line; of a file that cannot be used, which one.

    Examples:
        >>> sentence(PermissionError(13, "Permission denied", "/x/report.html"))
        '/x/report.html: Permission denied.'
    """
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return " ".join(str(error).split())


def with_help(message: str, program: str) -> str:
    """What is wrong with the arguments, and where they are described, as one line.

    Examples:
        >>> with_help("Missing argument 'DIR'", "adaptkit verify")
        "Missing argument 'DIR'. See 'adaptkit verify --help'."
    """
    line = " ".join(message.split())
    stop = "" if line.endswith((".", "?", "?)")) else "."
    return f"{line}{stop} See '{program} --help'."


def go_offline() -> None:
    """Use nothing that is not on this machine: read by the Hub client when it is imported, and by fetches."""
    os.environ["HF_HUB_OFFLINE"] = os.environ["ADAPTKIT_OFFLINE"] = "1"


class Listing(click.Group):
    """Commands below a command; an unknown one is refused with the closest."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest one."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            raise click.UsageError(str(UnknownNameError.for_name("command", args[0], known)), ctx)
        return super().resolve_command(ctx, args)
