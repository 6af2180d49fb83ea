"""What a command says beside its result, on stderr: nothing with ``--quiet``, steps with ``--verbose``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import click

from adaptkit.core.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., Any])
LIBRARY = "adaptkit"
BOTH = "--quiet and --verbose contradict each other: give one of the two."


class Telling(logging.Handler):
    """Writes what the library logs to stderr, a line each, as it is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message; with its traceback where it has one."""
        click.echo(self.format(record), err=True)


def talk(*, quiet: bool, verbose: bool) -> None:
    """Show warnings of the library; only errors when quiet, every step when verbose.

    Raises:
        ConfigError: both are asked for.
    """
    if quiet and verbose:
        raise ConfigError(BOTH)
    logger = logging.getLogger(LIBRARY)
    logger.handlers = [h for h in logger.handlers if not isinstance(h, Telling)]
    logger.addHandler(Telling())
    logger.propagate = False
    logger.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING)


def hush() -> None:
    """Leave logging as a program finds it that imports the library."""
    logger = logging.getLogger(LIBRARY)
    logger.handlers = [h for h in logger.handlers if not isinstance(h, Telling)]
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def talk_options(command: Command) -> Command:
    """Give a command ``--quiet``, which it is told of, and ``--verbose``, which shows the library's log."""
    verbose = click.option(
        "-v",
        "--verbose",
        is_flag=True,
        expose_value=False,
        callback=_talk,
        help="Say what is done.",
    )
    quiet = click.option(
        "-q", "--quiet", is_flag=True, is_eager=True, help="Say nothing but the result and errors."
    )
    return quiet(verbose(command))


def _talk(ctx: click.Context, _: click.Parameter, verbose: bool) -> bool:
    talk(quiet=bool(ctx.params.get("quiet")), verbose=verbose)
    ctx.call_on_close(hush)
    return verbose
