"""Completions held to a JSON Schema or to a list of choices: which tokens may come next.

The grammar work is llguidance's (ADR 0004 has the measurements); here stands what it is asked for. JSON
comes on one line, with at most one space after ``,`` and ``:`` and at most two in front of the whole: a
small model loops on white space where it may. Object keys come in the order of the schema's
``properties``, keys that the schema does not name come last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from adaptkit.core.errors import ConfigError, ModelError

JSON_OPTIONS: Mapping[str, object] = {
    "whitespace_flexible": False,
    "item_separator": ", ?",
    "key_separator": ": ?",
    # Targets written by json.dumps hold such escapes for every letter that is not ASCII.
    "json_allow_general_unicode_escapes": True,
}
# A model without a chat template learns its completions with a space in front ("Output: {"), and a
# SentencePiece tokenizer adds one of its own. Both are stripped from the answer.
START = 'start: (" " | "  ")? answer\nanswer: '
MAX_GRAMMARS = 256
"""Compiled grammars that are kept: one a task, or one a row where rows offer functions of their own."""


class Matcher:
    """A constraint: one walk through a compiled grammar.

    Args:
        matcher: an ``LLMatcher`` of its own.
        stop_ids: the tokens that end a completion.
    """

    def __init__(self, matcher: Any, stop_ids: list[int]) -> None:
        self._matcher = matcher
        self._stop_ids = stop_ids

    def allowed(self) -> torch.Tensor:
        """Boolean [V] on the CPU; the caller may write to it."""
        # One byte a token, not 0 for allowed. numpy, because torch splits 49k comparisons over threads,
        # which takes longer than the comparisons.
        mask = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) != 0
        mask[self._stop_ids] = self._may_end()
        if not mask.any():
            mask[self._stop_ids] = True
        return torch.from_numpy(mask)

    def accept(self, token: int) -> None:
        """Take the token that came.

        Raises:
            ModelError: the token was not allowed; the constraint stays as it was.
        """
        if self._matcher.is_error():
            return  # gave up earlier (see _may_end): the row ends whatever comes
        if not self._matcher.validate_tokens([token]):
            raise ModelError(f"Token {token} does not fit the constraint. Choose among the allowed ones.")
        self._matcher.consume_token(token)

    @property
    def is_finished(self) -> bool:
        """Whether nothing but the end may follow."""
        return bool(self._matcher.is_stopped())

    def forced(self) -> list[int]:
        """The tokens in which the only text that may follow is usually written."""
        return [] if self._matcher.is_error() else list(self._matcher.compute_ff_tokens())

    def takes(self, tokens: Sequence[int]) -> bool:
        """Whether the completion may be these tokens and then end."""
        tokens = list(tokens)
        taken = self._matcher.try_consume_tokens(tokens)
        return bool(taken == len(tokens) and self._matcher.is_accepting())

    def _may_end(self) -> bool:
        # In error: a limit of the library on the size of a parse was hit. There is no way on but the end.
        return bool(self._matcher.is_accepting() or self._matcher.is_error())


class Grammars:
    """The constraints of one tokenizer.

    The library is imported and the tokenizer is read (half a second) when the first grammar is asked
    for; compiled grammars (1-3 ms) are kept, and a constraint is a copy of one (microseconds).

    Args:
        tokenizer: a ``transformers`` tokenizer.
        stop_ids: tokens that end a completion.
        n_vocab: length of the masks; at least the tokenizer's largest id + 1.
    """

    def __init__(self, tokenizer: Any, *, stop_ids: frozenset[int], n_vocab: int) -> None:
        self._tokenizer = tokenizer
        self._stop_ids = sorted(i for i in stop_ids if i < n_vocab)
        self._n_vocab = n_vocab
        self._wrapped: Any = None
        self._compiled: dict[str, Any] = {}

    def json_schema(self, schema: Mapping[str, object]) -> Callable[[], Matcher]:
        """Return what makes a fresh constraint to JSON that follows ``schema``.

        Raises:
            ConfigError: the schema asks for what cannot be enforced token by token, or for what no
                value fulfils; the message names it.
        """
        return self._constraints(_schema_grammar(schema), "This JSON Schema cannot be enforced")

    def choices(self, choices: Sequence[str]) -> Callable[[], Matcher]:
        """Return what makes a fresh constraint to one of these texts.

        Raises:
            ConfigError: there are none.
        """
        if isinstance(choices, str) or not choices:
            raise ConfigError.for_parameter("choices()", "choices", "a list of at least one text", choices)
        return self._constraints(_choice_grammar(choices), "These choices cannot be enforced")

    def refuses(
        self, schema: Mapping[str, object], texts: Sequence[str], encode: Callable[[str], Sequence[int]]
    ) -> str | None:
        """Why completions should not be held to ``schema``, seen that they are meant to be like ``texts``.

        A constraint may be narrower than the schema: another order of keys, another layout.

        Args:
            texts: right answers, for instance the train targets.
            encode: token ids of a completion, without its end token.

        Returns:
            None where the schema can be enforced and all texts are let by.
        """
        try:
            fresh = self.json_schema(schema)
        except ConfigError as error:
            return str(error)
        refused = [text for text in texts if not fresh().takes(encode(text))]
        if not refused:
            return None
        return (
            f"{len(refused)} of {len(texts)} targets do not have the form that this JSON Schema enforces "
            f"(keys in its order, on one line), among them {refused[0]!r}."
        )

    def _constraints(self, grammar: str, failure: str) -> Callable[[], Matcher]:
        compiled = self._compiled.get(grammar)
        if compiled is None:
            compiled = self._compile(grammar, failure)
            if len(self._compiled) >= MAX_GRAMMARS:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[grammar] = compiled
        return lambda: Matcher(compiled.deep_copy(), self._stop_ids)

    def _compile(self, grammar: str, failure: str) -> Any:
        from llguidance import LLMatcher

        tokenizer = self._wrap()
        failed, messages = LLMatcher.validate_grammar_with_warnings(grammar, tokenizer)
        if failed:
            raise ConfigError(f"{failure}: {_reason(messages[0])}.")
        return LLMatcher(tokenizer, grammar, log_level=0)

    def _wrap(self) -> Any:
        if self._wrapped is None:
            from llguidance import LLTokenizer

            backend = getattr(self._tokenizer, "backend_tokenizer", None)
            if backend is None:
                raise ConfigError(
                    f"{type(self._tokenizer).__name__} is a tokenizer without a tokenizer.json: "
                    "completions cannot be constrained. Use the model's fast tokenizer."
                )
            try:
                self._wrapped = LLTokenizer(backend.to_str(), n_vocab=self._n_vocab, eos_token=self._stop_ids)
            except ValueError as error:
                raise ConfigError(f"Completions of this tokenizer cannot be constrained: {error}.") from None
        return self._wrapped


def _schema_grammar(schema: Mapping[str, object]) -> str:
    # Keys are not sorted: their order is the order of the completion's keys. Options that stand in the
    # schema itself are replaced: one of them makes the library overlook what it cannot enforce.
    return f"{START}%json {json.dumps({**schema, 'x-guidance': dict(JSON_OPTIONS)})}"


def _choice_grammar(choices: Sequence[str]) -> str:
    return START + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)


def _reason(message: str) -> str:
    r"""The cause out of a message that also quotes the grammar.

    Examples:
        >>> _reason('at 2(7): failed to compile JSON schema: Unimplemented keys: ["not"]\n   1 | start: x')
        'Unimplemented keys: ["not"]'
    """
    cause = message.partition("failed to compile JSON schema: ")[2] or message
    lines = [line.strip() for line in cause.partition("\n   1 |")[0].splitlines()]
    return " ".join(line for line in lines if line.strip("^ "))
