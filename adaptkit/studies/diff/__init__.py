"""Two finished comparisons beside each other: what changed, on the rows that both answered."""

from adaptkit.studies.diff.differences import Diff, StrategyDiff, TaskDiff
from adaptkit.studies.diff.pairing import diff

__all__ = ["Diff", "StrategyDiff", "TaskDiff", "diff"]
