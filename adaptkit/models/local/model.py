"""A transformers model on this machine, behind the :class:`adaptkit.models.base.Trainable` protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import torch

from adaptkit.core.errors import ContextLengthError
from adaptkit.core.types import Completion, FinishReason, ModelInfo, Prompt, Request, Usage
from adaptkit.models.local import plain
from adaptkit.models.local.choices import ChoiceTree
from adaptkit.models.local.constrain import Grammars
from adaptkit.models.local.engine import Engine, RowState
from adaptkit.models.render import Renderer

BATCH_TOKENS = {"cpu": 6_144, "cuda": 65_536}
"""Prompt tokens in one batch, padding included: past this the CPU gains nothing."""
MAX_BATCH = {"cpu": 32, "cuda": 256}


class LocalModel:
    """A causal language model that runs here.

    Args:
        module: the transformers model, on its device.
        tokenizer: its tokenizer.
        info: what identifies it.
    """

    def __init__(self, module: Any, tokenizer: Any, info: ModelInfo) -> None:
        self._module = module.eval()
        keep_head_contiguous(module)
        self._tokenizer = tokenizer
        generation = getattr(module, "generation_config", None)
        stops = getattr(generation, "eos_token_id", None)
        extra = [] if stops is None else [stops] if isinstance(stops, int) else list(stops)
        self._renderer = Renderer(tokenizer, extra)
        self._engine = Engine(module, pad_id=self.pad_id, stop_ids=self._renderer.stop_ids)
        self._grammars = Grammars(tokenizer, stop_ids=self._renderer.stop_ids, n_vocab=len(tokenizer))
        self._info = info

    @property
    def info(self) -> ModelInfo:
        """What identifies the model in a manifest."""
        return self._info

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
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Number of tokens of a rendered prompt."""
        return len(self._renderer.encode(prompt))

    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        """Why completions like ``texts`` cannot be held to a JSON Schema; None where they can."""
        return self._grammars.refuses(schema, texts, lambda text: self.encode_completion(text)[:-1])

    def derive(self, module: Any, *, note: str) -> Self:
        """Return a model on other weights with the same tokenizer and template."""
        import dataclasses

        info = dataclasses.replace(self._info, notes=(*self._info.notes, note))
        return type(self)(module, self._tokenizer, info)

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request, in order.

        Raises:
            ContextLengthError: a request does not fit the context window.
        """
        rows = [self._renderer.encode(r.prompt) for r in requests]
        for row, request in zip(rows, requests, strict=True):
            needed = self._n_tokens(row, request)
            if needed > self._info.context_tokens:
                raise ContextLengthError(needed, self._info.context_tokens)
        results: list[Completion | None] = [None] * len(requests)
        alone = len(requests) == 1
        for choices, indexes in _groups(requests).items():
            for batch in self._batches([(i, len(rows[i])) for i in indexes]):
                answered = self._run(choices, [rows[i] for i in batch], [requests[i] for i in batch])
                for i, completion in zip(batch, answered, strict=True):
                    results[i] = completion if alone else _untimed(completion)
        return [r for r in results if r is not None]

    def _n_tokens(self, row: list[int], request: Request) -> int:
        """Tokens of a request, its longest possible completion included."""
        if request.choices is None:
            return len(row) + request.max_new_tokens
        return len(row) + max(len(self._renderer.encode_completion(c)) for c in request.choices)

    def _batches(self, lengths: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
        """Cut rows, sorted by length, into batches under the token budget."""
        kind = self._module.device.type
        budget, most = BATCH_TOKENS.get(kind, BATCH_TOKENS["cpu"]), MAX_BATCH.get(kind, MAX_BATCH["cpu"])
        batch: list[int] = []
        # Longest first: the largest batch shows at once whether memory suffices.
        for index, length in sorted(lengths, key=lambda x: -x[1]):
            longest = max(length, max((n for i, n in lengths if i in batch[:1]), default=0))
            if batch and (len(batch) >= most or (len(batch) + 1) * longest > budget):
                yield batch
                batch = []
            batch.append(index)
        if batch:
            yield batch

    def _run(
        self, choices: tuple[str, ...] | None, rows: list[list[int]], requests: list[Request]
    ) -> list[Completion]:
        started = time.perf_counter()
        fast = plain.fits_prefix_cache(self._module, max(map(self._n_tokens, rows, requests)))
        if choices is not None:
            return self._choose(choices, rows, fast=fast)
        states = [self._state(row, request) for row, request in zip(rows, requests, strict=True)]
        if fast:
            prefix, n_known = self._engine.share_prefix(rows)
            for number, state in enumerate(states):
                # The first row pays for whatever part of the prefix is new.
                state.n_cached = n_known if number == 0 else len(prefix) if prefix else 0
            self._engine.generate(states, prefix)
        else:
            plain.generate(self._module, states, pad_id=self.pad_id, stop_ids=self._renderer.stop_ids)
        wasted = time.perf_counter() - started - max(s.latency_s for s in states)
        return [self._completion(s, r, overhead_s=wasted) for s, r in zip(states, requests, strict=True)]

    def _state(self, row: list[int], request: Request) -> RowState:
        stops = (*request.stop, *self._renderer.stop_strings)

        def is_complete(generated: list[int]) -> bool:
            return bool(stops) and self._cut(generated, stops) is not None

        return RowState(row, request.max_new_tokens, is_complete)

    def _cut(self, generated: list[int], stops: Sequence[str]) -> str | None:
        """The text before the first stop string, or None when there is none yet.

        A line break before the first word does not count: a model may start with one.
        """
        text = self._renderer.decode(generated)
        lead = len(text) - len(text.lstrip())
        found = [at for at in (text.find(s, lead if s.isspace() else 0) for s in stops) if at >= 0]
        return text[: min(found)] if found else None

    def _completion(self, state: RowState, request: Request, *, overhead_s: float) -> Completion:
        stops = (*request.stop, *self._renderer.stop_strings)
        text = self._cut(state.generated, stops) if stops else None
        if text is None:
            text = self._renderer.decode(state.generated)
        reason: FinishReason = "stop" if state.finish_reason == "stop" else "length"
        usage = Usage(tokens_in=len(state.ids), tokens_out=len(state.generated), tokens_cached=state.n_cached)
        return Completion(
            text=text.strip(),
            finish_reason=reason,
            usage=usage,
            first_token_s=state.first_token_s + overhead_s,
            latency_s=state.latency_s + overhead_s,
        )

    def _choose(self, choices: tuple[str, ...], rows: list[list[int]], *, fast: bool) -> list[Completion]:
        started = time.perf_counter()
        ids = [self._renderer.encode_completion(c) for c in choices]
        n_known = n_shared = 0
        if fast:
            prefix, n_known = self._engine.share_prefix(rows)
            n_shared = len(prefix) if prefix else 0
            scores = self._engine.score_choices(rows, ChoiceTree(ids), prefix)
        else:
            scores = plain.score_choices(self._module, rows, ids, pad_id=self.pad_id)
        seconds = time.perf_counter() - started
        best = scores.argmax(-1).tolist()
        return [
            Completion(
                text=choices[best[i]],
                finish_reason="choice",
                usage=Usage(
                    tokens_in=len(row),
                    tokens_out=len(ids[best[i]]),
                    tokens_cached=n_known if i == 0 else n_shared,
                ),
                first_token_s=seconds,
                latency_s=seconds,
                choice_logprobs=dict(zip(choices, scores[i].tolist(), strict=True)),
            )
            for i, row in enumerate(rows)
        ]


def _groups(requests: Sequence[Request]) -> dict[tuple[str, ...] | None, list[int]]:
    """Requests with the same choices can be scored together."""
    groups: dict[tuple[str, ...] | None, list[int]] = {}
    for i, request in enumerate(requests):
        groups.setdefault(request.choices, []).append(i)
    return groups


def _untimed(completion: Completion) -> Completion:
    import dataclasses

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
