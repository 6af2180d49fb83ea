"""Comparisons to a measurement of robustness: effects, choices and slices, from stored records only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adaptkit.comparison import Comparison
from adaptkit.comparison.stored import stored_run
from adaptkit.core.types import Example
from adaptkit.studies.robustness.analysis import Condition, Judge, corrected
from adaptkit.studies.robustness.result import UNCHANGED, ChoiceUnderChange, Effect, Robustness
from adaptkit.studies.robustness.variants import SLICE

LEAST_ROWS = 2
"""A slice of fewer says nothing."""


def gathered(
    base: Comparison,
    readings: Sequence[Condition],
    skipped: Mapping[str, str],
    *,
    rows: Sequence[Example],
    slices: bool,
    settings: Mapping[str, Any],
) -> Robustness:
    """Judge what was measured.

    Args:
        base: the comparison without a change.
        readings: one a change.
        skipped: why others were not measured.
        rows: the test rows in use.
        slices: whether they are looked at by slice, too.
        settings: to be kept with the result.
    """
    judge = _judge(base)
    unchanged = judge.choice(judge.base, None)
    choices: list[ChoiceUnderChange] = []
    effects: list[Effect] = judge.effects(judge.base)
    for reading in readings:
        choices.append(judge.choice(reading, _reference(judge, reading, unchanged.named)))
        effects += judge.effects(reading)
    without = dict(skipped)
    for found in _slices(judge, rows) if slices else ():
        if isinstance(found, str):
            without[SLICE] = found
            continue
        choices.append(judge.choice(found, unchanged.named))
        effects += judge.slice_effects(found)
    return Robustness(
        unchanged=unchanged,
        choices=tuple(choices),
        effects=tuple(corrected(effects)),
        skipped=without,
        gaps=tuple(_gaps([judge.base, *readings])),
        settings={
            "task": judge.task.name,
            "model": judge.model,
            "metric": judge.task.primary_metric,
            "n_rows": len(rows),
            **settings,
        },
    )


def _judge(base: Comparison) -> Judge:
    run = stored_run(base.folder, base.result.manifest)
    return Judge(
        task=run.tasks[0],
        standards=run.standards,
        base=Condition(name=UNCHANGED, what="as it is", trials=run.trials),
        costs={row.strategy: row for row in base.rows},
        model=base.rows[0].model,
    )


def _reference(judge: Judge, reading: Condition, on_all: str | None) -> str | None:
    """What is named without the change on the same rows."""
    if reading.ids == judge.base.ids:
        return on_all
    return judge.recommended(judge.base.of_rows(reading.ids)).named


def _slices(judge: Judge, rows: Sequence[Example]) -> Iterator[Condition | str]:
    """The unchanged reading by slice, or why there is none."""
    ids: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.metadata.get(SLICE) is not None:
            ids[str(row.metadata[SLICE])].add(row.id)
    usable = {name: own for name, own in sorted(ids.items()) if LEAST_ROWS <= len(own) < len(rows)}
    if not ids:
        yield 'metadata["slice"] names one in no test row in use'
    elif not usable:
        yield "every slice is all test rows in use, or has fewer than two of them"
    for name, own in usable.items():
        what = f"{len(own)} of {len(rows)} test rows"
        yield judge.base.of_rows(own, name=f"{SLICE} {name}", what=what)


def _gaps(readings: Sequence[Condition]) -> Iterator[str]:
    for reading in readings:
        for trial in reading.trials:
            own = reading.name == UNCHANGED or trial.strategy in reading.touched
            if trial.status != "done" and own:
                where = f"{trial.strategy}, {reading.name}, seed {trial.seed}"
                yield f"{where}: {trial.status}: {trial.reason}"
