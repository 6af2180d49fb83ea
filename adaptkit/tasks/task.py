"""The task: what is asked, the rows, and the documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Document, Example
from adaptkit.tasks.cut import Cut
from adaptkit.tasks.facts import TaskFacts
from adaptkit.tasks.splits import some_rows, split_off
from adaptkit.tasks.validate import check_task

TaskKind = Literal["classification", "qa", "structured", "summarization", "arithmetic", "generation"]
KINDS: tuple[str, ...] = get_args(TaskKind)

VALIDATION_SHARE = 0.2
VALIDATION_LIMIT = 100
_SEQUENCES = ("metrics", "train", "test", "validation", "documents", "labels", "tools", "notes")
# What cannot change a result: a corrected licence or a longer description keeps what was computed.
_NOT_HASHED = frozenset({"name", "description", "licence", "attribution", "source", "read_with", "notes"})


@dataclass(frozen=True, kw_only=True, repr=False)
class Task:
    """A task: an instruction, rows to learn from, rows to be judged on, and perhaps documents.

    Lists are accepted wherever tuples are declared.

    Attributes:
        name: what the task is called in results and folder names.
        kind: what sort of answer is asked for.
        instruction: what a model is told, the same for all rows.
        metrics: names of metrics, the first is primary.
        train: rows that strategies may learn from or show; may be empty.
        test: rows that are only ever scored.
        validation: rows that choices are made on. None splits a fifth off ``train`` (seeded, whole
            clusters, at most 100 rows); pass ``()`` for none. Never None once the task is made.
        documents: texts that answers may be looked up in.
        labels: the allowed targets of a classification; left empty, all distinct targets, sorted.
        schema: JSON Schema that the targets of a structured task follow.
        tools: functions that an answer may call, each with ``name``, ``description`` and ``parameters`` (a
            JSON Schema); they are described, not run.
        description: for the reader of a report.
        licence: the terms under which the rows may be used.
        attribution: who made them.
        source: where the rows were read from, and
        read_with: what ``load_task`` was told beside it, to read them again: columns, instruction, kind.
        notes: what was guessed when they were read, and what of them is not used, a sentence each.

    Raises:
        DataError: the rows contradict each other or the task; see :mod:`adaptkit.tasks.validate`.

    Examples:
        >>> rows = [Example(id=f"r{i}", input=f"{i} + 1", target=str(i + 1)) for i in range(10)]
        >>> task = Task(
        ...     name="sums",
        ...     kind="arithmetic",
        ...     instruction="Add.",
        ...     metrics=("numeric_match",),
        ...     train=tuple(rows[:8]),
        ...     test=tuple(rows[8:]),
        ... )
        >>> task
        Task(name='sums', kind='arithmetic', train=6, validation=2, test=2, documents=0)
    """

    name: str
    kind: TaskKind
    instruction: str
    metrics: tuple[str, ...]
    train: tuple[Example, ...]
    test: tuple[Example, ...]
    validation: tuple[Example, ...] | None = None
    documents: tuple[Document, ...] = ()
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    licence: str = ""
    attribution: str = ""
    source: str = "memory"
    read_with: Mapping[str, Any] = field(default_factory=dict, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for name in _SEQUENCES:
            value = getattr(self, name)
            # A lone string stays as it is, so that the check can name it instead of its letters.
            if value is not None and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))
        if self.kind == "classification" and not self.labels:
            object.__setattr__(self, "labels", _targets(self.train, self.validation or (), self.test))
        check_task(self, kinds=KINDS)
        if self.validation is None:
            train, validation = split_off(self.train, share=VALIDATION_SHARE, limit=VALIDATION_LIMIT)
            object.__setattr__(self, "train", train)
            object.__setattr__(self, "validation", validation)

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{name}={len(getattr(self, name) or ())}"
            for name in ("train", "validation", "test", "documents")
        )
        return f"Task(name={self.name!r}, kind={self.kind!r}, {counts})"

    @property
    def primary_metric(self) -> str:
        """The metric that decides."""
        return self.metrics[0]

    @property
    def facts(self) -> TaskFacts:
        """What a table needs to know of the task."""
        return TaskFacts(
            name=self.name, kind=self.kind, metrics=self.metrics, labels=self.labels, schema=self.schema
        )

    def with_train(self, n: int, *, seed: int = 0) -> Task:
        """The same task with ``n`` train rows, named ``<name>@<n>``; smaller sets are part of larger ones.

        Validation rows stay: choices are made on the same ones, however many rows are learnt from.

        Args:
            n: train rows, at least 1; all of them where there are no more.
            seed: of the draw; the name of any but 0 ends in ``#<seed>``.
        """
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise ConfigError.for_parameter("Task.with_train", "n", "an int >= 1", n)
        chosen = {e.id for e in some_rows(self.train, n, salt=f"{seed}:")}
        train = tuple(e for e in self.train if e.id in chosen)
        return replace(self, name=Cut(task=self.name, n_train=n, seed=seed).name, train=train)

    def without(self, split: Literal["train", "validation"]) -> Task:
        """The same task with no rows in a split. Nothing is checked again: fewer rows contradict no more."""
        fewer = object.__new__(type(self))
        for name in self.__dataclass_fields__:
            object.__setattr__(fewer, name, () if name == split else getattr(self, name))
        return fewer

    @cached_property
    def content_hash(self) -> str:
        """Hash of everything that can change a result.

        That is kind, instruction, metrics, labels, schema, tools, all rows and the documents. Name,
        description, licence, attribution and source are left out.
        """
        fields = self.__dataclass_fields__.keys() - _NOT_HASHED
        if not self.tools:  # tasks had none at first: what was computed then still counts
            fields -= {"tools"}
        return content_hash({name: getattr(self, name) for name in fields})


def _targets(*splits: tuple[Example, ...]) -> tuple[str, ...]:
    found = {str(row.target) for split in splits for row in split}
    return tuple(sorted(target for target in found if target.strip()))
