"""Run the trials of a plan, one after the other; do only what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.comparing.run import Answered, Outcome, Run
from adaptkit.comparing.trial_run import run_trial
from adaptkit.core.errors import CapabilityError


def run_plan(run: Run) -> list[Outcome]:
    """Run what has no result yet.

    A trial that fails is an outcome with its reason; the others go on. A failed trial is tried again on
    the next run. KeyboardInterrupt passes; everything measured until then is stored.
    """
    run.store.repair()
    plan, answered = run.plan, Answered(run.store.records())
    possible = [t for t in plan.trials if not t.strategy.refusal(t.task)]
    n_rows = sum(len(plan.examples_of(t)) for t in possible)
    n_done = sum(len(answered.records(t, plan.examples_of(t))) for t in possible)
    run.listener.started(len(possible), n_rows, n_done)
    try:
        if run.standards.until_decided:
            # Imported here: most runs are of all rows.
            from adaptkit.comparing.rounds import run_rounds

            return [outcome for task in plan.tasks for outcome in run_rounds(task, run, answered)]
        return [run_trial(t, plan.examples_of(t), run, answered) for t in plan.trials]
    finally:
        run.listener.finished()


def require_something_to_run(outcomes: Sequence[Outcome]) -> None:
    """Raise CapabilityError when every strategy was skipped.

    Raises:
        CapabilityError: with the reasons.
    """
    if outcomes and all(o.status == "skipped" for o in outcomes):
        reasons = list(dict.fromkeys(o.reason or "" for o in outcomes))
        raise CapabilityError(" ".join(reasons))
