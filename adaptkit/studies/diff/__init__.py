"""Two finished comparisons beside each other: what changed, on the rows that both answered."""

from adaptkit.studies.diff.pairing import diff
from adaptkit.studies.diff.result import Diff, StrategyDiff, TaskDiff

__all__ = ["Diff", "StrategyDiff", "TaskDiff", "diff"]
