"""Scores on validation rows: what configurations are chosen by."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit import metrics
from adaptkit.core.types import Example, Prediction
from adaptkit.strategies.base import Strategy
from adaptkit.tasks import Task


def answers_to(strategy: Strategy, rows: Sequence[Example]) -> list[Prediction]:
    """What a fitted strategy answers to the rows."""
    return strategy.generate([e.input for e in rows])


def answer_of(prediction: Prediction, example: Example, task: Task) -> metrics.Answer:
    """What metrics judge of a prediction."""
    return metrics.Answer(
        output=prediction.output,
        example=example,
        contexts=prediction.contexts,
        labels=tuple(task.labels),
        schema=task.schema,
        tool_calls=prediction.tool_calls,
    )


def score_of(predictions: Sequence[Prediction], rows: Sequence[Example], task: Task) -> float:
    """The task's first metric over the rows; a row that failed is empty and scores as such."""
    answers = [answer_of(p, e, task) for p, e in zip(predictions, rows, strict=True)]
    return metrics.aggregate(task.primary_metric, answers) or 0.0
