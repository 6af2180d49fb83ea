"""``adaptkit robustness``: whether the choice among strategies stands when one thing is otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.beside import comparison_about, report_option, show_beside
from adaptkit.cli.options import Asked, format_option, json_of, run_options, task_option
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, listed

if TYPE_CHECKING:
    from adaptkit.studies.robustness import Robustness


@click.command("robustness")
@task_option(required=True)
@click.option("--changes", metavar="A,B,..", help="Of typos, case, wrapping, instruction, format, .. (all).")
@click.option(
    "--paraphrases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="JSON file: test inputs in other words by example id.",
)
@click.option("--reworded", metavar="TEXT", help="The instruction in other words.")
@click.option("--seed", default=0, type=click.IntRange(min=0), show_default=True, help="Of the changes.")
@run_options("prompt,few-shot,rag")
@report_option
@format_option("text", "json")
def robustness(**options: Any) -> int:
    """Run strategies again with one thing otherwise at a time, and say whether the choice stands.

    Exit codes: 0 done, 1 a trial failed, 2 bad arguments or data, 130 interrupted.
    """
    asked = AskedRobustness(**options)
    found = _run(asked)
    click.echo(_json(found) if asked.form == "json" else found.to_text().rstrip())
    return EXIT_FAILED if found.gaps else EXIT_DONE


@dataclass(frozen=True, kw_only=True)
class AskedRobustness(Asked):
    """The command line."""

    changes: str | None
    paraphrases: Path | None
    reworded: str | None
    seed: int
    report_of: Path | None


def _json(found: Robustness) -> str:
    from adaptkit.studies.robustness.result import as_json

    return json_of(as_json(found))


def _run(asked: AskedRobustness) -> Robustness:
    from adaptkit.studies.robustness import measure_robustness
    from adaptkit.studies.robustness.variants import CHANGES

    asked.prepare()
    strategies, task = asked.made_strategies(), asked.loaded_task()
    shown_by = comparison_about(asked.report_of, {task.name})
    found = measure_robustness(
        task,
        strategies,
        asked.provider(),
        changes=CHANGES if asked.changes is None else listed(asked.changes),
        paraphrases=_paraphrases(asked.paraphrases),
        instruction=asked.reworded,
        seed=asked.seed,
        settings=asked.settings(),
        **asked.rows,
    )
    show_beside(found, shown_by)
    return found


def _paraphrases(path: Path | None) -> Any:
    """What a file holds; whether these are paraphrases is checked where they are used."""
    if path is None:
        return None
    from adaptkit.core.errors import DataError
    from adaptkit.core.reading import Unreadable, read_json

    try:
        return read_json(path)
    except Unreadable as error:
        raise DataError(
            f"The paraphrases cannot be read: {error.reason}.", path=path, line=error.line
        ) from None
