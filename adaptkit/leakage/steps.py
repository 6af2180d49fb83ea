"""The steps of a leakage check, and what they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from adaptkit.core.errors import ModelError
from adaptkit.core.types import Demonstration, Example
from adaptkit.leakage.entries import Agreement, TextItem, entries_of_demonstrations, entry_of_row
from adaptkit.leakage.findings import Found, FoundAlike
from adaptkit.leakage.in_documents import DocumentSearch
from adaptkit.leakage.in_rows import RowSearch
from adaptkit.leakage.meaning import Bar, Meaning
from adaptkit.leakage.report import LEARNT_FROM, LeakageReport, LeakageThresholds, Place
from adaptkit.leakage.verdict import MUCH_THE_SAME, VerdictBasis, judge, sentences
from adaptkit.retrieval import Embedder
from adaptkit.tasks import Task, some_rows, ties

N_NATURAL = 200
LEAST_NATURAL = 30
"""Of fewer rows of train nothing can be said about how alike they are."""


class LeakageChecker:
    """One check: call the steps that are wanted, then :meth:`report`.

    Args:
        task: whose rows and documents.
        examples: the test rows in use.
        demonstrations: shown in prompts.
        thresholds: what counts as alike, and how much is too much.
    """

    def __init__(
        self,
        task: Task,
        examples: Sequence[Example],
        demonstrations: Sequence[Demonstration],
        thresholds: LeakageThresholds,
    ) -> None:
        self._task = task
        self._examples = examples
        self._thresholds = thresholds
        self._agreement = Agreement.of_task(task)
        self._search = RowSearch(self._agreement, thresholds)
        self._rows = self._entries(examples)
        self._places: dict[Place, list[TextItem]] = {
            "train": self._entries(task.train),
            "validation": self._entries(task.validation or ()),
            "demonstrations": entries_of_demonstrations(demonstrations, task.kind),
        }
        self._documents = DocumentSearch(task, self._rows, self._search) if task.documents else None
        self._findings = FoundAlike(self._rows)
        self._meaning: Meaning | None = None
        self._usual = thresholds.paraphrase

    def _entries(self, rows: Iterable[Example]) -> list[TextItem]:
        return [entry_of_row(row, self._task.kind) for row in rows]

    def compare_rows(self) -> None:
        """Equal inputs and near copies among other rows and demonstrations; inputs that test repeats."""
        for place, others in self._places.items():
            if others:
                self._findings.add("exact", place, self._search.exact(self._rows, others))
                self._findings.add("near", place, self._search.near(self._rows, others))
        shown = {entry.id: entry for entry in self._places["demonstrations"]}
        if shown:
            own = ((row, shown[row.id], 1.0, True) for row in self._rows if row.id in shown)
            self._findings.add("own", "demonstrations", own)
        self._findings.add("exact", "test", self._repeats())

    def _repeats(self) -> Iterator[Found]:
        earlier: dict[str, TextItem] = {}
        for row in self._rows:
            first = earlier.setdefault(row.canonical, row)
            if first is not row:
                yield row, first, 1.0, self._agreement.same(row, first)

    def search_documents(self) -> None:
        """Inputs in documents, word for word and nearly so."""
        if self._documents:
            self._findings.add("exact", "documents", self._documents.exact())
            self._findings.add("near", "documents", self._documents.near())

    def look_for_paraphrases(self, load: Callable[[], Embedder]) -> str | None:
        """Inputs in other words, in all that strategies learn from.

        Returns:
            Why it could not be done, or None.
        """
        self._meaning = meaning = Meaning(load)
        try:
            for place in LEARNT_FROM:
                if others := self._places.get(place):
                    self._findings.add("paraphrase", place, self._paraphrases(self._rows, others, meaning))
            if self._documents:
                self._findings.add("paraphrase", "documents", self._documents.paraphrases(meaning))
        except ModelError as error:
            self._findings.forget("paraphrase")
            self._meaning = None
            return str(error)
        return None

    def _paraphrases(
        self, rows: Sequence[TextItem], others: Sequence[TextItem], meaning: Meaning
    ) -> Iterator[Found]:
        return self._search.paraphrases(rows, others, meaning, self._bar(rows, others, meaning))

    def _bar(self, rows: Sequence[TextItem], others: Sequence[TextItem], meaning: Meaning) -> Bar:
        given = self._thresholds
        if self._usual is None and not self._agreement.always_rare(rows, others):
            # All of test, not only the rows in use: the bar is the task's, however many rows are asked for.
            everyone = self._entries(some_rows(self._task.test, None))
            self._usual = meaning.usual(everyone, self._agreement)
        return Bar(telling=given.paraphrase_same_answer, usual=1.0 if self._usual is None else self._usual)

    def report(self, notes: Sequence[str], seconds: float) -> LeakageReport:
        """Put together what was found.

        Args:
            notes: further sentences for the reader.
            seconds: that the check took.
        """
        evidence = VerdictBasis(
            task=self._task.name,
            has_labels=self._agreement.has_labels,
            n=len(self._rows),
            findings=self._findings,
            thresholds=self._thresholds,
            natural_share=self._natural_share(),
            usual_paraphrase=self._usual if self._meaning else None,
            gold_answers=self._documents.gold_answers(self._examples) if self._documents else None,
            n_shared_clusters=self._shared_clusters(),
        )
        verdict, reason = judge(evidence)
        return LeakageReport(
            task=evidence.task,
            n_test=evidence.n,
            n_train=len(self._task.train),
            n_validation=len(self._task.validation or ()),
            n_demonstrations=len(self._places["demonstrations"]),
            n_documents=len(self._task.documents),
            counts=self._findings.counts(),
            pairs=self._findings.shown(),
            exact_ids=evidence.exact_ids,
            near_ids=evidence.near_ids,
            natural_share=evidence.natural_share,
            gold_answers=evidence.gold_answers,
            n_shared_clusters=evidence.n_shared_clusters,
            embedder=self._meaning.embedder if self._meaning else None,
            usual_paraphrase=evidence.usual_paraphrase,
            thresholds=self._thresholds,
            sentences=(*sentences(evidence), *notes, *(self._meaning.notes if self._meaning else ())),
            verdict=verdict,
            reason=reason,
            seconds=seconds,
        )

    def _natural_share(self) -> float | None:
        """How many rows of train have a near copy or paraphrase in train; looked for where it matters."""
        found = self._findings.ids(MUCH_THE_SAME, LEARNT_FROM)
        train = self._places["train"]
        if len(found) / len(self._rows) <= self._thresholds.near_warn or len(train) < LEAST_NATURAL:
            return None
        some = self._entries(some_rows(self._task.train, N_NATURAL))
        among = FoundAlike(some)
        among.add("near", "train", self._search.near(some, train))
        if self._meaning:
            among.add("paraphrase", "train", self._paraphrases(some, train, self._meaning))
        return len(among.ids(MUCH_THE_SAME, LEARNT_FROM)) / len(some)

    def _shared_clusters(self) -> int:
        known = {key for row in self._task.train for key in ties(row)}
        return sum(not known.isdisjoint(ties(row)) for row in self._examples)
