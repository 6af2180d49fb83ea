"""Learning curves: run strategies with more and more labels, and read what was measured."""

from adaptkit.curves.result import LearningCurves
from adaptkit.curves.run import learning_curve

__all__ = ["LearningCurves", "learning_curve"]
