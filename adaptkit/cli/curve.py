"""``adaptkit curve``: quality against the number of labels, run or read off finished comparisons."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adaptkit.cli.process import EXIT_DONE, EXIT_FAILED, go_offline, listed
from adaptkit.core.errors import ConfigError
from adaptkit.core.threads import share_cores

if TYPE_CHECKING:
    from adaptkit.comparison import RunSettings
    from adaptkit.curves import LearningCurves

FORMATS = ("text", "json")
PLOTS = (".png", ".svg", ".pdf")


@click.command("curve")
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--task", metavar="T", help="Run: task folder, data file or name.")
@click.option("--strategies", default="prompt,few-shot,lora", metavar="A,B,..", show_default=True)
@click.option("--model", metavar="M", help="Embedded name, local folder, .gguf file or Hub id.")
@click.option("--sizes", default="16,64,256,1000", metavar="N,N,..", show_default=True, help="Train rows.")
@click.option(
    "--seeds", default=3, type=click.IntRange(min=1), show_default=True, help="Draws of train rows."
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many test rows.")
@click.option("--no-baselines", is_flag=True, help="Leave out what needs no language model.")
@click.option("--allow-leakage", is_flag=True, help="Run although test rows stand in train rows.")
@click.option("--costs", type=click.Path(path_type=Path), help="TOML file with minutes a label and wage.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--more", default=200, type=click.IntRange(min=1), show_default=True, help="Labels to price.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw into this file (.png, .svg, .pdf).")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="What is printed.")
@click.option("--offline", is_flag=True, help="Use nothing that is not on this machine yet.")
@click.option("--quiet", is_flag=True, help="No progress.")
def curve(**options: Any) -> int:
    """Measure quality against the number of labels, and what more of them are worth.

    With --task, run strategies with more and more train rows. With folders instead, read finished runs of
    ``--train-rows`` or of this command.

    Exit codes: 0 done, 1 a trial failed, 2 bad arguments or data, 130 interrupted.
    """
    asked = Asked(**options)
    if bool(asked.folders) == bool(asked.task):
        raise ConfigError("Give --task to run, or folders of finished runs to read: one of the two.")
    if asked.plot and asked.plot.suffix not in PLOTS:
        raise ConfigError(f"--plot must end in {', '.join(PLOTS)}. Got '{asked.plot}' instead.")
    curves = _read(asked.folders) if asked.folders else _run(asked)
    if asked.plot:
        curves.plot().savefig(asked.plot)
    text = _json(curves, asked.more) if asked.form == "json" else curves.to_text(more=asked.more)
    click.echo(text.rstrip())
    return EXIT_FAILED if curves.gaps else EXIT_DONE


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command line."""

    folders: tuple[Path, ...]
    task: str | None
    strategies: str
    model: str | None
    sizes: str
    seeds: int
    limit: int | None
    no_baselines: bool
    allow_leakage: bool
    costs: Path | None
    out: Path | None
    more: int
    plot: Path | None
    form: str
    offline: bool
    quiet: bool


def _json(curves: LearningCurves, more: int) -> str:
    from adaptkit.curves.table import as_json

    return json.dumps(as_json(curves, more), indent=2, ensure_ascii=False, allow_nan=False)


def _read(folders: Sequence[Path]) -> LearningCurves:
    from adaptkit.comparison import load_comparison
    from adaptkit.curves import LearningCurves

    return LearningCurves.of(*(load_comparison(run) for folder in folders for run in _runs_in(folder)))


def _runs_in(folder: Path) -> list[Path]:
    """The folder itself, or those of the runs in it: a learning curve is several runs."""
    from adaptkit.core.result_io import COMPARISON_JSON

    if (folder / COMPARISON_JSON).exists():
        return [folder]
    found = sorted(path.parent for path in folder.glob(f"*/{COMPARISON_JSON}"))
    return found or [folder]  # whose reading says what is missing


def _run(asked: Asked) -> LearningCurves:
    from adaptkit.comparing.provider import ModelProvider
    from adaptkit.curves import learning_curve
    from adaptkit.strategies import parse_strategy
    from adaptkit.tasks import load_task

    share_cores()
    if asked.offline:
        go_offline()
    strategies = [parse_strategy(name) for name in listed(asked.strategies)]
    return learning_curve(
        load_task(str(asked.task)),
        strategies,
        model=ModelProvider.named(asked.model, offline=asked.offline),
        sizes=_sizes(asked.sizes),
        seeds=asked.seeds,
        limit=asked.limit,
        baselines=not asked.no_baselines,
        leakage="report" if asked.allow_leakage else "refuse",
        out=asked.out,
        settings=_settings(asked),
    )


def _sizes(text: str) -> list[int]:
    try:
        return [int(n) for n in text.split(",")]
    except ValueError:
        raise ConfigError(f"--sizes must be ints >= 1, e.g. 16,64,256. Got '{text}' instead.") from None


def _settings(asked: Asked) -> RunSettings:
    from adaptkit.accounting import CostAssumptions, load_assumptions
    from adaptkit.cli.progress import display
    from adaptkit.comparison import RunSettings

    return RunSettings(
        assumptions=load_assumptions(asked.costs) if asked.costs else CostAssumptions(),
        listener=display(quiet=asked.quiet),
    )
