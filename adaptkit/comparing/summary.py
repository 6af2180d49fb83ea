"""Outcomes to the rows and pairs of the table: reads records only, never models."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from adaptkit import accounting, stats
from adaptkit.accounting import MachinePrice
from adaptkit.comparing.pairs import RESAMPLING_SEED, clusters_of, pairs_of, with_delta
from adaptkit.comparing.plan import Plan
from adaptkit.comparing.runner import Outcome
from adaptkit.core.codec import to_json
from adaptkit.core.results import Estimate, Pair, Record, Row, TrialStatus
from adaptkit.evaluation.scoring import LENIENT, aggregate, per_example
from adaptkit.metrics import is_row_mean
from adaptkit.tasks import Task

BASELINE = "prompt"


@dataclasses.dataclass(frozen=True)
class Group:
    """All trials of one strategy on one task: one line of the table."""

    task: Task
    label: str
    outcomes: tuple[Outcome, ...]

    @property
    def records(self) -> list[Record]:
        """Records of all seeds that finished."""
        return [r for o in self.outcomes if o.status == "done" for r in o.records]

    @property
    def values(self) -> dict[str, float]:
        """One value of the primary metric an example."""
        return per_example(self.records, self.task.primary_metric)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """The table, and what a reader has to know about it.

    Attributes:
        rows: one a task and strategy, in the plan's order.
        pairs: all pairs of strategies of each task.
        baselines: by task, the strategy that the others' deltas refer to; None where nothing was measured.
        interval_methods: by task, how the intervals of quality were made, in words.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    baselines: Mapping[str, str | None]
    interval_methods: Mapping[str, str]


def summarise(plan: Plan, outcomes: Sequence[Outcome], *, model: str, price: MachinePrice | None) -> Summary:
    """Make the table.

    Args:
        plan: what was to be run.
        outcomes: what came of it.
        model: its name in the table.
        price: of the machine, None when unknown; then all USD are.
    """
    rows: list[Row] = []
    pairs: list[Pair] = []
    baselines: dict[str, str | None] = {}
    methods: dict[str, str] = {}
    for task in plan.tasks:
        groups = [
            Group(task, label, tuple(o for o in outcomes if o.trial.task is task and o.trial.label == label))
            for label in plan.labels
        ]
        groups = [g for g in groups if g.outcomes]  # a baseline that cannot serve the task has none
        measured = [g for g in groups if g.records]
        found = pairs_of(task, {g.label: g.values for g in measured})
        baseline = baselines[task.name] = _baseline(measured)
        methods[task.name] = _interval_methods(measured)
        made = [_row(g, model, price) for g in groups]
        pairs += found
        rows += [with_delta(_with_break_even(r, made, baseline), found, baseline) for r in made]
    return Summary(rows=tuple(rows), pairs=tuple(pairs), baselines=baselines, interval_methods=methods)


def _interval_methods(groups: Sequence[Group]) -> str:
    """Name the method; where strategies differ in it, name theirs after each."""
    by_method: dict[str, list[str]] = {}
    for group in groups:
        by_method.setdefault(_estimate(group).method, []).append(group.label)
    if len(by_method) < 2:
        return "".join(by_method)
    return "; ".join(f"{', '.join(labels)}: {method}" for method, labels in by_method.items())


def _baseline(groups: Sequence[Group]) -> str | None:
    labels = [g.label for g in groups]
    plain = [label for label in labels if label.partition(":")[0] == BASELINE]
    return next(iter(plain or labels), None)


def _row(group: Group, model: str, price: MachinePrice | None) -> Row:
    """One line of the table, without what compares it with others."""
    task, records = group.task, group.records
    status, reason = _status(group)
    row = Row(
        task=task.name,
        strategy=group.label,
        model=model,
        n=len({r.example_id for r in records}),
        # Of rows, not of answers: a row that fails under every seed is one.
        n_errors=len({r.example_id for r in records if r.error is not None}),
        metric=task.primary_metric,
        quality=None,
        quality_low=None,
        quality_high=None,
        seeds=max(1, len({o.trial.seed for o in group.outcomes if o.status == "done"})),
        status=status,
        reason=reason,
        config=group.outcomes[0].trial.strategy.described_params() if group.outcomes else {},
    )
    if not records:
        return row
    return dataclasses.replace(
        row,
        **_quality(group),
        **_timing(records),
        **_tokens(records),
        **_fit(group, price),
        **_usd(group, price),
    )


