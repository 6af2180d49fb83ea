"""One trial: fit it or take it up again, answer what is missing, store the result."""

from __future__ import annotations

import dataclasses
import gc
import logging
import math
import time
import traceback
from collections.abc import Sequence
from typing import Any

from adaptkit.comparison.billing import TokenMeter
from adaptkit.comparison.evaluate import EvalSpec, Sink, evaluate, tokens_of
from adaptkit.comparison.plan import Plan, Trial
from adaptkit.comparison.run_context import RecordIndex, RunContext
from adaptkit.comparison.store import writing
from adaptkit.comparison.trial_data import TrialData, TrialResult, cuts_noted
from adaptkit.core.codec import to_json
from adaptkit.core.errors import AdaptKitError, StoreError
from adaptkit.core.results import Record
from adaptkit.core.types import ErrorInfo, Example
from adaptkit.costs import Meter, PeakMemory, spared_s
from adaptkit.strategies import Strategy
from adaptkit.strategies.seal import read_state

logger = logging.getLogger(__name__)


def run_trial(
    trial: Trial,
    rows: Sequence[Example],
    run: RunContext,
    answered: RecordIndex,
    *,
    seconds: float | None = None,
) -> TrialData:
    """Fit or take up again, answer the missing rows, store the result.

    Args:
        trial: what to run.
        rows: the rows that it has to answer, the first of its plan's.
        run: what all trials share.
        answered: what has a record; what is measured is added.
        seconds: what a training may take; None for no bound. Where it ends one, the outcome's trial has the
            key of that.
    """
    as_cut = dataclasses.replace(trial, key=trial.key_if_cut or trial.key)
    for known in (trial, as_cut):
        finished = _finished(known, rows, run, answered)
        if finished:
            return finished
    if run.store.artifact_is_from(trial.artifact, as_cut.key):
        trial = as_cut
    name, n_planned = _name(trial, run.plan), len(run.plan.examples_of(trial))
    refusal = _refusal(trial, run)
    if refusal:
        run.listener.trial_finished(name, "skipped", refusal)
        skipped = TrialResult(key=trial.key, status="skipped", traits=trial.strategy.traits, reason=refusal)
        return _data(trial, skipped, (), n_planned)
    run.listener.trial_started(name, len(rows), len(answered.records(trial, rows)))
    began = time.perf_counter()
    try:
        result = _measure(trial, rows, run, answered, seconds)
    except StoreError:
        raise  # a full disk fails every trial alike
    except Exception as error:  # the one place: a strategy's failure must not take the others along
        logger.debug("trial %s failed", name, exc_info=True)
        result = _failed(trial, error, time.perf_counter() - began)
    trial = dataclasses.replace(trial, key=result.key)
    run.store.write_trial_result(result)
    run.listener.trial_finished(name, result.status, result.reason)
    if result.traits.trains_weights:
        gc.collect()  # merged weights are as large as the model: free them before the next trial
    return _data(trial, result, answered.records(trial, rows), n_planned)


def _finished(
    trial: Trial, rows: Sequence[Example], run: RunContext, answered: RecordIndex
) -> TrialData | None:
    """The outcome of a trial that an earlier run finished, with a record for each of the rows."""
    result = run.store.trial_result(trial.key)
    records = answered.records(trial, rows)
    if result is None or result.status != "done" or len(records) < len(rows):
        return None
    if result.artifact and not run.store.artifact_is_from(result.artifact, trial.key):
        # Another configuration of this strategy has taken the folder since.
        result = dataclasses.replace(result, artifact=None)
    return _data(trial, result, records, len(run.plan.examples_of(trial)))


def _data(trial: Trial, result: TrialResult, records: Sequence[Record], n_planned: int) -> TrialData:
    """What came of a trial, with the names that it has in this run."""
    return TrialData(
        **{f.name: getattr(result, f.name) for f in dataclasses.fields(TrialResult)},
        task=trial.task.name,
        strategy=trial.label,
        seed=trial.seed,
        repeat=trial.repeat,
        params=trial.strategy.described_params(),
        n_planned=n_planned,
        takes_seed=trial.strategy.takes_seed,
        n_labels=_n_labels(trial),
        records=tuple(records),
    )


def _n_labels(trial: Trial) -> int:
    """Labelled examples that a strategy learns from, or is tuned on; 0 for a plain prompt."""
    splits = {"train": trial.task.train, "validation": trial.task.validation or ()}
    return sum(len(splits[name]) for name in trial.strategy.labels_used(trial.task))


def _refusal(trial: Trial, run: RunContext) -> str | None:
    """Why the trial cannot be run; the task is judged first, since that needs no model."""
    reason = trial.strategy.refusal(trial.task)
    if reason:
        return reason
    if not run.provider.loaded:
        run.listener.loading(run.provider.id)
    return trial.strategy.refusal(trial.task, run.provider.get())


