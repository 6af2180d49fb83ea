"""Paraphrases: inputs that say the same in other words, found by their embeddings.

How near two texts must be depends on what else speaks for a copy. Two rows that share an answer which hardly
any other row has, or rare words, ask the same where they are only somewhat alike. Others of one class share
their label as a matter of course: there the bar lies where the task's own test rows leave off, so that what
is usual for the task is no alarm. Vectors come through the cache, so that a second check costs little; they
are multiplied as they are, without an index: all pairs above the bar are wanted, not the nearest few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from adaptkit.leakage.entries import Agreement, Group, TextItem
from adaptkit.leakage.lexical import Alike
from adaptkit.leakage.words import WordIndex
from adaptkit.retrieval import Embedder
from adaptkit.retrieval.documents import embed_documents
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.readable import unread_sentence, unread_shares

MOST_CHARACTERS = 300
"""Of a longer text only its beginning and its end are embedded, so much together: time is short, and what all
inputs of a task share (a schema, a list of functions) stands at one of the two."""
EMBED_CHARACTERS = 150_000
"""Where all texts together are longer, a row is compared only with those that share its words."""
USUAL_QUANTILE = 0.99
USUAL_RANGE = (0.70, 0.95)
N_USUAL = 300
ROWS_AT_ONCE = 256


class Bar(NamedTuple):
    """Lowest similarities that count: for a pair whose agreement is telling, and for any other."""

    telling: float
    usual: float


class Meaning:
    """Vectors of texts, and which of them are near each other.

    Args:
        load: gives the embedder, when it is first needed.
    """

    def __init__(self, load: Callable[[], Embedder]) -> None:
        self._load = load
        self._known: dict[str, Vectors] = {}
        self._unread: dict[str, float] = {}
        self._cut: set[str] = set()
        self.embedder: str | None = None

    def usual(self, rows: Sequence[TextItem], agreement: Agreement) -> float:
        """How near rows of this task are to each other anyway, those whose answers agree.

        The similarity that one row in a hundred exceeds to its nearest, within bounds. It is taken over rows
        of test alone, so that what stands in train does not move it.
        """
        low, high = USUAL_RANGE
        rows = rows[:N_USUAL]
        if len(rows) < 2:
            return high
        nearest = np.zeros(len(rows))
        for i, j, similarity in self.near(rows, rows, agreement.groups(rows, rows), least=low):
            if rows[i].canonical != rows[j].canonical:
                nearest[i] = max(nearest[i], similarity)
        return float(np.clip(np.quantile(nearest, USUAL_QUANTILE), low, high))

    def near(
        self, rows: Sequence[TextItem], others: Sequence[TextItem], groups: Sequence[Group], *, least: float
    ) -> Iterator[Alike]:
        """Pairs within the groups that are at least so near; one in two groups comes twice."""
        chosen = _affordable(rows, others, groups)
        # All at once: the cache on disk is read through for each request.
        self._embed(e[i] for group in chosen for e, g in zip((rows, others), group, strict=True) for i in g)
        for mine, theirs in chosen:
            vectors = self._vectors([others[j] for j in theirs])
            for start in range(0, len(mine), ROWS_AT_ONCE):
                block = mine[start : start + ROWS_AT_ONCE]
                products = self._vectors([rows[i] for i in block]) @ vectors.T
                for a, b in zip(*np.nonzero(products >= least), strict=True):
                    yield block[a], theirs[b], min(1.0, float(products[a, b]))

    def _embed(self, entries: Iterable[TextItem]) -> None:
        texts: dict[str, None] = {}
        for entry in entries:
            texts[_ends(entry.text)] = None
            if len(entry.text) > MOST_CHARACTERS:
                self._cut.add(entry.text)
        missing = [text for text in texts if text not in self._known]
        if missing:
            embedder = self._load()
            self.embedder = embedder.name
            self._known.update(zip(missing, embed_documents(missing, embedder).vectors, strict=True))
            # Their vectors are alike whatever they say.
            shares = zip(missing, unread_shares(missing, embedder), strict=True)
            self._unread.update((text, share) for text, share in shares if share)
            self._known.update((text, np.zeros_like(self._known[text])) for text in self._unread)

    @property
    def notes(self) -> list[str]:
        """What the reader should know about what was not compared."""
        found = []
        if self._unread and self.embedder is not None:
            share = fmean(self._unread.values())
            told = unread_sentence(len(self._unread), len(self._known), share, self.embedder)
            found.append(f"{told} Paraphrases of these were not looked for.")
        if self._cut:
            found.append(
                f"Of {len(self._cut)} texts beyond {MOST_CHARACTERS} characters only the beginning and "
                "the end were compared for paraphrases."
            )
        return found

    def _vectors(self, entries: Sequence[TextItem]) -> Vectors:
        """Unit vectors, float32 [n, dimension]."""
        return np.stack([self._known[_ends(entry.text)] for entry in entries])


def _affordable(rows: Sequence[TextItem], others: Sequence[TextItem], groups: Sequence[Group]) -> list[Group]:
    """The groups, or where there is too much to embed, for each row the others that share its words."""
    mine = {i for group in groups for i in group[0]}
    asked = {_ends(rows[i].text) for i in mine}
    compared = {_ends(others[j].text) for group in groups for j in group[1]} - asked
    needed = sum(map(len, compared))
    room = EMBED_CHARACTERS - sum(map(len, asked))
    if needed <= room:
        return list(groups)
    n = max(1, int(len(compared) * room / needed / len(mine)))
    shortened: list[Group] = []
    for members, choices in groups:
        index = WordIndex([others[j].canonical for j in choices])
        for i in members:
            shortened.append(([i], [choices[k] for k in index.closest(rows[i].canonical, n)]))
    return [group for group in shortened if group[1]]


def _ends(text: str) -> str:
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]} ... {text[-half:]}"
