"""Intervals, paired tests, correction for many tests, and how many rows a decision needs; numpy only."""

from adaptkit.stats.intervals import bootstrap_mean, mean_estimate, t_interval, wilson
from adaptkit.stats.multiple import holm
from adaptkit.stats.paired import PairedDifference, mcnemar_exact, paired_difference, sign_flip
from adaptkit.stats.power import (
    detectable_difference,
    minimum_detectable_difference,
    rows_for_difference,
    rows_to_decide,
)
from adaptkit.stats.verdict import verdict

__all__ = [
    "PairedDifference",
    "bootstrap_mean",
    "detectable_difference",
    "holm",
    "mcnemar_exact",
    "mean_estimate",
    "minimum_detectable_difference",
    "paired_difference",
    "rows_for_difference",
    "rows_to_decide",
    "sign_flip",
    "t_interval",
    "verdict",
    "wilson",
]
