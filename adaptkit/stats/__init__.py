"""Intervals, paired tests, correction for many tests, early stopping, and how many rows a decision needs.

numpy and the standard library only. ``Scores`` hold what a strategy scored by row and seed; ``mean_estimate``
says how sure its mean is, ``compare_all`` which strategies differ, ``StoppingRule`` when a run may stop.
"""

from adaptkit.stats.all_pairs import MARGIN, AllPairs, compare_all, paired_difference
from adaptkit.stats.best import Gaps
from adaptkit.stats.corpus import Corpus, CorpusScores, Unseen, corpus_estimate
from adaptkit.stats.estimate import mean_estimate
from adaptkit.stats.intervals import bootstrap_mean, clopper_pearson, clustered_se, t_interval, wilson
from adaptkit.stats.mcnemar import mcnemar_chi_square, mcnemar_exact, mcnemar_mid_p
from adaptkit.stats.multiple import benjamini_hochberg, holm
from adaptkit.stats.paired import PairedDifference, flips
from adaptkit.stats.power import (
    deff,
    detectable_difference,
    difference_for_power,
    minimum_detectable_difference,
    rows_for_difference,
    rows_for_equivalence,
    rows_for_power,
    rows_to_decide,
    variance_of_difference,
)
from adaptkit.stats.resample import N_RESAMPLES
from adaptkit.stats.scores import Scores
from adaptkit.stats.sequential import Look, RunSoFar, StoppingRule, looks_for
from adaptkit.stats.sign_flip import sign_flip
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
    "benjamini_hochberg",
    "bootstrap_mean",
    "clopper_pearson",
    "clustered_se",
    "compare_all",
    "corpus_estimate",
    "deff",
    "detectable_difference",
    "difference_for_power",
    "flips",
    "holm",
    "looks_for",
    "mcnemar_chi_square",
    "mcnemar_exact",
    "mcnemar_mid_p",
    "mean_estimate",
    "minimum_detectable_difference",
    "non_inferior",
    "paired_difference",
    "rows_for_difference",
    "rows_for_equivalence",
    "rows_for_power",
    "rows_to_decide",
    "sign_flip",
    "t_interval",
    "variance_of_difference",
    "verdict",
    "wilson",
]
