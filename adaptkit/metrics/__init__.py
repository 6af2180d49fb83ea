"""Metrics: one function each, from an answer to a score, found by name."""

from adaptkit.metrics.base import Answer, Metric, Score
from adaptkit.metrics.corpus import OfSums, parts_of, values_of
from adaptkit.metrics.registry import (
    CORPUS_METRICS,
    METRICS,
    aggregate,
    check_metrics,
    get_metric,
    is_row_mean,
    names,
    score,
)

__all__ = [
    "CORPUS_METRICS",
    "METRICS",
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
    "score",
    "values_of",
]
