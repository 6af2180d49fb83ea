"""Test rows among other rows: the same input, a near copy, a paraphrase."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adaptkit.leakage.entries import Agreement, TextItem
from adaptkit.leakage.findings import Found
from adaptkit.leakage.lexical import alike, is_judged, similarity
from adaptkit.leakage.meaning import Bar, Meaning
from adaptkit.leakage.report import LeakageThresholds


@dataclass(frozen=True)
class RowSearch:
    """Looks for rows among others.

    Args:
        agreement: when two entries' answers agree.
        thresholds: what counts as alike.
    """

    agreement: Agreement
    thresholds: LeakageThresholds

    def exact(self, rows: Sequence[TextItem], others: Sequence[TextItem]) -> Iterator[Found]:
        """Rows whose input another one has."""
        by_input: dict[str, list[TextItem]] = defaultdict(list)
        for other in others:
            by_input[other.canonical].append(other)
        for row in rows:
            for other in by_input.get(row.canonical, ()):
                yield row, other, 1.0, self.agreement.same(row, other)

    def near(self, rows: Sequence[TextItem], others: Sequence[TextItem]) -> Iterator[Found]:
        """Rows of which another one is a near copy."""
        least = min(self.thresholds.near, self.thresholds.near_same_answer)
        found = alike([r.canonical for r in rows], [o.canonical for o in others], least=least)
        for i, j, letters in found:
            a, b = rows[i], others[j]
            if a.id != b.id and letters >= self._least_letters(a, b):
                yield a, b, letters, self.agreement.same(a, b) and not self.agreement.asks_otherwise(a, b)

    def paraphrases(
        self, rows: Sequence[TextItem], others: Sequence[TextItem], meaning: Meaning, bar: Bar
    ) -> Iterator[Found]:
        """Rows that another one says in other words, and whose answer it gives away; no near copies."""
        for i, j, cosine in meaning.near(rows, others, self.agreement.groups(rows, others), least=min(bar)):
            a, b = rows[i], others[j]
            if a.id == b.id or cosine < (bar.telling if self.agreement.is_telling(a, b) else bar.usual):
                continue
            if not self._is_copy(a, b) and not self.agreement.asks_otherwise(a, b):
                yield a, b, cosine, True

    def _is_copy(self, a: TextItem, b: TextItem) -> bool:
        """Whether the pair is found by its letters already."""
        if a.canonical == b.canonical:
            return True
        return is_judged(a.canonical) and similarity(a.canonical, b.canonical) >= self._least_letters(a, b)

    def _least_letters(self, a: TextItem, b: TextItem) -> float:
        given = self.thresholds
        if self.agreement.is_telling(a, b) and not self.agreement.asks_otherwise(a, b):
            return min(given.near, given.near_same_answer)
        return given.near
