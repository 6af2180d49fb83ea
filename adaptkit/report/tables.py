"""The smaller tables of the report, as text cells for Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import Pair, Record, Row
from adaptkit.decision.wording import interval, p_value, percent, points
from adaptkit.report.cells import MARKS, significant
from adaptkit.report.view import TaskView

_LENIENT = "_lenient"
# Long outputs are cut: the page is for reading, the records hold everything.
_MAX_TEXT = 280


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of texts with its title; ``rows`` is empty where there is nothing to show."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def metrics_grid(view: TaskView) -> Grid:
    """Return every metric of every strategy, the strict score and the lenient one side by side.

    A wide gap between the two is a strategy that knows the answer and misses its form.
    """
    names = dict.fromkeys(name for row in view.ran for name in row.metrics)
    bases = [n for n in names if not n.endswith(_LENIENT)]
    ordered = [n for b in bases for n in (b, b + _LENIENT) if n in names]
    header = [n.removesuffix(_LENIENT) + (", lenient" if n.endswith(_LENIENT) else "") for n in ordered]
    rows = [[view.label(row), *(percent(row.metrics.get(n)) for n in ordered)] for row in view.ran]
    return Grid(
        title="Strict and lenient scores", header=["strategy", *header], rows=rows if len(ordered) > 1 else []
    )


def speed_grid(view: TaskView) -> Grid:
    """Return the latency of requests sent alone, and the throughput of those sent in batches.

    Neither follows from the other: a batch is faster a row, and each of its rows waits for all.
    """
    header = [
        "strategy", "latency p50 s", "latency p95 s", "first token p50 s", "sent alone",
        "throughput, batched rows/s", "peak memory MB",
    ]  # fmt: skip
    rows = [
        [
            view.label(row),
            *("" if x is None else significant(x) for x in _latencies(row)),
            str(row.n_latency),
            "" if row.rows_per_s is None else significant(row.rows_per_s),
            "" if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 1e6:,.0f}",
        ]
        for row in view.ran
    ]
    return Grid(title="Latency and throughput", header=header, rows=rows)


def _latencies(row: Row) -> tuple[float | None, ...]:
    return row.p50_latency_s, row.p95_latency_s, row.first_token_p50_s


def tuning_grid(view: TaskView) -> Grid:
    """Return every configuration that was tried on validation rows, and which was taken."""
    header = ["strategy", "configuration", "validation score", "seconds", "tokens", "chosen"]
    rows = []
    for row in view.ran:
        tuning = row.fit_notes.get("tuning") or {}
        for tried in tuning.get("tried", ()):
            chosen = "✓" if tried["config"] == tuning["chosen"] else ""
            cells = [_config(tried["config"]), percent(tried["score"]), significant(tried["seconds"])]
            rows.append([view.label(row), *cells, f"{tried['tokens']:,}", chosen])
    return Grid(title="Tuning, on validation rows", header=header, rows=rows)


def _config(config: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in config.items()) or "as given"


def pairs_grid(view: TaskView) -> Grid:
    """Return every pair of strategies with its test."""
    header = ["pair", "Δ points", "gained / lost", "rows", "p adjusted", "verdict", "test"]
    return Grid(title="Pairs", header=header, rows=[_pair(pair) for pair in view.pairs])


def _pair(pair: Pair) -> list[str]:
    unpaired = f" ({pair.n_unpaired} unpaired)" if pair.n_unpaired else ""
    return [
        f"{pair.strategy} vs {pair.baseline}",
        f"{points(pair.delta)} {interval(pair.delta_low, pair.delta_high)}".strip(),
        f"{pair.gained} / {pair.lost}",
        f"{pair.n}{unpaired}",
        p_value(pair.p_value_adjusted),
        f"{MARKS[pair.verdict]} {pair.verdict}",
        pair.test,
    ]


def examples_grid(view: TaskView, records: Sequence[Record], limit: int = 6) -> Grid:
    """Return what the strategies answered to the same rows, those on which they differ first.

    Args:
        view: the task.
        records: of this task or of several; the first of a strategy and row counts.
        limit: rows shown.
    """
    strategies = [row.strategy for row in view.ran]
    by_row: dict[str, dict[str, Record]] = {}
    for record in records:
        if record.task == view.task and record.strategy in strategies:
            by_row.setdefault(record.example_id, {}).setdefault(record.strategy, record)
    shown = [s for s in strategies if any(s in found for found in by_row.values())]
    ordered = sorted(by_row.items(), key=lambda item: len({_score(r, view) for r in item[1].values()}) < 2)
    rows = [
        [i, _cut(next(iter(found.values())).target), *(_answer(found.get(s), view) for s in shown)]
        for i, found in ordered[:limit]
    ]
    return Grid(title="Examples", header=["row", "target", *shown], rows=rows)


def _score(record: Record, view: TaskView) -> float | None:
    return record.scores.get(view.metric)


def _answer(record: Record | None, view: TaskView) -> str:
    """Write the score's sign and the output, or the error."""
    if record is None:
        return ""
    if record.error:
        return f"✗ {record.error.get('type', 'Error')}: {_cut(record.error.get('message', ''))}"
    score = _score(record, view)
    sign = "" if score is None else "✓ " if score == 1 else "✗ " if score == 0 else f"{score:.2f} "
    return sign + (_cut(record.output) or "(empty)")


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT].rstrip() + " …"
