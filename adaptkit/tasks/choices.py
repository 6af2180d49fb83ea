"""Multiple choice: the choices go into the input with a letter each, and the letter is the target.

{"question": "1 + 1?", "choices": ["1", "2"], "answer": 1}         the answer by its position
{"question": "1 + 1?", "choices": {"label": ["A", "B"], "text": ["1", "2"]}, "answerKey": "B"}
question,A,B,answer                                                a column a choice
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from adaptkit.tasks.readers import SourceRow
from adaptkit.tasks.values import as_text, read_cell

COLUMNS = ("choices", "options")
SAYING_WHICH = (
    "answerKey", "answer_key", "answer_index", "answer_idx", "answer_letter", "correct", "correct_answer",
    "correct_index", "correct_option", "cop",
)  # fmt: skip
"""Names of a column that says which of several answers is right."""
TARGETS = ("target", "answer", *SAYING_WHICH, "label", "gold")
"""Names of the column that says which choice is right, where there are choices."""
_ONE_EACH = re.compile(r"(?:(?:option|choice|opt|op|answer|ending|sol)[ _-]?([A-Za-z]|\d)|([A-Z]))")
_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")

Named = tuple[tuple[str, str], ...]
"""Choices in order: how the file names each, which may be nothing, and its text."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Where a file holds the choices and the right one.

    Attributes:
        columns: one with all choices, or one each.
        target: the column that says which is right.
        first: what the first choice counts as where the right one is said by position; None where it is
            said by letter or text.
        guessed: whether nothing in the rows shows if positions count from 0 or 1.
        most: the largest number of choices of a row.
    """

    columns: tuple[str, ...]
    target: str
    first: int | None = None
    guessed: bool = False
    most: int = 0

    @classmethod
    def of(cls, rows: Sequence[SourceRow], columns: tuple[str, ...], target: str) -> Choices:
        """Find out how the right choice is said, which takes all rows.

        Raises:
            DataError: a row's choices cannot be read, or positions count from both 0 and 1.
        """
        found = cls(columns=columns, target=target)
        named = [found._checked(row) for row in rows]
        answers = [row.values.get(target) for row in rows]
        most = max((len(choices) for choices in named), default=0)
        first, guessed = _first(rows, named, answers)
        return cls(columns=columns, target=target, first=first, guessed=guessed, most=most)

    @property
    def letters(self) -> tuple[str, ...]:
        """What the choices are called in an input."""
        return tuple(_letter(i) for i in range(self.most))

    def shown(self, values: Mapping[str, Any]) -> str:
        """Return the choices of a row, one a line."""
        return "\n".join(f"{_letter(i)}. {text}" for i, (_, text) in enumerate(self._named(values)))

    def answer(self, values: Mapping[str, Any]) -> str | None:
        """Return the letter of the right choice, None where the row does not say it.

        Raises:
            ValueError: what it says is none of the choices.
        """
        choices, given = self._named(values), values.get(self.target)
        text = (as_text(given) or "").strip()
        if not text:
            return None
        at = _position(text, choices, self.first)
        if at is None or not 0 <= at < len(choices):
            listed = ", ".join(f"{_letter(i)} {text!r}" for i, (_, text) in enumerate(choices))
            raise ValueError(f"{self.target!r} is {text!r}, which is none of the choices: {listed}")
        return _letter(at)

    def _checked(self, row: SourceRow) -> Named:
        try:
            choices = self._named(row.values)
        except ValueError as error:
            raise row.place.error(f"{self.columns[0]!r}: {error}.") from None
        if len(choices) < 2:
            raise row.place.error(f"{self.columns[0]!r} holds {len(choices)} choices. Expected two or more.")
        return choices

    def _named(self, values: Mapping[str, Any]) -> Named:
        if len(self.columns) > 1:
            found = [(_one_each(column), as_text(values.get(column))) for column in self.columns]
            return tuple((name, text) for name, text in found if text)
        return read_choices(values.get(self.columns[0]))


def one_column_each(names: Sequence[str], target: str | None) -> tuple[str, ...]:
    """Return columns that hold one choice each: ``A``, ``B``, ..., or ``option_1``, ``option_2``, ...

    Examples:
        >>> one_column_each(["question", "A", "B", "answer"], "answer")
        ('A', 'B')
        >>> one_column_each(["question", "answer_1", "answer_2"], "answer_1")
        ()
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        if found := _ONE_EACH.fullmatch(name):
            groups.setdefault(name[: found.start(found.lastindex or 0)], []).append(name)
    for group in groups.values():
        ordered = sorted(group, key=_one_each)
        marks = [_one_each(name) for name in ordered]
        starts = next((s for s in ("A", "0", "1") if marks[0] == s), None)
        in_a_row = starts is not None and marks == [chr(ord(starts) + i) for i in range(len(marks))]
        if len(group) > 1 and in_a_row and target not in group:
            return tuple(ordered)
    return ()


