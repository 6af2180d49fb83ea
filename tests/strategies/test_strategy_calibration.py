from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.types import Completion, Demonstration, Prompt, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.calibration import CONTENT_FREE, ContentFreePrior, label_lengths, per_token

LABELS = ("a", "b")
FORM = AnswerFormat(choices=LABELS, max_new_tokens=4, stop=())
PROBABILITIES = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=2)


class Telling(FakeModel):
    """Gives each content-free input its probabilities of the labels."""

    def __init__(self, probabilities: Mapping[str, Sequence[float]], *, context_tokens: int = 8_192) -> None:
        super().__init__(lambda _: "a", context_tokens=context_tokens)
        self._probabilities = probabilities

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            dataclasses.replace(
                completion,
                choice_logprobs={
                    label: math.log(p)
                    for label, p in zip(LABELS, self._probabilities[request.prompt.input], strict=True)
                },
            )
            for request, completion in zip(requests, super().complete(requests), strict=True)
        ]


def bare(inputs: Sequence[str]) -> list[Prompt]:
    return [Prompt(instruction="Choose.", input=text) for text in inputs]


def measured(probabilities: Sequence[Sequence[float]]) -> ContentFreePrior:
    model = Telling(dict(zip(CONTENT_FREE, probabilities, strict=True)))
    prior = ContentFreePrior.measure(model, bare, FORM)
    assert prior is not None
    return prior


def test_prior_is_the_mean_of_probabilities_not_of_their_logarithms() -> None:
    prior = measured([(0.9, 0.1), (0.5, 0.5), (0.01, 0.99)])
    assert math.exp(prior.logprobs["a"]) == pytest.approx((0.9 + 0.5 + 0.01) / 3)
    assert math.exp(prior.logprobs["b"]) == pytest.approx((0.1 + 0.5 + 0.99) / 3)


def test_input_at_which_all_labels_are_unlikely_counts_as_much_as_another() -> None:
    likely = measured([(0.8, 0.2), (0.4, 0.4), (0.3, 0.3)])
    unlikely = measured([(8e-9, 2e-9), (0.4, 0.4), (0.3, 0.3)])
    assert likely.logprobs == pytest.approx(unlikely.logprobs)


@given(st.lists(PROBABILITIES, min_size=3, max_size=3), PROBABILITIES)
def test_label_with_the_largest_share_over_its_prior_wins(
    free: list[list[float]], answer: list[float]
) -> None:
    prior = measured(free)
    assert sum(math.exp(p) for p in prior.logprobs.values()) == pytest.approx(1)
    shares = [sum(row[i] / sum(row) for row in free) / len(free) for i in range(2)]
    gains = [p / share for p, share in zip(answer, shares, strict=True)]
    if abs(gains[0] - gains[1]) > 1e-9 * max(gains):
        expected = LABELS[gains.index(max(gains))]
        assert prior.decide({"a": math.log(answer[0]), "b": math.log(answer[1])}) == expected


def test_probabilities_too_small_for_a_float_are_averaged() -> None:
    prior = ContentFreePrior.of([{"a": -2000.0, "b": -2001.0}, {"a": -900.0, "b": -901.0}])
    assert prior.logprobs["a"] - prior.logprobs["b"] == pytest.approx(1.0)


def test_nothing_is_measured_without_labels_or_log_probabilities() -> None:
    silent = FakeModel(lambda _: "a")
    assert ContentFreePrior.measure(silent, bare, FORM) is None
    assert len(silent.requests) == len(CONTENT_FREE)
    without_choices = dataclasses.replace(FORM, choices=None)
    assert ContentFreePrior.measure(silent, bare, without_choices) is None
    assert len(silent.requests) == len(CONTENT_FREE)


def test_prompts_are_measured_as_they_are_built_and_fit_the_context_window() -> None:
    def with_demonstrations(inputs: Sequence[str]) -> list[Prompt]:
        shown = tuple(Demonstration(input=f"{i} and more words", target="a") for i in range(40))
        return [dataclasses.replace(p, demonstrations=shown) for p in bare(inputs)]

    model = Telling(dict.fromkeys(CONTENT_FREE, (0.5, 0.5)), context_tokens=60)
    assert ContentFreePrior.measure(model, with_demonstrations, FORM) is not None
    assert [r.prompt.input for r in model.requests] == list(CONTENT_FREE)
    for request in model.requests:
        assert request.choices == LABELS
        assert request.prompt.instruction == "Choose."
        assert request.prompt.demonstrations
        assert model.count_prompt_tokens(request.prompt) + FORM.max_new_tokens <= 60


def test_with_lengths_prior_and_answer_are_means_over_tokens() -> None:
    lengths = {"a": 1, "b": 4}
    model = Telling(dict.fromkeys(CONTENT_FREE, (0.5, 0.0625)))
    prior = ContentFreePrior.measure(model, bare, FORM, n_tokens=lengths)
    assert prior is not None
    assert prior.logprobs == pytest.approx({"a": math.log(0.5), "b": math.log(0.5)})
    answer = per_token({"a": -1.0, "b": -3.6}, lengths)
    assert answer == pytest.approx({"a": -1.0, "b": -0.9})
    assert prior.decide(answer) == "b"


def test_length_of_a_label_counts_the_token_that_ends_it() -> None:
    assert label_lengths(FakeModel({}), ("one", "two words")) == {"one": 2, "two words": 3}


def test_prior_survives_json() -> None:
    prior = ContentFreePrior(logprobs={"a": -0.25, "b": -1.5})
    assert ContentFreePrior.from_json(prior.to_json()) == prior
