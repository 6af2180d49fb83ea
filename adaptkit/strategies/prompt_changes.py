"""What of a prompt is worth changing, by what is answered: the alternatives that tuning tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CHANGES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "labels": [
        {"format": "question-answer"},
        {"wording": "short"},
        {"format": "quoted"},
        {"format": "in-message"},
        {"format": "options"},
    ],
    "arithmetic": [
        {"thinking": True},
        {"format": "question-answer"},
        {"wording": "short"},
        {"thinking": True, "samples": 5},
        {"format": "in-message"},
    ],
    "qa": [
        {"format": "question-answer"},
        {"wording": "short"},
        {"format": "repeated"},
        {"format": "in-message"},
        {"thinking": True},
    ],
    "text": [
        {"format": "input-output"},
        {"wording": "short"},
        {"format": "in-message"},
        {"wording": "listed"},
        {"format": "xml"},
    ],
}
"""Changes worth a try, by what is answered. Formats come early, because nothing else that costs no tokens
moves results as much (Sclar et al. 2024, arXiv:2310.11324); reasoning is early only for arithmetic, where it
gains, and late or absent where it does not (Sprague et al. 2024, arXiv:2409.12183)."""


def changes_worth_a_try(kind: str) -> Sequence[Mapping[str, Any]]:
    """Changed parameters, the most useful first.

    Args:
        kind: a task's kind, or ``labels`` where the answers are scored labels.
    """
    return CHANGES.get(kind, CHANGES["text"])
