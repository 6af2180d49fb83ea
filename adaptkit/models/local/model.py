"""A transformers model on this machine, behind the :class:`adaptkit.models.base.Trainable` protocol."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import torch

from adaptkit.core.errors import ContextLengthError
from adaptkit.core.types import Completion, FinishReason, ModelInfo, Prompt, Request, Usage
from adaptkit.models.local import decoding, plain
from adaptkit.models.local.choices import ChoiceTree
from adaptkit.models.local.constrain import Grammars
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.rows import RowState, Sampling
from adaptkit.models.local.stops import StopStrings
from adaptkit.models.local.support import find_obstacle, fits
from adaptkit.models.render import Renderer

ENGINE = "shared-prefix"


class LocalModel:
    """A causal language model that runs here.

    Args:
        module: the transformers model, on its device.
        tokenizer: its tokenizer.
        info: what identifies it.

    Attributes:
        paths: requests answered so far, by the path that ran: ``shared-prefix`` or ``generate``.
    """

    def __init__(self, module: Any, tokenizer: Any, info: ModelInfo) -> None:
        self._module = module.eval()
        keep_head_contiguous(module)
        self._tokenizer = tokenizer
        generation = getattr(module, "generation_config", None)
        stops = getattr(generation, "eos_token_id", None)
        extra = [] if stops is None else [stops] if isinstance(stops, int) else list(stops)
        self._renderer = Renderer(tokenizer, extra)
        self._engine = Engine(module, stop_ids=self._renderer.stop_ids)
        self._grammars = Grammars(tokenizer, stop_ids=self._renderer.stop_ids, n_vocab=len(tokenizer))
        self._info = info
        self._stop_strings: dict[tuple[str, ...], StopStrings] = {}
        self.paths: Counter[str] = Counter()

    @property
    def info(self) -> ModelInfo:
        """What identifies the model in a manifest."""
        return self._info

    @cached_property
    def obstacle(self) -> str | None:
        """Why requests go through ``generate`` instead of the shared-prefix engine; None when they do not."""
        return find_obstacle(self._engine)

    @property
    def module(self) -> Any:
        """The transformers module."""
        return self._module

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        return self._tokenizer

    @property
    def pad_id(self) -> int:
        """Filler token; masked everywhere, so it may equal the end token."""
        pad = self._tokenizer.pad_token_id
        return int(pad if pad is not None else self._tokenizer.eos_token_id or 0)

    @property
    def template_hash(self) -> str:
        """Hash of how prompts are rendered."""
        return self._renderer.template_hash

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids of a prompt."""
        return self._renderer.encode(prompt)

    def encode_completion(self, text: str) -> list[int]:
        """Token ids of a completion, its end token included."""
        return self._renderer.encode_completion(text)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of a text."""
        return len(self._renderer.encode_text(text))

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Number of tokens of a rendered prompt."""
        return len(self._renderer.encode(prompt))

    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        """Why completions like ``texts`` cannot be held to a JSON Schema; None where they can."""
        return self._grammars.refuses(schema, texts, lambda text: self.encode_completion(text)[:-1])

    def derive(self, module: Any, *, note: str) -> Self:
        """Return a model on other weights with the same tokenizer and template."""
        info = dataclasses.replace(self._info, notes=(*self._info.notes, note))
        made = type(self)(module, self._tokenizer, info)
        made.paths = self.paths  # one count for a model and what is made of it
        made._grammars = self._grammars  # reading a tokenizer takes half a second
        if "obstacle" in vars(self):
            vars(made)["obstacle"] = self.obstacle  # other weights, the same architecture
        return made

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request, in order.

        Raises:
            ContextLengthError: a request does not fit the context window.
            ConfigError: a request's schema cannot be enforced.
            ModelError: memory does not suffice for a single request.
        """
        started = time.perf_counter()
        rows = [self._renderer.encode(r.prompt) for r in requests]
        lengths = self._lengths(rows, requests)
        for length in lengths:
            if length > self._info.context_tokens:
                raise ContextLengthError(length, self._info.context_tokens)
        results: dict[int, Completion] = {}
        for (choices, fast), indexes in self._groups(lengths, requests).items():
            self.paths[ENGINE if fast else "generate"] += len(indexes)
            group = [rows[i] for i in indexes]
            if choices is None:
                found = self._write(group, [requests[i] for i in indexes], fast=fast)
            else:
                found = self._choose(choices, group, fast=fast)
            results |= dict(zip(indexes, found, strict=True))
        if len(requests) == 1:
            return [_timed(results[0], time.perf_counter() - started)]
        return [_untimed(results[i]) for i in range(len(requests))]

    def _lengths(self, rows: Sequence[list[int]], requests: Sequence[Request]) -> list[int]:
        """Tokens of each request, its longest possible completion included."""
        longest = {
            choices: max(len(self._renderer.encode_completion(c)) for c in choices)
            for choices in {r.choices for r in requests}
            if choices is not None
        }
        return [
            len(row) + (r.max_new_tokens if r.choices is None else longest[r.choices])
            for row, r in zip(rows, requests, strict=True)
        ]

    def _groups(
        self, lengths: Sequence[int], requests: Sequence[Request]
    ) -> dict[tuple[tuple[str, ...] | None, bool], list[int]]:
        """Requests that can be answered together: by their choices, and whether the engine can take them."""
        groups: dict[tuple[tuple[str, ...] | None, bool], list[int]] = {}
        for i, (length, request) in enumerate(zip(lengths, requests, strict=True)):
            fast = self.obstacle is None and fits(self._module, length)
            groups.setdefault((request.choices, fast), []).append(i)
        return groups

    def _write(self, rows: list[list[int]], requests: list[Request], *, fast: bool) -> list[Completion]:
        """Completions in free text."""
        states = [self._state(row, request) for row, request in zip(rows, requests, strict=True)]

        def run() -> None:
            waiting = [s for s in states if not s.finish_reason]
            for state in waiting:
                state.reset()
            if fast:
                decoding.generate(self._engine, waiting)
            else:
                for batch in plain.batches(waiting, self._engine.budget):
                    plain.generate(self._module, batch, pad_id=self.pad_id, stop_ids=self._renderer.stop_ids)

        self._engine.within_memory(run)
        return [self._completion(s, r) for s, r in zip(states, requests, strict=True)]

    def _state(self, row: list[int], request: Request) -> RowState:
        draws = (
            Sampling(temperature=request.temperature, top_p=request.top_p, seed=request.seed)
            if request.temperature
            else None
        )
        rules = self._grammars.json_schema(request.schema) if request.schema is not None else None
        stops = self._stops(request)
        return RowState(row, request.max_new_tokens, stops.reached, sampling=draws, constraint=rules)

    def _stops(self, request: Request) -> StopStrings:
        strings = (*request.stop, *self._renderer.stop_strings)
        if strings not in self._stop_strings:
            self._stop_strings[strings] = StopStrings(self._tokenizer, strings)
        return self._stop_strings[strings]

    def _completion(self, state: RowState, request: Request) -> Completion:
        text = self._stops(request).cut(state.generated)
        if text is None:
            text = self._renderer.decode(state.generated)
        reason: FinishReason = "stop" if state.finish_reason == "stop" else "length"
        usage = Usage(tokens_in=len(state.ids), tokens_out=len(state.generated), tokens_cached=state.n_cached)
        return Completion(
            text=text.strip(),
            finish_reason=reason,
            usage=usage,
            first_token_s=state.first_token_s,
            latency_s=state.latency_s,
        )

    def _choose(self, choices: tuple[str, ...], rows: list[list[int]], *, fast: bool) -> list[Completion]:
        """Completions that are the likeliest of given ones."""
        started = time.perf_counter()
        ids = [self._renderer.encode_completion(c) for c in choices]

        def run() -> tuple[torch.Tensor, list[int]]:
            if fast:
                return self._engine.score_choices(rows, ChoiceTree(ids))
            return plain.score_choices(self._module, rows, ids, pad_id=self.pad_id), [0] * len(rows)

        scores, n_cached = self._engine.within_memory(run)
        seconds = time.perf_counter() - started
        best = scores.argmax(-1).tolist()
        return [
            Completion(
                text=choices[best[i]],
                finish_reason="choice",
                usage=Usage(tokens_in=len(row), tokens_out=len(ids[best[i]]), tokens_cached=n_cached[i]),
                first_token_s=seconds,
                latency_s=seconds,
                choice_logprobs=dict(zip(choices, scores[i].tolist(), strict=True)),
            )
            for i, row in enumerate(rows)
        ]


def _timed(completion: Completion, seconds: float) -> Completion:
    """Count what the answer itself does not, such as making tokens of the prompt."""
    more = seconds - (completion.latency_s or 0.0)
    return dataclasses.replace(
        completion,
        first_token_s=None if completion.first_token_s is None else completion.first_token_s + more,
        latency_s=seconds,
    )


def _untimed(completion: Completion) -> Completion:
    """A batch tells nothing about what a single request feels."""
    return dataclasses.replace(completion, first_token_s=None, latency_s=None)


def keep_head_contiguous(module: Any) -> None:
    """Hand the head contiguous hidden states.

    The last position of a batch is a strided view, for which torch's linear layer falls back to one
    product a row over copies of the weights: with 49k words and 32 rows, 1.8 GB copied a token.
    """
    head = module.get_output_embeddings()
    if head is not None and not getattr(head, "adaptkit_contiguous", False):
        head.register_forward_pre_hook(_contiguous)
        head.adaptkit_contiguous = True


def _contiguous(_: Any, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (arguments[0].contiguous(), *arguments[1:])
