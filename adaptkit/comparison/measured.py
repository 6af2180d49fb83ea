"""What was measured of a trial, as data: all that a table is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptkit.comparison.plan import Trial
from adaptkit.comparison.run_context import Outcome
from adaptkit.comparison.scoring import per_example
from adaptkit.core.codec import to_json
from adaptkit.core.numbers import is_number
from adaptkit.core.results import Record
from adaptkit.core.types import Traits
from adaptkit.tasks import TaskFacts


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A trial after the run; from the run itself or from its folder, the same.

    Attributes:
        repeat: 1 for the second of two identical runs, which no table shows.
        n_planned: rows that it was to answer.
        takes_seed: whether the strategy trains or draws, so that another seed gives another one.
        fit_s: seconds of ``fit()``, ``eval_s`` of answering the rows, ``failed_s`` until it failed.
        fit_tokens: read and written by ``fit()`` where a provider bills them, by kind; None otherwise.
        n_labels: labelled examples that it learns or is tuned on.
        reason: why it failed or was skipped.
        traits: what the strategy is.
    """

    task: str
    strategy: str
    seed: int
    repeat: int
    status: str
    reason: str | None
    params: Mapping[str, Any]
    records: tuple[Record, ...]
    n_planned: int
    takes_seed: bool = False
    fit_s: float | None = None
    eval_s: float | None = None
    failed_s: float | None = None
    fit_tokens: Mapping[str, int] | None = None
    n_labels: int | None = None
    peak_memory_bytes: int | None = None
    fit_notes: Mapping[str, Any] = field(default_factory=dict)
    artifact: str | None = None
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True)
class Group:
    """All trials of one strategy on one task: one line of the table."""

    task: TaskFacts
    label: str
    trials: tuple[Measured, ...]

    @property
    def done(self) -> list[Measured]:
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


def measured(outcomes: Iterable[Outcome]) -> list[Measured]:
    """What a run has measured."""
    return [_measured(o) for o in outcomes]


def _measured(outcome: Outcome) -> Measured:
    trial, result = outcome.trial, outcome.result
    return Measured(
        task=trial.task.name,
        strategy=trial.label,
        seed=trial.seed,
        repeat=trial.repeat,
        status=outcome.status,
        reason=outcome.reason,
        params=trial.strategy.described_params(),
        records=outcome.records,
        n_planned=outcome.n_planned,
        takes_seed=trial.strategy.takes_seed,
        fit_s=result.fit_s if result else None,
        eval_s=result.eval_s if result else None,
        failed_s=result.failed_s if result else None,
        fit_tokens=result.fit_tokens if result else None,
        n_labels=n_labels(trial),
        peak_memory_bytes=result.peak_memory_bytes if result else None,
        fit_notes=to_json(result.fit_notes) if result else {},
        artifact=result.artifact if result else None,
        traits=result.traits if result else trial.strategy.traits,
    )


def n_labels(trial: Trial) -> int:
    """Labelled examples that a strategy learns from, or is tuned on; 0 for a plain prompt."""
    splits = {"train": trial.task.train, "validation": trial.task.validation or ()}
    return sum(len(splits[name]) for name in trial.strategy.labels_used(trial.task))


def groups_of(task: TaskFacts, trials: Sequence[Measured], *, repeat: int = 0) -> list[Group]:
    """One group a strategy, in the order of the trials."""
    own = [t for t in trials if t.task == task.name and t.repeat == repeat]
    labels = dict.fromkeys(t.strategy for t in own)
    return [Group(task, label, tuple(t for t in own if t.strategy == label)) for label in labels]
