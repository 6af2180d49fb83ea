"""Running checks: all of them, whatever some find, and told apart by what came of them."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from broken_strategies import DrawingInSecret, Sound

import adaptkit as ak
from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.testing import CheckFailed, NotApplicable, StrategyCase, check_strategy, strategy_checks
from adaptkit.testing.failure import expect, first_difference
from adaptkit.testing.of_models import answering as of_completions
from adaptkit.testing.of_models import constraining, drawing, training
from adaptkit.testing.of_strategies import answering, failing, fitting, parameters, prompts, saving
from adaptkit.testing.suite import chosen, run_checks

SECRET_DRAW = "another_seed_gives_the_same_answers_where_nothing_is_drawn"


def holds(_: str) -> None:
    pass


def fails(case: str) -> None:
    expect(False, "better", case, "Do better.")


def breaks(_: str) -> None:
    raise KeyError("x")


def has_nothing_to_do(_: str) -> None:
    raise NotApplicable("There is nothing.")


def test_every_check_is_run_and_counted() -> None:
    report = run_checks([breaks, holds, fails, has_nothing_to_do], "worse")
    assert report.passed == ["holds"]
    assert report.skipped == {"has_nothing_to_do": "There is nothing."}
    assert report.failed["fails"] == "Expected better. Found worse. Do better."
    assert "KeyError was raised: 'x'" in report.failed["breaks"]
    assert str(report).startswith("1 passed, 1 not applicable, 0 known to fail, 2 failed\n- breaks: ")


def test_what_is_known_to_fail_is_no_failure_until_it_holds() -> None:
    report = run_checks([fails, holds], "worse", known_failures={"fails": "a reason"})
    assert (report.known, report.failed) == ({"fails": "a reason"}, {})
    report = run_checks(
        [holds, has_nothing_to_do], "", known_failures={"holds": "why", "has_nothing_to_do": "w"}
    )
    assert "Take it out of known_failures" in report.failed["holds"]
    assert list(report.skipped) == ["has_nothing_to_do"]
    with pytest.raises(UnknownNameError, match=r"Unknown check 'holt'\. Did you mean 'holds'"):
        run_checks([holds], "", known_failures={"holt": "why"})
    with pytest.raises(ConfigError, match="'holds' has no reason"):
        run_checks([holds], "", known_failures={"holds": ""})


def test_a_choice_of_checks_is_run_in_their_order() -> None:
    assert chosen([holds, fails, breaks], ["breaks", "holds"]) == [holds, breaks]
    assert chosen([holds, fails], None) == [holds, fails]
    with pytest.raises(UnknownNameError, match="Unknown check 'hold'"):
        chosen([holds], ["hold"])
    assert check_strategy(DrawingInSecret, only=["fit_returns_the_strategy"]).passed == [
        "fit_returns_the_strategy"
    ]


def test_a_strategy_may_have_known_failures() -> None:
    with pytest.raises(CheckFailed, match=SECRET_DRAW):
        check_strategy(DrawingInSecret)
    report = check_strategy(DrawingInSecret, known_failures={SECRET_DRAW: "it draws"})
    assert report.known == {SECRET_DRAW: "it draws"}


@pytest.mark.parametrize(("check"), [check for _, check in strategy_checks()][:3])
def test_checks_are_tests_of_their_own(check: Any) -> None:
    check(StrategyCase(Sound))


@pytest.mark.parametrize(
    "part",
    [
        parameters,
        fitting,
        answering,
        failing,
        prompts,
        saving,
        of_completions,
        drawing,
        constraining,
        training,
    ],
    ids=lambda part: part.__name__.rpartition("testing.")[2],
)
def test_no_check_is_left_out(part: ModuleType) -> None:
    """Every function that takes a case, and nothing else, is in the list; each says what it is for."""
    public = {
        f
        for name, f in vars(part).items()
        if not name.startswith("_")
        and getattr(f, "__module__", "") == part.__name__
        and list(getattr(f, "__annotations__", {})) == ["case", "return"]
    }
    assert public == set(part.CHECKS)
    assert all(check.__doc__ for check in part.CHECKS)


def test_where_lists_differ_is_told() -> None:
    assert first_difference([1, 2], [1, 2]) == "no difference"
    assert first_difference([1, 2], [1, 3]) == "3 instead of 2 at place 1"
    assert first_difference([1, 2], [1]) == "1 instead of 2"


def test_a_fitted_strategy_and_one_that_serves_no_small_task_are_told() -> None:
    fitted = Sound().fit(ak.FakeModel({}), ak.load_task("request_routing"))
    with pytest.raises(ConfigError, match="This Sound is fitted already"):
        StrategyCase(fitted)
    with pytest.raises(ConfigError, match="LoRASFT serves none of the small tasks with this model"):
        StrategyCase(ak.LoRASFT)


def test_a_task_of_ones_own_is_taken() -> None:
    case = StrategyCase(Sound, task=ak.load_task("request_routing"))
    assert case.task.name == "request_routing"
    assert case.inputs[0] == case.task.test[0].input
    report = run_checks([check for name, check in strategy_checks() if "new_process" not in name], case)
    assert not report.failed, report


def test_the_package_needs_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = sys.modules['_pytest'] = None\n"
        "import adaptkit as ak; print(ak.testing.check_strategy(ak.PromptEngineering()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("0 failed")
