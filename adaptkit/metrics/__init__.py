"""Metrics: one function each, from an answer to a score, found by name."""

from adaptkit.metrics.base import WRONG, Answer, Metric, Score
from adaptkit.metrics.corpus import OfSums, parts_of, values_of
from adaptkit.metrics.needs import OF_VALUES, row_fault, scorable, task_fault
from adaptkit.metrics.registry import (
    CORPUS_METRICS,
    METRICS,
    aggregate,
    check_metrics,
    get_metric,
    is_row_mean,
    names,
    score,
    score_or_wrong,
)

__all__ = [
    "CORPUS_METRICS",
    "METRICS",
    "OF_VALUES",
    "WRONG",
    "Answer",
    "Metric",
    "OfSums",
    "Score",
    "aggregate",
    "check_metrics",
    "get_metric",
    "is_row_mean",
    "names",
    "parts_of",
    "row_fault",
    "scorable",
    "score",
    "score_or_wrong",
    "task_fault",
    "values_of",
]
