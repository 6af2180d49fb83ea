"""``compare()`` and what it returns: the way in for notebooks, scripts and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit import decision, report
from adaptkit.accounting import (
    Hardware,
    MachinePrice,
    describe_hardware,
    fixed_usd_per_hour,
    load_prices,
)
from adaptkit.comparing.lineup import lineup
from adaptkit.comparing.listener import Listener
from adaptkit.comparing.manifest import make_manifest
from adaptkit.comparing.plan import folder_name, is_count, make_plan
from adaptkit.comparing.provider import ModelProvider
from adaptkit.comparing.runner import Run, require_something_to_run, run_plan
from adaptkit.comparing.store import REPORTS, RunStore, writing
from adaptkit.comparing.summary import Summary, summarise
from adaptkit.core.errors import ConfigError
from adaptkit.core.files import write_text_atomic
from adaptkit.core.result_io import read_comparison, write_comparison
from adaptkit.core.results import ComparisonResult, Pair, Record, Row, TaskRecommendation
from adaptkit.evaluation import EvaluationSettings
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
from adaptkit.strategies.tuned import Budget
from adaptkit.tasks import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RUNS = Path("runs")


@dataclass(frozen=True)
class Comparison:
    """A finished comparison.

    Attributes:
        result: rows, pairs, recommendation and manifest, as written to ``folder``.
        folder: the run folder.
    """

    result: ComparisonResult
    folder: Path

    @property
    def rows(self) -> tuple[Row, ...]:
        """One line a task and strategy."""
        return self.result.rows

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All pairs of strategies, compared on the same rows."""
        return self.result.pairs

    def records(self) -> list[Record]:
        """Every row's output, scores, times and tokens, for the trials of this comparison."""
        keys = {t["key"] for t in self.result.manifest.get("trials", ())}
        return [r for r in RunStore(self.folder).records() if r.trial in keys]

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame, one row a task and strategy, columns as in comparison.csv."""
        return report.to_frame(self.result)

    def plot(self) -> Figure:
        """Quality with its interval, and median latency."""
        return report.plot(self.result)

    def report(self, path: str | Path) -> Path:
        """Write a page (``.html``) or a text (``.md``).

        Returns:
            The path.

        Raises:
            ConfigError: the path has another suffix.
        """
        path = Path(path)
        if path.suffix == ".md":
            write_text_atomic(path, report.render_markdown(self.result))
        elif path.suffix in {".html", ".htm"}:
            write_text_atomic(path, report.render_html(self.result, examples=self.records()))
        else:
            raise ConfigError.for_parameter("report()", "path", "a name that ends in .html or .md", str(path))
        return path

    def recommend(self) -> tuple[TaskRecommendation, ...]:
        """What to take for each task, or why the evidence does not say."""
        return self.result.recommendation

    def _repr_html_(self) -> str:
        return report.html_table(self.result)


def load_comparison(folder: str | Path) -> Comparison:
    """Read a finished comparison; loads neither a model nor torch.

    Raises:
        StoreError: there is none, or its files are damaged.
    """
    return Comparison(read_comparison(Path(folder)), Path(folder))


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a comparison is run and priced; none of it changes an output.

    Attributes:
        usd_per_hour: price of this machine; None looks it up in the price sheet.
        prices: a price sheet that overrides the built-in one.
        latency_rows: rows of each trial sent alone, for the latency columns.
        fresh: forget what earlier runs left in the folder.
        listener: told how the run goes on.

    Raises:
        ConfigError: a parameter out of range.
    """

    usd_per_hour: float | None = None
    prices: Path | None = None
    latency_rows: int = 20
    fresh: bool = False
    listener: Listener | None = None

    def __post_init__(self) -> None:
        if not is_count(self.latency_rows, least=0):
            raise ConfigError.for_parameter("RunSettings", "latency_rows", "an int >= 0", self.latency_rows)
        if self.usd_per_hour is not None:
            fixed_usd_per_hour(self.usd_per_hour)

    def hardware(self) -> Hardware:
        """This machine."""
        return describe_hardware(gpu_name=_gpu_name())

    def machine_price(self, hardware: Hardware) -> MachinePrice | None:
        """What an hour of this machine costs, None when no price is known.

        Raises:
            DataError: the price sheet cannot be read.
        """
        sheet = load_prices(self.prices)
        if self.usd_per_hour is not None:
            return fixed_usd_per_hour(self.usd_per_hour)
        return sheet.usd_per_hour(hardware)

    def evaluation(self, price: MachinePrice | None) -> EvaluationSettings:
        """How rows are sent."""
        return EvaluationSettings(
            latency_rows=self.latency_rows, usd_per_s=price.usd_per_hour / 3600 if price else None
        )


