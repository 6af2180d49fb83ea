"""``adaptkit verify DIR``: are the numbers of a comparison those of its records?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adaptkit.cli.options import json_of

if TYPE_CHECKING:
    from adaptkit.comparison.verify import Verification

EXIT_MATCH, EXIT_DIFFERENT = 0, 1
FORMATS = ("text", "json")


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="What is printed.")
def verify(folder: Path, form: str) -> int:
    """Compute every number of DIR's comparison.json again from its records.jsonl.

    Exit codes: 0 all match, 1 some differ, 2 the folder cannot be read.
    """
    from adaptkit.comparison.verify import verify_folder

    found = verify_folder(folder)
    click.echo(_json(folder, found) if form == "json" else _text(folder, found))
    return EXIT_MATCH if found.ok else EXIT_DIFFERENT


def _json(folder: Path, found: Verification) -> str:
    values = {"folder": str(folder), **dataclasses.asdict(found)}
    return json_of(values)


def _text(folder: Path, found: Verification) -> str:
    n = len(found.differences)
    what = f"{found.n_numbers} numbers of {folder} computed again from its records"
    verdict = "all match" if found.ok else f"{n} {'differs' if n == 1 else 'differ'}"
    lines = [f"{what}: {verdict}."]
    lines += [f"  {sentence}" for sentence in found.differences]
    lines += [f"Note: {sentence}" for sentence in found.notes]
    return "\n".join(lines)
