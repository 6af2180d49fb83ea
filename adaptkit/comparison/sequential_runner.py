"""Answer rows in rounds, and stop where the evidence decides.

All strategies answer the first rows; then those that can no longer win drop out, and the others go on. When
the looks are, and what may be concluded at each, is set before the run (``stats.StoppingRule``), and a
decision depends on scores only: a resumed run takes the same ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.plan import Trial
from adaptkit.comparison.run_context import RecordIndex, RunContext
from adaptkit.comparison.scores import row_scores, stopping_rule
from adaptkit.comparison.trial import run_trial
from adaptkit.comparison.trial_data import TrialData, groups_of
from adaptkit.core.types import Example
from adaptkit.stats import RunSoFar, looks_for
from adaptkit.tasks import Task


def run_rounds(task: Task, run: RunContext, answered: RecordIndex) -> list[TrialData]:
    """Run a task's trials until the evidence decides or no rows are left.

    Returns:
        One outcome a trial, in the plan's order, with the rows that it answered until the end.
    """
    trials = [t for t in run.plan.trials if t.task is task]
    rows = run.plan.examples[task.name]
    latest: dict[str, TrialData] = {}
    dropped: Collection[str] = ()
    for look in looks_for(len(rows)):
        for trial in trials:
            if not trial.repeat and trial.label not in dropped and _goes_on(latest.get(_name(trial))):
                some = rows[: look.n_rows]
                latest[_name(trial)] = run_trial(trial, some, run, answered, seconds=_seconds_for(trial, run))
        so_far = _judge(task, run.standards, list(latest.values()), look.n_rows)
        # What a budget cut short may be better than it looks.
        cut_short = {t.strategy for t in latest.values() if t.fit_notes.get("cut_short")}
        dropped = set(so_far.dropped) - cut_short
        if so_far.next_rows is None:
            break
    for trial in trials:
        if trial.repeat:
            latest[_name(trial)] = run_trial(trial, _as_long_as(trial, latest, rows), run, answered)
    return [latest[_name(trial)] for trial in trials]


def _name(trial: Trial) -> str:
    """What tells a task's trials apart; keys do not, where two strategies are the same one by their seeds."""
    return f"{trial.label} {trial.seed} {trial.repeat}"


def _seconds_for(trial: Trial, run: RunContext) -> float | None:
    """An equal part of half of the run's time: how long the rows will take is not known yet."""
    n = sum(t.key_if_cut is not None for t in run.plan.trials)
    return None if run.minutes is None or trial.key_if_cut is None else run.minutes * 60 / 2 / n


def _goes_on(outcome: TrialData | None) -> bool:
    return outcome is None or outcome.status == "done"


def _judge(task: Task, standards: DecisionSettings, outcomes: Sequence[TrialData], n_done: int) -> RunSoFar:
    groups = [g for g in groups_of(task.facts, outcomes) if g.records]
    return stopping_rule(groups, standards).judge({g.label: row_scores(g) for g in groups}, n_done)


def _as_long_as(
    trial: Trial, outcomes: Mapping[str, TrialData], rows: Sequence[Example]
) -> Sequence[Example]:
    """The second of two identical runs answers the rows that the first one did."""
    first = outcomes[_name(dataclasses.replace(trial, repeat=0))]
    return rows[: len(first.records)]
