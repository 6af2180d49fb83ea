"""A comparison of ten strategies with long names, some of whose figures are unknown, to draw plots of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from accounts import MACHINE, measured
from measurements import traits_of
from recorded import ERROR, record

from adaptkit.core.results import ComparisonResult, Record, Row, TaskRecommendation
from adaptkit.costs import CostAssumptions, Spent, cost_rows, strategy_costs
from adaptkit.decision import Causes, causes
from adaptkit.report.plots import Accounts
from adaptkit.tasks import TaskFacts

N_ROWS = 20
QUALITY = {
    "knn-vote": 0.35, "tfidf": 0.4, "prompt": 0.1, "few-shot:k=4": 0.55, "few-shot:k=16": 0.6,
    "rag:k=3": 0.5, "rag:k=3,passages=oracle": 0.9, "lora:rank=16": 0.6,
    "rag:k=3+lora:rank=16": 0.7, "few-shot:k=8+rag:k=3": 0.65,
}  # fmt: skip
SECONDS = dict(zip(QUALITY, (0.01, 0.001, 0.2, 0.4, 0.9, 0.8, 0.7, 0.15, 0.75, 1.1), strict=True))
CONTROL = "rag:k=3,passages=oracle"
UNPRICED, UNTIMED = "tfidf", "knn-vote"
ASSUMED = CostAssumptions(requests_per_month=10_000, n_labels=0)


def row(task: str, strategy: str, **changes: Any) -> Row:
    quality, seconds = QUALITY[strategy], SECONDS[strategy]
    values: dict[str, Any] = {
        "task": task, "strategy": strategy, "model": "m", "n": N_ROWS, "n_errors": 0, "metric": "accuracy",
        "quality": quality, "quality_low": max(0, quality - 0.2), "quality_high": min(1, quality + 0.2),
        "p50_latency_s": None if strategy == UNTIMED else seconds,
        "p95_latency_s": None if strategy == UNTIMED else 1.5 * seconds,
        "n_latency": 0 if strategy == UNTIMED else N_ROWS,
        "usd_per_1k_requests": None if strategy == UNPRICED else 0.02 * seconds,
        "fit_notes": {"control": True} if strategy == CONTROL else {},
    }  # fmt: skip
    return Row(**{"traits": traits_of(strategy), **values, **changes})


def answered(task: str, strategy: str, i: int) -> Record:
    """Right in the first rows; of the wrong ones the last failed, the one before was cut off."""
    right = i < N_ROWS * QUALITY[strategy] - 1e-9
    alone = None if strategy == UNTIMED else SECONDS[strategy] * (0.8 + 0.04 * i)
    wrong: dict[str, Any] = {"output": "other", "scores": {"accuracy": 0.0, "accuracy_lenient": 0.0}}
    if i == N_ROWS - 1:
        wrong |= {"error": ERROR, "output": ""}
    if i == N_ROWS - 2:
        wrong |= {"finish_reason": "length"}
    given: dict[str, Any] = {"scores": {"accuracy": 1.0, "accuracy_lenient": 1.0}} if right else wrong
    return record(task=task, strategy=strategy, example_id=f"r{i}", latency_s=alone, **given)


@dataclass(frozen=True)
class Invented:
    """A source of plots that needs no folder."""

    tasks: tuple[str, ...] = ("support_questions",)
    strategies: tuple[str, ...] = tuple(QUALITY)
    assumptions: CostAssumptions = ASSUMED
    folder: Path = field(default_factory=Path)
    kept: bool = True

    @property
    def result(self) -> ComparisonResult:
        rows = tuple(row(t, s) for t in self.tasks for s in self.strategies)
        taken = tuple(
            TaskRecommendation(task=t, verdict="recommend", strategy=self.strategies[-1], tied=(), reason="")
            for t in self.tasks
            if self.strategies
        )
        return ComparisonResult(rows=rows, pairs=(), recommendation=taken, manifest={"tasks": []})

    def records(self) -> Sequence[Record]:
        every = [answered(t, s, i) for t in self.tasks for s in self.strategies for i in range(N_ROWS)]
        return every if self.kept else []

    def accounts(self) -> Mapping[str, Accounts]:
        return {t: self._account() for t in self.tasks if self.kept and self.strategies}

    def _account(self) -> Accounts:
        facts = [_measured(s) for s in self.strategies]
        rng = np.random.default_rng(0)
        return Accounts(
            costs=tuple(strategy_costs(m, self.assumptions, machine=MACHINE) for m in facts),
            rows=tuple(cost_rows(facts, self.assumptions, baseline="prompt", machine=MACHINE, rng=rng)),
            baseline="prompt",
        )

    def causes(self) -> Mapping[str, Mapping[str, Causes]]:
        return {
            t: {s: causes(self.result, self.records(), _facts(t), s, lambda _: None) for s in self.strategies}
            for t in self.tasks
        }


def _facts(task: str) -> TaskFacts:
    return TaskFacts(name=task, kind="classification", metrics=("accuracy",), labels=("yes", "other"))


def _measured(strategy: str) -> Any:
    """The faster a strategy, the longer it trained; one has lost how long."""
    seconds = None if strategy == UNTIMED else 3600.0 / (1 + SECONDS[strategy])
    alone = {f"r{i}": SECONDS[strategy] * (0.8 + 0.04 * i) for i in range(N_ROWS)}
    return measured(strategy=strategy, training=Spent(seconds=seconds), machine_s=alone)
