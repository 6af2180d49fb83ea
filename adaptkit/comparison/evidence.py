"""From a run folder to what a recommendation rests on; neither model nor torch is needed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adaptkit.comparison.costs import measured_cost
from adaptkit.comparison.pairs import compared, estimate_of, pairs_of
from adaptkit.comparison.rows import row_of
from adaptkit.comparison.scoring import aggregate
from adaptkit.comparison.stored import StoredRun, stored_run
from adaptkit.comparison.trial_data import StrategyTrials, groups_of
from adaptkit.core.errors import StoreError, UnknownNameError
from adaptkit.core.numbers import is_number
from adaptkit.core.result_io import COMPARISON_JSON
from adaptkit.core.results import ComparisonResult, Row
from adaptkit.costs import CostAssumptions
from adaptkit.decision import DataFacts, Evidence
from adaptkit.tasks import TaskFacts


def evidence_of(
    folder: Path,
    result: ComparisonResult,
    *,
    assumptions: CostAssumptions | None = None,
    metric: str | None = None,
    run: StoredRun | None = None,
) -> list[Evidence]:
    """Gather what was measured of each task.

    Args:
        folder: the run folder.
        result: its table.
        assumptions: of the costs, None for those of the run.
        metric: what quality is judged by, None for each task's first one.
        run: what the folder keeps, where that was read before.

    Raises:
        StoreError: the run's files cannot be read, or are of an older version.
        UnknownNameError: a task has no such metric.
    """
    run = run or stored_run(folder, result.manifest)
    described = {t["name"]: t for t in result.manifest["tasks"]}
    return [
        dataclasses.replace(
            _of_task(judged_by(task, metric), run, result, folder),
            assumptions=assumptions or run.assumptions,
            facts=facts_of_manifest(described[task.name]),
            model_parameters=(result.manifest.get("model") or {}).get("n_parameters") or None,
        )
        for task in run.tasks
    ]


def judged_by(task: TaskFacts, metric: str | None) -> TaskFacts:
    """The task with this metric in the first place.

    Raises:
        UnknownNameError: it has no such metric.
    """
    if metric is None:
        return task
    if metric not in task.metrics:
        raise UnknownNameError.for_name(f"metric of {task.name}", metric, task.metrics)
    return dataclasses.replace(task, metrics=(metric, *(m for m in task.metrics if m != metric)))


def _of_task(task: TaskFacts, run: StoredRun, result: ComparisonResult, folder: Path) -> Evidence:
    groups = groups_of(task, run.trials)
    ran = [g for g in groups if g.records]
    own = [r for r in result.rows if r.task == task.name]
    same = not own or own[0].metric == task.primary_metric
    if not ran and same:
        # A table may have been kept without its records.
        return Evidence(
            task=task.name, rows=tuple(own), pairs=tuple(p for p in result.pairs if p.task == task.name)
        )
    if same:
        _check_table(own, ran, folder)
    found = compared(ran, run.standards)
    return Evidence(
        task=task.name,
        rows=tuple(own) if same else tuple(_rows(groups, own, run)),
        pairs=tuple(pairs_of(task, found, run.standards, ran)),
        measured=tuple(measured_cost(g, run.prices) for g in ran),
        machine=run.prices.machine,
        gaps=found.gaps,
    )


def _check_table(own: Sequence[Row], ran: Sequence[StrategyTrials], folder: Path) -> None:
    """Refuse a table that was not made of the records beside it, at the first number that shows it."""
    rows = {row.strategy: row for row in own}
    for group in ran:
        row, name = rows.get(group.label), group.task.primary_metric
        if row is None or row.status != "done":
            said, found = "no answers", f"{len(group.records)} answers"
        else:
            n, value = len({r.example_id for r in group.records}), aggregate(group.records, group.task, name)
            written = row.metrics.get(name, value)
            said, found = f"{name} {written} of {row.n} rows", f"{value} of {n}"
            if row.n == n and (written == value or _close(written, value)):
                continue
        raise StoreError(
            f"The table says {said} of {group.label}, and the records give {found}: one of them is of "
            "another run, or was changed. Run the same command again to make the table of the records.",
            path=folder / COMPARISON_JSON,
        )


def _close(one: object, other: object) -> bool:
    return is_number(one) and is_number(other) and math.isclose(one, other, abs_tol=1e-9)


def _rows(groups: list[StrategyTrials], own: list[Row], run: StoredRun) -> list[Row]:
    """The lines of the table by another metric."""
    return [row_of(g, estimate_of(g) if g.records else None, own[0].model, run.prices) for g in groups]


def facts_of_manifest(described: Mapping[str, Any]) -> DataFacts:
    """The facts of a task as a manifest keeps them; those of an earlier version are the counts alone.

    Args:
        described: the task's entry.
    """
    facts = described.get("facts")
    if facts is not None:
        return DataFacts(**{**facts, "metrics": tuple(facts["metrics"])})
    labels = len(described["labels"]) if described["kind"] == "classification" else 0
    return DataFacts(
        task=described["name"],
        kind=described["kind"],
        metrics=tuple(described["metrics"]),
        n_train=described["n_train"],
        n_validation=described["n_validation"],
        n_test=described["n_test"],
        input_chars=0,
        target_chars=0,
        n_classes=labels or None,
        examples_per_class=described["n_train"] / labels if labels else None,
        n_documents=described["n_documents"],
    )
