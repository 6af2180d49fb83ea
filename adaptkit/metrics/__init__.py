"""Metrics: one function each, from an answer to a score, found by name."""

from adaptkit.metrics.base import Answer, Metric, Score
from adaptkit.metrics.registry import METRICS, aggregate, check_metrics, get_metric, is_row_mean, names, score

__all__ = [
    "METRICS",
    "Answer",
    "Metric",
    "Score",
    "aggregate",
    "check_metrics",
    "get_metric",
    "is_row_mean",
    "names",
    "score",
]
