"""Scores on validation rows: what configurations are chosen by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from adaptkit import metrics
from adaptkit.core.types import Example, Prediction
from adaptkit.strategies.base import Strategy
from adaptkit.tasks import Task


def some_rows(rows: Sequence[Example], n: int) -> list[Example]:
    """``n`` rows in an order that depends on their ids only: a sorted file gives no lopsided choice."""
    return sorted(rows, key=lambda e: hashlib.sha256(e.id.encode()).digest())[:n]


def answers_to(strategy: Strategy, rows: Sequence[Example]) -> list[Prediction]:
    """What a fitted strategy answers to the rows."""
    return strategy.generate([e.input for e in rows])


def score_of(predictions: Sequence[Prediction], rows: Sequence[Example], task: Task) -> float:
    """The task's first metric over the rows; a row that failed is empty and scores as such."""
    answers = [
        metrics.Answer(
            output=p.output,
            example=e,
            contexts=p.contexts,
            labels=tuple(task.labels),
            schema=task.schema,
            tool_calls=p.tool_calls,
        )
        for p, e in zip(predictions, rows, strict=True)
    ]
    return metrics.aggregate(task.primary_metric, answers) or 0.0
