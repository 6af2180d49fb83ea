"""One strategy on one task: its line of the table, without what compares it with others."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from adaptkit import costs
from adaptkit.comparison.billing import bills_of, fit_bill
from adaptkit.comparison.outcomes import off_format, refused
from adaptkit.comparison.scoring import LENIENT, aggregate
from adaptkit.comparison.trial_data import StrategyTrials
from adaptkit.core.results import Estimate, Record, Row, TrialStatus
from adaptkit.costs import Prices


def row_of(group: StrategyTrials, estimate: Estimate | None, model: str, prices: Prices) -> Row:
    """Make the line.

    Args:
        group: the strategy's trials.
        estimate: of its quality; None where nothing was measured.
        model: its name in the table.
        prices: of the machine or of tokens; USD are unknown where they are.
    """
    status, reason = _status(group)
    records = group.records
    row = Row(
        task=group.task.name,
        strategy=group.label,
        model=model,
        n=len({r.example_id for r in records}),
        # Of rows, not of answers: a row that fails under every seed is one.
        n_errors=_rows(r for r in records if r.error is not None),
        metric=group.task.primary_metric,
        quality=None,
        quality_low=None,
        quality_high=None,
        seeds=max(1, len({t.seed for t in group.done})),
        status=status,
        reason=reason,
        config=group.trials[0].params,
        n_planned=max(t.n_planned for t in group.trials),
        traits=group.traits,
    )
    if estimate is None:
        return row
    return dataclasses.replace(
        row,
        **_quality(group, estimate),
        **_failures(group),
        **timing(records),
        **_tokens(records),
        **_fit(group, prices),
        cut_short=cut_short(group, prices),
    )


def _rows(records: Iterable[Record]) -> int:
    return len({r.example_id for r in records})


def _status(group: StrategyTrials) -> tuple[TrialStatus, str | None]:
    """A strategy is done when any seed is; what other seeds failed of is told all the same."""
    reasons = [t.reason for t in group.trials if t.reason]
    reason = reasons[0] if reasons else None
    if group.done:
        return "done", reason
    return ("failed" if any(t.status == "failed" for t in group.trials) else "skipped"), reason


def _quality(group: StrategyTrials, estimate: Estimate) -> dict[str, Any]:
    task, records = group.task, group.records
    every = {}
    for name in task.metrics:
        every[name] = aggregate(records, task, name)
        every[name + LENIENT] = aggregate(records, task, name, lenient=True)
    scored = {m: _rows(r for r in records if r.scores.get(m) is not None) for m in task.metrics}
    answered = [r for r in records if r.error is None]
    return {
        "n_scored": scored[task.primary_metric],
        "metrics_n": scored,
        "quality": estimate.value,
        "quality_low": estimate.low,
        "quality_high": estimate.high,
        "quality_answered": aggregate(answered, task, task.primary_metric) if answered else None,
        "metrics": every,
    }


def _failures(group: StrategyTrials) -> dict[str, Any]:
    """How many rows went wrong in which way, under any seed."""
    records = group.records
    return {
        "n_truncated": _rows(r for r in records if r.finish_reason == "length"),
        "n_reasoned": _rows(r for r in records if r.tokens.get("reasoning")),
        "n_reasoning_cut": _rows(r for r in records if _cut_within_reasoning(r)),
        "n_empty": _rows(r for r in records if not r.output.strip() and r.error is None),
        "n_refused": _rows(r for r in records if refused(r)),
        "n_off_format": _rows(r for r in records if off_format(r, group.task)),
    }


def _cut_within_reasoning(record: Record) -> bool:
    """Whether a completion ended before its reasoning did."""
    has_answer = bool(record.output.strip())
    return bool(record.tokens.get("reasoning")) and record.finish_reason == "length" and not has_answer


def timing(records: Sequence[Record]) -> dict[str, Any]:
    """Latency of requests sent alone, and rows a second of those sent in batches."""
    alone = [r for r in records if r.latency_s is not None and r.error is None]
    latencies = [r.latency_s for r in alone if r.latency_s is not None]
    first = [r.first_token_s for r in alone if r.first_token_s is not None]
    batches = {(r.trial, r.batch_s): r.batch_size for r in records if r.batch_size > 1 and r.batch_s}
    seconds = math.fsum(s for _, s in batches if s)
    return {
        "p50_latency_s": costs.percentile(latencies, 50),
        "p95_latency_s": costs.percentile(latencies, 95),
        "first_token_p50_s": costs.percentile(first, 50),
        "n_latency": len(latencies),
        "other_load": costs.mean_load(
            [(r.other_load, r.batch_s) for r in alone if r.other_load is not None and r.batch_s is not None]
        ),
        "rows_per_s": sum(batches.values()) / seconds if seconds else None,
    }


def _tokens(records: Sequence[Record]) -> dict[str, Any]:
    answered = [r for r in records if r.error is None]
    if not answered:
        return {}
    return {f"tokens_{name}": fmean(r.tokens[name] for r in answered) for name in ("in", "cached", "out")}


def _fit(group: StrategyTrials, prices: Prices) -> dict[str, Any]:
    seconds = [t.fit_s for t in group.done if t.fit_s is not None]
    memory = [t.peak_memory_bytes for t in group.done if t.peak_memory_bytes is not None]
    # One fit is what a user pays; several seeds are how sure we are of it.
    fit_s = fmean(seconds) if seconds else None
    return {
        "fit_s": fit_s,
        "fit_usd": _fit_usd(group, prices, fit_s),
        "peak_memory_bytes": max(memory, default=None),
        "fit_notes": group.done[0].fit_notes,
        "artifact": group.done[0].artifact,
    }


def cut_short(group: StrategyTrials, prices: Prices) -> str | None:
    """What a budget ended in its fit, and what more would take; None where nothing was."""
    found = [_cut_sentence(cut, prices) for cut in group.cut_short]
    return f"{group.label} {' and '.join(found)}" if found else None


def _cut_sentence(cut: Mapping[str, Any], prices: Prices) -> str:
    """What was done and what more would take, e.g. ``saw 26% of its training data and was still ..``."""
    if cut.get("what") == "tuning":
        done = f"tried {cut['n_tried']} of {cut['n_planned']} configurations"
    else:
        passes = cut["share_of_rows"]
        done = f"saw {passes:.0%} of its training data" if passes < 1 else f"trained for {passes:.1f} epochs"
        improving = "was still improving" if cut.get("improving") else "was not seen to level off"
        done = f"{done} and {improving}"
    usd = costs.usd_for_seconds(cut["more_s"], prices.machine)
    price = "" if usd is None else f", {usd:.2g} USD" if usd >= 0.01 else ", less than 0.01 USD"
    lever = {"seconds": "--minutes", "tokens": "tokens", "epochs": "epochs"}.get(cut["by"], cut["by"])
    return f"{done}: about {_duration(cut['more_s'])} more would tell (raise {lever}{price})"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _fit_usd(group: StrategyTrials, prices: Prices, fit_s: float | None) -> float | None:
    """Time of the own machine; where a provider answers, its bill, and of the own machine the index alone."""
    if bills_of(group, prices) is None:
        return costs.usd_for_seconds(fit_s, prices.machine)
    index_s = costs.split_fit(fit_s, group.done[0].fit_notes).index
    bill, index = fit_bill(group, prices).billed_usd, costs.usd_for_seconds(index_s, prices.machine)
    if index_s == 0:
        return bill
    return None if bill is None or index is None else bill + index
