"""Fitting prompts to the window; which parts go first is tested beside the strategies' base."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny_base_model, tiny_gemma, tiny_llama, tiny_qwen

from adaptkit.core.types import Demonstration, Passage, Prompt
from adaptkit.models.base import Model
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies.fitting import DemonstrationRoom, fit_to_context

LENGTHS = st.lists(st.integers(1, 40), max_size=60)
BARE = Prompt(instruction="Answer the question.", input="what is it ?")


class CountingModel(FakeModel):
    """Remembers how often whole prompts were counted."""

    def __init__(self, context_tokens: int) -> None:
        super().__init__(lambda _: "", context_tokens=context_tokens)
        self.n_prompts_counted = 0

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        self.n_prompts_counted += 1
        return super().count_prompt_tokens(prompt)


def of_lengths(lengths: list[int]) -> list[Demonstration]:
    return [Demonstration(input=f"w{i} " * n, target="answer") for i, n in enumerate(lengths)]


def with_first(prompt: Prompt, shown: list[Demonstration], n: int) -> Prompt:
    return dataclasses.replace(prompt, demonstrations=(*prompt.demonstrations, *shown[:n]))


@given(lengths=LENGTHS, room=st.integers(1, 400))
def test_as_many_demonstrations_as_fit_and_not_one_more(lengths: list[int], room: int) -> None:
    model, shown = FakeModel(lambda _: "", context_tokens=room + 10), of_lengths(lengths)
    n = DemonstrationRoom(model, 10).n_that_fit(BARE, shown)
    if n:
        assert model.count_prompt_tokens(with_first(BARE, shown, n)) <= room
    if n < len(shown):
        assert model.count_prompt_tokens(with_first(BARE, shown, n + 1)) > room


@pytest.mark.parametrize("make", [tiny_llama, tiny_qwen, tiny_gemma, tiny_base_model])
def test_room_is_counted_as_the_model_renders_it(make: Callable[..., LocalModel]) -> None:
    model: Model = make(context_tokens=700)
    shown = [Demonstration(input=f"play song {'la ' * (i % 7)}", target="music") for i in range(60)]
    prompt = dataclasses.replace(BARE, demonstrations=tuple(of_lengths([2, 3])))
    n = DemonstrationRoom(model, 50).n_that_fit(prompt, shown)
    assert 0 < n < len(shown)
    assert model.count_prompt_tokens(with_first(prompt, shown, n)) <= 650
    assert model.count_prompt_tokens(with_first(prompt, shown, n + 1)) > 650
    assert DemonstrationRoom(model, 50).most >= n


def test_hundreds_of_demonstrations_are_fitted_by_a_few_counts() -> None:
    model, shown = CountingModel(3_000), of_lengths([3 + i % 11 for i in range(800)])
    room = DemonstrationRoom(model, 100)
    assert 200 < room.n_that_fit(BARE, shown) < 400
    model.n_prompts_counted = 0
    room.n_that_fit(dataclasses.replace(BARE, input="another " * 20), shown)
    assert model.n_prompts_counted <= 3
    model.n_prompts_counted = 0
    fitted = fit_to_context(with_first(BARE, shown, 800), model, 100)
    assert model.count_prompt_tokens(fitted) <= 2_900
    assert fitted.demonstrations == tuple(shown[800 - len(fitted.demonstrations) :])
    assert model.n_prompts_counted <= 22


def test_prompt_that_surely_fits_is_not_counted() -> None:
    model = CountingModel(8_000)
    room = DemonstrationRoom(model, 100)
    model.n_prompts_counted = 0
    assert room.n_that_fit(BARE, of_lengths([5] * 20)) == 20
    assert fit_to_context(BARE, model, 100) is BARE
    assert model.n_prompts_counted == 0


def test_nothing_fits_beside_a_prompt_that_is_too_long_itself() -> None:
    model = FakeModel(lambda _: "", context_tokens=30)
    room = DemonstrationRoom(model, 10)
    assert room.n_that_fit(dataclasses.replace(BARE, input="word " * 40), of_lengths([1, 1])) == 0
    assert room.n_that_fit(BARE, []) == 0
    assert DemonstrationRoom(model, 500).most == 1


@given(lengths=LENGTHS, n_passages=st.integers(0, 4), room=st.integers(1, 300))
def test_fitting_leaves_out_no_more_than_it_must(lengths: list[int], n_passages: int, room: int) -> None:
    model = FakeModel(lambda _: "", context_tokens=room + 10)
    passages = tuple(Passage(id=f"{i}", document_id="d", text="t " * 9, score=1.0) for i in range(n_passages))
    prompt = dataclasses.replace(BARE, demonstrations=tuple(of_lengths(lengths)), context=passages)
    fitted = fit_to_context(prompt, model, 10)
    n_shown, n_kept = len(fitted.demonstrations), len(fitted.context)
    assert fitted.demonstrations == prompt.demonstrations[len(lengths) - n_shown :]
    assert fitted.context == passages[:n_kept]
    if n_shown or n_kept:
        assert model.count_prompt_tokens(fitted) <= room
    if n_kept < n_passages:
        assert n_shown == 0
        one_more = dataclasses.replace(fitted, context=passages[: n_kept + 1])
        assert model.count_prompt_tokens(one_more) > room
    elif n_shown < len(lengths):
        one_more = dataclasses.replace(fitted, demonstrations=prompt.demonstrations[-n_shown - 1 :])
        assert model.count_prompt_tokens(one_more) > room
