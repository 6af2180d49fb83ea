"""What a comparison leaves behind: records, rows, pairs. Plain data, read without any model.

Undefined is None everywhere, and prints as a blank: it is never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adaptkit.core.types import Traits

Verdict = Literal["better", "worse", "equivalent", "undecided"]
TrialStatus = Literal["done", "failed", "skipped"]

SCHEMA_VERSION = 4


@dataclass(frozen=True, kw_only=True)
class Record:
    """One example answered by one trial: one line of records.jsonl.

    Attributes:
        trial: key of the trial (strategy x model x task x seed).
        latency_s: seconds for a request sent alone, None when it was answered in a batch.
        batch_size: how many requests were answered together.
        batch_s: wall seconds of that batch.
        cost_usd: None when no price is known, or, on an own machine, the row's latency was not measured
            alone.
        scores: ``<metric>`` for the strict score and ``<metric>_lenient`` beside it, each in 0..1.
        tokens: ``in``, ``out``, ``cached`` (part of ``in`` read from a cache), ``written`` (part of ``in``
            that a provider bills for storing in its cache) and ``reasoning`` (part of ``out``).
        cached: the record was answered from an earlier run; times and cost are that run's.
        citations: ids of the passages that the answer came from.
        aliases: further answers that count as right, ``gold_documents`` those that hold the answer, and
            ``cluster`` what ties the row to others: with them a table can be made again from records alone.
        repeat: 1 for the second of two identical runs, which measures the noise floor.
        other_load: share of the machine's cores that other processes kept busy meanwhile; None unless the row
            was sent alone. Of a single short row it is inexact, and perhaps negative.
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
    citations: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    gold_documents: tuple[str, ...] = ()
    cluster: str | None = None
    repeat: int = 0
    other_load: float | None = None


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

    Attributes:
        n_errors: rows that raised an error; they count as wrong in ``quality``, and ``quality_answered`` is
            the mean without them.
        n_truncated: rows cut off at the token limit, ``n_empty`` empty, ``n_refused`` declined by the model,
            ``n_off_format`` not in the form that the task asks for; a row may be several of these.
        n_reasoned: rows whose completion held reasoning before the answer, ``n_reasoning_cut`` those that
            ended before it did.
        p_best: how often this strategy is the best when rows (and seeds) are drawn again.
        other_load: share of the machine's cores, 0..1, that other processes kept busy while latency was
            measured; None where nothing was, or for too short a time.
        n_scored: rows that the metric could score, which is what ``quality`` is of; None where an earlier
            version did not count them. ``metrics_n`` has them for every metric.
        cut_short: what a budget ended before it was through (training, tuning), in a sentence: ``quality``
            is a lower bound then. None where nothing was.
        n_planned: rows that it was to answer; more than ``n`` where a decision came before the last row.
        traits: what the strategy is: requirements and the order of equals go by it, not by its name.
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
    n_scored: int | None = None
    cut_short: str | None = None
    # beyond the CSV
    status: TrialStatus = "done"
    reason: str | None = None
    n_truncated: int = 0
    n_empty: int = 0
    n_refused: int = 0
    n_off_format: int = 0
    n_reasoned: int = 0
    n_reasoning_cut: int = 0
    n_planned: int | None = None
    quality_answered: float | None = None
    p_best: float | None = None
    n_latency: int = 0
    other_load: float | None = None
    rows_per_s: float | None = None
    peak_memory_bytes: int | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    metrics_n: Mapping[str, int] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    fit_notes: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None
    traits: Traits = field(default_factory=Traits)


