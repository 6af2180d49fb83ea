"""What metrics need of a task and its rows, so that what they cannot score is found before a run.

A row that a metric cannot score would leave its mean in silence. So a target that is not what the metric
compares is refused, as a wrong label is. Rows may lack what only some rows are judged by, such as gold
documents; then the number of rows that were scored is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.types import Example
from adaptkit.metrics.base import Answer
from adaptkit.metrics.json_text import NOTHING, parse
from adaptkit.metrics.numeric import numbers_in, only_number
from adaptkit.metrics.registry import score

_OF_JSON = ("json_exact", "slot_f1")
OF_VALUES = ("numeric_match", *_OF_JSON)
"""Metrics that read a value out of the target, and have nothing to compare where there is none."""
_OF_LABELS = ("macro_f1",)
_OF_DOCUMENTS = ("recall_at_", "mrr", "ndcg")
_OF_CALLS = ("tool_choice", "tool_arguments")
# Whatever an answer is, these score it: text beside text.
_OF_ANY = ("accuracy", "contains", "exact_match", "json_valid", "token_f1", "rouge_1", "rouge_2", "rouge_l")


def row_fault(name: str, references: Sequence[str]) -> str | None:
    """Why no answer to a row could be scored, in words; None where one could.

    Args:
        name: of a metric.
        references: the row's target and further accepted answers.

    Examples:
        >>> row_fault("numeric_match", ["12 lamps"])
        >>> row_fault("numeric_match", ["a dozen"])
        "the target 'a dozen' holds no number that can be read, and numeric_match compares one."
    """
    if name == "numeric_match":
        if all(only_number(reference) is None for reference in references):
            several = len(numbers_in(references[0])) > 1
            found = "several numbers" if several else "no number that can be read"
            return f"the target {_short(references[0])} holds {found}, and numeric_match compares one."
    elif name in _OF_JSON and all(parse(reference) is NOTHING for reference in references):
        return f"the target {_short(references[0])} is not JSON, and {name} compares JSON values."
    return None


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


def task_fault(name: str, *, kind: str, labels: Sequence[str], rows: Sequence[Example]) -> str | None:
    """Why a metric does not fit a task, in words; None where it does.

    Args:
        name: of a metric.
        kind: of the task.
        labels: of the task.
        rows: that are to be scored.

    Examples:
        >>> task_fault("macro_f1", kind="qa", labels=(), rows=())
        "macro_f1 is a mean over labels, and a task of kind 'qa' has none."
    """
    if name in _OF_LABELS and not labels:
        return f"{name} is a mean over labels, and a task of kind {kind!r} has none."
    if rows and not any(scorable(name, row, labels) for row in rows):
        return f"{name} can score none of the {len(rows)} test rows: {_lacking(name)}."
    return None


def _lacking(name: str) -> str:
    if name.startswith(_OF_DOCUMENTS):
        return "none names gold documents"
    if name in _OF_CALLS:
        return "none names the tools to be called"
    return "it gives no score even where the target itself is the answer"


def scorable(name: str, row: Example, labels: Sequence[str] = ()) -> bool:
    """Whether a metric scores answers to a row: whether it scores the target itself.

    Examples:
        >>> scorable("recall_at_k", Example(id="1", input="?", target="x"))
        False
    """
    if name in _OF_ANY:
        return True
    return score(name, Answer(output=row.target, example=row, labels=tuple(labels))).strict is not None
