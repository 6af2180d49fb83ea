"""A model under test: what checks share, made when it is first asked for."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

from adaptkit.core.types import Completion, Demonstration, Passage, Prompt, Request
from adaptkit.models.base import Model, Trainable
from adaptkit.testing.answers import completed
from adaptkit.testing.failure import NotApplicable
from adaptkit.testing.supply import GivenModel, Supply

TEXTS = ("What colour is the sky?", "x", "Name three animals that live in the sea, please.", "1 + 1")
SHOWN = Demonstration(input="What colour is grass?", target="It is green.")
LOOKED_UP = Passage(id="sky#0", document_id="sky", text="By day the sky is blue.", score=0.9, title="Sky")
MAX_NEW_TOKENS = 12


class ModelCase:
    """A model with requests.

    Args:
        model: a model; a function that makes one, equal each time; or a folder or name for ``load_model``.
    """

    def __init__(self, model: GivenModel) -> None:
        self._supply = Supply.of(model)

    def __repr__(self) -> str:
        return f"ModelCase({self.model.info.id})"

    @cached_property
    def model(self) -> Model:
        """The model."""
        return self._supply.make()

    @cached_property
    def fresh_model(self) -> Model:
        """Another one of the same making.

        Raises:
            NotApplicable: a model was given, not what makes one.
        """
        made = self._supply.make()
        if made is self.model:
            raise NotApplicable("This takes a second model: give a function that makes one.")
        return made

    @cached_property
    def trainable(self) -> Trainable:
        """The model, its weights at hand.

        Raises:
            NotApplicable: they are not.
        """
        if not isinstance(self.model, Trainable):
            raise NotApplicable("Its weights are not at hand.")
        return self.model

    def request(self, text: str, **fields: Any) -> Request:
        """A request for a short free text."""
        given: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, **fields}
        return Request(prompt=Prompt(instruction="Answer the question.", input=text), **given)

    @cached_property
    def requests(self) -> list[Request]:
        """Requests of all sorts: of several lengths, with all parts of a prompt, with choices."""
        plain = [self.request(text) for text in TEXTS]
        prompt = dataclasses.replace(plain[0].prompt, demonstrations=(SHOWN,), context=(LOOKED_UP,))
        chosen = self.request(TEXTS[2], choices=("yes", "no", "not at all"))
        return [*plain, dataclasses.replace(plain[0], prompt=prompt), chosen]

    @cached_property
    def together(self) -> list[Completion]:
        """Completions of all of them, asked at once."""
        return self.model.complete(self.requests)

    def ask(self, request: Request) -> Completion:
        """The completion of a single request."""
        (completion,) = self.model.complete([request])
        return completion

    def told(self, *requests: Request) -> list[tuple[str, str, int, int]]:
        """What completions of one call tell, but for their times."""
        return completed(self.model.complete(list(requests)))
