"""Make a prompt fit the model's context window by leaving out its least useful parts."""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from adaptkit.core.types import Demonstration, Prompt
from adaptkit.models.base import Model

SHORTEST = Demonstration(input="a", target="a")
"""What a prompt has room for most often."""


def fit_to_context(prompt: Prompt, model: Model, max_new_tokens: int) -> Prompt:
    """Drop demonstrations (first, so furthest, first) and then passages (worst first) until it fits.

    What cannot be dropped is left to the model, whose error names both figures.
    """
    room = model.info.context_tokens - max_new_tokens
    if _surely_fits(prompt, room):
        return prompt
    shown, passages = prompt.demonstrations, prompt.context

    def with_last(n: int) -> Prompt:
        return dataclasses.replace(prompt, demonstrations=shown[len(shown) - n :])

    n = _largest(len(shown), lambda n: model.count_prompt_tokens(with_last(n)) <= room)
    if n >= 0:
        return with_last(n)

    def with_best(n: int) -> Prompt:
        return dataclasses.replace(prompt, demonstrations=(), context=passages[:n])

    return with_best(
        max(0, _largest(len(passages), lambda n: model.count_prompt_tokens(with_best(n)) <= room))
    )


class DemonstrationRoom:
    """How many demonstrations a prompt has room for, counted in the model's tokens.

    What each demonstration takes is counted once and remembered; whole prompts, whose tokens decide, are
    counted two or three times instead of once for each number tried.

    Args:
        model: counts the tokens.
        max_new_tokens: kept free for the answer.
    """

    def __init__(self, model: Model, max_new_tokens: int) -> None:
        self._model = model
        self._room = model.info.context_tokens - max_new_tokens
        self._sizes: dict[Demonstration, int] = {}
        bare = Prompt(instruction="a", input="a")
        shown = dataclasses.replace(bare, demonstrations=(SHORTEST,))
        self._shortest = max(1, model.count_prompt_tokens(shown) - model.count_prompt_tokens(bare))
        self._markup = self._shortest - self._tokens_of(SHORTEST)

    @property
    def most(self) -> int:
        """More than any prompt has room for."""
        return max(1, self._room // self._shortest)

    def n_that_fit(self, prompt: Prompt, demonstrations: Sequence[Demonstration]) -> int:
        """How many of the demonstrations, from the first on, can be added to a prompt; 0 where none can."""

        def with_first(n: int) -> Prompt:
            return dataclasses.replace(prompt, demonstrations=(*prompt.demonstrations, *demonstrations[:n]))

        if not demonstrations or _surely_fits(with_first(len(demonstrations)), self._room):
            return len(demonstrations)
        free = self._room - self._model.count_prompt_tokens(prompt)
        guess = bisect_right(list(accumulate(self._sizes_of(demonstrations))), free)
        return max(
            0,
            _largest(
                len(demonstrations),
                lambda n: self._model.count_prompt_tokens(with_first(n)) <= self._room,
                guess=guess,
            ),
        )

    def _sizes_of(self, demonstrations: Iterable[Demonstration]) -> list[int]:
        for shown in demonstrations:
            if shown not in self._sizes:
                self._sizes[shown] = self._tokens_of(shown) + self._markup
        return [self._sizes[shown] for shown in demonstrations]

    def _tokens_of(self, shown: Demonstration) -> int:
        return self._model.count_tokens(shown.input) + self._model.count_tokens(shown.target)


def _largest(n_most: int, fits: Callable[[int], bool], guess: int | None = None) -> int:
    """The largest of 0 to ``n_most`` that fits, where all smaller ones fit too; -1 where none does.

    Looked for from the guess on (without one, from ``n_most``) in steps that double, then by halving: a good
    guess takes two calls, a bad one twice the logarithm of how far off it was.
    """
    low, high, step = -1, n_most + 1, 1
    n = n_most if guess is None else min(guess, n_most)
    while high - low > 1:
        if fits(n):
            low = n
        else:
            high = n
        if high > n_most:
            n = min(low + step, n_most)
        elif low < 0:
            n = max(high - step, 0)
        else:
            n = (low + high) // 2
        step *= 2
    return low


def _surely_fits(prompt: Prompt, room: int) -> bool:
    """Whether no tokens need be counted: a token has a byte at least, and markup is less than half."""
    texts = [prompt.instruction, prompt.input]
    texts += [t for d in prompt.demonstrations for t in (d.input, d.target)]
    texts += [t for p in prompt.context for t in (p.title or "", p.text)]
    texts += [turn.text for turn in prompt.turns]
    return sum(len(t.encode()) for t in texts) < room // 2
