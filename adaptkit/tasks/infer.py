"""Guess what a bare file does not say: the kind of task and its metrics."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from adaptkit.core.reading import parse_json
from adaptkit.core.types import Example

METRICS_BY_KIND: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "qa": ("token_f1", "exact_match", "contains"),
    "structured": ("json_exact", "slot_f1", "json_valid"),
    "summarization": ("rouge_l", "rouge_1"),
    "arithmetic": ("numeric_match",),
    "generation": ("rouge_l", "exact_match"),
}

LABELS = (
    "label", "labels", "class", "category", "intent", "queue", "topic", "tag", "team", "department",
    "sentiment", "emotion", "rating", "stars", "grade", "priority", "severity", "status", "type", "group",
)  # fmt: skip
"""What a column of labels is called, alone or as the last word of its name."""
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_YES_NO = frozenset(["yes", "no", "true", "false", "maybe", "unknown", "y", "n"])
_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
_LABEL_CHARS = 80
_MOST_MARKS = 20


def infer_kind(
    rows: Sequence[Example], *, question_answer: bool = False, target: str = "target"
) -> tuple[str, str]:
    """Guess the kind of task by its targets.

    Args:
        rows: all rows.
        question_answer: whether the rows are questions, or there are documents to look answers up in.
        target: name of the column that the targets stand in.

    Returns:
        The kind, and what it was guessed from.

    Examples:
        >>> infer_kind([Example(id=str(n), input=f"{n} + 1", target=str(n + 1)) for n in range(3)])
        ('arithmetic', 'all targets are numbers')
    """
    targets = [row.target for row in rows]
    counts = Counter(targets)
    seen = f"{len(counts)} different {'target' if len(counts) == 1 else 'targets'} in {len(targets)} rows"
    if targets and _are_labels(counts, named=is_named_label(target), asked=question_answer):
        return "classification", f"{target!r} holds {seen}"
    if targets and all(_is_json(target) for target in targets):
        return "structured", "all targets are JSON"
    if targets and all(is_number(target) for target in targets):
        return "arithmetic", "all targets are numbers"
    return ("qa", f"questions, and {seen}") if question_answer else ("generation", seen)


def is_named_label(column: str) -> bool:
    """Whether a column is called as one of labels is.

    Examples:
        >>> [is_named_label(name) for name in ("gold_label", "ticketQueue", "answer")]
        [True, True, False]
    """
    words = [word.lower() for word in _WORDS.findall(column)]
    return bool(words) and (words[-1] in LABELS or words[0] == "label")


def _are_labels(counts: Counter[str], *, named: bool, asked: bool) -> bool:
    """Whether targets are drawn from a set of labels: short, and most of them in several rows.

    Args:
        counts: rows by target.
        named: whether the name of their column says so.
        asked: whether the rows are questions, whose answers may repeat.
    """
    n, distinct = counts.total(), len(counts)
    if n < 2 or any(len(target) > _LABEL_CHARS or "\n" in target for target in counts):
        return False
    if distinct <= 3 and distinct < n and all(target.strip().lower() in _YES_NO for target in counts):
        return True
    repeated = sum(m for m in counts.values() if m > 1) / n
    if all(is_number(target) for target in counts):
        return _are_marks(counts, named=named, asked=asked)
    if named:
        return repeated >= 0.5
    if all(_is_json(target) for target in counts):
        return False
    if asked:
        return distinct <= 50 and distinct * 10 <= n
    return distinct * 3 <= n and repeated >= 0.9


def _are_marks(counts: Counter[str], *, named: bool, asked: bool) -> bool:
    """Whether numbers are labels, such as marks from 1 to 5, and not results."""
    n, distinct = counts.total(), len(counts)
    if named:
        whole = all(target.strip().isdigit() for target in counts)
        return distinct * 2 <= n and (whole or distinct <= _MOST_MARKS)
    if asked:
        return distinct <= 2 and distinct * 10 <= n
    return distinct * 5 <= n if distinct <= 5 else distinct <= 10 and distinct * 10 <= n


def label_notes(targets: Sequence[str]) -> Iterator[str]:
    """Say what is doubtful of the labels of a classification."""
    by_form: dict[str, list[str]] = defaultdict(list)
    for target in dict.fromkeys(targets):
        by_form[" ".join(re.sub(r"(?<=\w)[_-](?=\w)", " ", target).casefold().split())].append(target)
    alike = [forms for forms in by_form.values() if len(forms) > 1]
    if alike:
        shown = "; ".join(" and ".join(map(repr, forms)) for forms in alike[:3])
        more = f"; and {len(alike) - 3} more" if len(alike) > 3 else ""
        yield f"Labels that differ in case, spaces or hyphens only count as different labels: {shown}{more}."
    if len(by_form) == 1:
        yield f"There is only one label, {targets[0]!r}: nothing has to be decided."


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(parse_json(text), dict | list)
    except ValueError:
        return False


def is_number(text: str) -> bool:
    """Whether a text is a number, and not a word that Python takes for one, such as ``nan``.

    Examples:
        >>> [is_number(text) for text in ("-1.5", "1,200", "1,5", "nan", "5 kg")]
        [True, True, False, False, False]
    """
    text = text.strip()
    return any(c.isdigit() for c in text) and _NUMBER.fullmatch(text) is not None
