"""A run and what comes of its trials: what the parts of the runner hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from adaptkit.comparison.callback import Callback
from adaptkit.comparison.decision_settings import DecisionSettings
from adaptkit.comparison.evaluate import EvaluationSettings
from adaptkit.comparison.lazy_model import LazyModel
from adaptkit.comparison.plan import Plan, Trial
from adaptkit.comparison.store import RunStore
from adaptkit.core.results import Record
from adaptkit.core.types import Example


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What all trials of a run share.

    Attributes:
        minutes: what the run may take; what trains has what the others leave. None for no bound.
    """

    plan: Plan
    provider: LazyModel
    store: RunStore
    settings: EvaluationSettings
    listener: Callback
    standards: DecisionSettings = field(default_factory=DecisionSettings)
    minutes: float | None = None


class RecordIndex:
    """Which rows of which trial have a record, as the run goes on. Of two for one row, the first stays."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._by_key: dict[str, dict[str, Record]] = {}
        self.add(records)

    def add(self, records: Sequence[Record]) -> None:
        """Take note of records that were stored."""
        for record in records:
            self._by_key.setdefault(record.trial, {}).setdefault(record.example_id, record)

    def records(self, trial: Trial, rows: Sequence[Example]) -> tuple[Record, ...]:
        """Those of the rows that the trial has answered, in their order."""
        known = self._by_key.get(trial.key, {})
        return tuple(known[e.id] for e in rows if e.id in known)
