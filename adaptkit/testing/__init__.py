"""The contract that strategies and models keep to, as checks for yours.

>>> import adaptkit as ak
>>> from adaptkit.testing import check_strategy
>>> check_strategy(ak.PromptEngineering()).failed
{}

Each check is a function whose name says what holds. With pytest they are tests of their own:

    case = StrategyCase(MyStrategy)

    @pytest.mark.parametrize("check", [check for _, check in strategy_checks()])
    def test_contract(check):
        check(case)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from adaptkit.tasks import Task
from adaptkit.testing.failure import CheckFailed, NotApplicable
from adaptkit.testing.model_case import ModelCase
from adaptkit.testing.of_models import answering as of_completions
from adaptkit.testing.of_models import constraining, drawing, training
from adaptkit.testing.of_strategies import answering, failing, fitting, parameters, prompts, saving
from adaptkit.testing.stand_in import StandIn
from adaptkit.testing.strategy_case import GivenStrategy, StrategyCase, share_new_process
from adaptkit.testing.suite import Check, Report, chosen, named, raise_failures, run_checks
from adaptkit.testing.supply import GivenModel

__all__ = [
    "CheckFailed",
    "ModelCase",
    "NotApplicable",
    "Report",
    "StandIn",
    "StrategyCase",
    "check_model",
    "check_strategy",
    "model_checks",
    "share_new_process",
    "strategy_checks",
]

_STRATEGY_CHECKS = [
    check for part in (parameters, fitting, answering, failing, prompts, saving) for check in part.CHECKS
]
_MODEL_CHECKS = [check for part in (of_completions, drawing, constraining, training) for check in part.CHECKS]


def strategy_checks() -> list[tuple[str, Check[StrategyCase]]]:
    """The checks of strategies with their names; each is called with a :class:`StrategyCase`."""
    return named(_STRATEGY_CHECKS)


def model_checks() -> list[tuple[str, Check[ModelCase]]]:
    """The checks of models with their names; each is called with a :class:`ModelCase`."""
    return named(_MODEL_CHECKS)


def check_strategy(
    strategy: GivenStrategy,
    *,
    model: GivenModel | None = None,
    task: Task | None = None,
    only: Collection[str] | None = None,
    known_failures: Mapping[str, str] | None = None,
) -> Report:
    """Check whether a strategy keeps to the contract, by fitting and asking it many times.

    Args:
        strategy: an unfitted strategy, or what makes one, with small parameters: it is fitted about ten
            times.
        model: what to apply it to: a model, a function that makes one, or a folder or name for
            ``load_model`` (in float32); None for a stand-in without weights, which answers in an
            instant. Strategies that train need one with weights: a tiny one will do.
        task: what for; None for a small one that the strategy serves.
        only: names of checks, for a model with which all of them take long; None for all.
        known_failures: reasons, by the names of checks that need not hold.

    Returns:
        What passed, and what there was nothing to check for.

    Raises:
        CheckFailed: with everything that was found: what was expected, what was found, what to do.

    Examples:
        >>> import adaptkit as ak
        >>> report = check_strategy(ak.PromptEngineering)
        >>> len(report.passed) > 20, report.failed
        (True, {})
    """
    case = StrategyCase(strategy, model=model, task=task)
    report = run_checks(chosen(_STRATEGY_CHECKS, only), case, known_failures=known_failures)
    raise_failures(report, type(case.make()).__name__)
    return report


def check_model(
    model: GivenModel,
    *,
    only: Collection[str] | None = None,
    known_failures: Mapping[str, str] | None = None,
) -> Report:
    """Check whether a model keeps to the contract of :mod:`adaptkit.models.base`.

    What a model that can be trained, or held to a schema, has to offer beyond is checked where it has
    those methods. Check weights of 16 bits in float32: rounding may change a token from batch to batch.

    Args:
        model: a model, a function that makes one, or a folder or name for ``load_model`` (in float32).
        only: names of checks; None for all.
        known_failures: reasons, by the names of checks that need not hold.

    Returns:
        What passed, and what there was nothing to check for.

    Raises:
        CheckFailed: with everything that was found: what was expected, what was found, what to do.

    Examples:
        >>> check_model(StandIn).failed
        {}
    """
    case = ModelCase(model)
    report = run_checks(chosen(_MODEL_CHECKS, only), case, known_failures=known_failures)
    raise_failures(report, f"The model {case.model.info.id}")
    return report
