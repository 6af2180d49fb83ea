"""What a diff found: plain data, and its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adaptkit.core.results import Pair
from adaptkit.decision import Flips

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class StrategyDiff:
    """One strategy in both comparisons.

    Attributes:
        first: its quality in the first on the rows that both answered, ``second`` in the second.
        n_changed: rows that both have and answer otherwise, be it right or wrong.
        pair: second minus first, with interval, test and verdict; p-values are adjusted after Holm for the
            strategies of the task.
        flips: the rows that it gained and lost, with both answers; the first comparison is ``baseline``.
        notes: what else is not the same about it, such as parameters.
        identical: all answers and their scores are the same, so there is no difference to test.
    """

    strategy: str
    first: float | None
    second: float | None
    n_changed: int
    pair: Pair
    flips: Flips
    notes: tuple[str, ...] = ()
    identical: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskDiff:
    """One task in both comparisons.

    Attributes:
        metric: what quality is measured by.
        n: test rows that both have.
        strategies: those that both have answers of; empty where the task is ``refused``.
        refused: why the two cannot be compared on this task, None when they can.
        notes: what is not the same about the task: rows, data, strategies.
    """

    task: str
    metric: str
    n: int = 0
    strategies: tuple[StrategyDiff, ...] = ()
    refused: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What changed from one comparison to another.

    Attributes:
        first: folder of the first comparison, ``second`` of the second.
        tasks: those that both have.
        notes: what is not the same about the runs: model, library, margin, tasks.
    """

    first: str
    second: str
    tasks: tuple[TaskDiff, ...]
    notes: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        """Whether every answer to every row of every strategy that both have is the same."""
        return all(found.identical for task in self.tasks for found in task.strategies) and not any(
            task.refused for task in self.tasks
        )

    @property
    def worse(self) -> tuple[str, ...]:
        """Strategies that are shown to be worse in the second, as ``task/strategy``."""
        return tuple(
            f"{task.task}/{found.strategy}"
            for task in self.tasks
            for found in task.strategies
            if found.pair.verdict == "worse"
        )

    def to_text(self, *, rows: int = 3) -> str:
        """Tables for a terminal.

        Args:
            rows: gained and lost rows shown of each strategy, the widest gaps first.
        """
        from adaptkit.studies.diff.paragraphs import as_text

        return as_text(self, rows=rows)

    def to_markdown(self, *, rows: int = 3) -> str:
        """The same as GitHub shows it; see :meth:`to_text`."""
        from adaptkit.studies.diff.paragraphs import as_markdown

        return as_markdown(self, rows=rows)

    def to_csv(self) -> str:
        """One line a task and strategy; undefined is an empty cell."""
        from adaptkit.studies.diff.paragraphs import as_csv

        return as_csv(self)

    def to_frame(self) -> pd.DataFrame:
        """The same as a data frame."""
        import pandas as pd

        from adaptkit.studies.diff.paragraphs import COLUMNS, lines

        return pd.DataFrame([dict(zip(COLUMNS, line, strict=True)) for line in lines(self)], columns=COLUMNS)
