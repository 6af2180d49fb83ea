"""What a plot is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adaptkit.core.results import ComparisonResult, Record
from adaptkit.costs import CostRow, StrategyCosts
from adaptkit.decision import Causes


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """The costs of the strategies of one task, as the cost table has them.

    Attributes:
        costs: one a strategy that was measured, in the table's order.
        rows: their lines of the cost table, in the same order, with the break-evens against ``baseline``.
    """

    costs: tuple[StrategyCosts, ...]
    rows: tuple[CostRow, ...]
    baseline: str | None


class PlotSource(Protocol):
    """A finished comparison. What needs the files of the run is read when it is asked for."""

    @property
    def result(self) -> ComparisonResult:
        """The table."""

    @property
    def folder(self) -> Path:
        """The run folder."""

    def records(self) -> Sequence[Record]:
        """Every row's answer; none where the table was kept without its records."""

    def accounts(self) -> Mapping[str, Accounts]:
        """By task, what its strategies cost; tasks without records are left out."""

    def causes(self) -> Mapping[str, Mapping[str, Causes]]:
        """By task and strategy, why answers are wrong; tasks without records are left out."""
