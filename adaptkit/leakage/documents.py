"""Test rows in documents: the input word for word, nearly so, or in other words, and the answer beside it.

A document that holds an answer is what retrieval is for; one that holds the question too is a leak. So of a
question only those passages count as paraphrases that are questions themselves: "Laser levels are calibrated
every seven months" is near to "How often are laser levels calibrated?", and it is what should be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adaptkit.core.types import Document
from adaptkit.leakage.canonical import canonical
from adaptkit.leakage.entries import TextItem
from adaptkit.leakage.lexical import is_judged
from adaptkit.leakage.words import WordIndex

ANSWER_REACH = 300
"""An answer stands beside an input when so many characters or fewer lie between them."""
SHOWN_AROUND = 60
MOST_UNITS = 4
QUESTION_MARKS = ("?", "\uff1f", "\u061f", "\u037e")
"""Those of Latin script, full width, Arabic and Greek."""
# A sentence ends with its mark and what closes it, a line with itself.
_END = re.compile(r"(?<=[.!?])[\"'”\u2019)\]]*\s+|(?<=[。\uff01\uff1f])|\s*\n\s*|\t+")
_MARKER = re.compile(r"^(?:\w{1,12}(?: \d{1,4})?\s*:|(?:\d{1,4}|\w)[.)])(?:\s+|$)")


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The documents of a task, ready to be searched.

    Attributes:
        canonical: title and text of each, without what does not change them.
    """

    documents: Sequence[Document]
    canonical: Sequence[str]
    index: WordIndex

    @classmethod
    def of(cls, documents: Sequence[Document]) -> Texts:
        """Prepare documents."""
        texts = [canonical(full_text(d)) for d in documents]
        return cls(documents=documents, canonical=texts, index=WordIndex(texts))

    def holding_input(self, row: TextItem) -> Iterator[int]:
        """Positions of the documents in which the row's input stands word for word."""
        if is_judged(row.canonical):
            yield from self.index.holding(row.canonical)

    def answer_stands_by(self, row: TextItem, document: int, passage: str) -> bool:
        """Whether an answer of the row stands beside the passage, or in it without being part of the input.

        Args:
            passage: canonical, of that document.
        """
        text = self.canonical[document]
        reach = ANSWER_REACH + max(map(len, row.phrases))
        own = f" {row.canonical} "
        if any(f" {p} " in f" {passage} " and f" {p} " not in own for p in row.phrases):
            return True
        for at in _starts(f" {text} ", f" {passage} "):
            end = at + len(passage)
            around = f" {text[max(0, at - reach) : at]} | {text[end : end + reach]} "
            if any(f" {p} " in around for p in row.phrases):
                return True
        return False

    def around(self, passage: str, document: int) -> str:
        """A passage with a little of what stands before and behind it, both canonical."""
        text = self.canonical[document]
        at = f" {text} ".find(f" {passage} ")
        return text[max(0, at - SHOWN_AROUND) : at + len(passage) + SHOWN_AROUND]


def _starts(text: str, passage: str) -> Iterator[int]:
    at = text.find(passage)
    while at >= 0:
        yield at
        at = text.find(passage, at + 1)


def full_text(document: Document) -> str:
    """Title and text, the title on a line of its own."""
    return f"{document.title}\n{document.text}" if document.title else document.text


@dataclass(frozen=True, kw_only=True)
class Passages:
    """Neighbouring sentences of documents, as many together as inputs have.

    Attributes:
        entries: one a passage, with the document's id and no answers.
        documents: position of the document of each.
        questions: positions of those passages that end with a question mark.
    """

    entries: Sequence[TextItem]
    documents: Sequence[int]
    questions: Sequence[int]


def passages(documents: Iterable[tuple[int, Document]], sizes: Iterable[int]) -> Passages:
    """Cut documents into all runs of so many sentences or lines; equal ones of a document come once.

    Args:
        documents: each with its position.
        sizes: numbers of sentences.
    """
    entries: list[TextItem] = []
    places: list[int] = []
    questions: list[int] = []
    lengths = sorted(set(sizes))
    for place, document in documents:
        units = sentences(full_text(document))
        runs = (" ".join(units[i : i + n]) for n in lengths for i in range(len(units) - n + 1))
        for text in dict.fromkeys(runs):
            if text.endswith(QUESTION_MARKS):
                questions.append(len(entries))
            entries.append(passage_of(document, text))
            places.append(place)
    return Passages(entries=entries, documents=places, questions=questions)


def passage_of(document: Document, text: str) -> TextItem:
    """A part of a document as an entry; it has no answers of its own."""
    return TextItem(id=document.id, text=text, canonical=canonical(text), answers=frozenset(), phrases=())


def sentences(text: str) -> list[str]:
    r"""Sentences and lines, without what marks them, such as "Q:" or "3.".

    Examples:
        >>> sentences("Q: Open on Sunday? A: No.\nCall us.")
        ['Open on Sunday?', 'No.', 'Call us.']
    """
    units = (_MARKER.sub("", unit.strip()) for unit in _END.split(text))
    return [unit for unit in units if unit]


def n_sentences(text: str) -> int:
    """How many a text has, at most four: so many of a document are compared with it."""
    return min(MOST_UNITS, max(1, len(sentences(text))))
