"""What the report's page shows beyond the table, gathered from a run folder; no model is needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from adaptkit import decision
from adaptkit.comparison.error_analysis import causes_of, most_asked_about
from adaptkit.comparison.evidence import evidence_of
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.stored import StoredRun, stored_run
from adaptkit.core.errors import AdaptKitError, OlderRunError
from adaptkit.core.reading import Unreadable, read_json
from adaptkit.core.results import ComparisonResult
from adaptkit.costs import (
    CostAssumptions,
    MeasuredCost,
    fixed_usd_per_hour,
    request_saving,
    strategy_costs,
)
from adaptkit.decision import Causes, Evidence, Requirements
from adaptkit.report.findings import Interval, PageData
from adaptkit.tasks import Task, load_task
from adaptkit.tasks.cut import read_cut, whole_name

# Of ten strategies with a thousand requests each, 10,000 for every pair would take ten seconds.
_RESAMPLES_OF_OTHERS = 2_000
# Bands of every two strategies grow as their square, in time and in bytes.
_MOST_COMPARED_WITH = 12
# Of curves.json and robustness.json, as this version reads them.
_BESIDE_VERSION = 1


def findings_of(folder: Path, result: ComparisonResult, tasks: Sequence[Task] = ()) -> dict[str, PageData]:
    """Gather, by task, what the page shows beyond the table.

    Args:
        folder: the run folder.
        result: its table.
        tasks: those that were run, for the inputs of their rows; one that is not given is read again from
            where the run had it, if it is still the same.

    Returns:
        Nothing where an earlier version of the library left out what is needed.
    """
    try:
        run = stored_run(folder, result.manifest)
        every = evidence_of(folder, result, run=run)
    except OlderRunError:
        return {}
    inputs = _inputs(result.manifest["tasks"], tasks)
    curves, robustness = (_beside(folder, name) for name in ("curves.json", "robustness.json"))
    baselines = {e.task: baseline_of([m.strategy for m in e.measured]) for e in every}
    return {
        e.task: PageData(
            evidence=e,
            recommendation=decision.recommend_for(e, Requirements()),
            baseline=baselines[e.task],
            savings=every_saving(e.measured, baselines[e.task]),
            causes=_causes(run, result, e),
            inputs=inputs.get(e.task, {}),
            curves=_of_task(curves, e.task),
            robustness=robustness if _is_about(robustness, e.task) else None,
        )
        for e in every
    }


def every_saving(measured: Sequence[MeasuredCost], baseline: str | None) -> dict[str, dict[str, Interval]]:
    """How sure it is what requests save against those of each strategy, the baseline's as in the cost table.

    Returns:
        Bands of all, by the strategy that they are compared with; the ends of those that are not of the cost
        table are of fewer draws, and off by a twentieth as a rule. Of many strategies only the baseline and
        the best: against the others the page shows break-evens without a band.
    """
    best = sorted((m for m in measured if m.quality is not None), key=lambda m: -(m.quality or 0.0))
    against = dict.fromkeys([*([baseline] if baseline else []), *(m.strategy for m in best)])
    return {
        name: saving_bands(measured, name, n_resamples=None if name == baseline else _RESAMPLES_OF_OTHERS)
        for name in list(against)[:_MOST_COMPARED_WITH]
    }


def saving_bands(
    measured: Sequence[MeasuredCost], baseline: str | None, n_resamples: int | None = None
) -> dict[str, Interval]:
    """How sure it is what each strategy's requests save against the baseline's, at any price and use.

    The cost table draws requests again in the same order and with the same seed; what it draws is in
    proportion to the price of a second, so one draw in seconds serves every price.
    """
    seconds = CostAssumptions(utilisation=1.0)
    costs = {m.strategy: strategy_costs(m, seconds, machine=fixed_usd_per_hour(3600.0)) for m in measured}
    rng = np.random.default_rng(RESAMPLING_SEED)
    found = {}
    for m in measured:
        base = costs.get(baseline or "")
        own = costs[m.strategy]
        if base is None or own is base or not own.samples or not base.samples:
            continue
        drawn = request_saving(
            own.samples,
            base.samples,
            rng=rng,
            clusters={**own.clusters, **base.clusters},
            n_resamples=n_resamples,
        )
        pair = [m, next(other for other in measured if other.strategy == baseline)]
        unit = _unit(pair)
        if unit and drawn.low is not None and drawn.high is not None:
            found[m.strategy] = Interval(low=drawn.low - drawn.usd, high=drawn.high - drawn.usd, unit=unit)
    return found


def _unit(pair: Sequence[MeasuredCost]) -> Literal["machine", "billed"] | None:
    """What both are paid by; None where that differs, so that no one draw serves every price."""
    if all(m.bills is None for m in pair):
        return "machine"
    return "billed" if not any(m.uses_machine for m in pair) else None


def _causes(run: StoredRun, result: ComparisonResult, evidence: Evidence) -> Causes | None:
    if not evidence.measured or all(row.quality is None for row in evidence.rows):
        return None
    return causes_of(run, result, evidence.task, most_asked_about(result, evidence.task))


def _inputs(described: Iterable[Mapping[str, Any]], tasks: Sequence[Task]) -> dict[str, dict[str, str]]:
    given = {t.name: t for t in tasks}
    found = {}
    for entry in described:
        task = given.get(entry["name"]) or _read_again(entry)
        if task is not None:
            found[entry["name"]] = {row.id: row.input for row in task.test}
    return found


def _read_again(entry: Mapping[str, Any]) -> Task | None:
    """The task that a run had, where it can be read on this machine and is the same; a Hub is not asked."""
    source = entry.get("source")
    if not source or str(source).startswith("hub:"):
        return None
    read_with = entry.get("read_with")
    try:
        task = load_task(source, **(read_with if isinstance(read_with, dict) else {}))
        cut = read_cut(entry["name"])
        task = task if cut is None else task.with_train(cut.n_train, seed=cut.seed)
    except AdaptKitError:
        return None
    return task if task.content_hash == entry.get("hash") else None


def _beside(folder: Path, name: str) -> Mapping[str, Any]:
    """What another measurement has left in the run folder, or above it: one that is several runs.

    Empty where there is none, nothing readable, or what another version wrote.
    """
    for place in (folder, folder.parent):
        try:
            data = read_json(place / name)
        except Unreadable:
            continue
        known = isinstance(data, dict) and data.get("schema_version") == _BESIDE_VERSION
        return data if known else {}
    return {}


def _of_task(curves: Mapping[str, Any], task: str) -> Mapping[str, Any] | None:
    own = [c for c in curves.get("curves", ()) if c["task"] == whole_name(task)]
    return {**curves, "curves": own} if own else None


def _is_about(robustness: Mapping[str, Any], task: str) -> bool:
    return bool(robustness.get("settings", {}).get("task") == whole_name(task))
