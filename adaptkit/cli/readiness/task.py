"""A task before anything is spent on it: what was read, what of it is doubtful, and what could run on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from adaptkit import metrics
from adaptkit.core.errors import ModelError
from adaptkit.core.shorten import shorten
from adaptkit.core.types import Example
from adaptkit.leakage import LeakageReport, check_leakage
from adaptkit.leakage.canonical import canonical
from adaptkit.leakage.check import NOT_LOOKED_FOR
from adaptkit.report.lines import aligned, section
from adaptkit.retrieval import DEFAULT_EMBEDDER
from adaptkit.retrieval.pieces import embedded_pieces
from adaptkit.retrieval.readable import Legibility
from adaptkit.strategies import make_strategy
from adaptkit.tasks import Task, load_task

STRATEGIES = ("prompt", "few-shot", "rag", "lora")
MAX_LABELS = 12
FEW_ROWS = 20
"""Below this, intervals are so wide that hardly anything is shown."""


@dataclass(frozen=True, kw_only=True)
class TaskCheck:
    """What was found.

    Attributes:
        counts: rows by split, and documents.
        labels: of a classification, how many rows each has, the most frequent first.
        input_chars: half of the inputs are shorter; ``target_chars`` of the targets.
        repeated: train rows whose input stands in train before, ``contradicting`` those of them with another
            target.
        leakage: whether test rows stand in what strategies learn from.
        refused: strategies that could not run, with the reason.
        notes: what is doubtful, a sentence each.
    """

    source: str
    name: str
    kind: str
    metrics: tuple[str, ...]
    instruction: str
    counts: Mapping[str, int]
    labels: Mapping[str, int]
    input_chars: float
    target_chars: float
    repeated: tuple[str, ...]
    contradicting: tuple[str, ...]
    leakage: LeakageReport
    refused: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def runs(self) -> bool:
        """Whether a comparison would begin; it refuses test rows that can be learnt by heart."""
        return self.leakage.verdict != "refuse"

    def to_text(self) -> str:
        """A line a fact, then the notes."""
        return _as_text(self)


def check_source(
    source: str,
    *,
    columns: Mapping[str, str] | None = None,
    paraphrases: bool = False,
    **overrides: Any,
) -> TaskCheck:
    """Load a task as a comparison would, and look it over; no language model is loaded.

    Args:
        source: what ``load_task`` takes.
        columns: field to column, of a data file.
        paraphrases: look for reworded test rows too, which takes the embedder.
        **overrides: what a bare data file does not say: instruction, kind, labels.

    Raises:
        DataError: it cannot be used; with path and line where a file is at fault.
        UnknownNameError: no such task.
    """
    task = load_task(source, columns=columns, known_metrics=metrics.names(), **overrides)
    leakage = check_leakage(task, embed=paraphrases)
    if not paraphrases:
        sentences = tuple(s for s in leakage.sentences if s != NOT_LOOKED_FOR)
        leakage = replace(
            leakage, sentences=(*sentences, "Reworded rows were not looked for (--paraphrases).")
        )
    repeated, contradicting = _repeats(task.train)
    refusals = {name: make_strategy(name, {}).refusal(task) for name in STRATEGIES}
    rows = [*task.train, *(task.validation or ()), *task.test]
    return TaskCheck(
        source=source,
        name=task.name,
        kind=task.kind,
        metrics=task.metrics,
        instruction=task.instruction,
        counts={
            "train": len(task.train),
            "validation": len(task.validation or ()),
            "test": len(task.test),
            "documents": len(task.documents),
        },
        labels=dict(Counter(r.target for r in rows).most_common()) if task.labels else {},
        input_chars=median(len(r.input) for r in rows),
        target_chars=median(len(r.target) for r in rows),
        repeated=repeated,
        contradicting=contradicting,
        leakage=leakage,
        refused={name: reason for name, reason in refusals.items() if reason},
        notes=(
            *task.notes,
            *_notes(task, repeated, contradicting),
            *_unread(task, rows),
        ),
    )


def _repeats(rows: Sequence[Example]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Rows whose input stands before, and those of them that want another answer."""
    first: dict[str, Example] = {}
    repeated, contradicting = [], []
    for row in rows:
        earlier = first.setdefault(canonical(row.input), row)
        if earlier is not row:
            repeated.append(row.id)
            if canonical(row.target) not in map(canonical, earlier.references):
                contradicting.append(row.id)
    return tuple(repeated), tuple(contradicting)


def _notes(task: Task, repeated: Sequence[str], contradicting: Sequence[str]) -> Iterator[str]:
    if len(task.test) < FEW_ROWS:
        yield f"{len(task.test)} test rows show large differences only: {FEW_ROWS} and more are better."
    for name in task.metrics:
        n_scored = sum(metrics.scorable(name, row, task.labels) for row in task.test)
        if n_scored < len(task.test):
            yield f"{name} can score {n_scored} of the {len(task.test)} test rows."
    if not task.train:
        yield "There are no train rows: only a prompt and retrieval can run."
    if repeated:
        yield f"{len(repeated)} train rows have the input of an earlier one ({_some(repeated)})."
    if contradicting:
        yield f"{len(contradicting)} of them want another target ({_some(contradicting)})."
    alone = sorted(label for label, n in Counter(e.target for e in task.train).items() if n == 1)
    if alone and task.labels:
        yield f"Only one train row has the target {_some(alone)}: is it spelt right?"
    unseen = sorted({e.target for e in task.test} - {e.target for e in task.train}) if task.labels else []
    if unseen and task.train:
        yield f"No train row has the target of some test rows: {_some(unseen)}."


def _unread(task: Task, rows: Sequence[Example]) -> list[str]:
    """What the default embedder cannot read of the task, as far as that is known without fetching it."""
    try:
        pieces = embedded_pieces(DEFAULT_EMBEDDER)
    except ModelError:
        return []
    documents = [d.text for d in task.documents]
    return Legibility.of([r.input for r in rows], pieces, documents).warnings


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])


def _as_text(found: TaskCheck) -> str:
    """A line a fact, then what is doubtful."""
    facts = aligned([[name, value] for name, value in _facts(found)])
    notes = [*found.notes, *found.leakage.sentences]
    return f"{facts}\n" + (f"\n{section('To know', notes)}" if notes else "")


def _facts(found: TaskCheck) -> Iterator[tuple[str, str]]:
    yield "task", f"{found.name}, {found.kind}"
    yield "metrics", ", ".join(found.metrics) + " (the first decides)"
    yield "instruction", _short(found.instruction)
    yield "rows", ", ".join(f"{n} {name}" for name, n in found.counts.items())
    if found.labels:
        shown = [f"{label} {n}" for label, n in list(found.labels.items())[:MAX_LABELS]]
        more = len(found.labels) - len(shown)
        yield f"{len(found.labels)} labels", ", ".join(shown) + (f", and {more} more" if more > 0 else "")
    yield "length", f"inputs {found.input_chars:.0f} characters, targets {found.target_chars:.0f} (medians)"
    yield "repeats in train", str(len(found.repeated))
    yield "leakage", found.leakage.verdict
    for name, reason in found.refused.items():
        yield f"without {name}", reason


def _short(text: str) -> str:
    line = " ".join(text.split())
    return shorten(line, 80)
