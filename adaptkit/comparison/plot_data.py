"""How a comparison shows itself: what plots are drawn from, and its one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from adaptkit.comparison.costs import costs_of, measured_cost
from adaptkit.comparison.error_analysis import causes_of
from adaptkit.comparison.plan import baseline_of
from adaptkit.comparison.stored import StoredRun, stored_run
from adaptkit.core.results import ComparisonResult, Record
from adaptkit.costs import CostAssumptions, strategy_costs
from adaptkit.decision import Causes
from adaptkit.decision.wording import counted
from adaptkit.report.plots import Accounts
from adaptkit.tasks import TaskFacts


@dataclass(frozen=True)
class PlotData:
    """A finished comparison as ``report.plots`` asks for it; the folder is read at most once.

    Attributes:
        assumptions: of the costs, None for those of the run.
    """

    result: ComparisonResult
    folder: Path
    assumptions: CostAssumptions | None = None

    @cached_property
    def run(self) -> StoredRun:
        """The run's trials, with the names that they have in the table."""
        return stored_run(self.folder, self.result.manifest)

    def records(self) -> Sequence[Record]:
        """Every answer that the table is made of."""
        return self.run.answers

    def accounts(self) -> Mapping[str, Accounts]:
        """The costs of each task of which records are there."""
        found = {task.name: self._account(task) for task in self.run.tasks}
        return {name: own for name, own in found.items() if own is not None}

    def _account(self, task: TaskFacts) -> Accounts | None:
        groups = self.run.groups(task)
        if not groups:
            return None
        given, prices = self.assumptions or self.run.assumptions, self.run.prices
        baseline = baseline_of([g.label for g in groups])
        return Accounts(
            costs=tuple(
                strategy_costs(measured_cost(g, prices), given, machine=prices.machine) for g in groups
            ),
            rows=tuple(costs_of(groups, given, baseline=baseline, prices=prices)),
            baseline=baseline,
        )

    def causes(self) -> Mapping[str, Mapping[str, Causes]]:
        """Why answers are wrong, by task and strategy."""
        return {task.name: self._causes(task) for task in self.run.tasks}

    def _causes(self, task: TaskFacts) -> dict[str, Causes]:
        ran = dict.fromkeys(g.label for g in self.run.groups(task))
        return {s: causes_of(self.run, self.result, task.name, s) for s in ran}


def in_short(result: ComparisonResult) -> str:
    """How many strategies were compared, on how many tasks."""
    strategies, tasks = ({getattr(r, name) for r in result.rows} for name in ("strategy", "task"))
    return f"{counted(len(strategies), 'strategy')} on {counted(len(tasks), 'task')}"
