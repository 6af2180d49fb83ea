"""Failing: one bad example harms no other, and nothing works before fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adaptkit.core.errors import AdaptKitError, ModelError, NotFittedError
from adaptkit.core.types import Prediction
from adaptkit.testing.answers import AnsweredInputs, answers
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, first_difference, shown_short
from adaptkit.testing.spying import failing_at
from adaptkit.testing.strategy_case import StrategyCase

BAD = "an input that the model fails at"
FAR_TOO_LONG = "word " * 2_000
"""In words; repeated until the model's context is exceeded several times."""


def an_input_that_fails_loses_no_other(case: StrategyCase) -> None:
    """Where the model fails at one input of a list, its prediction carries the error, others are answered."""
    with failing_at(case.strategy.model_, BAD, ModelError("the model failed")) as seen:
        predictions = _kept_apart(case, BAD)
        expect_raised(case, BAD, predictions[1])
    if not seen.requests:
        raise NotApplicable("It does not ask the model.")
    expect(predictions[1].error is not None, "a prediction with an error", predictions[1], _REMEDY)


def an_input_that_is_too_long_loses_no_other(case: StrategyCase) -> None:
    """An input beyond the context window is answered, or carries an error; the others are answered."""
    repeated = 1 + case.strategy.model_.info.context_tokens // 1_000
    bad = FAR_TOO_LONG * repeated
    predictions = _kept_apart(case, bad)
    expect_raised(case, bad, predictions[1])


_REMEDY = "Leave generate() to Strategy: it asks the inputs of a list that fails one by one."


def _kept_apart(case: StrategyCase, bad: str) -> list[Prediction]:
    """The answers to a list with a bad input in its second place."""
    try:
        predictions = case.generate([case.inputs[0], bad, *case.inputs[1:]])
    except Exception as error:
        raise CheckFailed(
            f"Expected the other inputs to be answered. Found that {shown_short(error)} was raised. {_REMEDY}"
        ) from error
    found, expected = answers(predictions), case.together
    others: list[AnsweredInputs] = [*found[:1], *found[2:]]
    expect(
        others == expected, "the other inputs answered as ever", first_difference(expected, others), _REMEDY
    )
    failed = predictions[1]
    if failed.error is not None:
        expect(
            (failed.output, failed.finish_reason) == ("", "error"),
            "no output and finish_reason 'error' where there is an error",
            failed,
            "Build it with Prediction.failed(error).",
        )
    return predictions


def expect_raised(case: StrategyCase, bad: str, listed: Prediction) -> None:
    """Raise CheckFailed unless an input asked alone raises the error that it carries in a list."""
    if listed.error is None:
        return
    try:
        alone: object = case.strategy.generate(bad)
    except AdaptKitError as error:
        found = type(error).__name__
        expect(found == listed.error.type, f"{listed.error.type} to be raised", found, _REMEDY)
    else:
        raise CheckFailed(f"Expected {listed.error.type} to be raised. Found {shown_short(alone)}. {_REMEDY}")


def nothing_works_before_fit(case: StrategyCase) -> None:
    """``generate``, of anything, and ``save`` say that ``fit`` comes first, and write nothing."""
    folder = case.new_folder()
    calls: dict[str, Callable[[], Any]] = {
        "generate('x')": lambda: case.make().generate("x"),
        "generate([])": lambda: case.make().generate([]),
        "save(folder)": lambda: case.make().save(folder),
    }
    remedy = "Leave it to Strategy, or call self._require_fitted() first."
    for call, run in calls.items():
        try:
            run()
        except NotFittedError:
            continue
        except Exception as error:
            raise CheckFailed(
                f"Expected NotFittedError from {call} before fit(). Found {shown_short(error)}. {remedy}"
            ) from error
        raise CheckFailed(f"Expected NotFittedError from {call} before fit(). Found that it worked. {remedy}")
    expect(not list(folder.iterdir()), "nothing to be written", sorted(folder.iterdir()), remedy)


CHECKS = (
    an_input_that_fails_loses_no_other,
    an_input_that_is_too_long_loses_no_other,
    nothing_works_before_fit,
)
