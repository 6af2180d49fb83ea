"""The metrics by name, and the two things done with them: score an answer, aggregate answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from math import fsum
from typing import TYPE_CHECKING

from adaptkit.core.errors import DataError, ScoringError, UnknownNameError
from adaptkit.core.registry import Registry
from adaptkit.metrics.base import WRONG, Answer, Metric, Score
from adaptkit.metrics.corpus import value_of

if TYPE_CHECKING:
    from adaptkit.metrics.corpus import CorpusMetric

METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "accuracy": "adaptkit.metrics.classification:accuracy",
        "contains": "adaptkit.metrics.text:contains",
        "exact_match": "adaptkit.metrics.text:exact_match",
        "json_exact": "adaptkit.metrics.structured:json_exact",
        "json_valid": "adaptkit.metrics.structured:json_valid",
        "macro_f1": "adaptkit.metrics.classification:macro_f1",
        "mrr": "adaptkit.metrics.retrieval:mrr",
        "mrr_at_k": "adaptkit.metrics.retrieval:mrr",
        "ndcg": "adaptkit.metrics.retrieval:ndcg",
        "ndcg_at_k": "adaptkit.metrics.retrieval:ndcg",
        "numeric_match": "adaptkit.metrics.numeric:numeric_match",
        "recall_at_k": "adaptkit.metrics.retrieval:recall_at_k",
        "rouge_1": "adaptkit.metrics.rouge:rouge_1",
        "rouge_2": "adaptkit.metrics.rouge:rouge_2",
        "rouge_l": "adaptkit.metrics.rouge:rouge_l",
        "slot_f1": "adaptkit.metrics.structured:slot_f1",
        "token_f1": "adaptkit.metrics.text:token_f1",
        "tool_arguments": "adaptkit.metrics.tool_calls:tool_arguments",
        "tool_choice": "adaptkit.metrics.tool_calls:tool_choice",
    },
    group="adaptkit.metrics",
)

# Metrics whose aggregate is not the mean of their rows; each is in METRICS too, which says of a row whether
# it is right.
CORPUS_METRICS: Registry[CorpusMetric] = Registry(
    "corpus metric",
    {"macro_f1": "adaptkit.metrics.classification:MACRO_F1"},
    group="adaptkit.corpus_metrics",
)
_CORPUS = CORPUS_METRICS  # its name before it was public
_AT_RANK = re.compile(r"((?:recall|mrr|ndcg)_at_)([1-9][0-9]*)")


def names() -> list[str]:
    """All names of metrics; where one ends in ``_at_k``, any number may stand for the k.

    Examples:
        >>> "accuracy" in names()
        True
    """
    return METRICS.names()


def get_metric(name: str) -> Metric:
    """Return the metric called ``name``.

    Raises:
        UnknownNameError: no such metric; the message suggests the closest.
    """
    at_rank = _AT_RANK.fullmatch(name)
    if at_rank is None:
        return METRICS.get(name)
    metric: Callable[..., Score] = METRICS.get(f"{at_rank[1]}k")
    return partial(metric, n=int(at_rank[2]))


def check_metrics(names: Iterable[str]) -> None:
    """Refuse names that no metric has; imports none of them.

    Raises:
        UnknownNameError: with the closest known name.

    Examples:
        >>> check_metrics(["accuracy", "recall_at_3"])
        >>> check_metrics(["acuracy"])
        Traceback (most recent call last):
        ...
        adaptkit.core.errors.UnknownNameError: Unknown metric 'acuracy'. Did you mean 'accuracy'? Known: ...
    """
    known = METRICS.names()
    for name in names:
        if name not in known and _AT_RANK.fullmatch(name) is None:
            raise UnknownNameError.for_name("metric", name, known)


def is_row_mean(name: str) -> bool:
    """Whether the aggregate is the mean over rows, so that intervals for means apply.

    A metric that is not known here is taken for one: runs are read where its plugin is not installed.

    Examples:
        >>> is_row_mean("accuracy"), is_row_mean("macro_f1")
        (True, False)
    """
    return name not in CORPUS_METRICS.names()


def score(name: str, answer: Answer) -> Score:
    """Score one answer. One that has no score on a row where the target itself has one is wrong.

    Raises:
        UnknownNameError: no such metric.
        DataError: the task holds what the metric cannot use, such as a schema that is none.
        ScoringError: the metric failed on this answer.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="2 + 2", target="4")
        >>> score("numeric_match", Answer(output="It is 4.", example=row))
        Score(strict=0.0, lenient=1.0)
    """
    metric = get_metric(name)
    try:
        return _scored(metric, answer)
    except DataError:
        raise
    except Exception as error:  # a metric of anybody's, on whatever a model wrote
        raise ScoringError(
            f"The metric '{name}' failed on an answer ({type(error).__name__}: {error}). It counts as wrong."
        ) from error


def _scored(metric: Metric, answer: Answer) -> Score:
    """Leaving out what cannot be scored would let a strategy win by what nobody can read."""
    found = metric(answer)
    if not isinstance(found, Score):
        raise ScoringError(f"It gave {found!r}, and a Score is expected")
    if found.strict is not None and found.lenient is not None:
        return found
    right = metric(replace(answer, output=answer.example.target))
    return Score(
        strict=_or_wrong(found.strict, right.strict), lenient=_or_wrong(found.lenient, right.lenient)
    )


def _or_wrong(found: float | None, right: float | None) -> float | None:
    return 0.0 if found is None and right is not None else found


def score_or_wrong(name: str, answer: Answer) -> Score:
    """Score one answer; one on which the metric fails is wrong.

    Raises:
        UnknownNameError: no such metric.
    """
    try:
        return score(name, answer)
    except (DataError, ScoringError):
        return WRONG


def aggregate(name: str, answers: Sequence[Answer], *, lenient: bool = False) -> float | None:
    """Score all answers as one: their mean, or for a corpus metric such as macro_f1 its own formula.

    Args:
        name: the metric.
        answers: one a row; rows on which the metric is undefined do not count, those on which it fails
            count as wrong.
        lenient: take the lenient scores.

    Returns:
        The value, or None when no row has one.

    Raises:
        UnknownNameError: no such metric.
    """
    if not is_row_mean(name):
        return value_of(CORPUS_METRICS.get(name), answers, lenient=lenient)
    get_metric(name)  # refuses a name that no metric has, also where there are no answers
    scores = [score_or_wrong(name, answer) for answer in answers]
    values = [s.lenient if lenient else s.strict for s in scores]
    defined = [value for value in values if value is not None]
    return fsum(defined) / len(defined) if defined else None
