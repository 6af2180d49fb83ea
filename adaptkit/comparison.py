"""``compare()`` and what it returns: the way in for notebooks, scripts and the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adaptkit import decision, report
from adaptkit.accounting import Hardware, MachinePrice, describe_hardware, load_prices
from adaptkit.compare.listener import Listener
from adaptkit.compare.manifest import make_manifest
from adaptkit.compare.plan import make_plan
from adaptkit.compare.provider import ModelProvider
from adaptkit.compare.runner import require_something_to_run, run_plan
from adaptkit.compare.store import RunStore
from adaptkit.compare.summary import summarise
from adaptkit.core.files import write_text_atomic
from adaptkit.core.result_io import read_comparison, write_comparison
from adaptkit.core.results import ComparisonResult, Pair, Record, Row, TaskRecommendation
from adaptkit.evaluation import EvaluationSettings
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
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
        """
        path = Path(path)
        if path.suffix == ".md":
            write_text_atomic(path, report.render_markdown(self.result))
        else:
            write_text_atomic(path, report.render_html(self.result, examples=self.records()))
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


def compare(
    strategies: Sequence[Strategy],
    task: Task | Sequence[Task],
    *,
    model: Model | ModelProvider,
    limit: int | None = None,
    seeds: int = 1,
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
        out: the run folder; None for ``runs/<task names>``.
        settings: price, latency rows and progress.

    Raises:
        ConfigError: nothing to run, or a parameter out of range.
        CapabilityError: no strategy can run on any of the tasks.
        StoreError: the run folder cannot be used.
    """
    settings = settings or RunSettings()
    tasks = [task] if isinstance(task, Task) else list(task)
    provider = model if isinstance(model, ModelProvider) else ModelProvider.of(model)
    plan = make_plan(strategies, tasks, model_key=provider.key, limit=limit, seeds=seeds)
    folder = Path(out) if out else default_folder(tasks)
    store = RunStore(folder)
    price = settings.machine_price()
    evaluation = EvaluationSettings(
        latency_rows=settings.latency_rows, usd_per_s=price.usd_per_hour / 3600 if price else None
    )
    with store.locked():
        if settings.fresh:
            store.clear()
        outcomes = run_plan(plan, provider, store, evaluation, settings.listener or Listener())
        require_something_to_run(outcomes)
        rows, pairs = summarise(plan, outcomes, model=provider.id, price=price)
        manifest = make_manifest(
            plan, outcomes, provider, evaluation, hardware=settings.hardware(), price=price
        )
        result = ComparisonResult(
            rows=rows, pairs=pairs, recommendation=decision.recommend(rows, pairs), manifest=manifest
        )
        write_comparison(folder, result)
        comparison = Comparison(result, folder)
        comparison.report(folder / "report.html")
        comparison.report(folder / "report.md")
    return comparison


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How a comparison is run and priced; none of it changes an output.

    Attributes:
        usd_per_hour: price of this machine; None looks it up in the price sheet.
        prices: a price sheet that overrides the built-in one.
        latency_rows: rows of each trial sent alone, for the latency columns.
        fresh: forget what earlier runs left in the folder.
        listener: told how the run goes on.
    """

    usd_per_hour: float | None = None
    prices: Path | None = None
    latency_rows: int = 20
    fresh: bool = False
    listener: Listener | None = None

    def hardware(self) -> Hardware:
        """This machine."""
        return describe_hardware(gpu_name=_gpu_name())

    def machine_price(self) -> MachinePrice | None:
        """What an hour of this machine costs, None when no price is known."""
        from adaptkit.accounting import fixed_usd_per_hour

        if self.usd_per_hour is not None:
            return fixed_usd_per_hour(self.usd_per_hour)
        return load_prices(self.prices).usd_per_hour(self.hardware())


def _gpu_name() -> str | None:
    """Name of the first CUDA device, without loading torch on a machine that has no NVIDIA driver."""
    if not Path("/proc/driver/nvidia").exists():
        return None
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def default_folder(tasks: Sequence[Task]) -> Path:
    """``runs/`` and the names of the tasks."""
    names: list[Any] = [re.sub(r"[^\w.-]+", "-", t.name) for t in tasks]
    return RUNS / "+".join(names)