def _name(trial: Trial, plan: Plan) -> str:
    several = any(t.seed for t in plan.trials if t.label == trial.label)
    seed = f" seed {trial.seed}" if several else ""
    seed += " again" if trial.repeat else ""
    return f"{trial.task.name} {trial.label}{seed}" if len(plan.tasks) > 1 else f"{trial.label}{seed}"


def _measure(
    trial: Trial, rows: Sequence[Example], run: RunContext, answered: RecordIndex, seconds: float | None
) -> TrialResult:
    with PeakMemory() as memory:
        strategy, has_own_weights = _fitted(trial, run, memory, seconds)
        trial = _settled(trial, strategy)
        run.listener.evaluation_started()
        _answer(strategy, trial, rows, run, answered)
    mark = run.store.read_mark(trial.artifact)
    return TrialResult(
        key=trial.key,
        status="done",
        fit_s=mark.get("fit_s"),
        fit_tokens=mark.get("fit_tokens"),
        fit_notes=to_json(strategy.fit_notes_),
        peak_memory_bytes=max(memory.peak_bytes, mark.get("peak_memory_bytes") or 0),
        eval_s=_eval_s(answered.records(trial, rows)),
        artifact=trial.artifact,
        traits=dataclasses.replace(
            strategy.traits, trains_weights=strategy.traits.trains_weights or has_own_weights
        ),
    )


def _answer(
    strategy: Strategy, trial: Trial, rows: Sequence[Example], run: RunContext, answered: RecordIndex
) -> None:
    """Answer the rows that have no record yet."""
    assignment = EvalSpec(
        key=trial.key,
        strategy=trial.label,
        seed=trial.seed,
        task=trial.task,
        examples=tuple(rows),
        clusters=run.plan.clusters[trial.task.name],
        repeat=trial.repeat,
    )
    done = {r.example_id for r in answered.records(trial, rows)}
    evaluate(strategy, assignment, run.settings, sink=_sink(run, answered), done=done)


def _settled(trial: Trial, strategy: Strategy) -> Trial:
    """The trial with the key of what came of its fit: time may have ended it."""
    by_time = any(cut["by"] == "seconds" for cut in cuts_noted(strategy.fit_notes_))
    return dataclasses.replace(trial, key=trial.key_if_cut) if by_time and trial.key_if_cut else trial


def _sink(run: RunContext, answered: RecordIndex) -> Sink:
    """Store records as they come, and tell the listener how long they took."""
    before = time.perf_counter()

    def sink(records: Sequence[Record]) -> None:
        nonlocal before
        run.store.append(records)
        answered.add(records)
        now = time.perf_counter()
        run.listener.rows_done(records, now - before)
        before = now

    return sink


def _eval_s(records: Sequence[Record]) -> float:
    """Seconds of all batches, from the records: a resumed run knows those of its first part too."""
    return math.fsum(r.batch_s / r.batch_size for r in records if r.batch_s is not None)


def _fitted(
    trial: Trial, run: RunContext, memory: PeakMemory, seconds: float | None
) -> tuple[Strategy, bool]:
    """Take up a saved strategy, or fit and save it; the mark keeps the seconds of the original fit.

    Returns:
        It, and whether the model that answers is another one than the run's.
    """
    model, store = run.provider.get(), run.store
    billed = TokenMeter(model) if run.provider.billed_by is not None else None
    # A copy: the plan outlives the trial, and would keep what was learnt in memory.
    strategy = dataclasses.replace(trial.strategy)
    if store.artifact_is_from(trial.artifact, trial.key):
        folder = store.folder / trial.artifact
        try:
            # Not load_strategy: that builds only strategies that are registered by name.
            strategy.restore(folder, read_state(folder), model)
            return strategy, strategy.model_ is not model
        except (AdaptKitError, OSError, LookupError, ValueError) as error:
            logger.warning("%s cannot be taken up (%s); it is fitted again.", folder, _first_line(error))
    # Only where there is a bound: a strategy from elsewhere may have a fit() of its own without one.
    bound: dict[str, Any] = {} if seconds is None else {"seconds": seconds}
    with Meter() as meter:
        strategy.fit(billed or model, trial.task, progress=run.listener.fit_progress, **bound)
    folder = store.prepare_artifact(trial.artifact)
    with writing(folder):
        strategy.save(folder)
    measured = {
        "fit_s": meter.seconds + spared_s(strategy.fit_notes_),
        "seed": trial.seed,
        "peak_memory_bytes": memory.peak_bytes,
        "fit_tokens": None if billed is None else tokens_of(billed.usage),
    }
    store.mark_artifact(trial.artifact, _settled(trial, strategy).key, measured)
    return strategy, strategy.model_ is not (billed or model)


def _first_line(error: Exception) -> str:
    """The first line of what an error says; its type where it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _failed(trial: Trial, error: Exception, seconds: float) -> TrialResult:
    described: dict[str, Any] = {
        **vars(ErrorInfo.of(error)),
        "traceback": "".join(traceback.format_exception(error)),
    }
    return TrialResult(
        key=trial.key,
        status="failed",
        reason=_first_line(error),
        traits=trial.strategy.traits,
        error=described,
        failed_s=seconds,
    )
