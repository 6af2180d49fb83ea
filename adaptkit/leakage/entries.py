"""What is compared with what: rows and demonstrations in one form, and when two of them agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from adaptkit.core.codec import canonical_json
from adaptkit.core.reading import parse_json
from adaptkit.core.types import Demonstration, Example
from adaptkit.leakage.canonical import canonical, numbers
from adaptkit.tasks import Task

FREE_FORM = ("summarization", "generation")
"""Kinds in which many answers are right: a row with a like input helps, whatever its target says."""
RARE_SHARE = 0.01
"""An answer that at most this share of the test rows has tells rows apart; a class label does not."""
LEAST_SHARED = 2
"""So many words, or numbers, that hardly another row has are no chance."""


Group = tuple[Sequence[int], Sequence[int]]
"""Positions among the rows and among the others: each of the first goes with each of the second."""


@dataclass(frozen=True, kw_only=True)
class TextItem:
    """A row or a demonstration.

    Attributes:
        text: the input as it stands, ``canonical`` without what does not change it.
        answers: the target and its aliases, comparable: two entries agree where they share one.
        phrases: the same as they would stand in a document.
    """

    id: str
    text: str
    canonical: str
    answers: frozenset[str]
    phrases: tuple[str, ...]

    @cached_property
    def words(self) -> frozenset[str]:
        """The different words of the input."""
        return frozenset(self.canonical.split())

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers of the input, in digits."""
        return numbers(self.canonical)


def entry_of_row(row: Example, kind: str) -> TextItem:
    """A row of the task."""
    return _entry(row.id, row.input, row.references, kind)


def entries_of_demonstrations(demonstrations: Iterable[Demonstration], kind: str) -> list[TextItem]:
    """Demonstrations, those that come from no row numbered."""
    return [
        _entry(shown.example_id or f"demonstration {i}", shown.input, (shown.target,), kind)
        for i, shown in enumerate(demonstrations, start=1)
    ]


def _entry(id: str, text: str, references: Sequence[str], kind: str) -> TextItem:
    return TextItem(
        id=id,
        text=text,
        canonical=canonical(text),
        answers=frozenset(answer_key(r, kind) for r in references),
        phrases=tuple(dict.fromkeys(canonical(r) for r in references)),
    )


def answer_key(answer: str, kind: str) -> str:
    """An answer so that equal ones are equal texts: JSON whatever the order of its keys.

    Examples:
        >>> answer_key('{"b": 1, "a": "X"}', "structured") == answer_key('{"a": "X", "b": 1}', "structured")
        True
    """
    if kind == "structured":
        try:
            return canonical_json(parse_json(answer))
        except ValueError:
            pass  # a demonstration's: rows of the task were checked
    return canonical(answer)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """When the answer of one entry gives another's away, and when it is telling that they agree.

    Made from the test rows alone: what stands in train changes no rule.

    Attributes:
        kind: of the task.
        has_labels: answers are labels, which alike rows share as a matter of course.
        rare: answers that few test rows have; none where they are labels.
        common_words: words that stand in more than one test row.
    """

    kind: str
    has_labels: bool
    rare: frozenset[str]
    common_words: frozenset[str]

    @classmethod
    def of_task(cls, task: Task) -> Agreement:
        """Count answers and words of the test rows."""
        rows = [entry_of_row(row, task.kind) for row in task.test]
        answers = Counter(key for row in rows for key in row.answers)
        words = Counter(word for row in rows for word in row.words)
        most = 0.0 if task.labels else max(1, RARE_SHARE * len(rows))
        return cls(
            kind=task.kind,
            has_labels=bool(task.labels),
            rare=frozenset(key for key, count in answers.items() if count <= most),
            common_words=frozenset(word for word, count in words.items() if count > 1),
        )

    @property
    def is_free_form(self) -> bool:
        """Whether any answer to a like input gives it away."""
        return self.kind in FREE_FORM

    def same(self, a: TextItem, b: TextItem) -> bool:
        """Whether ``b`` gives the answer of ``a`` away, given that the inputs are alike."""
        return self.is_free_form or not a.answers.isdisjoint(b.answers)

    def groups(self, rows: Sequence[TextItem], others: Sequence[TextItem]) -> list[Group]:
        """Rows and others whose answers agree; a pair may be in several groups."""
        if self.is_free_form:
            return [(range(len(rows)), range(len(others)))]
        mine, theirs = _by_answer(rows), _by_answer(others)
        return [(mine[key], theirs[key]) for key in mine if key in theirs]

    def always_rare(self, rows: Sequence[TextItem], others: Sequence[TextItem]) -> bool:
        """Whether rows and others share none but rare answers."""
        shared = {key for r in rows for key in r.answers} & {key for o in others for key in o.answers}
        return not self.is_free_form and shared <= self.rare

    def is_telling(self, a: TextItem, b: TextItem) -> bool:
        """Whether two that agree and are somewhat alike must ask the same, chance being unlikely.

        They share an answer that few test rows have, or two words that no two of them have, or all of their
        numbers, two or more.
        """
        agreed = a.answers & b.answers
        if not agreed:
            return False
        if not agreed.isdisjoint(self.rare) or len((a.words & b.words) - self.common_words) >= LEAST_SHARED:
            return True
        return not self.has_labels and a.numbers == b.numbers and len(a.numbers) >= LEAST_SHARED

    def asks_otherwise(self, a: TextItem, b: TextItem) -> bool:
        """Whether the numbers make it another question: "add 3 and 4" is not "add 2 and 5".

        Rows of one label may well differ in their numbers.
        """
        return not self.has_labels and not (a.numbers <= b.numbers or b.numbers <= a.numbers)


def _by_answer(entries: Iterable[TextItem]) -> Mapping[str, list[int]]:
    """Positions of the entries that have each answer."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, entry in enumerate(entries):
        for key in entry.answers:
            groups[key].append(i)
    return groups
