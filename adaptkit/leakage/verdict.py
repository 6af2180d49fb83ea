"""From counts to a verdict and to sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from adaptkit.leakage.findings import FoundAlike
from adaptkit.leakage.report import (
    LEARNT_FROM,
    GoldAnswers,
    LeakageThresholds,
    LeakageVerdict,
    LeakKind,
    Place,
    first,
    percent,
)

# So many near copies are told of even where rows of train are as alike among themselves.
MANY_ALIKE = 0.2

MUCH_ALIKE = 0.8
"""Reworded rows lie above and below this cosine, half and half: where more is usual, many are overlooked."""
WORD_FOR_WORD: tuple[LeakKind, ...] = ("exact", "own")
MUCH_THE_SAME: tuple[LeakKind, ...] = ("near", "paraphrase")
_IN: dict[Place, str] = {
    "train": "in train",
    "validation": "in validation",
    "demonstrations": "among the demonstrations",
    "documents": "in the documents",
}
GO_ON = 'go on all the same with --allow-leakage (in Python: compare(leakage="report"))'


@dataclass(frozen=True, kw_only=True)
class VerdictBasis:
    """What the verdict rests on.

    Attributes:
        has_labels: whether answers are labels, which alike rows share as a matter of course.
        n: test rows in use.
        natural_share: how many rows of train have such a twin in train; None where that was not needed.
        usual_paraphrase: cosine that rows with the same answer have among each other anyway; None likewise.
    """

    task: str
    has_labels: bool
    n: int
    findings: FoundAlike
    thresholds: LeakageThresholds
    natural_share: float | None
    usual_paraphrase: float | None
    gold_answers: GoldAnswers | None
    n_shared_clusters: int

    @property
    def exact_ids(self) -> tuple[str, ...]:
        """Rows that stand word for word, with their answer, in what a strategy learns from."""
        return self.findings.ids(WORD_FOR_WORD, LEARNT_FROM)

    @property
    def near_ids(self) -> tuple[str, ...]:
        """Rows with a near copy or paraphrase there, with their answer."""
        return self.findings.ids(MUCH_THE_SAME, LEARNT_FROM)

    @property
    def excess(self) -> float:
        """Share of rows with a near copy or paraphrase, beyond what rows of train have among themselves.

        Of documents nothing is usual: no row of theirs is like another.
        """
        among_rows = self.findings.ids(MUCH_THE_SAME, ["train", "demonstrations"])
        in_documents = self.findings.ids(MUCH_THE_SAME, ["documents"])
        return max(len(among_rows) / self.n - (self.natural_share or 0.0), len(in_documents) / self.n)

    @property
    def warned_share(self) -> float:
        """The excess, or where answers are no labels the whole share: there a twin is one however usual."""
        return self.excess if self.has_labels else len(self.near_ids) / self.n


def judge(evidence: VerdictBasis) -> tuple[LeakageVerdict, str | None]:
    """The verdict, and for a refusal its reason with what to do."""
    given, n = evidence.thresholds, evidence.n
    exact, near = evidence.exact_ids, evidence.near_ids
    if len(exact) / n > given.exact_refuse:
        return "refuse", _refusal(evidence, exact, WORD_FOR_WORD, given.exact_refuse)
    if evidence.excess > given.near_refuse:
        return "refuse", _refusal(evidence, near, MUCH_THE_SAME, given.near_refuse)
    # The same input with another answer, or twice in test: no memory of answers, but no clean data either.
    repeats = evidence.findings.ids(WORD_FOR_WORD, [*_IN, "test"], with_answer=False)
    told = (
        exact
        or evidence.findings.ids(WORD_FOR_WORD, ["validation"])
        or len(repeats) / n > given.near_warn
        or evidence.warned_share > given.near_warn
        or len(near) / n > MANY_ALIKE
    )
    return ("warn" if told else "ok"), None


def _refusal(evidence: VerdictBasis, ids: Sequence[str], kinds: Sequence[LeakKind], allowed: float) -> str:
    places = [_IN[place] for place in LEARNT_FROM if evidence.findings.ids(kinds, [place])]
    what, most = "stand word for word, with their answers,", f"{percent(allowed)} is the most that is allowed"
    if kinds == MUCH_THE_SAME:
        what = "have a near copy or paraphrase with their answer"
        if evidence.natural_share:
            natural = percent(evidence.natural_share)
            most = f"at most {percent(allowed)} more than in train itself ({natural}) is allowed"
    return (
        f"Leakage: {_of(ids, evidence.n)} test rows of '{evidence.task}' {what} {' and '.join(places)}, and "
        f"{most}. First ids: {', '.join(ids[:3])}. Take them out of one side, or {GO_ON}."
    )


def sentences(evidence: VerdictBasis) -> Iterator[str]:
    """The findings in words, the weightiest first."""
    n, findings = evidence.n, evidence.findings
    own = findings.ids(["own"], ["demonstrations"])
    if own:
        yield f"Among their own demonstrations: {_rows(own, n)}."
    for place, words in _IN.items():
        given = findings.ids(["exact"], [place])
        other = [id for id in findings.ids(["exact"], [place], with_answer=False) if id not in set(given)]
        if given:
            yield f"Word for word and with the answer {words}: {_rows(given, n)}."
        if other:
            yield f"Word for word {words}, but not with the same answer: {_rows(other, n)}."
    for place, words in _IN.items():
        twins = findings.ids(MUCH_THE_SAME, [place])
        if twins:
            yield f"Near copy or paraphrase with the same answer {words}: {_rows(twins, n)}."
    yield from _context(evidence)
    yield from _gold(evidence.gold_answers, n)


def _context(evidence: VerdictBasis) -> Iterator[str]:
    n = evidence.n
    if evidence.natural_share is not None:
        yield (
            f"Of the rows of train, {percent(evidence.natural_share)} have such a twin among the others of "
            "train: so far alike rows are usual here, and only what exceeds that speaks for a copy."
        )
    if evidence.usual_paraphrase is not None and evidence.usual_paraphrase > MUCH_ALIKE:
        yield (
            "Test rows with the same answer are much alike here: below a cosine of "
            f"{evidence.usual_paraphrase:.2f} a paraphrase cannot be told from another row like it."
        )
    repeated = evidence.findings.ids(["exact"], ["test"], with_answer=False)
    if repeated:
        yield f"Same input as an earlier test row: {_rows(repeated, n)}."
    if evidence.n_shared_clusters:
        yield (
            f"Same cluster or gold document as a row of train: {evidence.n_shared_clusters} of {n} test rows."
            " What was learnt about it helps there, and may not elsewhere."
        )


def _gold(found: GoldAnswers | None, n: int) -> Iterator[str]:
    if found is None:
        return
    named = f", in a gold document for {found.n_in_gold} of {found.n_with_gold}" if found.n_with_gold else ""
    yield f"The answer stands in some document for {found.n_in_any} of {n} test rows{named}."


def _rows(ids: Sequence[str], n: int) -> str:
    return f"{_of(ids, n)} test rows ({first(ids)})"


def _of(ids: Sequence[str], n: int) -> str:
    return f"{len(ids)} of {n} ({percent(len(ids) / n)})"
