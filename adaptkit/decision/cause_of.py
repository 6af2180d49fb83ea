"""Why one answer is wrong: the first of an ordered list of causes that its record and the controls bear out.

1. ``error``: the row raised one.
2. ``refused``: the model declined, judged by how its answer begins.
3. ``truncated``: the answer was cut off at the token limit.
4. ``empty``: there is no answer.
5. ``format``: the lenient score is right where the strict one is not, or the answer is not in the form of
   the task.

Of a strategy that shows passages:

6. ``retrieval_miss``: no passage is of a gold document; or only some gold documents have one, and with
   oracle passages the answer is right; or all have, but the answer's text stands in none of the passages
   shown and in one of the oracle's (the wrong chunk). Where the task names no gold documents and answers in
   free text: the answer's text stands in no passage.
7. ``passage_ignored``: the passages were there, and the answer is the one given without any (closed book).
8. ``distracted``: the passages were there, and with oracle passages the answer is right: others did it.
9. ``wrong_reasoning``: the answer is wrong with oracle passages too.

Of one that shows none:

10. ``knowledge_missing``: a strategy that adds passages and nothing else is right.
11. ``wrong_reasoning``: the answer is wrong with oracle passages too.

Of both, ``unexplained``: the controls that would tell were not run, or the row names no gold documents.

Scores may be graded: a control, or the lenient score, is *right* where it regains at least half of what the
answer lost, which for right and wrong is the plain meaning (of several seeds, at least half are right).
Controls are right by chance too, the more often the fewer answers there are to choose from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, get_args

from adaptkit.core.results import Record
from adaptkit.metrics.normalise import normalise, occurs

CauseName = Literal[
    "error", "refused", "truncated", "empty", "format", "retrieval_miss", "passage_ignored", "distracted",
    "knowledge_missing", "wrong_reasoning", "unexplained",
]  # fmt: skip
CAUSES: tuple[CauseName, ...] = get_args(CauseName)
FormFault = Callable[[Record], Literal["refused", "off_format"] | None]
"""Whether an answer was declined or misses the form of the task."""
LENIENT = "_lenient"
# A label, a number or a summary stands in a passage by chance only, or never.
_FOUND_AS_TEXT = ("qa",)


@dataclass(frozen=True, kw_only=True)
class Controlled:
    """What answers are judged with.

    Attributes:
        metric: its score judges rows.
        kind: of the task.
        form_fault: see there.
        shows_passages: whether the strategy does.
        names_gold: whether any row of the task names gold documents.
        is_oracle: whether the strategy is its own oracle.
        oracle: the oracle's records by row; empty where it was not run, as are the others.
        closed_book: the same without passages.
        helpers: those that add passages, each by row.
    """

    metric: str
    kind: str
    form_fault: FormFault
    shows_passages: bool
    names_gold: bool
    is_oracle: bool = False
    oracle: Mapping[str, Sequence[Record]]
    closed_book: Mapping[str, Sequence[Record]]
    helpers: tuple[Mapping[str, Sequence[Record]], ...]

    def score(self, record: Record) -> float:
        """What the record scores; records without a score are not judged."""
        return record.scores[self.metric] or 0.0

    def right(self, record: Record, controls: Mapping[str, Sequence[Record]]) -> bool:
        """Whether a control is right on the row of a record."""
        known = [
            s for r in controls.get(record.example_id, ()) if (s := r.scores.get(self.metric)) is not None
        ]
        return bool(known) and _regains(fmean(known), self.score(record))


def _regains(value: float, score: float) -> bool:
    return value - score >= (1 - score) / 2


def cause_of(record: Record, evidence: Controlled) -> CauseName:
    """Name why a record that scores less than 1 does so; see the list above."""
    return _by_form(record, evidence) or (
        _with_passages(record, evidence) if evidence.shows_passages else _without(record, evidence)
    )


def _by_form(record: Record, evidence: Controlled) -> CauseName | None:
    if record.error is not None:
        return "error"
    fault = evidence.form_fault(record)
    lenient = record.scores.get(evidence.metric + LENIENT)
    signs: tuple[tuple[CauseName, bool], ...] = (
        ("refused", fault == "refused"),
        ("truncated", record.finish_reason == "length"),
        ("empty", not record.output.strip()),
        ("format", fault is not None or (lenient is not None and _regains(lenient, evidence.score(record)))),
    )
    return next((name for name, holds in signs if holds), None)


def _with_passages(record: Record, evidence: Controlled) -> CauseName:
    there = _passage_is_there(record, evidence)
    if there is None:
        return "unexplained"
    if not there:
        return "retrieval_miss"
    in_part = not set(record.gold_documents) <= _documents(record)
    if not in_part and _repeats(record, evidence.closed_book.get(record.example_id, ())):
        return "passage_ignored"
    if not _has_oracle(record, evidence):
        return "unexplained"
    if evidence.is_oracle or not evidence.right(record, evidence.oracle):
        return "wrong_reasoning"
    return "retrieval_miss" if in_part else "distracted"


def _without(record: Record, evidence: Controlled) -> CauseName:
    if any(evidence.right(record, helper) for helper in evidence.helpers):
        return "knowledge_missing"
    return "wrong_reasoning" if _has_oracle(record, evidence) else "unexplained"


def _has_oracle(record: Record, evidence: Controlled) -> bool:
    """A row without gold documents has none: what the oracle shows there was retrieved."""
    return bool(record.gold_documents) and record.example_id in evidence.oracle


def _passage_is_there(record: Record, evidence: Controlled) -> bool | None:
    """Whether the passages shown hold the answer; None where nobody knows.

    Of a task that names gold documents, a row without any may have no answer in the documents.
    """
    as_text = evidence.kind in _FOUND_AS_TEXT
    if not record.gold_documents:
        return _holds(record, record.contexts) if as_text and not evidence.names_gold else None
    if not set(record.gold_documents) & _documents(record):
        return False
    given = [p for r in evidence.oracle.get(record.example_id, ()) for p in r.contexts]
    wrong_chunk = as_text and not _holds(record, record.contexts) and _holds(record, given)
    return not wrong_chunk


def _documents(record: Record) -> set[str]:
    return {str(p.get("document_id")) for p in record.contexts}


def _holds(record: Record, passages: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the target or an alias stands in a passage, word for word but for case and punctuation."""
    shown = [" ".join((p.get("title") or "", p.get("text") or "")) for p in passages]
    return any(occurs(words, text) for text in shown for words in (record.target, *record.aliases))


def _repeats(record: Record, others: Iterable[Record]) -> bool:
    return any(normalise(r.output) == normalise(record.output) for r in others)
