"""Ways to get a label out of a model: which of them a prompt takes is chosen on validation rows.

All scores of labels come out of one pass: sums of log-probabilities, means over a label's tokens, and
probabilities divided by those of inputs without content. Which is best depends on model and labels, and so
does whether a label is better written and read; no rule picks it beforehand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from adaptkit.core.types import Example, Prediction, Request, Usage
from adaptkit.models.base import Model
from adaptkit.models.reasoning import completed
from adaptkit.strategies.calibration import ContentFreePrior, label_lengths, per_token
from adaptkit.strategies.choosing import score_of
from adaptkit.strategies.reading import Reading
from adaptkit.tasks import Task

WAYS: Mapping[str, Mapping[str, Any]] = {
    "sum": {"calibrate": False, "normalise_length": False, "decode": False},
    "mean per token": {"calibrate": False, "normalise_length": True, "decode": False},
    "calibrated": {"calibrate": True, "normalise_length": False, "decode": False},
    "written": {"calibrate": False, "normalise_length": False, "decode": True},
}
"""The ways, the simplest first: of equals it is taken."""
WITHOUT_ROWS = "mean per token"
"""Taken where there are no validation rows: labels of many tokens lose by their sum."""
CHOOSING_ROWS = 32


@dataclasses.dataclass(frozen=True)
class LabelWays:
    """What the ways are tried with.

    Attributes:
        rows: validation rows, ``requests`` theirs, with the labels as choices.
        prior: of the labels on inputs without content; None where it cannot be measured.
        reading: of labels that are written.
    """

    model: Model
    task: Task
    rows: Sequence[Example]
    requests: Sequence[Request]
    prior: ContentFreePrior | None
    reading: Reading

    def scores(self) -> dict[str, float]:
        """The score of each way by the task's first metric; empty where the model tells no probabilities."""
        completions = self.model.complete(self.requests)
        told = [c.choice_logprobs for c in completions if c.choice_logprobs is not None]
        if len(told) < len(self.rows):
            return {}
        lengths = label_lengths(self.model, self.requests[0].choices or ())
        outputs = {
            "sum": [_likeliest(t) for t in told],
            "mean per token": [_likeliest(per_token(t, lengths)) for t in told],
        }
        if self.prior is not None:
            outputs["calibrated"] = [self.prior.decide(t) for t in told]
        outputs["written"] = self._written()
        return {way: self._score(found) for way, found in outputs.items()}

    def _written(self) -> list[str]:
        requests = [dataclasses.replace(r, choices=None) for r in self.requests]
        return [self.reading.answer(c.text) for c in completed(self.model, requests)]

    def _score(self, outputs: Sequence[str]) -> float:
        nothing = Usage(tokens_in=0, tokens_out=0)
        answers = [Prediction(output=o, finish_reason="choice", usage=nothing) for o in outputs]
        return score_of(answers, self.rows, self.task)


def best_way(scores: Mapping[str, float]) -> str:
    """The way with the best score; of equals the simplest.

    Examples:
        >>> best_way({"sum": 0.5, "mean per token": 0.7, "written": 0.7}), best_way({})
        ('mean per token', 'mean per token')
    """
    return max(scores, key=lambda way: scores[way]) if scores else WITHOUT_ROWS


def told(way: str, scores: Mapping[str, float], n_rows: int) -> dict[str, Any]:
    """What a report tells about the choice."""
    return {"way": way, "n_rows": n_rows if scores else 0, "scores": dict(scores)}


def _likeliest(scores: Mapping[str, float]) -> str:
    return max(scores, key=lambda label: scores[label])
