"""How answers went wrong besides being wrong: declined, or not in the form that the task asks for.

Neither changes a score. They tell a reader whether a strategy lacks the knowledge or the form, and
whether a low score is the model's refusal.
"""

from __future__ import annotations

import re
from typing import Literal

from adaptkit import metrics
from adaptkit.comparison.scoring import recorded_answer
from adaptkit.core.results import Record
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.numeric import in_form
from adaptkit.tasks import TaskFacts

# Only at the start of an answer: "I cannot" further on may well be part of a text that was asked for.
_BEGINNINGS = (
    r"i(?:'m| am) (?:very )?sorry",
    r"sorry,",
    r"i apologi[sz]e",
    r"as an ai\b",
    r"i(?:'m| am) (?:unable|not able|not allowed)",
    r"i (?:cannot|can't|can not|won't|will not)"
    r" (?:help|assist|answer|provide|comply|create|generate|fulfil|access|share|discuss|respond)",
    r"i do(?: not|n't) have (?:access|the ability|any information|enough information|personal)",
)
_REFUSAL = re.compile("|".join(_BEGINNINGS), re.IGNORECASE)


def refused(record: Record) -> bool:
    """Whether the model declined to answer, judged by how its answer begins.

    Examples:
        >>> bool(_REFUSAL.match("I'm sorry, but I can't help with that."))
        True
        >>> bool(_REFUSAL.match("I cannot log in to my account"))
        False
    """
    text = record.output.strip().replace("\u2019", "'")
    return record.error is None and _REFUSAL.match(text) is not None


def off_format(record: Record, task: TaskFacts) -> bool:
    """Whether an answer is not in the form of the task: no label, no valid JSON, no number.

    An empty or failed answer is counted as such and not here; tasks of free text have no form to miss.
    """
    if record.error is not None or not record.output.strip():
        return False
    if task.kind == "classification":
        return fold(record.output) not in {fold(label) for label in (*task.labels, record.target)}
    if task.kind == "structured":
        return metrics.score_or_wrong("json_valid", recorded_answer(record, task)).strict == 0
    if task.kind == "arithmetic":
        return not in_form(record.output, record.target)
    return False


def form_fault(record: Record, task: TaskFacts) -> Literal["refused", "off_format"] | None:
    """Which of the two an answer is, declined first; None for neither."""
    if refused(record):
        return "refused"
    return "off_format" if off_format(record, task) else None
