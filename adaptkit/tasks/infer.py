"""Guess what a bare file does not say: the kind of task and its metrics."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.reading import parse_json
from adaptkit.core.types import Example

MAX_LABELS = 50
ROWS_PER_LABEL = 10

METRICS_BY_KIND: dict[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "qa": ("token_f1", "exact_match", "contains"),
    "structured": ("json_exact", "slot_f1", "json_valid"),
    "summarization": ("rouge_l", "rouge_1"),
    "arithmetic": ("numeric_match",),
    "generation": ("rouge_l", "exact_match"),
}


def infer_kind(rows: Sequence[Example], *, question_answer: bool = False) -> str:
    """Guess the kind of task by its targets.

    Args:
        rows: all rows.
        question_answer: whether the rows are questions, or there are documents to look answers up in.

    Returns:
        ``classification`` when there are at most 50 distinct targets and ten rows for each,
        ``structured`` when all are JSON objects, ``arithmetic`` when all are numbers, else ``qa`` or
        ``generation``.

    Examples:
        >>> infer_kind([Example(id=str(n), input=f"{n} + 1", target=str(n + 1)) for n in range(3)])
        'arithmetic'
    """
    targets = [row.target for row in rows]
    distinct = set(targets)
    if distinct and len(distinct) <= MAX_LABELS and len(distinct) * ROWS_PER_LABEL <= len(targets):
        return "classification"
    if targets and all(_is_object(target) for target in targets):
        return "structured"
    if targets and all(_is_number(target) for target in targets):
        return "arithmetic"
    return "qa" if question_answer else "generation"


def _is_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    # float() also takes "nan" and "infinity", which are words here, and "1_000".
    if not any(c.isdigit() for c in text) or "_" in text:
        return False
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True