CSV_COLUMNS: tuple[str, ...] = (
    "task", "strategy", "model", "n", "n_errors", "metric", "quality", "quality_low", "quality_high",
    "delta", "delta_low", "delta_high", "p_value_adjusted", "verdict", "p50_latency_s", "p95_latency_s",
    "first_token_p50_s", "tokens_in", "tokens_cached", "tokens_out", "fit_s", "fit_usd",
    "usd_per_1k_requests", "usd_per_correct", "break_even_requests", "seeds", "n_scored", "cut_short",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two strategies on the same rows of one task; ``delta`` is ``strategy`` minus ``baseline``.

    Attributes:
        n: rows that both answered; ``n_unpaired`` rows only one of them did.
        gained: rows that ``strategy`` has better, ``lost`` worse.
        p_value: of the paired test; ``p_value_adjusted`` after Holm over all pairs of the task.
        margin: the largest difference that does not matter, chosen before the run.
        equivalence_low: lower bound of the 90 % interval, which lies within the margin where the two are
            equivalent (two one-sided tests), ``equivalence_high`` the upper.
        non_inferior: whether ``strategy`` is at most ``margin`` worse, at a one-sided 5 % level.
        detectable: the smallest true difference that these rows show four times in five.
        n_to_decide: rows in all that would show ``delta`` four times in five, were it the true one.
        lower_bounds: which of the two were cut short. No rival is called better than such a one, or as good:
            see :meth:`bounded`.
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
    margin: float | None = None
    equivalence_low: float | None = None
    equivalence_high: float | None = None
    non_inferior: bool | None = None
    detectable: float | None = None
    n_to_decide: int | None = None
    lower_bounds: tuple[str, ...] = ()

    def bounded(self) -> Pair:
        """The pair with no more claimed than a lower bound allows."""
        if not self.lower_bounds:
            return self
        allowed = {"better": self.baseline, "worse": self.strategy}.get(self.verdict)
        kept = allowed is not None and allowed not in self.lower_bounds
        return replace(
            self,
            verdict=self.verdict if kept else "undecided",
            non_inferior=None if self.baseline in self.lower_bounds else self.non_inferior,
            n_to_decide=self.n_to_decide if kept else None,
        )

    def turned(self) -> Pair:
        """The same pair seen from the other strategy."""
        opposite: dict[Verdict, Verdict] = {"better": "worse", "worse": "better"}
        seen = replace(
            self,
            strategy=self.baseline,
            baseline=self.strategy,
            delta=_negated(self.delta),
            delta_low=_negated(self.delta_high),
            delta_high=_negated(self.delta_low),
            gained=self.lost,
            lost=self.gained,
            verdict=opposite.get(self.verdict, self.verdict),
            equivalence_low=_negated(self.equivalence_high),
            equivalence_high=_negated(self.equivalence_low),
            non_inferior=self._at_most_margin_better(),
        )
        return seen.bounded()

    def _at_most_margin_better(self) -> bool | None:
        """Whether ``baseline`` is at most ``margin`` worse than ``strategy``."""
        if self.margin is None or self.equivalence_high is None:
            return None
        return self.equivalence_high < self.margin


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


@dataclass(frozen=True, kw_only=True)
class NoiseFloor:
    """How two identical runs of one strategy differ; a lead smaller than this is none.

    Attributes:
        n: answers in both runs; ``n_changed`` of them differ, ``n_scores_changed`` rows score otherwise.
        delta: second run minus first, mean of the primary metric; None without scores.
    """

    task: str
    strategy: str
    n: int
    n_changed: int
    n_scores_changed: int
    delta: float | None


@dataclass(frozen=True, kw_only=True)
class TaskRecommendation:
    """What the evidence says for one task.

    Attributes:
        verdict: ``recommend`` (one is shown to be right), ``equivalent`` (the cheapest of several of which
            none dearer is more than the margin better), ``undecided`` (these rows do not show it), or
            ``none`` (no strategy meets the requirements).
        strategy: the one to take, None when undecided or none.
        tied: strategies that the evidence does not separate from the best, the cheapest first.
        reason: one to three sentences with the figures.
        for_now: when undecided, the one to take until more rows decide; None where nothing can be ranked.
        rows_needed: when undecided, rows in all that would decide, were the figures as they look; None where
            that is not known or out of reach.
        uses_llm: whether a language model answers in what is named.
    """

    task: str
    verdict: Literal["recommend", "equivalent", "undecided", "none"]
    strategy: str | None
    tied: tuple[str, ...]
    reason: str
    for_now: str | None = None
    rows_needed: int | None = None
    uses_llm: bool = True

    @property
    def named(self) -> str | None:
        """The strategy to take, for good or for now."""
        return self.strategy or self.for_now


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """Everything in comparison.json, with the manifest beside it.

    Attributes:
        costs: one table a task and strategy, as ``accounting.CostRow`` with its task.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    recommendation: tuple[TaskRecommendation, ...]
    manifest: Mapping[str, Any]
    noise: tuple[NoiseFloor, ...] = ()
    costs: tuple[Mapping[str, Any], ...] = ()
    schema_version: int = SCHEMA_VERSION
