"""Models that keep to the contract, and one for each check that breaks it in just that place."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from tiny import tiny_model

from adaptkit.core.types import Completion, Prompt, Request, Usage
from adaptkit.models.base import Model
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.testing import StandIn

BROKEN: dict[str, Callable[[], Model]] = {}
SERIAL = itertools.count()


class Scripted(StandIn):
    """A stand-in that can be broken."""

    def __init_subclass__(cls, breaks: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        assert breaks not in BROKEN
        BROKEN[breaks] = cls


def of_other_revision(requests: Sequence[Request]) -> list[Completion]:
    """Other answers to the same requests."""
    return StandIn("2").complete(requests)


class Anonymous(Scripted, breaks="the_info_identifies_the_model"):
    def __init__(self) -> None:
        super().__init__()
        self.info = dataclasses.replace(self.info, revision="")


class Moody(Scripted, breaks="a_model_made_again_is_the_same"):
    def __init__(self) -> None:
        super().__init__()
        self._stand_in = StandIn(f"number {next(SERIAL)}")

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return self._stand_in.complete(requests)


class AnsweringNone(Scripted, breaks="no_requests_give_no_completions"):
    def complete(self, requests: Sequence[Request]) -> Any:
        return super().complete(requests) or None


class Untimed(Scripted, breaks="a_single_request_is_timed"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [dataclasses.replace(c, first_token_s=None) for c in super().complete(requests)]


class TimingBatches(Scripted, breaks="a_batch_is_not_timed"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        found = super().complete(requests)
        return [dataclasses.replace(c, latency_s=1.0) for c in found] if len(found) > 1 else found


class Regrouping(Scripted, breaks="completions_come_in_the_order_of_the_requests"):
    """Answers those without choices first, and does not put them back."""

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete(sorted(requests, key=lambda r: r.choices is not None))


class ByCompany(Scripted, breaks="completions_do_not_depend_on_the_batch"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        alone = len(requests) == 1 or any(r.temperature for r in requests)
        return super().complete(requests) if alone else of_other_revision(requests)


class Remembering(Scripted, breaks="asking_again_gives_the_same_completions"):
    def __init__(self) -> None:
        super().__init__()
        self._before: list[list[Request]] = []

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        again = list(requests) in self._before
        if len(requests) > 4:
            self._before.append(list(requests))
        return of_other_revision(requests) if again else super().complete(requests)


class CountingNothing(Scripted, breaks="usage_counts_the_tokens"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            dataclasses.replace(c, usage=Usage(tokens_in=0, tokens_out=c.usage.tokens_out))
            for c in super().complete(requests)
        ]


class CountingBlanks(Scripted, breaks="counts_grow_with_the_text"):
    def count_tokens(self, text: str) -> int:
        return max(1, super().count_tokens(text))


class Skipping(Scripted, breaks="every_part_of_a_prompt_is_read"):
    def count_prompt_tokens(self, prompt: Prompt) -> int:
        return super().count_prompt_tokens(dataclasses.replace(prompt, context=()))


class Picky(Scripted, breaks="odd_texts_are_answered"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        if not all(r.prompt.input for r in requests):
            raise IndexError("no first word")
        return super().complete(requests)


class Stopping(Scripted, breaks="a_choice_is_one_of_the_choices"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            dataclasses.replace(c, finish_reason="stop") if r.choices else c
            for c, r in zip(super().complete(requests), requests, strict=True)
        ]


class Boasting(Scripted, breaks="choices_have_log_probabilities"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return [
            dataclasses.replace(c, choice_logprobs=dict.fromkeys(r.choices or (), 0.9))
            for c, r in zip(super().complete(requests), requests, strict=True)
        ]


class Unstoppable(Scripted, breaks="a_stop_string_ends_a_completion"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete([dataclasses.replace(r, stop=()) for r in requests])


class Endless(Scripted, breaks="max_new_tokens_bounds_a_completion"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete([dataclasses.replace(r, max_new_tokens=50) for r in requests])


class Bottomless(Scripted, breaks="a_prompt_that_is_too_long_is_a_context_error"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        fits = all(len(r.prompt.input) < 2_000 for r in requests)
        return super().complete(requests) if fits else FakeModel({}).complete(requests)


class ByPlace(Scripted, breaks="draws_do_not_depend_on_the_batch"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete(
            [dataclasses.replace(r, seed=r.seed + i) if r.temperature else r for i, r in enumerate(requests)]
        )


class Seedless(Scripted, breaks="another_seed_draws_anew"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete([dataclasses.replace(r, seed=0) for r in requests])


class Local(LocalModel):
    """A tiny model with weights that can be broken, and a number in its weights that nothing depends on."""

    def __init_subclass__(cls, breaks: str, **options: Any) -> None:
        super().__init_subclass__(**options)
        assert breaks not in BROKEN
        BROKEN[breaks] = cls.made

    @classmethod
    def made(cls) -> Self:
        plain = tiny_model("llama")
        plain.module.register_buffer("idle", torch.zeros(1))
        return cls(plain.module, plain.tokenizer, plain.info)


class WearingOut(Local, breaks="completing_leaves_the_model_alone"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.module.idle += 1
        return super().complete(requests)


class Unconstrained(Local, breaks="a_schema_is_followed"):
    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        return super().complete([dataclasses.replace(r, schema=None) for r in requests])


class Unwilling(Local, breaks="a_schema_that_suits_is_not_refused"):
    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        return "I would rather not."


class Careless(Local, breaks="a_schema_that_forbids_a_right_answer_is_refused"):
    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        return None


class Padding(Local, breaks="a_prompt_is_encoded_as_it_is_counted"):
    def encode(self, prompt: Prompt) -> list[int]:
        return [*super().encode(prompt), self.pad_id]


class WithoutEnd(Local, breaks="a_completion_is_encoded_with_its_end"):
    def encode_completion(self, text: str) -> list[int]:
        *ids, end = super().encode_completion(text)
        return [*ids, end + len(text) % 2]


class Unhashed(Local, breaks="the_template_hash_tells_how_prompts_are_rendered"):
    @property
    def template_hash(self) -> str:
        return ""


class Silent(Local, breaks="derive_keeps_the_tokenizer"):
    def derive(self, module: Any, *, note: str) -> Self:
        return super().derive(module, note="derived")


class Stubborn(Local, breaks="a_derived_model_answers_by_its_own_weights"):
    def derive(self, module: Any, *, note: str) -> Self:
        return super().derive(copy.deepcopy(self.module), note=note)


class Draining(Local, breaks="derive_leaves_the_weights_alone"):
    def derive(self, module: Any, *, note: str) -> Self:
        self.module.idle += 1
        return super().derive(module, note=note)
