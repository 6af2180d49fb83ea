"""Self-consistency: the answer that most drawn completions come to (Wang et al. 2022, arXiv:2203.11171)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from adaptkit.core.types import Completion, Usage
from adaptkit.metrics.json_text import NOTHING, find
from adaptkit.metrics.normalise import fold, normalise
from adaptkit.metrics.numeric import last_number


def draw_seed(seed: int, sample: int) -> int:
    """The seed of one draw: of the strategy's seed and the draw's number only, whatever the batch.

    It is a hash, so that the draws of the next seed are not this one's moved on by one.
    """
    digest = hashlib.sha256(f"{seed}:{sample}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def vote(answers: Sequence[str], kind: str, labels: Sequence[str] = ()) -> int:
    """The position of the answer to give: the first of those that most agree on.

    Answers that are none (no label, no number, no JSON, an empty text) do not vote; where no answer is
    one, the first is given. Of equal numbers of votes, those seen first win.

    Args:
        answers: of one input, in the order that they were drawn.
        kind: the task's kind, which says when two answers are the same.
        labels: the task's labels.

    Examples:
        >>> vote(["8", "12", "$12.00"], "arithmetic")
        1
        >>> vote(["no idea", "no idea", "good"], "classification", ("good", "bad"))
        2
    """
    keys = [same_as(a, kind, labels) for a in answers]
    votes = Counter(k for k in keys if k is not None)
    if not votes:
        return 0
    # The counter keeps the order of the first votes, and max takes the first of equals.
    return keys.index(max(votes, key=lambda k: votes[k]))


def same_as(answer: str, kind: str, labels: Sequence[str] = ()) -> str | None:
    """A text that is equal for answers that mean the same; None for what is no answer.

    Examples:
        >>> same_as('{"b": 1.0, "a": 2}', "structured") == same_as('{"a": 2, "b": 1}', "structured")
        True
        >>> same_as("The  Hague.", "qa"), same_as(" ", "qa")
        ('hague', None)
    """
    if kind == "classification" and labels:
        return fold(answer) if fold(answer) in {fold(label) for label in labels} else None
    if kind == "arithmetic":
        value = last_number(answer)
        return None if value is None else f"{value:.9g}"
    if kind == "structured":
        found = find(answer)
        return None if found is NOTHING else json.dumps(_plain(found), sort_keys=True)
    return normalise(answer) or None


def as_one(drawn: Sequence[Completion], best: int, seconds: float | None) -> Completion:
    """The elected completion with what all of them took; its answer is there when the last of them is.

    Args:
        drawn: all completions of one prompt.
        best: the position of the one whose answer is given.
        seconds: from the call to the end of the last, None in a batch.
    """
    if len(drawn) == 1:
        return drawn[0]
    usage = sum((c.usage for c in drawn), Usage(tokens_in=0, tokens_out=0))
    return dataclasses.replace(drawn[best], usage=usage, first_token_s=seconds, latency_s=seconds)


def _plain(value: object) -> object:
    """JSON with whole numbers written one way: 1.0 is 1."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
