"""What was measured to the table: reads records only, never models."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.comparison.costs import as_written, costs_of
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.pairs import compared, estimate_of, pairs_of, with_delta
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.repeatability import noise_floor
from adaptkit.comparison.rows import row_of
from adaptkit.comparison.trial_data import StrategyTrials, TrialData, groups_of
from adaptkit.core.results import Estimate, NoiseFloor, Pair, Row
from adaptkit.costs import CostAssumptions, CostRow, Prices, break_even_requests
from adaptkit.tasks import TaskFacts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """The table, and what a reader has to know about it.

    Attributes:
        rows: one a task and strategy, in the plan's order.
        pairs: all pairs of strategies of each task.
        noise: by task, how two identical runs differ, where there were two.
        costs: the cost table, one row a task and strategy.
        baselines: by task, the strategy that the others' deltas refer to; None where nothing was measured.
        interval_methods: by task, how the intervals of quality were made, in words.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    noise: tuple[NoiseFloor, ...]
    costs: tuple[Mapping[str, Any], ...]
    baselines: Mapping[str, str | None]
    interval_methods: Mapping[str, str]


def summarise(
    tasks: Sequence[TaskFacts],
    trials: Sequence[TrialData],
    *,
    model: str,
    prices: Prices,
    standards: DecisionSettings,
    assumptions: CostAssumptions,
) -> Summary:
    """Make the table.

    Args:
        tasks: in the order of the table.
        trials: what was measured of each.
        model: its name in the table.
        prices: of the machine or of tokens; USD are unknown where they are.
        standards: what counts as a difference.
        assumptions: what the cost table rests on beside measurements.
    """
    rows: list[Row] = []
    pairs: list[Pair] = []
    noise: list[NoiseFloor] = []
    costs: list[Mapping[str, Any]] = []
    baselines: dict[str, str | None] = {}
    methods: dict[str, str] = {}
    for task in tasks:
        groups = groups_of(task, trials)
        ran = [g for g in groups if g.records]
        judged = compared(ran, standards)
        found = pairs_of(task, judged, standards, ran)
        baseline = baselines[task.name] = baseline_of([g.label for g in ran])
        estimates = {g.label: estimate_of(g) for g in ran}
        methods[task.name] = _interval_methods(estimates)
        accounts = {c.strategy: c for c in costs_of(ran, assumptions, baseline=baseline, prices=prices)}
        made = [
            dataclasses.replace(
                row_of(g, estimates.get(g.label), model, prices),
                p_best=judged.p_best.get(g.label),
                **_usd(accounts.get(g.label)),
            )
            for g in groups
        ]
        pairs += found
        costs += as_written(task.name, accounts.values())
        rows += [with_delta(_with_break_even(r, made, baseline), found, baseline) for r in made]
        noise += [noise_floor(task, first, second) for first, second in _twice(task, ran, trials)]
    return Summary(
        rows=tuple(rows),
        pairs=tuple(pairs),
        noise=tuple(noise),
        costs=tuple(costs),
        baselines=baselines,
        interval_methods=methods,
    )


def _twice(
    task: TaskFacts, groups: Sequence[StrategyTrials], trials: Sequence[TrialData]
) -> list[tuple[StrategyTrials, StrategyTrials]]:
    second = {g.label: g for g in groups_of(task, trials, repeat=1) if g.records}
    return [(g, second[g.label]) for g in groups if g.label in second]


def _interval_methods(estimates: Mapping[str, Estimate]) -> str:
    """Name the method; where strategies differ in it, name theirs after each."""
    by_method: dict[str, list[str]] = {}
    for label, estimate in estimates.items():
        by_method.setdefault(estimate.method, []).append(label)
    if len(by_method) < 2:
        return "".join(by_method)
    return "; ".join(f"{', '.join(labels)}: {method}" for method, labels in by_method.items())


def _usd(account: CostRow | None) -> dict[str, Any]:
    """What requests cost in the table: as in the cost table, so that a strategy has one price everywhere."""
    if account is None:
        return {}
    return {"usd_per_1k_requests": account.usd_per_1k, "usd_per_correct": account.usd_per_correct}


def _with_break_even(row: Row, rows: Sequence[Row], baseline: str | None) -> Row:
    """Requests after which the fit has paid for itself against the baseline; None for never or unknown."""
    base = next((r for r in rows if r.strategy == baseline), None)
    if base is None or base is row:
        return row
    figures = (row.fit_usd, row.usd_per_1k_requests, base.fit_usd, base.usd_per_1k_requests)
    if any(f is None for f in figures):
        return row
    fit, cost, base_fit, base_cost = (float(f or 0) for f in figures)
    found = break_even_requests(fit, cost / 1000, base_fit, base_cost / 1000)
    return dataclasses.replace(row, break_even_requests=found)
