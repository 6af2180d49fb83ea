"""Learning curves: run strategies with more and more labels, and read what was measured."""

from adaptkit.studies.learning_curve.curves import LearningCurves
from adaptkit.studies.learning_curve.measure import learning_curve

__all__ = ["LearningCurves", "learning_curve"]
