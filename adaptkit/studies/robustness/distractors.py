"""Documents that look like those that hold answers, and do not hold them."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Collection, Mapping

from adaptkit.core.types import Document
from adaptkit.metrics.words import whole_words
from adaptkit.studies.freshness.stated import locate, rows_of
from adaptkit.tasks import Task

SUFFIX = "~distractor"
LEAST_CHARS = 20
"""Shorter remains are no document."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


def with_distractors(task: Task) -> tuple[Document, ...]:
    """Copies of the documents that answer rows, without the sentences in which the answers stand.

    A document gives one where it states, word for word, the target or an alias of a row that it answers,
    and something is left without those sentences. Answers in other words may be left in it.
    """
    answers = _answers(task)
    taken = {d.id for d in task.documents}
    found = []
    for document in task.documents:
        made = _without(document, answers.get(document.id, ()))
        if made is not None:
            found.append(dataclasses.replace(made, id=_free_id(document.id, taken)))
            taken.add(found[-1].id)
    return tuple(found)


def _answers(task: Task) -> Mapping[str, set[str]]:
    """What rows ask of each document, target and aliases, by the document's id."""
    located = locate(task)
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows_of(task):
        for document_id in located[row.id] or ():
            asked[document_id].update(row.references)
    return asked


def _without(document: Document, answers: Collection[str]) -> Document | None:
    """The document without sentences that hold an answer; None where there is none, or little is left."""
    if not answers:
        return None
    holds = whole_words((a.strip() for a in answers), flags=re.IGNORECASE)
    sentences = [s for s in _SENTENCE_END.split(document.text) if s.strip()]
    kept = [s for s in sentences if not holds.search(s)]
    text = " ".join(kept)
    # Sentences joined may hold an answer that stood in none of them.
    if len(kept) == len(sentences) or len(text) < LEAST_CHARS or holds.search(text):
        return None
    title = document.title
    return dataclasses.replace(document, text=text, title=None if title and holds.search(title) else title)


def _free_id(document_id: str, taken: Collection[str]) -> str:
    name = f"{document_id}{SUFFIX}"
    while name in taken:
        name += "~"
    return name