def compare(  # noqa: PLR0913 - all but the first two by name only
    strategies: Sequence[Strategy],
    task: Task | Sequence[Task],
    *,
    model: Model | ModelProvider,
    limit: int | None = None,
    seeds: int = 1,
    tune: bool | Budget = False,
    baselines: bool = True,
    out: str | Path | None = None,
    settings: RunSettings | None = None,
) -> Comparison:
    """Run every strategy on the same rows with the same model.

    What was measured is stored as it comes; the same call again does only what is missing.

    Args:
        strategies: unfitted; they are not changed.
        task: one task or several.
        model: what the strategies are applied to.
        limit: at most this many test rows a task, the same for all strategies; None for all.
        seeds: how often strategies that draw at random are run, each time with another seed.
        tune: choose each strategy's configuration on validation rows first, all with the same budget; True
            for four configurations each.
        baselines: add what answers without a language model: a vote of the nearest train inputs, a linear
            classifier on words, the most similar passage; each where the task lets it.
        out: the run folder; None for ``runs/<task names>``.
        settings: price, latency rows and progress.

    Raises:
        ConfigError: nothing to run, or a parameter out of range.
        CapabilityError: no strategy can run on any of the tasks.
        DataError: two tasks with one name, or a price sheet that cannot be read.
        StoreError: the run folder cannot be used.
    """
    settings = settings or RunSettings()
    tasks = _listed(task)
    provider = _provider(model)
    given, added = lineup(_listed(strategies), tune=tune, baselines=baselines)
    plan = make_plan(
        given, tasks, model_key=provider.key, limit=limit, seeds=seeds, where_possible=added if given else ()
    )
    hardware = settings.hardware()
    price = settings.machine_price(hardware)
    run = Run(
        plan=plan,
        provider=provider,
        store=RunStore(Path(out) if out else default_folder(tasks)),
        settings=settings.evaluation(price),
        listener=settings.listener or Listener(),
    )
    with run.store.locked():
        if settings.fresh:
            run.store.clear()
        outcomes = run_plan(run)
        require_something_to_run(outcomes)
        summary = summarise(plan, outcomes, model=provider.id, price=price)
        manifest = make_manifest(run, outcomes, summary, hardware=hardware, price=price)
        return _written(run.store.folder, summary, manifest)


def _listed(value: Any) -> list[Any]:
    """A list of what was given alone or as a sequence; the plan refuses what does not belong there."""
    alone = isinstance(value, Task | Strategy | str) or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def _provider(model: object) -> ModelProvider:
    if isinstance(model, ModelProvider):
        return model
    if not isinstance(model, Model):
        raise ConfigError.for_parameter("compare", "model", "a model, made by ak.load_model", model)
    return ModelProvider.of(model)


def _written(folder: Path, summary: Summary, manifest: Mapping[str, Any]) -> Comparison:
    result = ComparisonResult(
        rows=summary.rows,
        pairs=summary.pairs,
        recommendation=decision.recommend(summary.rows, summary.pairs),
        manifest=manifest,
    )
    comparison = Comparison(result, folder)
    with writing(folder):
        write_comparison(folder, result)
        for name in REPORTS:
            comparison.report(folder / name)
    return comparison


def _gpu_name() -> str | None:
    """Name of the first CUDA device, without loading torch on a machine that has no NVIDIA driver."""
    if not Path("/proc/driver/nvidia").exists():
        return None
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def default_folder(tasks: Sequence[Task]) -> Path:
    """``runs/`` and the names of the tasks."""
    return RUNS / folder_name([t.name for t in tasks])
