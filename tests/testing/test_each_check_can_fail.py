"""A check that cannot fail proves nothing: for each one, something that fails it and no other."""

from __future__ import annotations

import broken_models
import broken_strategies
import pytest
from broken_strategies import SEED, Sound

from adaptkit.testing import (
    CheckFailed,
    ModelCase,
    StandIn,
    StrategyCase,
    check_model,
    check_strategy,
    model_checks,
    share_new_process,
    strategy_checks,
)
from adaptkit.testing.suite import run_checks

STRATEGY_CHECKS, MODEL_CHECKS = dict(strategy_checks()), dict(model_checks())


def test_a_sound_strategy_passes_every_check() -> None:
    report = check_strategy(Sound(seed=SEED))
    assert report.passed == list(STRATEGY_CHECKS)


def test_sound_models_pass_every_check() -> None:
    assert check_model(broken_models.Local.made).passed == list(MODEL_CHECKS)
    assert set(check_model(StandIn).passed) >= {n for n in MODEL_CHECKS if n not in LOCAL}


def test_each_check_has_something_that_breaks_it() -> None:
    assert set(broken_strategies.BROKEN) == set(STRATEGY_CHECKS)
    assert set(broken_models.BROKEN) == set(MODEL_CHECKS)


@pytest.fixture(scope="module")
def cases() -> dict[str, StrategyCase]:
    """Cases of all broken strategies, the new process shared."""
    made = {name: StrategyCase(kind(seed=SEED)) for name, kind in broken_strategies.BROKEN.items()}
    share_new_process(list(made.values()))
    return made


@pytest.mark.parametrize("name", STRATEGY_CHECKS)
def test_a_broken_strategy_fails_its_check_and_no_other(name: str, cases: dict[str, StrategyCase]) -> None:
    report = run_checks(list(STRATEGY_CHECKS.values()), cases[name])
    assert list(report.failed) == [name], report
    assert_says_what_to_do(report.failed[name])


LOCAL = {n for n, make in broken_models.BROKEN.items() if make.__name__ == "made"}


@pytest.mark.parametrize("name", MODEL_CHECKS)
def test_a_broken_model_fails_its_check_and_no_other(name: str) -> None:
    report = run_checks(list(MODEL_CHECKS.values()), ModelCase(broken_models.BROKEN[name]))
    assert list(report.failed) == [name], report
    assert_says_what_to_do(report.failed[name])


def assert_says_what_to_do(sentence: str) -> None:
    expected, found, remedy = sentence.partition("Found")[0], sentence.partition("Found")[2], sentence[-1]
    assert expected.startswith("Expected ")
    assert found.count(".") >= 2
    assert remedy == "."


def test_all_that_is_found_is_told_at_once() -> None:
    with pytest.raises(CheckFailed, match=r"OddlyNamed breaks its contract: \d+ passed") as caught:
        check_strategy(broken_strategies.OddlyNamed)
    assert "- the_name_can_stand_in_a_command: Expected a class attribute 'name'" in str(caught.value)
    with pytest.raises(CheckFailed, match="The model stand-in breaks its contract"):
        check_model(broken_models.Untimed)
