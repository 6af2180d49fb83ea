"""Intervals, paired tests, correction for many tests, early stopping, and how many rows a decision needs.

``Scores`` hold what a strategy scored by row and seed; ``mean_estimate``
says how sure its mean is, ``compare_all`` which strategies differ, ``StoppingRule`` when a run may stop.
"""

from adaptkit.stats.all_pairs import MARGIN, AllPairs, compare_all, paired_difference
from adaptkit.stats.best import Gaps
from adaptkit.stats.corpus import Corpus, CorpusScores, Unseen, corpus_estimate
from adaptkit.stats.estimate import mean_estimate
from adaptkit.stats.intervals import t_interval, wilson
from adaptkit.stats.mcnemar import mcnemar_exact
from adaptkit.stats.multiple import holm
from adaptkit.stats.paired import PairedDifference, flips
from adaptkit.stats.power import (
    detectable_difference,
    minimum_detectable_difference,
    rows_for_difference,
    rows_for_equivalence,
    rows_for_power,
    rows_to_decide,
)
from adaptkit.stats.resample import N_RESAMPLES
from adaptkit.stats.scores import Scores
from adaptkit.stats.sequential import Look, RunSoFar, StoppingRule, looks_for
from adaptkit.stats.verdict import non_inferior, verdict

__all__ = [
    "MARGIN",
    "N_RESAMPLES",
    "AllPairs",
    "Corpus",
    "CorpusScores",
    "Gaps",
    "Look",
    "PairedDifference",
    "RunSoFar",
    "Scores",
    "StoppingRule",
    "Unseen",
    "compare_all",
    "corpus_estimate",
    "detectable_difference",
    "flips",
    "holm",
    "looks_for",
    "mcnemar_exact",
    "mean_estimate",
    "minimum_detectable_difference",
    "non_inferior",
    "paired_difference",
    "rows_for_difference",
    "rows_for_equivalence",
    "rows_for_power",
    "rows_to_decide",
    "t_interval",
    "verdict",
    "wilson",
]
