"""Find the answer in a completion that says more: after reasoning, or between marks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adaptkit.core.types import Completion
from adaptkit.metrics.classification import as_mentioned, mentioned_label
from adaptkit.metrics.json_text import NOTHING, find
from adaptkit.metrics.lead_in import cut_lead_in, first_line
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.numeric import last_number, whole_number
from adaptkit.metrics.words import whole_words
from adaptkit.strategies.formats import Marks
from adaptkit.tasks import Task

_EMPHASIS = r"[*_ \t]*"


@dataclass(frozen=True)
class AnswerParser:
    r"""How an answer is read off a completion.

    Args:
        kind: the task's kind.
        labels: the task's labels.
        one_line: whether answers are single lines.
        marks: what the answer was to be written between; with none, the completion is the answer.
        thinking: whether reasoning stands before the answer: without a mark the last line is read, not
            the first.
        parses: whether the answer is read off a completion that has no marks either.

    Examples:
        >>> sums = AnswerParser("arithmetic", (), True, Marks(opening="Answer:"), thinking=True)
        >>> sums.answer("3 bags of 4 make 12.\n**Answer:** 12 apples")
        '12'
        >>> marks = Marks(opening="Answer:")
        >>> moods = AnswerParser("classification", ("good", "bad"), True, marks, thinking=True)
        >>> moods.answer("It was a bad start, but the end was good"), moods.answer("Who can tell?")
        ('good', 'Who can tell?')
    """

    kind: str
    labels: tuple[str, ...]
    one_line: bool
    marks: Marks
    thinking: bool = False
    parses: bool = False

    def answer(self, text: str) -> str:
        """The answer, in the shape that the task asks for where it can be read so.

        What cannot be read is given back as it stands, so that it counts as the wrong answer it is; no
        label, number or JSON is made up.
        """
        found = self.find(text)
        if found is not None:
            return found
        marked = self._marked(text)
        return self._unmarked(text) if marked is None else marked

    def find(self, text: str) -> str | None:
        """The answer; None where there is no label, number, JSON or word to be read."""
        if not (self.marks.opening or self.parses):
            return text
        marked = self._marked(text)
        # Where a mark was found, what stands before it is not searched for another answer.
        places = (self._unmarked(text), text) if marked is None else (marked,)
        if self.kind == "classification" and self.labels:
            return _label(places, self.labels)
        if self.kind == "arithmetic":
            return _number(places)
        if self.kind == "structured":
            return _json(places)
        return places[0] or None

    def is_open(self, completion: Completion) -> bool:
        """Whether a completion still owes its answer: it was cut off before it, or says none."""
        cut_off = completion.finish_reason == "length" and self._marked(completion.text) is None
        return cut_off or self.find(completion.text) is None

    def _marked(self, text: str) -> str | None:
        """What follows the last opening mark, up to the closing one."""
        opened = list(self._opening.finditer(text)) if self.marks.opening else []
        if not opened:
            return None
        rest = text[opened[-1].end() :]
        if self.marks.closing:
            rest = rest.partition(self.marks.closing)[0]
        return (first_line(rest) if self.one_line else rest.strip()) or None

    @cached_property
    def _opening(self) -> re.Pattern[str]:
        word, colon, _ = self.marks.opening.partition(":")
        if colon:  # "**Answer**: x" and "So the answer is x" are meant alike
            return re.compile(rf"\b{re.escape(word)}{_EMPHASIS}(?::|is\b:?){_EMPHASIS}", re.IGNORECASE)
        return re.compile(re.escape(word), re.IGNORECASE)

    def _unmarked(self, text: str) -> str:
        """The most likely place of an answer that was not marked."""
        text = text.strip()
        if not self.thinking:
            return cut_lead_in(first_line(text) if self.one_line else text)
        # Reasoning leads up to its result.
        last = text.splitlines()[-1].strip() if text else ""
        return cut_lead_in(last)

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads."""
        return {
            "kind": self.kind,
            "labels": list(self.labels),
            "one_line": self.one_line,
            "opening": self.marks.opening,
            "closing": self.marks.closing,
            "thinking": self.thinking,
            "parses": self.parses,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> AnswerParser:
        """Read what :meth:`to_json` gave."""
        marks = Marks(opening=saved["opening"], closing=saved["closing"])
        labels = tuple(saved["labels"])
        return cls(
            saved["kind"],
            labels,
            saved["one_line"],
            marks,
            thinking=saved["thinking"],
            parses=bool(saved.get("parses")),
        )


def _label(places: Sequence[str], labels: Sequence[str]) -> str | None:
    names = {fold(label): label for label in reversed(labels)}
    for place in places:
        said = fold(place) if fold(place) in names else mentioned_label(place, labels)
        if said is not None:
            return names[said]
    # Of reasoning without a marked end, the last label that it weighed.
    said = mentioned_last(places[-1], labels) if len(places) > 1 else None
    return None if said is None else names[said]


def mentioned_last(text: str, labels: Sequence[str]) -> str | None:
    """The label (folded) that a text mentions last, as a whole word; of two that end together the longer.

    Examples:
        >>> mentioned_last("Not sad at all: happy.", ("happy", "sad"))
        'happy'
        >>> mentioned_last("My card: card lost", ("lost", "card lost"))
        'card lost'
    """
    folded = fold(text)
    found = [
        (match.end(), len(label), label)
        for label in map(fold, labels)
        for match in whole_words([label], form=as_mentioned).finditer(folded)
    ]
    return max(found)[2] if found else None


def _number(places: Sequence[str]) -> str | None:
    if whole_number(places[0]) is not None:
        return places[0].strip()
    values = [last_number(place) for place in places]
    value = next((v for v in values if v is not None), None)
    return None if value is None else f"{value:.15g}"


def _json(places: Sequence[str]) -> str | None:
    found = next((value for p in places if (value := find(p)) is not NOTHING), NOTHING)
    return None if found is NOTHING else json.dumps(found, ensure_ascii=False)


def is_one_line(task: Task) -> bool:
    """Whether answers of a task are single lines, as far as its train targets and its kind tell."""
    if any("\n" in e.target for e in task.train):
        return False
    return bool(task.train) or task.kind in ("classification", "qa", "arithmetic")