def _one_each(column: str) -> str:
    return column[-1].upper()


def read_choices(value: Any) -> Named:
    """Read the choices of a row.

    Raises:
        ValueError: they are no list of texts.

    Examples:
        >>> read_choices(["1", "2"])
        (('', '1'), ('', '2'))
        >>> read_choices({"label": ["A", "B"], "text": ["1", "2"]}) == read_choices({"A": "1", "B": "2"})
        True
    """
    if isinstance(value, str):
        value = read_cell(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), list):
        texts, labels = value["text"], value.get("label", value.get("labels"))
        value = list(zip(labels or [""] * len(texts), texts, strict=False))
    elif isinstance(value, Mapping):
        value = [(name, text) for name, text in value.items() if text is not None]
    elif isinstance(value, list | tuple) and all(isinstance(v, Mapping) and "text" in v for v in value):
        value = [(v.get("label", v.get("key", "")), v["text"]) for v in value]
    elif isinstance(value, list | tuple):
        value = [("", text) for text in value]
    if not isinstance(value, list) or any(isinstance(text, Mapping | list | tuple) for _, text in value):
        raise ValueError(f'expected a list of texts, such as ["yes", "no"], found {value!r}')
    return tuple((as_text(name) or "", as_text(text) or "") for name, text in value)


def _letter(i: int) -> str:
    return ascii_uppercase[i] if i < len(ascii_uppercase) else str(i + 1)


def _position(answer: str, choices: Named, first: int | None) -> int | None:
    names, texts = [name for name, _ in choices], [text.strip() for _, text in choices]
    if first is not None:
        return int(answer) - first
    for known in (names, texts, [text.casefold() for text in texts]):
        wanted = answer if known is names or known is texts else answer.casefold()
        if known.count(wanted) == 1:
            return known.index(wanted)
    letter = _LETTER.fullmatch(answer)
    return ascii_uppercase.index(letter[1].upper()) if letter else None


def _first(
    rows: Sequence[SourceRow], named: Sequence[Named], answers: Sequence[Any]
) -> tuple[int | None, bool]:
    """What the first choice counts as; see ``Choices.first`` and ``Choices.guessed``."""
    asked = [
        (row, choices, text.strip(), answer)
        for row, choices, answer in zip(rows, named, answers, strict=True)
        if (text := as_text(answer)) and text.strip()
    ]
    if not asked or not all(re.fullmatch(r"\d{1,3}", text) for _, _, text, _ in asked):
        return None, False
    if all(any(text == name for name, _ in choices) for _, choices, text, _ in asked):
        return None, False
    # In a cell of CSV a number may be a choice or its position; in other files its type tells.
    if all(not isinstance(given, int) for *_, given in asked) and all(
        text in [t.strip() for _, t in choices] for _, choices, text, _ in asked
    ):
        return None, False
    zero = next((row for row, _, text, _ in asked if int(text) == 0), None)
    last = next((row for row, choices, text, _ in asked if int(text) == len(choices)), None)
    if zero is not None and last is not None:
        raise last.place.error(
            "the right choice is said by position, counted from 0 in one row and from 1 in this one. "
            "Write its letter or its text."
        )
    return (1 if last is not None else 0), zero is None and last is None
