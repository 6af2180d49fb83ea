"""Looking on while a strategy uses a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from adaptkit.core.types import Completion, Prompt, Request
from adaptkit.models.base import Model
from adaptkit.testing.failure import NotApplicable


@dataclass
class Seen:
    """What a model was given and gave.

    Attributes:
        requests: all that were asked, in order.
        completions: their completions.
        encoded: prompts that were made into tokens to be trained on.
    """

    requests: list[Request] = field(default_factory=list)
    completions: list[Completion] = field(default_factory=list)
    encoded: list[Prompt] = field(default_factory=list)

    @property
    def prompts(self) -> list[Prompt]:
        """Asked or trained on."""
        return [*(r.prompt for r in self.requests), *self.encoded]


@contextmanager
def seen_by(model: Model) -> Iterator[Seen]:
    """Note down what a model is asked and made to encode.

    Raises:
        NotApplicable: the model's methods cannot be replaced for a while.
    """
    seen = Seen()

    def complete(original: Any) -> Any:
        def noted(requests: Sequence[Request]) -> list[Completion]:
            completions: list[Completion] = original(requests)
            seen.requests += requests
            seen.completions += completions
            return completions

        return noted

    def encode(original: Any) -> Any:
        def noted(prompt: Prompt) -> list[int]:
            seen.encoded.append(prompt)
            ids: list[int] = original(prompt)
            return ids

        return noted

    with _replaced(model, {"complete": complete, "encode": encode}):
        yield seen


@contextmanager
def failing_at(model: Model, text: str, error: Exception) -> Iterator[Seen]:
    """Let a model raise ``error`` for requests whose input holds ``text``, and note the others down."""
    seen = Seen()

    def complete(original: Any) -> Any:
        def noted(requests: Sequence[Request]) -> list[Completion]:
            seen.requests += requests
            if any(text in r.prompt.input for r in requests):
                raise error
            completions: list[Completion] = original(requests)
            return completions

        return noted

    with _replaced(model, {"complete": complete}):
        yield seen


@contextmanager
def _replaced(model: Model, methods: dict[str, Callable[[Any], Any]]) -> Iterator[None]:
    """Put methods of one object in front of its class's."""
    present = {name: getattr(model, name) for name in methods if hasattr(model, name)}
    own = [name for name in present if name in getattr(model, "__dict__", {})]
    try:
        for name, original in present.items():
            setattr(model, name, methods[name](original))
    except AttributeError as error:
        raise NotApplicable(f"Methods of this model cannot be watched ({error}).") from None
    try:
        yield
    finally:
        for name, original in present.items():
            if name in own:
                setattr(model, name, original)
            else:
                delattr(model, name)
