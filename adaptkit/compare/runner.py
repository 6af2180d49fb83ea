"""Run the trials of a plan, one after the other; do only what is missing."""

from __future__ import annotations

import gc
import logging
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.accounting import Meter, PeakMemory
from adaptkit.compare.listener import Listener
from adaptkit.compare.plan import Plan, Trial
from adaptkit.compare.provider import ModelProvider
from adaptkit.compare.store import RunStore, TrialResult
from adaptkit.core.errors import CapabilityError, StoreError
from adaptkit.core.results import Record
from adaptkit.core.types import ErrorInfo
from adaptkit.evaluation import EvaluationSettings, evaluate
from adaptkit.evaluation.evaluate import TrialLabel
from adaptkit.strategies import Strategy, load_strategy

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is known of a trial after the run.

    Attributes:
        status: ``done``, ``failed`` or ``skipped``.
        reason: why, for the latter two.
    """

    trial: Trial
    status: str
    records: tuple[Record, ...]
    result: TrialResult | None = None
    reason: str | None = None


def run_plan(
    plan: Plan,
    provider: ModelProvider,
    store: RunStore,
    settings: EvaluationSettings,
    listener: Listener,
) -> list[Outcome]:
    """Run what has no result yet.

    A trial that fails is an outcome with its reason; the others go on. A failed trial is tried again on
    the next run. KeyboardInterrupt passes; everything measured until then is stored.
    """
    known = _by_trial(store.records())
    wanted = {t.key: {e.id for e in plan.examples[t.task.name]} for t in plan.trials}
    n_done = sum(r.example_id in wanted[t.key] for t in plan.trials for r in known.get(t.key, ()))
    listener.started(len(plan.trials), plan.n_rows, n_done)
    try:
        return [_run_trial(t, plan, provider, store, settings, listener, known) for t in plan.trials]
    finally:
        listener.finished()


def _run_trial(
    trial: Trial,
    plan: Plan,
    provider: ModelProvider,
    store: RunStore,
    settings: EvaluationSettings,
    listener: Listener,
    known: dict[str, list[Record]],
) -> Outcome:
    """Fit or take up again, answer the missing rows, store the result."""
    examples = plan.examples[trial.task.name]
    wanted = {e.id for e in examples}
    records = [r for r in known.get(trial.key, ()) if r.example_id in wanted]
    result = store.trial_result(trial.key)
    if result and result.status == "done" and {r.example_id for r in records} == wanted:
        return Outcome(trial=trial, status="done", records=tuple(records), result=result)
    refusal = trial.strategy.refusal(trial.task)
    if not refusal:
        if not provider.loaded:
            listener.loading(provider.id)
        refusal = trial.strategy.refusal(trial.task, provider.get())
    if refusal:
        return Outcome(trial=trial, status="skipped", records=(), reason=refusal)
    name = _name(trial, plan)
    listener.trial_started(name, len(examples), len(records))
    try:
        result, fresh = _measure(trial, plan, provider, store, settings, listener, records)
    except StoreError:
        raise  # a full disk fails every trial alike
    except Exception as error:  # the one place: a strategy's failure must not take the others along
        logger.debug("trial %s failed", name, exc_info=True)
        failed = _failed(trial, error)
        store.write_trial_result(failed)
        reason = str(error).partition("\n")[0]
        listener.trial_finished(name, "failed", reason)
        return Outcome(trial=trial, status="failed", records=tuple(records), result=failed, reason=reason)
    store.write_trial_result(result)
    listener.trial_finished(name, "done", None)
    return Outcome(trial=trial, status="done", records=tuple([*records, *fresh]), result=result)


def _name(trial: Trial, plan: Plan) -> str:
    seed = f" seed {trial.seed}" if any(t.seed for t in plan.trials) and trial.strategy.draws_at_random else ""
    return f"{trial.task.name} {trial.label}{seed}" if len(plan.tasks) > 1 else f"{trial.label}{seed}"


def _measure(
    trial: Trial,
    plan: Plan,
    provider: ModelProvider,
    store: RunStore,
    settings: EvaluationSettings,
    listener: Listener,
    records: Sequence[Record],
) -> tuple[TrialResult, list[Record]]:
    fresh: list[Record] = []
    before = time.perf_counter()

    def sink(batch: Sequence[Record]) -> None:
        nonlocal before
        store.append(batch)
        fresh.extend(batch)
        now = time.perf_counter()
        listener.rows_done(batch, now - before)
        before = now

    with PeakMemory() as memory:
        strategy, fit_s = _fitted(trial, provider, store, listener)
        listener.evaluation_started()
        before = started = time.perf_counter()
        evaluate(
            strategy,
            trial.task,
            plan.examples[trial.task.name],
            TrialLabel(key=trial.key, strategy=trial.label, seed=trial.seed),
            settings,
            sink=sink,
            done={r.example_id for r in records},
        )
        eval_s = time.perf_counter() - started
    result = TrialResult(
        key=trial.key,
        status="done",
        fit_s=fit_s,
        fit_notes=strategy.fit_notes_,
        peak_memory_bytes=memory.peak_bytes,
        eval_s=eval_s,
        artifact=trial.artifact,
    )
    del strategy
    gc.collect()  # merged weights are as large as the model: free them before the next trial
    return result, fresh


def _fitted(
    trial: Trial, provider: ModelProvider, store: RunStore, listener: Listener
) -> tuple[Strategy, float | None]:
    """Take up a saved strategy, or fit and save it; seconds are those of the original fit."""
    model = provider.get()
    if store.artifact_is_from(trial.artifact, trial.key):
        strategy = load_strategy(store.folder / trial.artifact, model)
        return strategy, store.read_mark(trial.artifact).get("fit_s")
    with Meter() as meter:
        trial.strategy.fit(model, trial.task, progress=listener.fit_progress)
    folder = store.prepare_artifact(trial.artifact)
    trial.strategy.save(folder)
    store.mark_artifact(trial.artifact, trial.key, {"fit_s": meter.seconds, "seed": trial.seed})
    return trial.strategy, meter.seconds


def _failed(trial: Trial, error: Exception) -> TrialResult:
    described: dict[str, Any] = {
        **vars(ErrorInfo.of(error)),
        "traceback": "".join(traceback.format_exception(error)),
    }
    return TrialResult(
        key=trial.key,
        status="failed",
        fit_s=None,
        fit_notes={},
        peak_memory_bytes=None,
        eval_s=None,
        artifact=None,
        error=described,
    )


def _by_trial(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records by trial; of two for one row, the first stays."""
    found: dict[str, dict[str, Record]] = {}
    for record in records:
        found.setdefault(record.trial, {}).setdefault(record.example_id, record)
    return {key: list(rows.values()) for key, rows in found.items()}


def require_something_to_run(outcomes: Sequence[Outcome]) -> None:
    """Raise CapabilityError when every strategy was skipped.

    Raises:
        CapabilityError: with the reasons.
    """
    if outcomes and all(o.status == "skipped" for o in outcomes):
        reasons = list(dict.fromkeys(o.reason or "" for o in outcomes))
        raise CapabilityError(" ".join(reasons))
