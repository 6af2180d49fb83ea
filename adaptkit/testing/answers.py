"""What of a prediction or completion may depend on its input only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adaptkit.core.types import Completion, Prediction


class AnsweredInputs(NamedTuple):
    """A prediction without its times, and without what was found in a cache."""

    output: str
    finish_reason: str
    tokens_in: int
    tokens_out: int
    error: str | None
    passages: tuple[str, ...]


def answers(predictions: Sequence[Prediction]) -> list[AnsweredInputs]:
    """What two ways of asking have to agree on."""
    return [
        AnsweredInputs(
            p.output,
            p.finish_reason,
            p.usage.tokens_in,
            p.usage.tokens_out,
            p.error.type if p.error else None,
            tuple(passage.id for passage in p.contexts),
        )
        for p in predictions
    ]


def completed(completions: Sequence[Completion]) -> list[tuple[str, str, int, int]]:
    """The same of completions."""
    return [(c.text, c.finish_reason, c.usage.tokens_in, c.usage.tokens_out) for c in completions]
