"""``compare()``: every strategy on the same rows with the same model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit import decision
from adaptkit.comparison.callback import Callback
from adaptkit.comparison.comparison import Comparison
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.lazy_model import LazyModel, provider_given
from adaptkit.comparison.leakage_check import Leakage, find_leaks
from adaptkit.comparison.manifest import make_manifest
from adaptkit.comparison.plan import folder_name, make_plan
from adaptkit.comparison.run_context import RunContext
from adaptkit.comparison.runner import require_something_to_run, run_plan
from adaptkit.comparison.select_strategies import lineup
from adaptkit.comparison.settings import RunSettings
from adaptkit.comparison.store import REPORTS, RunStore, writing
from adaptkit.comparison.summary import Summary, summarise
from adaptkit.core.codec import to_json
from adaptkit.core.result_io import write_comparison
from adaptkit.core.results import ComparisonResult
from adaptkit.models.base import Model
from adaptkit.stats import MARGIN
from adaptkit.strategies import Strategy
from adaptkit.strategies.tuned import Budget
from adaptkit.tasks import Task

RUNS = Path("runs")


def compare(  # noqa: PLR0913 - all but the first two by name only
    strategies: Sequence[Strategy],
    task: Task | Sequence[Task],
    *,
    model: Model | LazyModel,
    limit: int | None = None,
    seeds: int = 1,
    first_seed: int = 0,
    tune: bool | Budget = False,
    minutes: float | None = None,
    only: Mapping[str, Sequence[str]] | None = None,
    baselines: bool = True,
    margin: float = MARGIN,
    until_decided: bool = False,
    noise_floor: bool = True,
    leakage: Leakage = "refuse",
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
        first_seed: the first of these; the seeds of one run can be those that another has not run.
        tune: choose each strategy's configuration on validation rows first, all with the same budget; True
            for four configurations each.
        minutes: about what the run may take. What trains has what the others leave, in equal chances;
            without a bound it trains until its validation loss stops falling. What time cut short is a lower
            bound, and the verdict says so.
        only: by a strategy's name in the table, the tasks that it is run on; the others are run on all.
        baselines: add what answers without a language model: a vote of the nearest train inputs, a linear
            classifier on words, the most similar passage; each where the task lets it.
        margin: the largest difference in quality that does not matter; chosen before the run.
        until_decided: answer rows in rounds. Strategies that can no longer win drop out, and the run stops
            where the evidence decides; what it says holds though it was looked at before its end.
        noise_floor: run the plain prompt (or the first strategy) twice, and report how far two identical
            runs differ.
        leakage: look for test rows in train, demonstrations and documents first, and ``refuse`` a run whose
            scores would measure memory, ``report`` what was found only, or ``off``.
        out: the run folder; None for ``runs/<task names>``.
        settings: price, latency rows and progress.

    Raises:
        ConfigError: nothing to run, or a parameter out of range.
        CapabilityError: no strategy can run on any of the tasks.
        DataError: two tasks with one name, or a price sheet that cannot be read.
        LeakageError: too many test rows stand in what strategies learn from.
        StoreError: the run folder cannot be used.
    """
    settings = settings or RunSettings()
    standards = DecisionSettings(margin=margin, until_decided=until_decided)
    tasks = _listed(task)
    provider = provider_given(model)
    given, added = lineup(_listed(strategies), tune=tune, baselines=baselines)
    plan = make_plan(
        given,
        tasks,
        model_key=provider.key,
        limit=limit,
        seeds=seeds,
        first_seed=first_seed,
        where_possible=added if given else (),
        noise_floor=noise_floor,
        minutes=minutes,
        only=only,
    )
    standards.check(t.primary_metric for t in plan.tasks)
    store = RunStore(Path(out) if out else default_folder(tasks))
    leaks = find_leaks(plan, leakage, {} if settings.fresh else store.last_manifest())
    hardware = settings.hardware()
    prices = settings.prices_for(hardware, provider)
    run = RunContext(
        plan=plan,
        provider=provider,
        store=store,
        settings=settings.evaluation(prices),
        listener=settings.listener or Callback(),
        standards=standards,
        minutes=minutes,
    )
    with run.store.locked():
        run.store.refuse_foreign_artifacts(
            t.artifact for t in plan.trials if not store.artifact_is_from(t.artifact, t.key)
        )
        if settings.fresh:
            run.store.clear()
        trials = run_plan(run)
        require_something_to_run(trials)
        summary = summarise(
            [t.facts for t in tasks],
            trials,
            model=provider.id,
            prices=prices,
            standards=standards,
            assumptions=settings.assumptions,
        )
        manifest = make_manifest(
            run, trials, summary, hardware=hardware, prices=prices, assumptions=settings.assumptions
        )
        manifest["leakage"], manifest["quick"] = leaks, settings.quick
        for entry, task in zip(manifest["tasks"], plan.tasks, strict=True):
            entry["facts"] = to_json(decision.facts_of(task))
        run.store.held()
        return _written(run.store.folder, summary, manifest, plan.tasks)


def _listed(value: Any) -> list[Any]:
    """A list of what was given alone or as a sequence; the plan refuses what does not belong there."""
    alone = isinstance(value, Task | Strategy | str) or not isinstance(value, Iterable)
    return [value] if alone else list(value)


def _written(
    folder: Path, summary: Summary, manifest: Mapping[str, Any], tasks: Sequence[Task]
) -> Comparison:
    result = ComparisonResult(
        rows=summary.rows,
        pairs=summary.pairs,
        recommendation=decision.recommend(summary.rows, summary.pairs),
        manifest=manifest,
        noise=summary.noise,
        costs=summary.costs,
    )
    comparison = Comparison(result, folder)
    with writing(folder):
        write_comparison(folder, result)
        for name in REPORTS:
            comparison.report(folder / name, tasks=tasks)
    return comparison


def default_folder(tasks: Sequence[Task], *, kind: str = "") -> Path:
    """``runs/`` and the names of the tasks, with ``+kind`` for what is more than one comparison."""
    return RUNS / (folder_name([t.name for t in tasks]) + (f"+{kind}" if kind else ""))
