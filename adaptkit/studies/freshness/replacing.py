"""Another plausible answer for a fact: the target of other rows that has the same shape."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from adaptkit.core.types import Document, Example
from adaptkit.metrics.normalise import tokens
from adaptkit.studies.freshness.stated import Fact, states
from adaptkit.tasks import Task, row_order

_SPELT = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
)
_NUMBER = re.compile(rf"\d[\d.,:]*|\b(?:{'|'.join(_SPELT.split())})\b(?:-\w+)?")
MOST_ALIKE = 3
"""Questions that share their first three words ask for the same sort of thing; more tell no more."""


def replacements(facts: Sequence[Fact], task: Task, *, seed: int) -> dict[Fact, str]:
    """Draw a new answer for each fact; facts for which there is none are left out.

    Answers are taken from train rows, from test rows only where nothing is trained on. One that has the same
    words around other numbers is preferred (``45 days`` for ``30 days``), then one with the same kinds of
    words; of those, one to a question that begins alike, then one of as many words. None is contained in
    what counts as right now, nor contains it. Where it can be, it stands in none of the fact's documents,
    and no two facts of a document get the same.
    """
    pool = _Pool((*task.train, *(task.validation or ())) or task.test)
    documents = {d.id: d for d in task.documents}
    drawn: dict[Fact, str] = {}
    taken: dict[str, set[str]] = defaultdict(set)
    for fact in facts:
        answer = pool.draw(fact, documents, taken, seed=seed)
        if answer is not None:
            drawn[fact] = answer
            for document in fact.documents:
                taken[document].add(answer)
    return drawn


class _Pool:
    """Answers by their shapes, with the questions that they answer."""

    def __init__(self, rows: Iterable[Example]) -> None:
        self._questions: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            self._questions[row.target].append(row.input)
        self._by_shape: list[dict[str, list[str]]] = []
        for shape in SHAPES:
            alike: dict[str, list[str]] = defaultdict(list)
            for answer in self._questions:
                alike[shape(answer)].append(answer)
            self._by_shape.append(alike)

    def draw(
        self, fact: Fact, documents: Mapping[str, Document], taken: Mapping[str, set[str]], *, seed: int
    ) -> str | None:
        right = [tokens(a) for a in (fact.target, *fact.aliases)]
        for shape, alike in zip(SHAPES, self._by_shape, strict=True):
            same = alike.get(shape(fact.target), [])
            others = [a for a in same if not any(_within(tokens(a), r) for r in right)]
            others.sort(key=self._order(fact, seed))
            fresh = [a for a in others if not any(a in taken[d] for d in fact.documents)]
            clear = (a for a in fresh if not any(states(documents[d], a) for d in fact.documents))
            found = next(clear, next(iter(fresh or others), None))
            if found is not None:
                return found
        return None

    def _order(self, fact: Fact, seed: int) -> Callable[[str], tuple[int, int, bytes]]:
        salt = f"{seed}:{fact.target}:{min(fact.documents)}:"
        n_words = len(fact.target.split())

        def key(answer: str) -> tuple[int, int, bytes]:
            asked = (_n_alike(a, b) for a in fact.questions for b in self._questions[answer])
            alike = min(max(asked, default=0), MOST_ALIKE)
            return -alike, abs(len(answer.split()) - n_words), row_order(answer, salt=salt)

        return key


def _n_alike(a: str, b: str) -> int:
    """With how many of the same words two questions begin."""
    pairs = enumerate(zip(a.casefold().split(), b.casefold().split(), strict=False))
    return next((i for i, (x, y) in pairs if x != y), MOST_ALIKE)


def _within(a: Sequence[str], b: Sequence[str]) -> bool:
    """Whether one is a part of the other: a metric that looks for words could not tell them apart."""
    short, long = sorted((list(a), list(b)), key=len)
    return any(long[i : i + len(short)] == short for i in range(len(long) - len(short) + 1))


def _words(text: str) -> str:
    """The words, whatever the numbers."""
    return _NUMBER.sub("0", text.casefold())


def _kinds(text: str) -> str:
    """What sort of words follow each other: numbers, such with a capital, or neither.

    Examples:
        >>> _kinds("half past 7 on Mondays"), _kinds("ten minutes")
        ('a 0 a A', '0 a')
    """
    kinds = [
        "0" if _NUMBER.search(word.casefold()) else "A" if word[:1].isupper() else "a"
        for word in text.split()
    ]
    return " ".join(kind for kind, _ in itertools.groupby(kinds))


SHAPES: tuple[Callable[[str], str], ...] = (_words, _kinds)
"""From the same but for its numbers to the same sort."""
