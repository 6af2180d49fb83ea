"""Fitting: what it leaves alone, what it leaves behind, and what it depends on."""

from __future__ import annotations

import json
from typing import Any

from adaptkit.core.errors import AdaptKitError
from adaptkit.testing.answers import answers
from adaptkit.testing.failure import CheckFailed, expect, first_difference, shown_short
from adaptkit.testing.strategy_case import StrategyCase, listed, snapshot
from adaptkit.testing.tasks import without_train, without_validation


def fit_returns_the_strategy(case: StrategyCase) -> None:
    """``fit`` returns the strategy, so that calls can follow each other."""
    expect(
        case.fitted.returned is case.strategy,
        "fit() to return the strategy",
        case.fitted.returned,
        "Return self.",
    )


def fit_leaves_the_parameters_alone(case: StrategyCase) -> None:
    """What was chosen goes into attributes ending in ``_``, not into the parameters."""
    before, after = case.fitted.params_before, snapshot(case.strategy)
    expect(
        before == after,
        "the parameters as they were before fit()",
        ", ".join(name for name in after if after[name] != before.get(name)) + " changed",
        "Store what is learnt under names that end in '_', and fit copies of strategies that are parameters.",
    )


def fit_leaves_the_model_alone(case: StrategyCase) -> None:
    """Weights, mode and identity of the model are those from before: it serves other strategies too."""
    expect_untouched(case.fitted.model_before, case.fitted.model_after, "fit()")


def expect_untouched(before: dict[str, Any], after: dict[str, Any], by: str) -> None:
    """Raise CheckFailed where something about a model has changed."""
    changed = [name for name in before if before[name] != after.get(name)]
    expect(
        not changed,
        f"{by} to leave the model as it was",
        f"that {', '.join(changed)} changed",
        "Work on a copy, and return that from learn() or load_state().",
    )


def fit_leaves_the_task_alone(case: StrategyCase) -> None:
    """Rows, metadata and schema are those from before: other strategies get the same task."""
    expect(
        case.fitted.task_before == case.fitted.task_after,
        "fit() to leave the task as it was",
        "that it changed",
        "Copy what you change, such as metadata or the schema.",
    )


def what_is_learnt_ends_in_an_underscore(case: StrategyCase) -> None:
    """Everything that ``fit`` sets is told from the parameters by its name."""
    found = [n for n in vars(case.strategy).keys() - case.strategy.params().keys() if not n.endswith("_")]
    expect(not found, "names of what is learnt to end in '_'", ", ".join(sorted(found)), "Rename them.")


def notes_of_the_fit_are_json(case: StrategyCase) -> None:
    """``fit_notes_`` go into reports and result files as they are."""
    remedy = "Note strings, numbers, lists and dicts; None for a number that is undefined."
    try:
        json.dumps(case.strategy.fit_notes_, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"Expected fit_notes_ that JSON can hold. Found that {error}. {remedy}") from error


def progress_counts_up_to_what_is_planned(case: StrategyCase) -> None:
    """``progress(done, planned)`` never tells more done than planned."""
    wrong = [
        (done, planned) for done, planned in case.fitted.progress if not 0 <= done <= planned or not planned
    ]
    expect(
        not wrong,
        "progress(done, planned) with 0 <= done <= planned",
        wrong,
        "Count the steps, and plan them all.",
    )


def same_seed_gives_the_same_answers(case: StrategyCase) -> None:
    """Another strategy of the same parameters, fitted to a model like it, answers alike."""
    case.expect_alike(
        case.twin[1],
        "the same answers from another strategy of the same parameters and seed",
        "Draw from numpy.random.default_rng(self.seed), and depend on no clock, address or set order.",
    )


def a_second_fit_forgets_the_first(case: StrategyCase) -> None:
    """A strategy that is fitted again is as one that was fitted once."""
    twice, _ = case.twin
    twice.fit(case.fresh_model, case.other_task)
    once = case.fitted_to_other
    remedy = "Set everything that is learnt anew in learn()."
    for name in ("instruction_", "format_"):
        one, other = getattr(once, name), getattr(twice, name)
        expect(one == other, f"{name} of the second task", other, remedy)
    found = answers(listed(twice, case.inputs))
    expected = answers(listed(once, case.inputs))
    expect(
        found == expected,
        "answers that the first fit has no part in",
        first_difference(expected, found),
        remedy,
    )


def a_refusal_is_found_without_the_model(case: StrategyCase) -> None:
    """``refusal(task)`` judges by the task alone: plans are made before a model is loaded."""
    strategy = case.make()
    remedy = "Look at the model only where it is not None, and give a sentence or None."
    for task in (case.task, without_train(case.task)):
        try:
            reason = strategy.refusal(task)
        except Exception as error:
            raise CheckFailed(
                f"Expected refusal(task) to return. Found that it raised {error!r}. {remedy}"
            ) from error
        expect(
            reason is None or (isinstance(reason, str) and bool(reason)), "a sentence or None", reason, remedy
        )
        if reason is not None:
            with_model = strategy.refusal(task, case.model)
            expect(
                with_model is not None,
                "what the task refuses to be refused with a model too",
                with_model,
                remedy,
            )


def a_task_without_some_parts_is_served_or_refused(case: StrategyCase) -> None:
    """No validation rows, no documents, no train rows: ``fit`` works, or says what is missing."""
    for task in (without_validation(case.task), without_train(case.task)):
        try:
            case.make().fit(case.model, task)
        except AdaptKitError:
            continue
        except Exception as error:
            raise CheckFailed(
                f"Expected fit() to work or to refuse a task with {task!r}. Found that it raised "
                f"{shown_short(error)}. Give the reason in refusal()."
            ) from error


CHECKS = (
    fit_returns_the_strategy,
    fit_leaves_the_parameters_alone,
    fit_leaves_the_model_alone,
    fit_leaves_the_task_alone,
    what_is_learnt_ends_in_an_underscore,
    notes_of_the_fit_are_json,
    progress_counts_up_to_what_is_planned,
    same_seed_gives_the_same_answers,
    a_second_fit_forgets_the_first,
    a_refusal_is_found_without_the_model,
    a_task_without_some_parts_is_served_or_refused,
)
