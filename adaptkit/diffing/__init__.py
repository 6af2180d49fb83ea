"""Two finished comparisons beside each other: what changed, on the rows that both answered."""

from adaptkit.diffing.pairing import diff
from adaptkit.diffing.result import Diff, StrategyDiff, TaskDiff

__all__ = ["Diff", "StrategyDiff", "TaskDiff", "diff"]
