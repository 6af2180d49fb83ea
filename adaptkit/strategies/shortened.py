"""Strategies as a first look runs them: one configuration of each, trained on few tokens."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from adaptkit.strategies.base import Strategy
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.sft_base import SupervisedFineTuning
from adaptkit.strategies.tuned import Tuned
from adaptkit.tasks import Task

PILOT_TOKENS = 6_000
"""Tokens that a pilot trains on: a few steps, to take their time."""


def shortened(strategy: Strategy, max_tokens: int = PILOT_TOKENS) -> Strategy:
    """The strategy for a pilot; those that neither train nor are tuned stay as they are.

    Of a tuned strategy it is the configuration given: the others are counted, not run.

    Args:
        strategy: as given.
        max_tokens: to train on.
    """
    if isinstance(strategy, Tuned):
        return shortened(strategy.strategy, max_tokens)
    if isinstance(strategy, Compose):
        return type(strategy)(tuple(shortened(part, max_tokens) for part in strategy.parts))
    if isinstance(strategy, SupervisedFineTuning):
        return dataclasses.replace(strategy, max_tokens=min(strategy.max_tokens or max_tokens, max_tokens))
    return strategy


def trained_parts(strategy: Strategy) -> Iterator[SupervisedFineTuning]:
    """What trains weights in a strategy, in the order of its training, as it was given."""
    if isinstance(strategy, SupervisedFineTuning):
        yield strategy
    elif isinstance(strategy, Tuned):
        yield from trained_parts(strategy.strategy)
    elif isinstance(strategy, Compose):
        for part in strategy.parts:
            yield from trained_parts(part)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a strategy is tuned.

    Attributes:
        n_configurations: configurations tried, the given one among them; 1 without tuning.
        n_rows: validation rows that each answers.
        bounded: whether seconds or tokens may end it earlier.
    """

    n_configurations: int = 1
    n_rows: int = 0
    bounded: bool = False


def tuning_of(strategy: Strategy, task: Task) -> Tuning:
    """How a strategy is tuned on a task; of a composition, as its most tuned part."""
    if isinstance(strategy, Compose):
        return max((tuning_of(p, task) for p in strategy.parts), key=lambda t: t.n_configurations)
    if not isinstance(strategy, Tuned):
        return Tuning()
    budget, n = strategy.budget, _n_candidates(strategy, task)
    return Tuning(
        n_configurations=n if budget.trials is None else min(n, math.ceil(budget.trials)),
        n_rows=min(strategy.n_rows, len(task.validation or ())),
        bounded=budget.seconds is not None or budget.tokens is not None,
    )


def _n_candidates(tuned: Tuned, task: Task) -> int:
    if tuned.grid is None:
        return len(tuned.strategy.alternatives(task))
    # The given one comes first; where it stands in the grid too, one is counted too many.
    return 1 + math.prod(len(values) for values in tuned.grid.values())
