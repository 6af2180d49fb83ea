"""Test rows in documents, and how often their answers stand there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adaptkit.core.types import Document, Example
from adaptkit.leakage.documents import (
    QUESTION_MARKS,
    Texts,
    n_sentences,
    passage_of,
    passages,
)
from adaptkit.leakage.entries import Group, TextItem
from adaptkit.leakage.findings import Found
from adaptkit.leakage.in_rows import RowSearch
from adaptkit.leakage.lexical import alike, is_judged, similarity
from adaptkit.leakage.meaning import Meaning
from adaptkit.leakage.report import GoldAnswers
from adaptkit.tasks import Task

MOST_DOCUMENTS = 5_000
"""Of more, only those are cut into passages that share a row's words."""
N_CLOSEST = 20
STATEMENT = 0.70
"""Cosine of a passage and an input that asks nothing: sentences about one subject are somewhat alike."""
WITHOUT_ANSWER = 0.80
SURELY_A_COPY = 0.95
"""Of a question without its mark; a question made of a sentence keeps fewer of its letters."""


class DocumentSearch:
    """Looks for rows in the documents of a task.

    Args:
        task: whose documents.
        rows: the test rows in use.
        search: what counts as alike.
    """

    def __init__(self, task: Task, rows: Sequence[TextItem], search: RowSearch) -> None:
        self._rows = rows
        self._agreement = search.agreement
        self._thresholds = search.thresholds
        self._documents = task.documents
        self._texts = Texts.of(task.documents)
        self._passages = passages(self._to_be_cut(), [n_sentences(row.text) for row in rows])
        self._asks = [_asks(row, task) for row in rows]

    def _to_be_cut(self) -> Iterator[tuple[int, Document]]:
        chosen: set[int] | range = range(len(self._documents))
        if len(self._documents) > MOST_DOCUMENTS:
            index = self._texts.index
            chosen = {i for row in self._rows for i in index.closest(row.canonical, N_CLOSEST)}
        yield from ((i, self._documents[i]) for i in sorted(chosen))

    def exact(self) -> Iterator[Found]:
        """Rows whose input stands in a document word for word."""
        for row in self._rows:
            for i in self._texts.holding_input(row):
                passage = passage_of(self._documents[i], self._texts.around(row.canonical, i))
                yield row, passage, 1.0, self._texts.answer_stands_by(row, i, row.canonical)

    def near(self) -> Iterator[Found]:
        """Rows of which a near copy stands in a document."""
        texts = [p.canonical for p in self._passages.entries]
        given, questions = self._thresholds, set(self._passages.questions)
        least = min(given.near, given.near_same_answer)
        for i, j, letters in alike([r.canonical for r in self._rows], texts, least=least):
            if self._asks[i] and j not in questions and letters < SURELY_A_COPY:
                continue
            found = self._found(i, j, letters)
            if letters >= given.near or (found[3] and self._is_rare(i, j)):
                yield found

    def paraphrases(self, meaning: Meaning) -> Iterator[Found]:
        """Rows that a document says in other words: of those that ask, only where it asks too."""
        found, least = self._passages, self._thresholds.paraphrase_same_answer
        asking = [i for i, asks in enumerate(self._asks) if asks]
        stating = [i for i, asks in enumerate(self._asks) if not asks]
        groups: list[Group] = [(asking, found.questions), (stating, range(len(found.entries)))]
        groups = [group for group in groups if group[0] and group[1]]
        for i, j, cosine in meaning.near(self._rows, found.entries, groups, least=least):
            row, passage = self._rows[i], found.entries[j]
            if not self._asks[i] and cosine < STATEMENT:
                continue
            if self._is_copy(row, passage) or self._agreement.asks_otherwise(row, passage):
                continue
            made = self._found(i, j, cosine)
            if made[3] or cosine >= WITHOUT_ANSWER:
                yield made

    def _is_rare(self, i: int, j: int) -> bool:
        """Whether hardly another row has this one's answer, and the passage is about the same numbers."""
        row, passage = self._rows[i], self._passages.entries[j]
        is_rare = not row.answers.isdisjoint(self._agreement.rare)
        return is_rare and not self._agreement.asks_otherwise(row, passage)

    def _is_copy(self, row: TextItem, passage: TextItem) -> bool:
        a, b = row.canonical, passage.canonical
        return a == b or (is_judged(a) and similarity(a, b) >= self._thresholds.near)

    def _found(self, i: int, j: int, similarity: float) -> Found:
        row, passage = self._rows[i], self._passages.entries[j]
        document = self._passages.documents[j]
        return row, passage, similarity, self._texts.answer_stands_by(row, document, passage.canonical)

    def gold_answers(self, rows: Sequence[Example]) -> GoldAnswers:
        """How often an answer stands in a document, and in one that the row names.

        Args:
            rows: those that the entries were made of, in their order.
        """
        place = {document.id: i for i, document in enumerate(self._documents)}
        index = self._texts.index
        n_in_any = n_in_gold = n_with_gold = 0
        for entry, row in zip(self._rows, rows, strict=True):
            gold = [place[id] for id in row.gold_documents]
            n_with_gold += bool(gold)
            n_in_gold += any(index.holds(phrase, i) for i in gold for phrase in entry.phrases)
            n_in_any += any(True for phrase in entry.phrases for _ in index.holding(phrase))
        return GoldAnswers(
            n_in_any=n_in_any,
            share_in_any=n_in_any / max(1, len(rows)),
            n_with_gold=n_with_gold,
            n_in_gold=n_in_gold,
            share_in_gold=n_in_gold / n_with_gold if n_with_gold else None,
        )


def _asks(row: TextItem, task: Task) -> bool:
    """Whether the row asks for what documents may state.

    "Laser levels are calibrated every seven months" is near to "How often are laser levels calibrated?", and
    it is what should be found; only the question itself in a document is a leak.
    """
    return not task.labels and (task.kind == "qa" or row.text.rstrip().endswith(QUESTION_MARKS))
