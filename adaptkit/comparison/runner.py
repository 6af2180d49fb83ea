"""Run the trials of a plan, one after the other; do only what is missing."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from statistics import fmean

from adaptkit.comparison.plan import Plan, Trial
from adaptkit.comparison.run_context import RecordIndex, RunContext
from adaptkit.comparison.trial import run_trial
from adaptkit.comparison.trial_data import TrialData
from adaptkit.core.codec import content_hash
from adaptkit.core.errors import CapabilityError

LEAST_SHARE = 0.25
"""Of the equal share of the whole run's time, what each training has however long the rest took."""
WORTH_AGAIN = 1.5
"""A training that time cut short is begun anew where so many times its seconds are left over."""
PASSAGES_FACTOR = 5
"""How many times as long prompts with passages are, roughly: only the order of trainings rests on it."""


def run_plan(run: RunContext) -> list[TrialData]:
    """Run what has no result yet.

    A trial that fails is an outcome with its reason; the others go on. A failed trial is tried again on
    the next run. KeyboardInterrupt passes; everything measured until then is stored.
    """
    run.store.repair()
    plan, answered = run.plan, RecordIndex(run.store.records())
    possible = [t for t in plan.trials if not t.strategy.refusal(t.task)]
    n_rows = sum(len(plan.examples_of(t)) for t in possible)
    n_done = sum(len(answered.records(t, plan.examples_of(t))) for t in possible)
    run.listener.started(len(possible), n_rows, n_done)
    try:
        if run.standards.until_decided:
            # Imported here: most runs are of all rows.
            from adaptkit.comparison.sequential_runner import run_rounds

            return [outcome for task in plan.tasks for outcome in run_rounds(task, run, answered)]
        if run.minutes is not None:
            return _within(run.minutes * 60, run, answered)
        return [run_trial(t, plan.examples_of(t), run, answered) for t in plan.trials]
    finally:
        run.listener.finished()


def _within(seconds: float, run: RunContext, answered: RecordIndex) -> list[TrialData]:
    """Run a plan in about so many seconds: what does not train first, then all trainings in what is left.

    Those that need least come first, each with an equal part of what is left: what one does not use, since
    its loss stopped falling, goes to those after it, and so nobody who wants more gets less than another
    (max-min fairness). What is left over at last goes to those that time has cut short.
    """
    ends_at = time.monotonic() + seconds
    trained = sorted((t for t in run.plan.trials if t.key_if_cut), key=_demand)
    # What an earlier run left is as it was: only what this one cut short may have more of its time.
    stored = {t.key for t in trained if run.store.trial_result(t.key_if_cut or t.key)}
    outcomes = {id(t): _run(t, run, answered) for t in run.plan.trials if not t.key_if_cut}
    answering_s = _answering_s(run.plan, list(outcomes.values()))
    least = LEAST_SHARE * seconds / max(1, len(trained))

    def share(n: int, trial: Trial) -> float:
        own = (ends_at - time.monotonic()) / n - answering_s.get(trial.task.name, 0.0)
        return max(least, own)

    for i, trial in enumerate(trained):
        outcomes[id(trial)] = _run(trial, run, answered, share(len(trained) - i, trial))
    cut = [t for t in trained if outcomes[id(t)].key == t.key_if_cut and t.key not in stored]
    for i, trial in enumerate(cut):
        fit_s = outcomes[id(trial)].fit_s
        more = share(len(cut) - i, trial)
        if fit_s is not None and more > WORTH_AGAIN * fit_s:
            again = dataclasses.replace(trial, key_if_cut=content_hash([trial.key_if_cut, "again"]))
            outcomes[id(trial)] = _run(again, run, answered, more)
    return [outcomes[id(t)] for t in run.plan.trials]


def _run(trial: Trial, run: RunContext, answered: RecordIndex, seconds: float | None = None) -> TrialData:
    return run_trial(trial, run.plan.examples_of(trial), run, answered, seconds=seconds)


def _demand(trial: Trial) -> float:
    """What a training takes beside others, roughly: the characters that it goes through."""
    rows = sum(len(e.input) + len(e.target) for e in trial.task.train)
    return rows * (PASSAGES_FACTOR if trial.strategy.traits.retrieves else 1)


def _answering_s(plan: Plan, outcomes: Sequence[TrialData]) -> dict[str, float]:
    """Seconds that a strategy which asks the model took for the rows of each task."""
    found: dict[str, list[float]] = {}
    for o in outcomes:
        if o.eval_s is not None and o.traits.uses_llm:
            found.setdefault(o.task, []).append(o.eval_s)
    return {task: fmean(values) for task, values in found.items()}


def require_something_to_run(outcomes: Sequence[TrialData]) -> None:
    """Raise CapabilityError when every strategy was skipped.

    Raises:
        CapabilityError: with the reasons.
    """
    if outcomes and all(o.status == "skipped" for o in outcomes):
        reasons = list(dict.fromkeys(o.reason or "" for o in outcomes))
        raise CapabilityError(" ".join(reasons))
