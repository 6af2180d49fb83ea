"""What a comparison leaves behind: records, rows, pairs. Plain data, read without any model.

Undefined is None everywhere, and prints as a blank: it is never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Verdict = Literal["better", "worse", "equivalent", "undecided"]
TrialStatus = Literal["done", "failed", "skipped"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Record:
    """One example answered by one trial: one line of records.jsonl.

    Attributes:
        trial: key of the trial (strategy x model x task x seed).
        latency_s: seconds for a request sent alone, None when it was answered in a batch.
        batch_size: how many requests were answered together.
        batch_s: wall seconds of that batch.
        cost_usd: None when no price is known or the row's latency was not measured alone.
        scores: ``<metric>`` for the strict score and ``<metric>_lenient`` beside it, each in 0..1.
        cached: the record was answered from an earlier run; times and cost are that run's.
    """

    trial: str
    strategy: str
    task: str
    example_id: str
    seed: int
    output: str
    target: str
    contexts: tuple[Mapping[str, Any], ...]
    tool_calls: tuple[Mapping[str, Any], ...]
    finish_reason: str
    tokens: Mapping[str, int]
    retrieve_s: float | None
    first_token_s: float | None
    latency_s: float | None
    batch_size: int
    batch_s: float | None
    cost_usd: float | None
    scores: Mapping[str, float | None]
    error: Mapping[str, str] | None
    cached: bool = False


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean with its 95 % interval; the bounds are None where one value or none defines no interval."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One strategy on one task: one line of the table, one line of comparison.csv.

    The first block of attributes is the CSV's columns, in order. Times are seconds, costs USD.
    """

    task: str
    strategy: str
    model: str
    n: int
    n_errors: int
    metric: str
    quality: float | None
    quality_low: float | None
    quality_high: float | None
    delta: float | None = None
    delta_low: float | None = None
    delta_high: float | None = None
    p_value_adjusted: float | None = None
    verdict: Verdict | None = None
    p50_latency_s: float | None = None
    p95_latency_s: float | None = None
    first_token_p50_s: float | None = None
    tokens_in: float | None = None
    tokens_cached: float | None = None
    tokens_out: float | None = None
    fit_s: float | None = None
    fit_usd: float | None = None
    usd_per_1k_requests: float | None = None
    usd_per_correct: float | None = None
    break_even_requests: float | None = None
    seeds: int = 1
    # beyond the CSV
    status: TrialStatus = "done"
    reason: str | None = None
    n_truncated: int = 0
    n_empty: int = 0
    n_latency: int = 0
    rows_per_s: float | None = None
    peak_memory_bytes: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    fit_notes: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None


CSV_COLUMNS: tuple[str, ...] = (
    "task", "strategy", "model", "n", "n_errors", "metric", "quality", "quality_low", "quality_high",
    "delta", "delta_low", "delta_high", "p_value_adjusted", "verdict", "p50_latency_s", "p95_latency_s",
    "first_token_p50_s", "tokens_in", "tokens_cached", "tokens_out", "fit_s", "fit_usd",
    "usd_per_1k_requests", "usd_per_correct", "break_even_requests", "seeds",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two strategies on the same rows of one task; ``delta`` is ``strategy`` minus ``baseline``.

    Attributes:
        n: rows that both answered; ``n_unpaired`` rows only one of them did.
        gained: rows that ``strategy`` has better, ``lost`` worse.
        p_value: of the paired test; ``p_value_adjusted`` after Holm over all pairs of the task.
    """

    task: str
    strategy: str
    baseline: str
    n: int
    n_unpaired: int
    delta: float | None
    delta_low: float | None
    delta_high: float | None
    gained: int
    lost: int
    p_value: float | None
    p_value_adjusted: float | None
    test: str
    verdict: Verdict

    def turned(self) -> Pair:
        """The same pair seen from the other strategy."""
        opposite: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
        return replace(
            self,
            strategy=self.baseline,
            baseline=self.strategy,
            delta=_negated(self.delta),
            delta_low=_negated(self.delta_high),
            delta_high=_negated(self.delta_low),
            gained=self.lost,
            lost=self.gained,
            verdict=opposite.get(self.verdict, self.verdict),
        )


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


@dataclass(frozen=True, kw_only=True)
class TaskRecommendation:
    """What the evidence says for one task.

    Attributes:
        verdict: ``recommend`` (one strategy stands out), ``tied`` (the cheapest of several that the
            rows cannot tell apart) or ``undecided`` (nothing ran, or too little).
        strategy: the one to take, None when undecided.
        tied: strategies that the evidence does not separate from the best.
        reason: one or two sentences with the figures.
    """

    task: str
    verdict: Literal["recommend", "tied", "undecided"]
    strategy: str | None
    tied: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """Everything in comparison.json, with the manifest beside it."""

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    recommendation: tuple[TaskRecommendation, ...]
    manifest: Mapping[str, Any]
    schema_version: int = SCHEMA_VERSION
