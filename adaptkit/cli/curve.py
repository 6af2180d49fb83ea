"""``adaptkit curve``: quality against the number of labels, run or read off finished comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.beside import comparison_about, report_option, show_beside
from adaptkit.cli.options import PATH, Asked, format_option, json_of, run_options, task_option
from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED
from adaptkit.core.errors import ConfigError

if TYPE_CHECKING:
    from adaptkit.studies.learning_curve import LearningCurves

PLOTS = (".png", ".svg", ".pdf")


@click.command("curve")
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=PATH)
@task_option(help="Run: task folder, data file or name.")
@click.option("--sizes", default="16,64,256,1000", metavar="N,N,..", show_default=True, help="Train rows.")
@run_options("prompt,few-shot,lora")
@click.option("--costs", metavar="FILE", type=PATH, help="TOML file with minutes a label and wage.")
@click.option("--more", default=200, type=click.IntRange(min=1), show_default=True, help="Labels to price.")
@click.option("--plot", metavar="FILE", type=PATH, help="Draw into this file (.png, .svg, .pdf).")
@report_option
@format_option("text", "json")
def curve(**options: Any) -> int:
    """Measure quality against the number of labels, and what more of them are worth.

    With --task, run strategies with more and more train rows. With folders instead, read finished runs of
    ``--train-rows`` or of this command.

    Exit codes: 0 done, 1 a trial failed, 2 bad arguments or data, 130 interrupted.
    """
    asked = AskedCurve(**options)
    if bool(asked.folders) == bool(asked.task):
        raise ConfigError("Give --task to run, or folders of finished runs to read: one of the two.")
    if asked.plot and asked.plot.suffix not in PLOTS:
        raise ConfigError(f"--plot must end in {', '.join(PLOTS)}. Got '{asked.plot}' instead.")
    curves = _read(asked) if asked.folders else _run(asked)
    if asked.plot:
        curves.plot().savefig(asked.plot)
    text = _json(curves, asked.more) if asked.form == "json" else curves.to_text(more=asked.more)
    click.echo(text.rstrip())
    return EXIT_FAILED if curves.gaps else EXIT_DONE


@dataclass(frozen=True, kw_only=True)
class AskedCurve(Asked):
    """The command line."""

    folders: tuple[Path, ...]
    sizes: str
    costs: Path | None
    more: int
    plot: Path | None
    report_of: Path | None


def _json(curves: LearningCurves, more: int) -> str:
    from adaptkit.studies.learning_curve.point_table import as_json

    return json_of(as_json(curves, more))


def _read(asked: AskedCurve) -> LearningCurves:
    from adaptkit.comparison import load_comparison
    from adaptkit.studies.learning_curve import LearningCurves

    runs = [load_comparison(run) for folder in asked.folders for run in _runs_in(folder)]
    curves = LearningCurves.of(*runs)
    show_beside(curves, comparison_about(asked.report_of, {c.task for c in curves.curves}))
    return curves


def _runs_in(folder: Path) -> list[Path]:
    """The folder itself, or those of the runs in it: a learning curve is several runs."""
    from adaptkit.core.result_io import COMPARISON_JSON

    if (folder / COMPARISON_JSON).exists():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{COMPARISON_JSON}"))
    return found or [folder]  # whose reading says what is missing


def _run(asked: AskedCurve) -> LearningCurves:
    from adaptkit.costs import load_assumptions
    from adaptkit.studies.learning_curve import learning_curve

    asked.prepare()
    strategies, sizes, task = asked.made_strategies(), _sizes(asked.sizes), asked.loaded_task()
    shown_by = comparison_about(asked.report_of, {task.name})
    curves = learning_curve(
        task,
        strategies,
        model=asked.provider(),
        sizes=sizes,
        settings=asked.settings(load_assumptions(asked.costs) if asked.costs else None),
        **asked.rows,
    )
    show_beside(curves, shown_by)
    return curves


def _sizes(text: str) -> list[int]:
    try:
        return [int(n) for n in text.split(",")]
    except ValueError:
        raise ConfigError(f"--sizes must be ints >= 1, e.g. 16,64,256. Got '{text}' instead.") from None
