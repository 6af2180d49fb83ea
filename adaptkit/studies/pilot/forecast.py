"""``pilot()``: each strategy on a few rows, in a folder that does not stay."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from adaptkit.comparison import RunSettings
from adaptkit.comparison.callback import Callback
from adaptkit.comparison.evaluate import EvaluationSettings
from adaptkit.comparison.lazy_model import LazyModel, provider_of
from adaptkit.comparison.plan import Plan, Trial, make_plan, trial_key
from adaptkit.comparison.run_context import RunContext
from adaptkit.comparison.runner import run_plan
from adaptkit.comparison.select_strategies import lineup
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.trial_data import TrialData
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.numbers import is_count
from adaptkit.costs import MachinePrice
from adaptkit.models.base import Model
from adaptkit.strategies import Strategy
from adaptkit.strategies.shortened import shortened
from adaptkit.strategies.tuned import Budget
from adaptkit.studies.pilot.pilot_line import Pilot, PilotLine
from adaptkit.studies.pilot.predict import Planned, predicted
from adaptkit.studies.pilot.sample import MIN_ROWS, pilot_task, too_few
from adaptkit.tasks import Task

N_ROWS = 8
Cell = tuple[str, str]
"""Task and strategy, by name."""


def pilot(  # noqa: PLR0913 - all but the first two by name only
    strategies: Sequence[Strategy],
    tasks: Task | Sequence[Task],
    *,
    model: Model | LazyModel | None = None,
    n_rows: int = N_ROWS,
    seeds: int = 1,
    limit: int | None = None,
    tune: bool | Budget = False,
    baselines: bool = True,
    noise_floor: bool = True,
    settings: RunSettings | None = None,
) -> Pilot:
    """Predict what ``compare`` with the same arguments will take: minutes, tokens, USD, each with a range.

    Each strategy is fitted once and answers a few rows of the task's train or validation split, half of them
    alone, the others together; it has not learnt from these. Training is cut short, and of a strategy that
    is tuned only the configuration given is run. Test rows are counted, never answered. What is measured lies
    in a temporary folder that is removed; vectors of documents are kept, so that the comparison need not
    embed them again.

    Args:
        strategies: unfitted; they are not changed.
        tasks: one task or several.
        model: what the strategies are applied to; None for the embedded default.
        n_rows: rows of the pilot, at least 4; fewer where the task has few.
        seeds: see :func:`adaptkit.compare`, as are the others.
        limit: test rows a task of the comparison; None for all.
        tune: whether configurations are chosen first.
        baselines: whether what answers without a language model takes part.
        noise_floor: whether the baseline runs twice.
        settings: price, latency rows and progress.

    Returns:
        A line a strategy, and the totals. What failed or has no rows for a pilot is listed with its reason,
        and makes the totals lower bounds.

    Raises:
        ConfigError: a parameter out of range.
        CapabilityError: no strategy can be piloted on any of the tasks.
        DataError: two tasks with one name, or a price sheet that cannot be read.
    """
    if not is_count(n_rows, least=MIN_ROWS):
        raise ConfigError.for_parameter("pilot", "n_rows", f"an int >= {MIN_ROWS}", n_rows)
    settings = settings or RunSettings()
    provider = provider_of(model)
    given, added = lineup(
        [strategies] if isinstance(strategies, Strategy) else list(strategies), tune=tune, baselines=baselines
    )
    plan = make_plan(
        given,
        [tasks] if isinstance(tasks, Task) else list(tasks),
        model_key=provider.key,
        limit=limit,
        seeds=seeds,
        where_possible=added if given else (),
        noise_floor=noise_floor,
    )
    cut = {task.name: pilot_task(task, n_rows) for task in plan.tasks}
    planned = _planned(plan, settings)
    small = _pilot_plan(plan, planned, cut, provider)
    # A provider bills tokens, and no pilot's few rows tell how many of each kind: USD stay blank.
    price = None if provider.billed_by else settings.machine_price(settings.hardware())
    found = _run(small, provider, settings.listener)
    return Pilot(
        lines=tuple(_line(p, found.get(cell), cut, provider, price) for cell, p in planned.items()),
        n_rows=max(len(task.test) for task in small.tasks),
        model=provider.id,
        price=None if price is None else f"{price.usd_per_hour:.3g} an hour, {price.label}",
    )


def _planned(plan: Plan, settings: RunSettings) -> dict[Cell, Planned]:
    """The trials of the comparison by task and strategy, in its order."""
    trials: dict[Cell, list[Trial]] = {}
    for trial in plan.trials:
        trials.setdefault((trial.task.name, trial.label), []).append(trial)
    return {
        cell: Planned(trials=own, n_rows=len(plan.examples_of(own[0])), n_alone=settings.latency_rows)
        for cell, own in trials.items()
    }


def _pilot_plan(
    plan: Plan, planned: Mapping[Cell, Planned], cut: Mapping[str, Task | None], provider: LazyModel
) -> Plan:
    """One trial of each strategy, shortened, on the rows of the pilot."""
    trials = [
        _shortened(p.trials[0], task, provider)
        for (name, _), p in planned.items()
        if (task := cut[name]) is not None and not p.trials[0].strategy.refusal(p.trials[0].task)
    ]
    if not trials:
        refusals = [p.trials[0].strategy.refusal(p.trials[0].task) for p in planned.values()]
        reasons = [*(too_few(t) for t in plan.tasks if cut[t.name] is None), *(r for r in refusals if r)]
        raise CapabilityError(f"No strategy can be piloted: {'; '.join(dict.fromkeys(reasons))}")
    tasks = {t.task.name: t.task for t in trials}
    return Plan(
        trials=tuple(trials),
        tasks=tuple(tasks.values()),
        labels=plan.labels,
        examples={name: task.test for name, task in tasks.items()},
    )


def _shortened(trial: Trial, task: Task, provider: LazyModel) -> Trial:
    strategy = shortened(trial.strategy)
    return dataclasses.replace(
        trial, strategy=strategy, task=task, key=trial_key(strategy, task, provider.key)
    )


def _run(plan: Plan, provider: LazyModel, listener: Callback | None) -> dict[Cell, TrialData]:
    n_alone = min(len(task.test) for task in plan.tasks) // 2
    with tempfile.TemporaryDirectory(prefix="adaptkit-pilot-") as folder:
        run = RunContext(
            plan=plan,
            provider=provider,
            store=RunStore(Path(folder) / "run"),
            settings=EvaluationSettings(latency_rows=n_alone),
            listener=listener or Callback(),
        )
        with run.store.locked():
            return {(m.task, m.strategy): m for m in run_plan(run)}


def _line(
    planned: Planned,
    found: TrialData | None,
    cut: Mapping[str, Task | None],
    provider: LazyModel,
    price: MachinePrice | None,
) -> PilotLine:
    """What is known of a strategy: a prediction, or why there is none."""
    trial, line = planned.trials[0], planned.line()
    refusal = trial.strategy.refusal(trial.task, provider.get())
    if refusal:
        return dataclasses.replace(line, reason=refusal, left_out=True)
    if found is None:
        why = too_few(trial.task) if cut[trial.task.name] is None else "it was not run"
        return dataclasses.replace(line, reason=why)
    return predicted(planned, found, price)
