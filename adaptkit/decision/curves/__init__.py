"""Quality against the number of labels: curves, what more labels are worth, and where strategies cross."""

from adaptkit.decision.curves.crossover import Crossover, crossover
from adaptkit.decision.curves.curve import CurvePoint, Fit, LearningCurve
from adaptkit.decision.curves.making import Measurements, make_curves
from adaptkit.decision.curves.power_law import PowerLaw, fit_many, fit_power_law
from adaptkit.decision.curves.worth import LabelWorth, usd_per_label, worth_of_labels

__all__ = [
    "Crossover",
    "CurvePoint",
    "Fit",
    "LabelWorth",
    "LearningCurve",
    "Measurements",
    "PowerLaw",
    "crossover",
    "fit_many",
    "fit_power_law",
    "make_curves",
    "usd_per_label",
    "worth_of_labels",
]
