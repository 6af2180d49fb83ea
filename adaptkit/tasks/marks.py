"""Columns that mark answers as good or bad, as exports of feedback and of preferences have them."""

from __future__ import annotations

MARKED = (
    "label", "feedback", "thumbs", "thumbs_up", "is_correct", "correct", "is_right", "accepted",
    "is_accepted", "approved", "is_good", "good", "preferred", "is_preferred", "desirable", "quality",
    "rating", "score", "reward", "vote", "verdict", "grade",
)  # fmt: skip
"""What such a column is called; ``label`` may also be called so for another reason."""
_GOOD = frozenset(
    ["true", "1", "1.0", "+1", "good", "correct", "right", "accepted", "accept", "approved", "up", "like",
     "thumbs up", "thumbs_up", "liked", "pass", "passed", "ok", "chosen", "preferred", "desirable", "helpful",
     "\U0001f44d", "\u2713", "\u2714", "\u2705"]
)  # fmt: skip
_BAD = frozenset(
    ["false", "0", "0.0", "-1", "-1.0", "bad", "incorrect", "wrong", "rejected", "reject", "down", "dislike",
     "thumbs down", "thumbs_down", "disliked", "fail", "failed", "not ok", "dispreferred", "undesirable",
     "unhelpful", "\U0001f44e", "\u2717", "\u2718", "\u274c"]
)  # fmt: skip
# These may be answers, too: they are marks where the name of their column asks for one.
_YES, _NO = frozenset(["yes", "y", "positive"]), frozenset(["no", "n", "negative"])


def is_mark(value: object, *, asked: bool = False) -> bool:
    """Whether a value says good or bad, and nothing else.

    Args:
        value: of a cell.
        asked: whether the name of its column asks for a mark, so that yes is one.
    """
    mark = str(value).strip().lower()
    return mark in _GOOD | _BAD or (asked and mark in _YES | _NO)


def is_bad(value: object) -> bool:
    """Whether a mark says bad."""
    return str(value).strip().lower() in _BAD | _NO
