"""Who takes part in a comparison: the strategies given, tuned alike if asked, and what needs no model."""

from __future__ import annotations

from collections.abc import Sequence

from adaptkit.core.errors import ConfigError
from adaptkit.strategies import Strategy
from adaptkit.strategies.tuned import Budget, Tuned
from adaptkit.tasks import Task


def lineup(
    strategies: Sequence[Strategy], *, tune: bool | Budget, baselines: bool
) -> tuple[list[Strategy], list[Strategy]]:
    """Complete the strategies of a comparison.

    Args:
        strategies: as given.
        tune: choose each one's configuration on validation rows, with this budget (True: the default one)
            for every one, baselines too. What is tuned already stays as it is.
        baselines: add what answers without a language model.

    Returns:
        The strategies, and those that take part only where the task lets them: the baselines.
    """
    if not isinstance(tune, bool | Budget):
        raise ConfigError.for_parameter("compare", "tune", "True, False or a Budget", tune)
    budget = Budget() if tune is True else tune or None
    given = {s.label for s in strategies if isinstance(s, Strategy)}
    added = [b for b in automatic() if b.label not in given] if baselines else []
    return [_tuned(s, budget) for s in strategies], [_tuned(b, budget) for b in added]


def everyone(task: Task, strategies: Sequence[Strategy], *, baselines: bool) -> list[Strategy]:
    """Those that take part on one task, untuned: the baselines that it lets, then what is given.

    Raises:
        ConfigError: a parameter of another type than declared, or out of range.
    """
    for strategy in strategies:
        if isinstance(strategy, Strategy):
            strategy.check()
    given, added = lineup(list(strategies), tune=False, baselines=baselines)
    return [*(b for b in added if not b.refusal(task)), *given]


def automatic() -> list[Strategy]:
    """The baselines, as they come."""
    from adaptkit.strategies.baselines import BASELINES

    return [baseline() for baseline in BASELINES]


def _tuned(strategy: Strategy, budget: Budget | None) -> Strategy:
    if budget is None or not isinstance(strategy, Strategy) or isinstance(strategy, Tuned):
        return strategy
    return Tuned(strategy, budget=budget)
