"""From one strategy's pilot to its line of the forecast."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.comparison.plan import Trial
from adaptkit.comparison.trial_data import TrialData
from adaptkit.costs import MachinePrice
from adaptkit.strategies.shortened import Tuning, tuning_of
from adaptkit.studies.pilot.answers import Throughput
from adaptkit.studies.pilot.fits import fit_span, trainings_of
from adaptkit.studies.pilot.pilot_line import PilotLine
from adaptkit.studies.pilot.span import OTHERS_FACTOR, Range, total


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """What a comparison will do with one strategy on one task.

    Attributes:
        trials: of the comparison: one a seed, and perhaps the second run of the baseline.
        n_rows: test rows of each, the first ``n_alone`` of them sent alone.
    """

    trials: Sequence[Trial]
    n_rows: int
    n_alone: int

    def line(self) -> PilotLine:
        """Its line before anything is known."""
        first = self.trials[0]
        return PilotLine(
            task=first.task.name,
            strategy=first.label,
            n_runs=len(self.trials),
            n_rows=self.n_rows,
            n_configurations=tuning_of(first.strategy, first.task).n_configurations,
            trains=first.strategy.traits.trains_weights,
        )


def predicted(planned: Planned, found: TrialData, price: MachinePrice | None) -> PilotLine:
    """The line of a strategy that a pilot ran.

    Args:
        planned: what is to be predicted.
        found: what the pilot measured.
        price: of the machine, None when unknown.
    """
    line = planned.line()
    answers = Throughput.of(found.records)
    if found.status != "done" or found.fit_s is None:
        return dataclasses.replace(line, reason=found.reason or found.status)
    if answers is None:
        return dataclasses.replace(line, reason=_failure(found))
    strategy, task = planned.trials[0].strategy, planned.trials[0].task
    tuning = tuning_of(strategy, task)
    trainings = trainings_of(strategy, found.fit_notes, n_train=len(task.train))
    fit = fit_span(found.fit_s, found.fit_notes, trainings) + answers.rows_s(tuning.n_rows, 0)
    n_asked = tuning.n_rows + _n_asked_in_fit(found.fit_notes)
    learnt = total(t.span_tokens for t in trainings) + answers.rows_tokens(n_asked)
    tokens = learnt.times(times_tuned(tuning)) + answers.rows_tokens(planned.n_rows)
    return dataclasses.replace(
        line,
        fit_s=fit.times(times_tuned(tuning)).times(line.n_runs),
        answers_s=answers.rows_s(planned.n_rows, planned.n_alone).times(line.n_runs),
        tokens=tokens.times(line.n_runs),
        usd_per_hour=None if price is None else price.usd_per_hour,
    )


def times_tuned(tuning: Tuning) -> Range:
    """How often what the given configuration takes is taken."""
    others = Range.within(tuning.n_configurations - 1, OTHERS_FACTOR)
    if tuning.bounded:
        others = dataclasses.replace(others, low=0.0)
    return Range.exactly(1) + others


def _n_asked_in_fit(notes: Mapping[str, Any]) -> int:
    """How often a fit asked the model about validation rows, to choose a format and a way to get labels."""
    formats, ways = notes.get("format_spread") or {}, notes.get("labels_by") or {}
    n_tried, n_rows = len(formats.get("tried", (0,))), int(formats.get("n_rows", ways.get("n_rows", 0)))
    # The scores of all labels come out of one pass, a written label out of another.
    return n_tried * n_rows * (2 if ways.get("scores") else 1 if formats else 0)


def _failure(found: TrialData) -> str:
    failed = [r.error for r in found.records if r.error is not None]
    message = f": {failed[0].get('message', '')}" if failed else ""
    return f"{len(failed)} of {len(found.records)} rows failed{message}"
