"""A fitted strategy on rows gives records; records give estimates."""

from adaptkit.evaluation.evaluate import Assignment, EvaluationSettings, evaluate
from adaptkit.evaluation.scoring import per_example, scores_of

__all__ = ["Assignment", "EvaluationSettings", "evaluate", "per_example", "scores_of"]
