"""Answering: what comes back, and what it may depend on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

from adaptkit.core.codec import to_json
from adaptkit.core.errors import AnswerError
from adaptkit.core.types import FinishReason, Prediction, Usage
from adaptkit.testing.answers import answers
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, first_difference
from adaptkit.testing.spying import seen_by
from adaptkit.testing.strategy_case import StrategyCase, listed

ODD_INPUTS = ("", " ", "\n", "???", "\U0001f999 ñandú 羊驼", "<|im_end|>", "{input} %s", "a b c " * 20)


def a_string_gives_one_timed_prediction(case: StrategyCase) -> None:
    """What a single request feels like is measured: the parts of its time are in order."""
    one: object = case.one
    remedy = "Leave generate() to Strategy; where ask() makes predictions, time those of a single prompt."
    if not isinstance(one, Prediction):
        raise CheckFailed(f"Expected a Prediction for a string. Found {one!r}. {remedy}")
    expect(one.error is None, "an answer", one.error, "Let a single input that fails raise its error.")
    first, whole, looked_up = one.first_token_s, one.latency_s, one.retrieve_s or 0.0
    expect(first is not None and whole is not None, "first_token_s and latency_s", (first, whole), remedy)
    assert first is not None
    assert whole is not None
    expect(
        0 <= looked_up <= first <= whole,
        "0 <= retrieve_s <= first_token_s <= latency_s",
        (one.retrieve_s, first, whole),
        remedy,
    )


def a_list_gives_untimed_predictions(case: StrategyCase) -> None:
    """A batch tells nothing about a single request, so its predictions have no times."""
    predictions = case.generate(case.inputs[:2])
    times = [(p.retrieve_s, p.first_token_s, p.latency_s) for p in predictions]
    expect(
        all(t == (None, None, None) for t in times),
        "no times for a list of inputs",
        times,
        "Set times only for a single input: ask() gets looked_up_s=None for a batch.",
    )


def predictions_can_be_recorded(case: StrategyCase) -> None:
    """Every part of a prediction is what it is declared to be, and JSON can hold it."""
    remedy = "Return text from decide(), and let tool_calls and contexts hold plain values."
    for p in case.generate(case.inputs[1:3]):
        output, reason, usage = p.output, p.finish_reason, p.usage
        expect(isinstance(output, str), "a string as output", output, remedy)
        expect(reason in get_args(FinishReason), f"one of {get_args(FinishReason)}", reason, remedy)
        counts = (usage.tokens_in, usage.tokens_out, usage.tokens_cached)
        counted = (
            all(isinstance(n, int) and n >= 0 for n in counts) and usage.tokens_cached <= usage.tokens_in
        )
        expect(counted, "token counts >= 0, the cached ones among those read", usage, remedy)
        try:
            json.dumps(to_json(p), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise CheckFailed(
                f"Expected a prediction that JSON can hold. Found that {error}. {remedy}"
            ) from error


def usage_is_what_the_requests_took(case: StrategyCase) -> None:
    """A prediction counts the tokens of all requests that were made for it: they are what it costs."""
    with seen_by(case.strategy.model_) as seen:
        prediction = case.strategy.generate(case.inputs[1])
    took = Usage(tokens_in=0, tokens_out=0)
    for completion in seen.completions:
        took += completion.usage
    expect(
        prediction.usage == took,
        f"the usage of its {len(seen.completions)} request(s), {took}",
        prediction.usage,
        "Add up completion.usage of everything that was asked.",
    )


def no_input_gives_no_prediction(case: StrategyCase) -> None:
    """An empty list gives an empty list."""
    nothing: Sequence[str]
    for nothing in ([], ()):
        found: object = case.strategy.generate(nothing)
        expect(found == [], "[] for no inputs", found, "Return early when there are no inputs.")


def a_list_of_one_gives_a_list_of_one(case: StrategyCase) -> None:
    """A list of one input is a list, answered as the string is."""
    found = answers(case.generate(case.inputs[:1]))
    expected = answers([case.one])
    expect(
        found == expected,
        "the same answer in a list of one",
        first_difference(expected, found),
        "Treat a list as a list, however short.",
    )


def answers_come_in_the_order_of_the_inputs(case: StrategyCase) -> None:
    """When the inputs are turned round, so are the answers, whatever kind of sequence they come in."""
    turned = (*case.inputs[1:], case.inputs[0])
    expected = [*case.together[1:], case.together[0]]
    found = answers(listed(case.strategy, turned))
    expect(
        found == expected,
        "answers in the order of the inputs",
        first_difference(expected, found),
        "Restore the order after grouping, and let nothing depend on an input's place.",
    )


def answers_do_not_depend_on_the_batch(case: StrategyCase) -> None:
    """The same inputs get the same answers one by one, in small lists and in one list."""
    remedy = (
        "Let an answer depend on its input alone: no draw from a shared generator, no state between inputs."
    )
    together = sorted(case.together, key=repr)
    alone = sorted(answers([case.one, *map(case.strategy.generate, case.inputs[1:])]), key=repr)
    expect(
        alone == together, "the same answers alone and in a list", first_difference(together, alone), remedy
    )
    halves = [case.inputs[:2], case.inputs[2:]]
    parts = sorted(answers([p for half in halves for p in case.generate(half)]), key=repr)
    expect(parts == together, "the same answers in two lists", first_difference(together, parts), remedy)


def the_same_input_twice_gets_the_same_answer(case: StrategyCase) -> None:
    """Copies of an input are answered like it, and none is left out."""
    first, second, *_ = case.inputs
    found = answers(case.generate([first, second, first]))
    expect(
        len(found) == 3 and found[0] == found[2],
        "an answer for each copy of an input, all alike",
        found[::2],
        "Answer every input of the list, and remember none of them.",
    )


def asking_again_gives_the_same_answers(case: StrategyCase) -> None:
    """Neither a warm-up nor earlier questions change an answer."""
    expected = case.together
    case.strategy.warm_up(case.inputs[:1])
    found = answers(case.generate(case.inputs))
    expect(
        found == expected,
        "the same answers when asked again",
        first_difference(expected, found),
        "Change nothing that was learnt in generate() or warm_up().",
    )


def odd_inputs_are_answered(case: StrategyCase) -> None:
    """Empty text, blanks, signs of templates and other scripts are inputs like any other."""
    try:
        found = case.generate(ODD_INPUTS)
    except Exception as error:
        raise CheckFailed(
            f"Expected an answer or a prediction with an error for each of {ODD_INPUTS[:5]}. Found that "
            f"generate() raised {error!r}. Let extend() and decide() take any text."
        ) from error
    expect(len(found) == len(ODD_INPUTS), f"{len(ODD_INPUTS)} predictions", len(found), "Leave out none.")
    broken = [p.error.message for p in found if p.error and p.error.type == AnswerError.__name__]
    expect(
        not broken, "no fault that is not foreseen", broken[:3], "Let extend() and decide() take any text."
    )


def answers_to_a_classification_are_labels(case: StrategyCase) -> None:
    """Whatever the input, the answer is one of the task's labels."""
    strategy, task = case.classifier
    if strategy.fit_notes_.get("labels_by", {}).get("way") == "written":
        raise NotApplicable("It lets the model write the label: what is written need be none.")
    inputs = [*(e.input for e in task.test[:3]), "\n", "???"]
    found = [p.output for p in listed(strategy, inputs) if p.error is None]
    expect(
        bool(found) and set(found) <= set(task.labels),
        f"answers among {task.labels}",
        [output for output in found if output not in task.labels],
        "Ask with the labels as choices (Strategy does), and decide() for one of them.",
    )


CHECKS = (
    a_string_gives_one_timed_prediction,
    a_list_gives_untimed_predictions,
    predictions_can_be_recorded,
    usage_is_what_the_requests_took,
    no_input_gives_no_prediction,
    a_list_of_one_gives_a_list_of_one,
    answers_come_in_the_order_of_the_inputs,
    answers_do_not_depend_on_the_batch,
    the_same_input_twice_gets_the_same_answer,
    asking_again_gives_the_same_answers,
    odd_inputs_are_answered,
    answers_to_a_classification_are_labels,
)
