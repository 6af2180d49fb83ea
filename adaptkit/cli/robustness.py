"""``adaptkit robustness``: whether the choice among strategies stands when one thing is otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, go_offline, listed
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.robustness import Robustness

FORMATS = ("text", "json")


@click.command("robustness")
@click.option("--task", required=True, metavar="T", help="Task folder, data file or name.")
@click.option("--strategies", default="prompt,few-shot,rag", metavar="A,B,..", show_default=True)
@click.option("--model", metavar="M", help="Embedded name, local folder, .gguf file or Hub id.")
@click.option("--changes", metavar="A,B,..", help="Of typos, case, wrapping, instruction, format, .. (all).")
@click.option(
    "--paraphrases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON file: test inputs in other words by example id.",
)
@click.option("--instruction", metavar="TEXT", help="The instruction in other words.")
@click.option(
    "--seeds", default=3, type=click.IntRange(min=1), show_default=True, help="Draws and trainings."
)
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True, help="Of the changes.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many test rows.")
@click.option("--no-baselines", is_flag=True, help="Leave out what needs no language model.")
@click.option("--allow-leakage", is_flag=True, help="Run although test rows stand in train rows.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="What is printed.")
@click.option("--offline", is_flag=True, help="Use nothing that is not on this machine yet.")
@click.option("--quiet", is_flag=True, help="No progress.")
def robustness(**options: Any) -> int:
    """Run strategies again with one thing otherwise at a time, and say whether the choice stands.

    Exit codes: 0 done, 1 a trial failed, 2 bad arguments or data, 130 interrupted.
    """
    asked = Asked(**options)
    found = _run(asked)
    click.echo(_json(found) if asked.form == "json" else found.to_text().rstrip())
    return EXIT_FAILED if found.gaps else EXIT_DONE


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line."""

    task: str
    strategies: str
    model: str | None
    changes: str | None
    paraphrases: Path | None
    instruction: str | None
    seeds: int
    seed: int
    limit: int | None
    no_baselines: bool
    allow_leakage: bool
    out: Path | None
    form: str
    offline: bool
    quiet: bool


def _json(found: Robustness) -> str:
    from adaptkit.robustness.table import as_json

    return json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False)


def _run(asked: Asked) -> Robustness:
    from adaptkit.cli.progress import display
    from adaptkit.comparing.provider import ModelProvider
    from adaptkit.comparison import RunSettings
    from adaptkit.robustness import measure_robustness
    from adaptkit.robustness.variants import CHANGES
    from adaptkit.strategies import parse_strategy
    from adaptkit.tasks import load_task

    share_cores()
    if asked.offline:
        go_offline()
    return measure_robustness(
        load_task(asked.task),
        [parse_strategy(name) for name in listed(asked.strategies)],
        ModelProvider.named(asked.model, offline=asked.offline),
        changes=CHANGES if asked.changes is None else listed(asked.changes),
        paraphrases=_paraphrases(asked.paraphrases),
        instruction=asked.instruction,
        seeds=asked.seeds,
        seed=asked.seed,
        limit=asked.limit,
        baselines=not asked.no_baselines,
        leakage="report" if asked.allow_leakage else "refuse",
        out=asked.out,
        settings=RunSettings(listener=display(quiet=asked.quiet)),
    )


def _paraphrases(path: Path | None) -> Any:
    """What a file holds; whether these are paraphrases is checked where they are used."""
    if path is None:
        return None
    from adaptkit.core.errors import DataError

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}.") from None
