"""Where answers stand in documents, word for word, and documents in which they are replaced."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from adaptkit.core.types import Document, Example
from adaptkit.metrics.words import whole_words
from adaptkit.tasks import Task

Located = Mapping[str, tuple[str, ...] | None]
"""Documents that hold each row's answer, by the row's id; none for rows that no document answers, and None
where that is not known."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """An answer, and the documents that state it.

    Attributes:
        target: as it stands in them.
        documents: ids; all of them have to change together.
        spellings: the target, and aliases of two words or more: shorter ones stand for other things too.
        aliases: all other answers that count as right.
        questions: the rows' inputs.
    """

    target: str
    documents: frozenset[str]
    spellings: tuple[str, ...]
    aliases: tuple[str, ...]
    questions: tuple[str, ...]


def rows_of(task: Task) -> tuple[Example, ...]:
    """All rows of all splits."""
    return (*task.train, *(task.validation or ()), *task.test)


def locate(task: Task) -> Located:
    """Find the documents of each row: its gold documents, as far as the task knows any.

    In a task that names none, a row's is the only document that its target stands in.
    """
    rows = rows_of(task)
    if any(e.gold_documents for e in rows):
        return {e.id: e.gold_documents for e in rows}
    holding = {target: _holding(target, task.documents) for target in {e.target for e in rows}}
    return {e.id: holding[e.target] for e in rows}


def _holding(target: str, documents: Sequence[Document]) -> tuple[str, ...] | None:
    found = [d.id for d in documents if states(d, target)]
    return (found[0],) if len(found) == 1 else None


def states(document: Document, answer: str) -> bool:
    """Whether an answer stands in a document as whole words and numbers, case and spelling included.

    Examples:
        >>> rent = Document(id="d", text="It is due in 45 days; the fee is £1,500.")
        >>> states(rent, "45 days"), states(rent, "5 days"), states(rent, "500")
        (True, False, False)
    """
    texts = (document.text, document.title or "")
    return any(answer in text and _pattern([answer]).search(text) for text in texts)


def _pattern(answers: Iterable[str]) -> re.Pattern[str]:
    """Any of the answers, the longest that fits; none within a word, or a number such as 1,500 or 4.5."""
    return re.compile(rf"(?<!\d[.,]){whole_words(answers).pattern}(?![.,]\d)")


def facts_of(task: Task, located: Located) -> list[Fact]:
    """The answers that documents state, in a fixed order.

    Rows with the same target that share a document ask for one fact: where it changes, it does for all.
    """
    documents = {d.id: d for d in task.documents}
    by_target: dict[str, list[tuple[Example, frozenset[str]]]] = defaultdict(list)
    for row in rows_of(task):
        stated = frozenset(d for d in located[row.id] or () if states(documents[d], row.target))
        if stated:
            by_target[row.target].append((row, stated))
    return [
        _fact(target, rows, group)
        for target, rows in sorted(by_target.items())
        for group in _joined([stated for _, stated in rows])
    ]


def _fact(target: str, rows: Sequence[tuple[Example, frozenset[str]]], group: frozenset[str]) -> Fact:
    asking = [row for row, stated in rows if stated & group]
    aliases = dict.fromkeys(a for row in asking for a in row.aliases)
    # Of one that holds the target only that part is replaced: the words around it still fit.
    spelt = [a for a in aliases if len(a.split()) > 1 and target not in a]
    return Fact(
        target=target,
        documents=group,
        spellings=tuple(dict.fromkeys((target, *spelt))),
        aliases=tuple(aliases),
        questions=tuple(row.input for row in asking),
    )


def _joined(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Sets that overlap made one, in a fixed order."""
    groups: list[frozenset[str]] = []
    for one in sets:
        apart = [g for g in groups if not g & one]
        groups = [*apart, one.union(*(g for g in groups if g & one))]
    return sorted(groups, key=sorted)


def replaced(
    document: Document, changes: Mapping[Fact, str], others: Collection[Fact]
) -> tuple[Document, set[Fact]]:
    """Replace facts in a document, all at once: the longest spelling that fits a place decides.

    Args:
        document: that states them.
        changes: the new answer for each fact.
        others: facts that the document states and that stay.

    Returns:
        The new document, and those facts that were found: others stand inside longer answers only.
    """
    meant: dict[str, Fact] = {}
    for fact in (*others, *changes):
        for spelling in fact.spellings[1:]:
            meant[spelling] = fact
    # What is the target of one fact and the alias of another is the former's.
    meant |= {fact.target: fact for fact in (*others, *changes)}
    found: set[Fact] = set()

    def new(match: re.Match[str]) -> str:
        fact = meant[match[0]]
        found.add(fact)
        return changes.get(fact, match[0])

    pattern = _pattern(meant)
    title = document.title and pattern.sub(new, document.title)
    changed = dataclasses.replace(document, text=pattern.sub(new, document.text), title=title)
    return changed, found & set(changes)
