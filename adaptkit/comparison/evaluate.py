"""Run a fitted strategy over rows and make a record of each.

Two passes over disjoint rows. The first few rows are sent alone, after a warm-up: their seconds are what
a user's single request takes. The others are sent in batches, which is faster and tells nothing about a
single request, so their latency stays undefined. Batches are cut from the full list of rows, not from
those still missing: a resumed run sends the same batches as an undisturbed one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adaptkit.comparison.scoring import scored
from adaptkit.core.codec import storable
from adaptkit.core.results import Record
from adaptkit.core.types import Example, Prediction, Usage
from adaptkit.costs import OtherLoad, Prices
from adaptkit.strategies import Strategy
from adaptkit.tasks import Task

Sink = Callable[[Sequence[Record]], None]
N_WARM_UP = 2


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How rows are sent.

    Attributes:
        latency_rows: rows sent alone; their times make the latency columns.
        batch_rows: rows handed to the strategy at once for the rest.
        prices: of the machine, or of the tokens that a provider bills; None when unknown.
    """

    latency_rows: int = 20
    batch_rows: int = 64
    prices: Prices | None = None


@dataclass(frozen=True, kw_only=True)
class EvalSpec:
    """What a trial has to answer.

    Attributes:
        key: the trial's key; every record carries it, with ``strategy`` (its name in the table) and ``seed``.
        examples: all rows of the trial, also those that have a record already.
        clusters: by a row's id, the cluster of rows that depend on each other.
        repeat: 1 for the second of two identical runs.
    """

    key: str
    strategy: str
    seed: int
    task: Task
    examples: tuple[Example, ...]
    clusters: Mapping[str, str] = field(default_factory=dict)
    repeat: int = 0


def evaluate(
    strategy: Strategy,
    assignment: EvalSpec,
    settings: EvaluationSettings,
    *,
    sink: Sink,
    done: Collection[str] = (),
) -> None:
    """Answer and score rows; hand their records to ``sink`` batch by batch.

    Args:
        strategy: fitted.
        assignment: the rows, and what their records carry.
        settings: which rows are sent alone, and how many of the others at once.
        sink: stores records; what it was given is never computed again.
        done: ids of rows that have a record.
    """
    batches = list(_batches(assignment.examples, settings))
    if all(e.id in done for e in assignment.examples):
        return
    warm_up(strategy, assignment.task)
    for batch in batches:
        missing = [e for e in batch if e.id not in done]
        if missing:
            sink(_answer(strategy, missing, assignment, settings))


def warm_up(strategy: Strategy, task: Task) -> None:
    """Begin to answer rows that are not measured, so that no first-time cost is.

    Two together also leave the shared prefix in the model's store, as in production.
    """
    rows = [*(task.validation or ()), *task.train][:N_WARM_UP] or list(task.test[:1])
    strategy.warm_up([e.input for e in rows])


def _batches(examples: Sequence[Example], settings: EvaluationSettings) -> Iterator[list[Example]]:
    alone, rest = examples[: settings.latency_rows], examples[settings.latency_rows :]
    for example in alone:
        yield [example]
    for start in range(0, len(rest), settings.batch_rows):
        yield list(rest[start : start + settings.batch_rows])


def _answer(
    strategy: Strategy, examples: Sequence[Example], assignment: EvalSpec, settings: EvaluationSettings
) -> list[Record]:
    load = OtherLoad() if len(examples) == 1 else None
    started = time.perf_counter()
    predictions = strategy.generate([e.input for e in examples])
    seconds = time.perf_counter() - started
    others = None if load is None else load.share()
    return [
        replace(
            _record(prediction, example, assignment, settings, (len(examples), seconds)), other_load=others
        )
        for prediction, example in zip(predictions, examples, strict=True)
    ]


def _record(
    prediction: Prediction,
    example: Example,
    assignment: EvalSpec,
    settings: EvaluationSettings,
    batch: tuple[int, float],
) -> Record:
    # Rows of a batch that failed are sent again one by one; their times, after an error, say nothing.
    alone = batch[0] == 1
    latency = prediction.latency_s if alone else None
    scores, failure = scored(prediction, example, assignment.task)
    error = prediction.error or failure
    return Record(
        trial=assignment.key,
        strategy=assignment.strategy,
        task=assignment.task.name,
        example_id=example.id,
        seed=assignment.seed,
        output=prediction.output,
        target=example.target,
        contexts=tuple(storable(p) for p in prediction.contexts),
        tool_calls=tuple(storable(c) for c in prediction.tool_calls),
        finish_reason=prediction.finish_reason,
        tokens=tokens_of(prediction.usage),
        retrieve_s=prediction.retrieve_s if alone else None,
        first_token_s=prediction.first_token_s if alone else None,
        latency_s=latency,
        batch_size=batch[0],
        batch_s=batch[1],
        cost_usd=settings.prices.request_usd(prediction.usage, latency) if settings.prices else None,
        scores=scores,
        error=None if error is None else storable(error),
        citations=tuple(prediction.citations),
        aliases=tuple(example.aliases),
        gold_documents=tuple(example.gold_documents),
        cluster=assignment.clusters.get(example.id),
        repeat=assignment.repeat,
    )


def tokens_of(usage: Usage) -> dict[str, int]:
    """Tokens by kind, as a record holds them."""
    return {
        "in": usage.tokens_in,
        "cached": usage.tokens_cached,
        "written": usage.tokens_written,
        "out": usage.tokens_out,
        "reasoning": usage.tokens_reasoning,
    }
