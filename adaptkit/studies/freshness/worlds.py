"""A task before and after some of its documents changed, were added, or were deleted.

Nothing here depends on a strategy: every one meets the same documents, answers and rows.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adaptkit.core.errors import CapabilityError, DataError
from adaptkit.core.types import Document, Example
from adaptkit.studies.freshness.replacing import replacements
from adaptkit.studies.freshness.stated import Fact, Located, facts_of, locate, replaced, rows_of
from adaptkit.tasks import Task, row_order, some_rows

Kind = Literal["change", "add", "delete"]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class AffectedRow:
    """A test row whose truth changes; ``old`` is None where it had no answer before, ``new`` where after."""

    old: Example | None
    new: Example | None

    @property
    def row(self) -> Example:
        """The row, with the latest truth that it had: what is asked is the same."""
        row = self.new or self.old
        assert row is not None
        return row


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What was, and what is.

    Attributes:
        old: the task before; strategies are fitted to it.
        new: the task after.
        documents: ids of those that are new, gone or changed.
        affected: test rows whose truth changed, came or went.
        unaffected: test rows that none of the documents answers.
        counts: documents and rows of either kind, and those that were not used, by name.
    """

    kind: Kind
    old: Task
    new: Task
    documents: tuple[str, ...]
    affected: tuple[AffectedRow, ...]
    unaffected: tuple[Example, ...]
    counts: Mapping[str, int] = field(default_factory=dict)

    def limited(self, n: int | None) -> Scenario:
        """With at most so many affected and so many unaffected rows; fewer rows are part of more."""
        kept = {e.id for e in some_rows([a.row for a in self.affected], n)}
        affected = tuple(a for a in self.affected if a.row.id in kept)
        unaffected = tuple(some_rows(self.unaffected, n))
        left = len(self.affected) + len(self.unaffected) - len(affected) - len(unaffected)
        counts = {
            **self.counts,
            "n_affected": len(affected),
            "n_unaffected": len(unaffected),
            "n_not_asked": self.counts["n_not_asked"] + left,
        }
        return dataclasses.replace(self, affected=affected, unaffected=unaffected, counts=counts)


def make_world(task: Task, kind: Kind, *, share: float, seed: int) -> Scenario:
    """Change, add or delete a share of a task's documents.

    Raises:
        CapabilityError: no document answers a test row, or states an answer that could be another.
        DataError: no test row, or no document, is left on one side.
    """
    located = locate(task)
    if not any(located[e.id] for e in task.test):
        raise CapabilityError(
            f"Freshness cannot be measured on the task '{task.name}': none of its test rows has a gold "
            "document, or a target that stands in one document only."
        )
    if kind == "change":
        return _changed(task, located, share=share, seed=seed)
    chosen = _some(task, [d.id for d in task.documents], share, seed)
    without, needing = _without(task, chosen, located)
    old, new = (without, task) if kind == "add" else (task, without)
    rows = [e for e in task.test if e.id in needing]
    affected = [AffectedRow(old=None, new=e) if kind == "add" else AffectedRow(old=e, new=None) for e in rows]
    counts = {"n_candidates": len(task.documents), "n_used": len(chosen)}
    return _world(kind, (old, new), chosen, affected, located, counts)


def _some(task: Task, ids: Sequence[str], share: float, seed: int) -> list[str]:
    """A share of documents, one at least, in the task's order; a smaller share is part of a larger one."""
    n = max(1, round(share * len(ids)))
    chosen = set(sorted(ids, key=lambda i: row_order(i, salt=f"{seed}:"))[:n])
    return [d.id for d in task.documents if d.id in chosen]


def _without(task: Task, gone: Collection[str], located: Located) -> tuple[Task, set[str]]:
    """The task without documents and the rows that they answer; and the ids of those rows."""
    needing = {e.id for e in rows_of(task) if set(located[e.id] or ()) & set(gone)}
    documents = tuple(d for d in task.documents if d.id not in gone)
    if not documents:
        raise DataError(f"No document of the task '{task.name}' would be left. Choose a smaller share.")
    return _with(task, documents, lambda e: None if e.id in needing else e), needing


def _with(task: Task, documents: Iterable[Document], row: Callable[[Example], Example | None]) -> Task:
    """The task with other documents and what ``row`` makes of each row; None leaves it out."""
    rows: dict[str, tuple[Example, ...]] = {}
    for split in SPLITS:
        made = (row(e) for e in getattr(task, split) or ())
        rows[split] = tuple(e for e in made if e is not None)
    if not rows["test"]:
        raise DataError(f"No test row of the task '{task.name}' would be left. Choose a smaller share.")
    return dataclasses.replace(
        task,
        documents=tuple(documents),
        train=rows["train"],
        validation=rows["validation"],
        test=rows["test"],
    )


