"""What a run measured of each strategy, as far as it bears on cost, and the cost table made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from adaptkit.comparison.billing import bills_of, fit_bill
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.comparison.rows import timing
from adaptkit.comparison.scores import clusters_of
from adaptkit.comparison.scoring import aggregate
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.codec import to_json
from adaptkit.costs import (
    NOTHING,
    CostAssumptions,
    CostRow,
    FitSeconds,
    MeasuredCost,
    Prices,
    Spent,
    TokenBills,
    cost_rows,
    mean_by_example,
    split_fit,
)


def costs_of(
    groups: Sequence[StrategyTrials],
    assumptions: CostAssumptions,
    *,
    baseline: str | None,
    prices: Prices,
) -> list[CostRow]:
    """Account for the strategies of one task that were measured.

    Args:
        groups: their trials.
        assumptions: what no run measures.
        baseline: the strategy that break-evens refer to.
        prices: of the machine, or of the tokens that a provider bills.
    """
    return cost_rows(
        [measured_cost(g, prices) for g in groups],
        assumptions,
        baseline=baseline,
        machine=prices.machine,
        rng=np.random.default_rng(RESAMPLING_SEED),
    )


def as_written(task: str, rows: Iterable[CostRow]) -> list[dict[str, Any]]:
    """The rows as comparison.json holds them."""
    return [{"task": task, **_plain(row)} for row in rows]


def _plain(row: CostRow) -> dict[str, Any]:
    values: dict[str, Any] = to_json(row)
    # In words too: what is said of an interval without an end is not seen in its numbers.
    values["break_even_words"] = None if row.break_even is None else row.break_even.words
    return values


def measured_cost(group: StrategyTrials, prices: Prices) -> MeasuredCost:
    """What was measured of a strategy, as far as it bears on its cost.

    Args:
        group: its trials.
        prices: say whether a provider bills its tokens.
    """
    first = group.done[0]
    parts = split_fit(_mean([t.fit_s for t in group.done]), first.fit_notes)
    bills = bills_of(group, prices)
    spent = _of_machine(group, parts) if bills is None else _of_provider(group, bills, prices)
    return MeasuredCost(
        strategy=group.label,
        quality=aggregate(group.records, group.task, group.task.primary_metric),
        n_labels=first.n_labels,
        index=Spent(seconds=parts.index),
        clusters=clusters_of(group.records),
        **spent,
    )


def _of_machine(group: StrategyTrials, parts: FitSeconds) -> dict[str, Any]:
    """What an own machine has done, in seconds."""
    return {
        "training": Spent(seconds=parts.training),
        "tuning": Spent(seconds=parts.tuning),
        "failed": _failed(group),
        # Seeds measure how sure a figure is: one of them is what a user pays.
        "evaluation": Spent(seconds=_mean([t.eval_s for t in group.done])),
        "machine_s": _machine_s(group),
        "rows_per_s": timing(group.records)["rows_per_s"],
    }


def _of_provider(group: StrategyTrials, bills: TokenBills, prices: Prices) -> dict[str, Any]:
    """What a provider has done, in USD: waiting for it costs nothing.

    Its tokens are counted for a fit as a whole, so all of them stand under tuning where there was any.
    """
    fit, tuned = fit_bill(group, prices), bool(group.done[0].fit_notes.get("tuning"))
    total = None if bills.total_usd is None else bills.total_usd / len(group.done)
    failed = any(t.status == "failed" for t in group.trials)
    return {
        "training": NOTHING if tuned else fit,
        "tuning": fit if tuned else NOTHING,
        "failed": Spent(seconds=0.0, billed_usd=None, reason="the tokens of failed trials were not counted")
        if failed
        else NOTHING,
        "evaluation": Spent(seconds=0.0, billed_usd=total, reason=bills.reason),
        "bills": bills,
    }


def _machine_s(group: StrategyTrials) -> Mapping[str, float] | None:
    """Seconds of requests sent alone; None when none was."""
    alone = mean_by_example((r.example_id, r.latency_s) for r in group.records if r.error is None)
    return alone or None


def _failed(group: StrategyTrials) -> Spent:
    failed = [t for t in group.trials if t.status == "failed"]
    if not failed:
        return NOTHING
    known = [t.failed_s for t in failed if t.failed_s is not None]
    return Spent(seconds=math.fsum(known) if len(known) == len(failed) else None)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return math.fsum(known) / len(known) if known else None
