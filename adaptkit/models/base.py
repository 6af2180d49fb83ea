"""What a model has to offer: one method to answer, one more group of names to be trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

from adaptkit.core.types import Completion, ModelInfo, Prompt, Request


@runtime_checkable
class Model(Protocol):
    """Answers requests. Implementations: a local transformers model, a scripted fake, a remote API."""

    @property
    def info(self) -> ModelInfo:
        """What identifies the model in a manifest."""

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request; same order, same length.

        A single request is timed (``first_token_s``, ``latency_s``); in a batch both are None.

        Raises:
            ModelError: the model cannot answer; with several requests, any one of them may be at fault.
        """

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text by the model's own tokenizer."""

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Number of tokens of a prompt as the model renders it, chat markup included."""


@runtime_checkable
class Constrainable(Model, Protocol):
    """A model that can hold its completions to a request's ``schema``."""

    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        """Why it cannot hold them to this one, or should not, because it would refuse one of ``texts``.

        Args:
            schema: a JSON Schema.
            texts: right answers.

        Returns:
            None where completions can be held to the schema and all of ``texts`` be given.
        """


@runtime_checkable
class Trainable(Model, Protocol):
    """A model whose weights are at hand, so that a strategy may replace them."""

    @property
    def module(self) -> Any:
        """The ``transformers`` module; a trainer works on a copy and leaves this one as it is."""

    @property
    def pad_id(self) -> int:
        """Token id to pad batches with; always masked, so it may equal the end token."""

    @property
    def template_hash(self) -> str:
        """Hash of how prompts are rendered: an adapter trained under another one is refused."""

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of a prompt, ready for the completion to follow."""

    def encode_completion(self, text: str) -> list[int]:
        """Token ids of a completion, its end token included."""

    def derive(self, module: Any, *, note: str) -> Self:
        """Return a model with the same tokenizer and template on other weights."""
