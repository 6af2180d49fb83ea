"""What was measured of a trial, as data: all that a table is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from adaptkit.comparison.scoring import per_example
from adaptkit.core.codec import to_json
from adaptkit.core.numbers import is_number
from adaptkit.core.result_io import from_json
from adaptkit.core.results import Record
from adaptkit.core.types import Traits
from adaptkit.tasks import TaskFacts


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a finished trial leaves beside its records; kept by its key, whatever table it stands in.

    Attributes:
        status: ``done``, ``failed`` with the error and its traceback, or ``skipped``.
        traits: what the strategy is; one that came out of its fit with other weights has trained them.
        reason: why it failed or was skipped.
        fit_s: seconds of ``fit()``; of the original fit, where an artifact was taken up again.
        eval_s: seconds that the rows took, over all parts of an interrupted run.
        artifact: the saved strategy's folder, relative to the run folder.
        fit_tokens: read and written by ``fit()`` where a provider bills them, by kind; None otherwise.
        failed_s: seconds until it failed; they are paid for all the same.
    """

    key: str
    status: str
    traits: Traits
    reason: str | None = None
    fit_s: float | None = None
    fit_notes: Mapping[str, Any] = field(default_factory=dict)
    peak_memory_bytes: int | None = None
    eval_s: float | None = None
    artifact: str | None = None
    error: Mapping[str, str] | None = None
    failed_s: float | None = None
    fit_tokens: Mapping[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class TrialData(TrialResult):
    """A trial as a table shows it; from the run itself or from its folder, the same.

    Attributes:
        repeat: 1 for the second of two identical runs, which no table shows.
        n_planned: rows that it was to answer.
        takes_seed: whether the strategy trains or draws, so that another seed gives another one.
        n_labels: labelled examples that it learns or is tuned on.
        records: of the rows that it answered, in their order.
    """

    task: str
    strategy: str
    seed: int
    repeat: int
    params: Mapping[str, Any]
    n_planned: int
    takes_seed: bool = False
    n_labels: int | None = None
    records: tuple[Record, ...] = ()

    def to_manifest(self) -> dict[str, Any]:
        """All of it but its records, which are counted, and a traceback, which names places of a machine."""
        names = [f.name for f in fields(self) if f.name not in ("records", "error")]
        values = {name: to_json(getattr(self, name)) for name in names}
        return {**values, "n_rows": len(self.records)}

    @classmethod
    def from_manifest(cls, entry: Mapping[str, Any], path: Path) -> Self:
        """Read what :meth:`to_manifest` gave, without records.

        Raises:
            StoreError: a field is missing, unknown or of another type.
        """
        values = {name: value for name, value in entry.items() if name != "n_rows"}
        return from_json(values, cls, f"The trial of {entry.get('strategy')!r}", path)


@dataclass(frozen=True)
class StrategyTrials:
    """All trials of one strategy on one task: one line of the table."""

    task: TaskFacts
    label: str
    trials: tuple[TrialData, ...]

    @property
    def done(self) -> list[TrialData]:
        """The seeds that finished."""
        return [t for t in self.trials if t.status == "done"]

    @property
    def records(self) -> list[Record]:
        """Records of all seeds that finished."""
        return [r for t in self.done for r in t.records]

    @property
    def traits(self) -> Traits:
        """What the strategy is, as its fits have shown."""
        return (self.done or self.trials)[0].traits

    @property
    def seeds_vary(self) -> bool:
        """Whether seeds are training runs or draws, a second level of chance beside the rows."""
        return any(t.takes_seed for t in self.trials)

    @property
    def cut_short(self) -> Sequence[Mapping[str, Any]]:
        """What a budget ended in its fit, under the first seed where it did."""
        return next((found for t in self.done if (found := cuts_noted(t.fit_notes))), ())

    @property
    def values(self) -> dict[str, float]:
        """One value of the primary metric an example."""
        return per_example(self.records, self.task.primary_metric)

    @property
    def values_by_seed(self) -> dict[str, dict[int, float]]:
        """The primary metric of each example under each seed; a record may come from a trial of equal key."""
        values: dict[str, dict[int, float]] = defaultdict(dict)
        for trial in self.done:
            for example_id, value in per_example(trial.records, self.task.primary_metric).items():
                values[example_id][trial.seed] = value
        return dict(values)


def cuts_noted(fit_notes: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """What a budget cut short by the notes of a fit; what has not the form of such a note is none."""
    noted = fit_notes.get("cut_short")
    return tuple(c for c in noted if isinstance(c, dict) and _is_cut(c)) if isinstance(noted, list) else ()


def _is_cut(note: Mapping[str, Any]) -> bool:
    numbers = ("n_tried", "n_planned") if note.get("what") == "tuning" else ("share_of_rows",)
    return all(is_number(note.get(n)) for n in (*numbers, "more_s")) and isinstance(note.get("by"), str)


def groups_of(task: TaskFacts, trials: Sequence[TrialData], *, repeat: int = 0) -> list[StrategyTrials]:
    """One group a strategy, in the order of the trials."""
    own = [t for t in trials if t.task == task.name and t.repeat == repeat]
    labels = dict.fromkeys(t.strategy for t in own)
    return [StrategyTrials(task, label, tuple(t for t in own if t.strategy == label)) for label in labels]