def _changed(task: Task, located: Located, *, share: float, seed: int) -> Scenario:
    facts = facts_of(task, located)
    drawn = replacements(facts, task, seed=seed)
    usable = {d for fact in drawn for d in fact.documents}
    if not usable:
        raise CapabilityError(
            f"No document of the task '{task.name}' states a target word for word, and another row's answer "
            "of the same shape to put in its place."
        )
    chosen = set(_some(task, [d.id for d in task.documents if d.id in usable], share, seed))
    changes = {fact: answer for fact, answer in drawn.items() if fact.documents & chosen}
    documents, lost = _rewritten(task, facts, changes)
    touched = {d for fact in changes for d in fact.documents}
    truth = _Truth({f: a for f, a in changes.items() if f not in lost}, touched, located)
    new = _with(task, documents, truth.of)
    by_id = {e.id: e for e in new.test}
    affected = [AffectedRow(old=e, new=by_id[e.id]) for e in task.test if truth.touched(e) and e.id in by_id]
    asked = {d for e in rows_of(task) for d in located[e.id] or ()}
    counts = {
        "n_candidates": len(usable),
        "n_used": len(touched),
        "n_without_verbatim_target": len(asked - {d for fact in facts for d in fact.documents}),
        "n_without_other_answer": len({d for f in facts for d in f.documents} - usable),
    }
    return _world(
        "change", (task, new), [d.id for d in documents if d.id in touched], affected, located, counts
    )


def _rewritten(
    task: Task, facts: Sequence[Fact], changes: Mapping[Fact, str]
) -> tuple[list[Document], set[Fact]]:
    """The documents with the new answers, and the facts whose old answer was not found everywhere."""
    stated: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        for document_id in fact.documents:
            stated[document_id].append(fact)
    documents, lost = [], set[Fact]()
    for document in task.documents:
        own = {f: changes[f] for f in stated[document.id] if f in changes}
        stay = [f for f in stated[document.id] if f not in own]
        now, found = replaced(document, own, stay) if own else (document, set[Fact]())
        lost |= set(own) - found
        documents.append(now)
    return documents, lost


class _Truth:
    """What rows' answers are once facts have changed.

    Args:
        changes: the new answers.
        touched: ids of documents in which anything changed.
        located: the documents of each row.
    """

    def __init__(self, changes: Mapping[Fact, str], touched: Collection[str], located: Located) -> None:
        self._by_target: dict[str, list[tuple[Fact, str]]] = defaultdict(list)
        for fact, answer in changes.items():
            self._by_target[fact.target].append((fact, answer))
        self._touched = set(touched)
        self._located = located

    def touched(self, row: Example) -> set[str]:
        """Touched documents that answer a row."""
        return self._touched & set(self._located[row.id] or ())

    def of(self, row: Example) -> Example | None:
        """The row with its new answer; None where a touched document leaves that open.

        It is known where the row's answer was replaced in every touched document that answers it.
        """
        own = self.touched(row)
        if not own:
            return row
        answers = (answer for fact, answer in self._by_target[row.target] if own <= fact.documents)
        answer = next(answers, None)
        # Metadata may hold the old answer, and aliases are other words for it.
        return None if answer is None else dataclasses.replace(row, target=answer, aliases=(), metadata={})


def _world(
    kind: Kind,
    tasks: tuple[Task, Task],
    documents: Sequence[str],
    affected: Sequence[AffectedRow],
    located: Located,
    counts: Mapping[str, int],
) -> Scenario:
    old, new = tasks
    if not affected:
        raise DataError(
            f"No test row of the task '{old.name}' has a clear answer in the {len(documents)} documents to "
            f"{kind}. Choose a larger share, or another seed."
        )
    ids = {a.row.id for a in affected}
    both = {e.id for e in old.test} & {e.id for e in new.test}
    unaffected = [e for e in new.test if e.id in both and e.id not in ids and located[e.id] is not None]
    every = {e.id for task in tasks for e in task.test}
    found = {
        **counts,
        "n_documents": max(len(old.documents), len(new.documents)),
        "n_affected": len(affected),
        "n_unaffected": len(unaffected),
        "n_not_asked": 0,
        "n_left_out": len(every) - len(affected) - len(unaffected),
        "n_train_old": len(old.train),
        "n_train_new": len(new.train),
        "n_train_changed": _n_changed(old, new),
    }
    return Scenario(
        kind=kind,
        old=old,
        new=new,
        documents=tuple(documents),
        affected=tuple(affected),
        unaffected=tuple(unaffected),
        counts=found,
    )


def _n_changed(old: Task, new: Task) -> int:
    """Train rows that are only on one side, or differ."""
    before, after = ({e.id: e.target for e in task.train} for task in (old, new))
    return sum(before.get(i) != after.get(i) for i in before.keys() | after.keys())