def _status(group: Group) -> tuple[TrialStatus, str | None]:
    """A strategy is done when any seed is; what other seeds failed of is told all the same."""
    reasons = [o.reason for o in group.outcomes if o.reason]
    reason = reasons[0] if reasons else None
    if any(o.status == "done" for o in group.outcomes):
        return "done", reason
    return ("failed" if any(o.status == "failed" for o in group.outcomes) else "skipped"), reason


def _quality(group: Group) -> dict[str, Any]:
    task, records = group.task, group.records
    estimate = _estimate(group)
    every = {}
    for name in task.metrics:
        every[name] = aggregate(records, task, name)
        every[name + LENIENT] = aggregate(records, task, name, lenient=True)
    return {
        "quality": estimate.value,
        "quality_low": estimate.low,
        "quality_high": estimate.high,
        "metrics": every,
        "n_truncated": sum(r.finish_reason == "length" for r in records),
        "n_empty": sum(not r.output.strip() and r.error is None for r in records),
    }


def _estimate(group: Group) -> Estimate:
    """The primary metric with its interval; the interval is that of a mean over rows, or none."""
    task, values = group.task, group.values
    if not is_row_mean(task.primary_metric):
        value = aggregate(group.records, task, task.primary_metric)
        return Estimate(value=value, low=None, high=None, n=len(values), method="none for this metric")
    ids = sorted(values)
    clusters = clusters_of(task)
    return stats.mean_estimate(
        [values[i] for i in ids],
        rng=np.random.default_rng(RESAMPLING_SEED),
        clusters=[clusters.get(i) for i in ids],
    )


def _timing(records: Sequence[Record]) -> dict[str, Any]:
    alone = [r for r in records if r.latency_s is not None and r.error is None]
    latencies = [r.latency_s for r in alone if r.latency_s is not None]
    first = [r.first_token_s for r in alone if r.first_token_s is not None]
    batches = {(r.trial, r.batch_s): r.batch_size for r in records if r.batch_size > 1 and r.batch_s}
    seconds = math.fsum(s for _, s in batches if s)
    return {
        "p50_latency_s": accounting.percentile(latencies, 50),
        "p95_latency_s": accounting.percentile(latencies, 95),
        "first_token_p50_s": accounting.percentile(first, 50),
        "n_latency": len(latencies),
        "rows_per_s": sum(batches.values()) / seconds if seconds else None,
    }


def _tokens(records: Sequence[Record]) -> dict[str, Any]:
    answered = [r for r in records if r.error is None]
    if not answered:
        return {}
    return {f"tokens_{name}": fmean(r.tokens[name] for r in answered) for name in ("in", "cached", "out")}


def _fit(group: Group, price: MachinePrice | None) -> dict[str, Any]:
    results = [o.result for o in group.outcomes if o.status == "done" and o.result]
    seconds = [r.fit_s for r in results if r.fit_s is not None]
    memory = [r.peak_memory_bytes for r in results if r.peak_memory_bytes is not None]
    # One fit is what a user pays; several seeds are how sure we are of it.
    fit_s = fmean(seconds) if seconds else None
    return {
        "fit_s": fit_s,
        "fit_usd": None if fit_s is None else accounting.usd_for_seconds(fit_s, price),
        "peak_memory_bytes": max(memory, default=None),
        "fit_notes": to_json(results[0].fit_notes) if results else {},
        "artifact": results[0].artifact if results else None,
    }


def _usd(group: Group, price: MachinePrice | None) -> dict[str, Any]:
    """Costs at the price of this run: records of earlier runs were perhaps priced otherwise."""
    alone = [r.latency_s for r in group.records if r.latency_s is not None]
    mean = accounting.usd_for_seconds(fmean(alone), price) if alone else None
    values = group.values
    quality = fmean(values.values()) if values else None
    return {
        "usd_per_1k_requests": None if mean is None else 1000 * mean,
        "usd_per_correct": accounting.usd_per_correct(mean, quality),
    }


def _with_break_even(row: Row, rows: Sequence[Row], baseline: str | None) -> Row:
    """Requests after which the fit has paid for itself against the baseline; None for never or unknown."""
    base = next((r for r in rows if r.strategy == baseline), None)
    if base is None or base is row:
        return row
    figures = (row.fit_usd, row.usd_per_1k_requests, base.fit_usd, base.usd_per_1k_requests)
    if any(f is None for f in figures):
        return row
    fit, cost, base_fit, base_cost = (float(f or 0) for f in figures)
    found = accounting.break_even_requests(fit, cost / 1000, base_fit, base_cost / 1000)
    return dataclasses.replace(row, break_even_requests=found.requests if found else None)
