"""``adaptkit doctor``: whether this machine has what a comparison needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptkit.cli.options import PATH, format_option, json_of
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.cli.readiness import Finding

# Marks rather than colours: they survive a pipe and colour blindness.
MARKS = {"ok": "✓", "note": "!", "stop": "✗"}


@click.command("doctor")
@click.option("--online", is_flag=True, help="Also ask the package index; no network is used otherwise.")
@click.option("--out", metavar="DIR", type=PATH, default="runs", show_default=True, help="Where runs go.")
@format_option("text", "json")
def doctor(online: bool, out: Path, form: str) -> int:
    """Look at versions, device, memory, cores, cache, disk and folders, and say what to do.

    Exit codes: 0 a comparison can run, 1 something would stop it.
    """
    from adaptkit.cli.readiness import check_machine

    share_cores()
    found = check_machine(runs=out, online=online)
    stops = [f for f in found if f.state == "stop"]
    click.echo(json_of({"ok": not stops, "findings": found}) if form == "json" else _text(found, len(stops)))
    return EXIT_FAILED if stops else EXIT_DONE


def _text(found: list[Finding], n_stops: int) -> str:
    width = max(len(f.name) for f in found)
    lines = []
    for finding in found:
        lines.append(f"{MARKS[finding.state]} {finding.name.ljust(width)}  {finding.value}")
        if finding.advice:
            lines.append(f"  {' ' * width}  {finding.advice}")
    verdict = "A comparison can run." if not n_stops else f"{n_stops} of these would stop a comparison (✗)."
    return "\n".join([*lines, "", verdict])
