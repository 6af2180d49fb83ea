"""Columns that nothing is read from: said, since an answer may depend on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adaptkit.tasks.readers import SourceRow

_MOST_LISTED = 20
_PROSE_WORDS = 4
_ANSWER_WORDS = frozenset(
    ["answer", "answers", "target", "targets", "label", "labels", "gold", "reference", "references",
     "response", "responses", "output", "outputs", "completion", "completions", "prediction", "generation",
     "chosen", "rejected", "explanation", "rationale", "reasoning", "cot", "solution", "correct", "feedback"]
)  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def unused(rows: Sequence[SourceRow], used: set[str], *, to_show: bool) -> Iterator[str]:
    """Say which columns hold something that nothing is read from.

    Args:
        rows: of all splits.
        used: columns that something is read from.
        to_show: whether to say how a text among them is shown.
    """
    names = sorted(set().union(*(row.values for row in rows)) - used)
    full = [name for name in names if any(row.values.get(name) not in (None, "", [], {}) for row in rows)]
    if not full:
        return
    noun = "column" if len(full) == 1 else "columns"
    yield f"Not used, and in no prompt: {noun} {names_of(full)}.{_hint(rows, full) if to_show else ''}"


def names_of(columns: Sequence[str]) -> str:
    """Return names in quotes, the first ones of very many."""
    more = f" and {len(columns) - _MOST_LISTED} more" if len(columns) > _MOST_LISTED else ""
    return ", ".join(repr(name) for name in columns[:_MOST_LISTED]) + more


def _hint(rows: Sequence[SourceRow], columns: Sequence[str]) -> str:
    first = rows[:_MOST_LISTED]
    texts = [n for n in columns if not _gives_away(n) and any(_is_prose(row.values.get(n)) for row in first)]
    if not texts:
        return ""
    column = texts[0] if len(texts) == 1 else "<column>"
    which = repr(column) if len(texts) == 1 else "one of them"
    return f" To show {which}, map it: columns={{'context': {column!r}}} (--columns context={column})."


def _gives_away(column: str) -> bool:
    """Whether the name of a column says that it holds an answer or its reasons: no prompt may show it."""
    return not _ANSWER_WORDS.isdisjoint(word.lower() for word in _WORDS.findall(column))


def _is_prose(value: object) -> bool:
    """Whether a value may be worth showing: a text of several words, and no list of answers."""
    return isinstance(value, str) and len(value.split()) >= _PROSE_WORDS and value[:1] not in "[{"
