"""``adaptkit models``: which models are on this machine; fetch or remove them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from adaptkit.cli.options import format_option, json_of
from adaptkit.cli.process import EXIT_DONE, EXIT_INTERRUPTED, Listing
from adaptkit.cli.talk import talk_options
from adaptkit.core.errors import ConfigError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from adaptkit.models.cache import Cached


@click.group("models", cls=Listing, invoke_without_command=True)
@format_option("text", "json")
@click.pass_context
def models(ctx: click.Context, form: str) -> int:
    """List the models that need no model hub, and what the library keeps on this machine.

    Models of a hub are kept by the hub's own client, in its own cache.
    """
    if ctx.invoked_subcommand is not None:
        return EXIT_DONE
    from adaptkit.models.cache import cached
    from adaptkit.models.embedded import cache_dir

    found = cached()
    if form == "json":
        click.echo(json_of({"cache": cache_dir(), "entries": found}))
    else:
        click.echo(f"{_table(found)}\n\nCache folder: {cache_dir()}")
    return EXIT_DONE


def _names(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from adaptkit.models.cache import cached

    return [CompletionItem(entry.name) for entry in cached() if entry.name.startswith(typed)]


@models.command("fetch")
@click.argument("name", shell_complete=_names)
@talk_options
def fetch(name: str, quiet: bool) -> int:
    """Fetch the model NAME, so that later runs need no network.

    Exit codes: 0 it is here, 2 no such model, or it cannot be fetched.
    """
    from adaptkit.models.embedded import embedded_path

    path = embedded_path(name, quiet=quiet)
    if not quiet:
        click.echo(str(path))
    return EXIT_DONE


@models.command("remove")
@click.argument("name", shell_complete=_names)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@talk_options
def remove(name: str, yes: bool, quiet: bool) -> int:
    """Remove NAME from the cache; it is fetched again when it is next needed.

    Exit codes: 0 removed, 2 there is no such entry or nobody to ask, 130 not confirmed.
    """
    from adaptkit.models.cache import remove_cached, require_cached

    entry = require_cached(name)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigError("Nobody is there to confirm: say --yes to remove without being asked.")
        if not click.confirm(f"Remove {entry.path} ({_size(entry.size_bytes)})?", err=True):
            return EXIT_INTERRUPTED
    removed = remove_cached(name)
    if not quiet:
        click.echo(f"Removed {removed.path} ({_size(removed.size_bytes)}).")
    return EXIT_DONE


def _table(found: list[Cached]) -> str:
    from adaptkit.report.lines import aligned

    lines = [["name", "state", "size", "changed", "licence"]]
    for entry in found:
        size = entry.size_bytes if entry.path else entry.download_bytes
        cells = [entry.name, entry.state, _size(size) + ("" if entry.path else " to fetch")]
        lines.append([*cells, (entry.changed_at or "")[:10], entry.licence or ""])
    return aligned(lines)


def _size(n_bytes: int | None) -> str:
    return "" if n_bytes is None else f"{n_bytes / 1e6:,.0f} MB"
