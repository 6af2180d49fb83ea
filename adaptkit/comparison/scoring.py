"""Predictions to scores, and records to one value an example."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from adaptkit import metrics
from adaptkit.core.errors import DataError, ScoringError
from adaptkit.core.results import Record
from adaptkit.core.types import ErrorInfo, Example, Passage, Prediction
from adaptkit.strategies.choosing import answer_of
from adaptkit.tasks import Task, TaskFacts

LENIENT = "_lenient"


def scores_of(prediction: Prediction, example: Example, task: Task) -> dict[str, float | None]:
    """Score a prediction by every metric of the task; see :func:`scored`."""
    return scored(prediction, example, task)[0]


def scored(
    prediction: Prediction, example: Example, task: Task
) -> tuple[dict[str, float | None], ErrorInfo | None]:
    """Score a prediction by every metric of the task, strict and lenient.

    A failed row scores 0 wherever the metric is defined for its example: leaving it out would let a
    strategy win by failing on what it cannot do. So does an answer on which a metric fails, by that metric.

    Returns:
        The scores, and what the first metric that failed said; None where all gave one.
    """
    answer = answer_of(prediction, example, task)
    found: dict[str, float | None] = {}
    failure: ErrorInfo | None = None
    failed = prediction.error is not None
    for name in task.metrics:
        try:
            score = metrics.score(name, answer)
        except (DataError, ScoringError) as error:
            score = metrics.WRONG
            failure = failure or ErrorInfo.of(error)
        found[name] = 0.0 if failed and score.strict is not None else score.strict
        found[name + LENIENT] = 0.0 if failed and score.lenient is not None else score.lenient
    return found, failure


def per_example(records: Iterable[Record], metric: str) -> dict[str, float]:
    """One value an example: the mean over its seeds. Rows on which the metric is undefined are left out.

    Seeds of one example are not independent rows, so they are averaged before anything else.
    """
    values: Mapping[str, list[float]] = defaultdict(list)
    for record in records:
        value = record.scores.get(metric)
        if value is not None:
            values[record.example_id].append(value)
    return {example_id: fmean(v) for example_id, v in values.items()}


def aggregate(
    records: Sequence[Record], task: TaskFacts, metric: str, *, lenient: bool = False
) -> float | None:
    """The metric over all rows; corpus-level metrics such as macro_f1 see all answers of a seed at once."""
    column = metric + LENIENT if lenient else metric
    if metrics.is_row_mean(metric):
        values = per_example(records, column)
        return fmean(values.values()) if values else None
    answers: Mapping[int, list[metrics.Answer]] = defaultdict(list)
    for record in records:
        answers[record.seed].append(recorded_answer(record, task))
    found = [metrics.aggregate(metric, of_seed, lenient=lenient) for of_seed in answers.values()]
    known = [f for f in found if f is not None]
    return fmean(known) if known else None


def unanswered(record: Record) -> bool:
    """Whether a row failed before it had an answer; one whose answer a metric failed on had one."""
    return record.error is not None and record.error.get("type") != ScoringError.__name__


def recorded_answer(record: Record, task: TaskFacts) -> metrics.Answer:
    """What metrics judge, from what a record keeps; a failed row answered nothing."""
    example = Example(
        id=record.example_id,
        input="",
        target=record.target,
        aliases=tuple(record.aliases),
        gold_documents=tuple(record.gold_documents),
        cluster=record.cluster,
    )
    return metrics.Answer(
        output="" if unanswered(record) else record.output,
        example=example,
        contexts=tuple(Passage(**c) for c in record.contexts),
        labels=tuple(task.labels),
        schema=task.schema,
        tool_calls=tuple(record.tool_calls),
    )
