"""The smaller tables of the report, as text cells for Markdown and HTML alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import Pair, Record, Row
from adaptkit.core.shorten import shorten
from adaptkit.decision.flips import Flips, flips
from adaptkit.decision.wording import busy_machine, interval, listing, p_value, percent, points
from adaptkit.report.cells import MARKS, significant
from adaptkit.report.view import TaskView

_LENIENT = "_lenient"
# Long outputs are cut: the page is for reading, the records hold everything.
_MAX_TEXT = 280


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of texts with its title; ``rows`` is empty where there is nothing to show.

    Attributes:
        notes: what a reader of it has to know.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


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


def failures_grid(view: TaskView) -> Grid:
    """Return how rows went wrong, and the score without those that failed beside the headline.

    A row may be several of these; failed rows count as wrong in the headline.
    """
    header = [
        "strategy", "rows", "answered", "failed", "cut off", "empty", "off format", "declined",
        view.metric, f"{view.metric}, answered rows only",
    ]  # fmt: skip
    rows = [
        [
            view.label(row),
            *(str(n) for n in (row.n, row.n - row.n_errors, row.n_errors, row.n_truncated)),
            *(str(n) for n in (row.n_empty, row.n_off_format, row.n_refused)),
            percent(row.quality),
            percent(row.quality_answered),
        ]
        for row in view.ran
    ]
    return Grid(title="Failures", header=header, rows=rows)


def speed_grid(view: TaskView) -> Grid:
    """Return the latency of requests sent alone, and the throughput of those sent in batches.

    Neither follows from the other: a batch is faster a row, and each of its rows waits for all.
    """
    header = [
        "strategy", "latency p50 s", "latency p95 s", "first token p50 s", "sent alone",
        "throughput, batched rows/s", "peak memory MB", "cores used by others",
    ]  # fmt: skip
    rows = [
        [
            view.label(row),
            *("" if x is None else significant(x) for x in _latencies(row)),
            str(row.n_latency),
            "" if row.rows_per_s is None else significant(row.rows_per_s),
            "" if row.peak_memory_bytes is None else f"{row.peak_memory_bytes / 1e6:,.0f}",
            percent(row.other_load, 0),
        ]
        for row in view.ran
    ]
    return Grid(title="Latency and throughput", header=header, rows=rows, notes=busy_machine(view.ran))


def _latencies(row: Row) -> tuple[float | None, ...]:
    return row.p50_latency_s, row.p95_latency_s, row.first_token_p50_s


def cost_grid(view: TaskView) -> Grid:
    """Return what each strategy costs once, each month and a request, in USD; unknown is blank."""
    if not view.costs:
        return Grid(title="Cost", header=[], rows=[])
    header = [
        "strategy", "once", "each month", "1,000 requests", "in all, over the horizon",
        "right answer", "gain a request", "cheaper than the baseline", "unknown",
    ]  # fmt: skip
    rows = [_cost(c) for c in view.costs]
    return Grid(
        title="Cost, USD", header=header, rows=rows, notes=(*busy_machine(view.ran), *view.cost_notes)
    )


def _cost(cost: Mapping[str, Any]) -> list[str]:
    totals = [_usd(cost["tco_low_usd"]), _usd(cost["tco_high_usd"])]
    return [
        cost["strategy"],
        _usd(cost["fixed_usd"]),
        _usd(cost["monthly_usd"]),
        _usd(cost.get("usd_per_1k")),
        totals[0] if totals[0] == totals[1] else " to ".join(totals),
        _usd(cost["usd_per_correct"]),
        _usd(cost["utility_usd"]),
        cost["break_even_words"] or "",
        "; ".join(sorted(set(cost["blank"].values()))),
    ]


def _usd(value: float | None) -> str:
    return "" if value is None else significant(value)


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


def leakage_grid(view: TaskView, limit: int = 20) -> Grid:
    """Return test rows that have something alike in what strategies learn from, with both texts."""
    found = view.leakage or {}
    header = ["test row", "alike", "in", "row there", "similarity", "answer too", "its text", "text there"]
    rows = [
        [
            pair["test_id"], pair["kind"], pair["place"], pair["other_id"], f"{pair['similarity']:.2f}",
            "yes" if pair["with_answer"] else "", _cut(pair["test_text"]), _cut(pair["other_text"]),
        ]
        for pair in found.get("pairs", ())[:limit]
    ]  # fmt: skip
    return Grid(title="Leakage", header=header, rows=rows, notes=found.get("sentences", ()))


def pairs_grid(view: TaskView, limit: int = 200) -> Grid:
    """Return pairs of strategies with their tests: every one, or of many those that are asked for first.

    These are the ones with the baseline, then with the strategy that is named, then the surest.
    """
    header = [
        "pair", "Δ points", "gained / lost", "rows", "p adjusted", "verdict", "90 % interval",
        "smallest difference shown", "rows to decide", "test",
    ]  # fmt: skip
    shown: Sequence[Pair] = view.pairs
    notes: tuple[str, ...] = ()
    if len(shown) > limit:
        named = view.recommendation.named if view.recommendation else None
        first = [name for name in (view.baseline, named) if name is not None]
        shown = sorted(view.pairs, key=lambda pair: _urgency(pair, first))[:limit]
        of_whom = f"those with {listing(list(dict.fromkeys(first)))} first" if first else "the surest first"
        notes = (
            f"{limit} of {len(view.pairs):,} pairs: {of_whom}. All are in comparison.json. p-values are "
            f"corrected for all {len(view.pairs):,}, so only large differences can be significant: compare "
            "fewer strategies on more rows to find small ones.",
        )
    return Grid(title="Pairs", header=header, rows=[_pair(pair) for pair in shown], notes=notes)


def _urgency(pair: Pair, first: Sequence[str]) -> tuple[int, float]:
    places = [i for i, name in enumerate(first) if name in (pair.strategy, pair.baseline)]
    return min(places, default=len(first)), math.inf if pair.p_value is None else pair.p_value


def _pair(pair: Pair) -> list[str]:
    unpaired = f" ({pair.n_unpaired} unpaired)" if pair.n_unpaired else ""
    return [
        f"{pair.strategy} vs {pair.baseline}",
        f"{points(pair.delta)} {interval(pair.delta_low, pair.delta_high)}".strip(),
        f"{pair.gained} / {pair.lost}",
        f"{pair.n}{unpaired}",
        p_value(pair.p_value_adjusted),
        f"{MARKS[pair.verdict]} {pair.verdict}",
        interval(pair.equivalence_low, pair.equivalence_high),
        "" if pair.detectable is None else f"{100 * pair.detectable:.0f} points",
        "" if pair.verdict != "undecided" or pair.n_to_decide is None else f"{pair.n_to_decide:,}",
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


def best_flips(view: TaskView, records: Sequence[Record]) -> Flips | None:
    """The best strategy, by point estimate, row by row against the baseline; None without the two."""
    measured = [row for row in view.ran if row.quality is not None and row.strategy != view.baseline]
    if not measured or view.baseline is None:
        return None
    best = max(measured, key=lambda row: row.quality or 0.0)
    return flips(records, view.task, view.metric, best.strategy, view.baseline)


def flips_grid(found: Flips, limit: int = 5) -> Grid:
    """Return rows that the best strategy gains and loses against the baseline, the widest gaps first."""
    header = ["", "row", "target", found.strategy, found.baseline]
    rows = [
        [word, flip.example_id, _cut(flip.target), _cut(flip.strategy_output), _cut(flip.baseline_output)]
        for word, some in (("gained", found.gained), ("lost", found.lost))
        for flip in some[:limit]
    ]
    title = (
        f"Rows that {found.strategy} gains ({len(found.gained)}) and loses ({len(found.lost)}) against "
        f"{found.baseline}"
    )
    return Grid(title=title, header=header, rows=rows)


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
    return shorten(text, _MAX_TEXT, " …")
