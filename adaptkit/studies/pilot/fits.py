"""From the fit of a pilot, with its training cut short, to the whole fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.costs import split_fit
from adaptkit.strategies import Strategy
from adaptkit.strategies.sft_base import SupervisedFineTuning
from adaptkit.strategies.shortened import trained_parts
from adaptkit.studies.pilot.span import Range, total

ONE_FIT_FACTOR = 1.5
"""A fit was timed once, which tells no spread: it is taken to lie between 2/3 and 3/2 of that."""
N_EVALUATIONS = 5
"""How often a long training takes its validation loss, and may stop: ``SftSettings.evaluations``."""
TOKENS, TOO_LONG = "train_tokens", "train_rows_too_long"


@dataclass(frozen=True, kw_only=True)
class Training:
    """The training of a pilot, and how far the whole one goes.

    Attributes:
        tokens: that the pilot trained on, in ``seconds``.
        whole_tokens: that the comparison is likely to train on.
        least_share: part of these after which training may stop, because the validation loss gains nothing.
        most_tokens: that it trains on where the validation loss falls to the end.
    """

    tokens: float
    seconds: float
    whole_tokens: float
    least_share: float
    most_tokens: float

    @property
    def span_tokens(self) -> Range:
        """Tokens of the whole training."""
        return Range(low=self.whole_tokens * self.least_share, value=self.whole_tokens, high=self.most_tokens)

    @property
    def span_s(self) -> Range:
        """Seconds of the whole training, at the pilot's tokens a second."""
        return self.span_tokens.times(self.seconds / self.tokens)


def fit_span(fit_s: float, notes: Mapping[str, Any], trainings: list[Training]) -> Range:
    """Seconds of the whole fit.

    Highest: all of the fit grows as its training does, but for the index of documents. Lowest: training alone
    does, and stops as early as it may.
    """
    if not trainings:
        return Range.within(fit_s, ONE_FIT_FACTOR)
    index = split_fit(fit_s, notes).index or 0.0
    fixed = max(0.0, fit_s - math.fsum(t.seconds for t in trainings))
    expected = Range.within(fixed, ONE_FIT_FACTOR) + total(t.span_s for t in trainings)
    growth = math.fsum(t.most_tokens for t in trainings) / math.fsum(t.tokens for t in trainings)
    grown = max(0.0, fit_s - index) * growth + index
    return Range(low=expected.low, value=expected.value, high=max(expected.high, grown))


def trainings_of(strategy: Strategy, notes: Mapping[str, Any], *, n_train: int) -> list[Training]:
    """The trainings that a pilot noted, held against what the strategy as given asks for.

    Args:
        strategy: as given, not as shortened.
        notes: of the shortened one's fit.
        n_train: train rows of the whole task.
    """
    parts = trained_parts(strategy)
    return [
        _training(part, noted, n_train - (noted[TOO_LONG] or 0))
        for part, noted in zip(parts, _noted(notes), strict=False)
    ]


def _noted(notes: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The notes of each training: those of a later part of a composition have its name in front."""
    for key in notes:
        if key.endswith(TOKENS):
            prefix = key.removesuffix(TOKENS)
            yield {name: notes.get(f"{prefix}{name}") for name in _NAMES}


_NAMES = (TOKENS, TOO_LONG, "train_tokens_per_s", "n_steps", "validation_losses")


def _training(part: SupervisedFineTuning, noted: Mapping[str, Any], n_rows: int) -> Training:
    tokens = float(noted[TOKENS])
    a_step = tokens / noted["n_steps"]
    most = part.most_steps(n_rows, a_step)
    n_steps = min(most, part.steps_wanted(n_rows))
    may_stop = part.patience is not None and noted["validation_losses"]
    least = (part.patience + 1) / N_EVALUATIONS if may_stop and part.patience is not None else 1.0
    return Training(
        tokens=tokens,
        seconds=tokens / noted["train_tokens_per_s"],
        whole_tokens=n_steps * a_step,
        least_share=min(1.0, least),
        most_tokens=most * a_step,
    )
