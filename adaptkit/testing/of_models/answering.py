"""Answering: as many completions as requests, in their order, each as its request asks."""

from __future__ import annotations

import dataclasses
import json
import math

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ContextLengthError
from adaptkit.core.types import Completion
from adaptkit.testing.answers import completed
from adaptkit.testing.failure import CheckFailed, NotApplicable, expect, first_difference, shown_short
from adaptkit.testing.model_case import LOOKED_UP, SHOWN, TEXTS, ModelCase
from adaptkit.testing.weight_hash import fingerprint

ODD_TEXTS = ("", " ", "\n", "\U0001f999 ñandú 羊驼", "<|im_end|>", "{input} %s")
CHOICES = ("play", "play music", "stop", "Stop.")


def the_info_identifies_the_model(case: ModelCase) -> None:
    """Id and revision tell one model from another in a manifest, and the context has a length."""
    info = case.model.info
    remedy = "Fill in ModelInfo: the revision is a commit or a hash of the content."
    named = all(isinstance(text, str) and text for text in (info.id, info.revision, info.dtype, info.device))
    expect(named, "id, revision, dtype and device", info, remedy)
    expect(info.context_tokens > 0, "context_tokens above 0", info.context_tokens, remedy)
    expect(info.n_parameters >= 0, "n_parameters", info.n_parameters, remedy)
    try:
        json.dumps(to_json(info), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckFailed(f"Expected info that JSON can hold. Found that {error}. {remedy}") from error


def a_model_made_again_is_the_same(case: ModelCase) -> None:
    """Equal revisions give equal answers: what was fitted to one is served by the other."""
    again, remedy = (
        case.fresh_model,
        "Let the revision name whatever answers depend on, and draw nothing unasked.",
    )
    expect(again.info == case.model.info, "equal info", again.info, remedy)
    expected, found = completed(case.together), completed(again.complete(case.requests))
    expect(found == expected, "equal answers", first_difference(expected, found), remedy)


def no_requests_give_no_completions(case: ModelCase) -> None:
    """An empty list gives an empty list."""
    found: object = case.model.complete([])
    expect(found == [], "[] for no requests", found, "Return early when there are none.")


def a_single_request_is_timed(case: ModelCase) -> None:
    """Seconds to the first token and to the end are measured, of free text and of a choice."""
    for request in (case.requests[0], case.requests[-1]):
        c = case.ask(request)
        measured = c.first_token_s is not None and c.latency_s is not None
        remedy = "Measure with time.perf_counter() from the call to the first token and to the end."
        expect(measured, "first_token_s and latency_s", (c.first_token_s, c.latency_s), remedy)
        assert c.first_token_s is not None
        assert c.latency_s is not None
        expect(
            0 <= c.first_token_s <= c.latency_s,
            "0 <= first_token_s <= latency_s",
            (c.first_token_s, c.latency_s),
            remedy,
        )


def a_batch_is_not_timed(case: ModelCase) -> None:
    """A batch tells nothing about what a single request feels like."""
    times = [(c.first_token_s, c.latency_s) for c in case.together]
    expect(
        all(t == (None, None) for t in times),
        "no times in a batch",
        times,
        "Set times only where one request came.",
    )


def completions_come_in_the_order_of_the_requests(case: ModelCase) -> None:
    """When the requests are turned round, so are the completions."""
    turned = [*case.requests[1:], case.requests[0]]
    told = completed(case.together)
    expected, found = [*told[1:], told[0]], case.told(*turned)
    expect(
        found == expected,
        "completions in the order of the requests",
        first_difference(expected, found),
        "Restore the order after grouping by length or kind.",
    )


def completions_do_not_depend_on_the_batch(case: ModelCase) -> None:
    """A request is completed alike alone and among others.

    Rounding of 16-bit floats may change a token: check such a model in float32.
    """
    together = sorted(completed(case.together))
    alone = sorted(told for request in case.requests for told in case.told(request))
    expect(
        alone == together,
        "the same completions alone and in a batch",
        first_difference(together, alone),
        "Mask padding, count positions from each request's own start; load in float32 to rule out rounding.",
    )


def asking_again_gives_the_same_completions(case: ModelCase) -> None:
    """At temperature 0 nothing is drawn and nothing is remembered."""
    expected, found = completed(case.together), case.told(*case.requests)
    expect(
        found == expected,
        "the same completions again",
        first_difference(expected, found),
        "Take the likeliest token at temperature 0, and let no cache change an answer.",
    )


def usage_counts_the_tokens(case: ModelCase) -> None:
    """``tokens_in`` are those of the rendered prompt, the cached ones among them."""
    for request, completion in zip(case.requests, case.together, strict=True):
        usage = completion.usage
        counted = case.model.count_prompt_tokens(request.prompt)
        remedy = "Count with the tokenizer that the model reads with, chat markup included."
        expect(
            usage.tokens_in == counted,
            f"tokens_in of {counted}, as count_prompt_tokens() says",
            usage,
            remedy,
        )
        within = 0 <= usage.tokens_cached <= usage.tokens_in and usage.tokens_out >= 0
        expect(within, "0 <= tokens_cached <= tokens_in, and tokens_out >= 0", usage, remedy)


def counts_grow_with_the_text(case: ModelCase) -> None:
    """``count_tokens`` is 0 for no text and grows with it."""
    count = case.model.count_tokens
    counts = [count(text) for text in ("", "word", "word " * 8, "word " * 40)]
    expect(
        counts[0] == 0 and counts == sorted(set(counts)),
        "counts that begin with 0 and grow with the text",
        counts,
        "Count without special tokens.",
    )


def every_part_of_a_prompt_is_read(case: ModelCase) -> None:
    """Instruction, demonstrations, passages and input all reach the model."""
    # Not beside a prompt without instruction: some templates put one of their own there.
    short = dataclasses.replace(case.requests[0].prompt, instruction="Answer.", input="x")
    parts = {
        "instruction": dataclasses.replace(short, instruction="Answer. " * 20),
        "input": dataclasses.replace(short, input="x y " * 20),
        "demonstrations": dataclasses.replace(short, demonstrations=(SHOWN,)),
        "context": dataclasses.replace(short, context=(LOOKED_UP,)),
    }
    least = case.model.count_prompt_tokens(short)
    unread = [name for name, part in parts.items() if case.model.count_prompt_tokens(part) <= least]
    expect(
        not unread,
        "every part of a prompt to be rendered",
        f"that {', '.join(unread)} adds no token",
        "Render all parts, in the order in which Prompt lists them.",
    )


def odd_texts_are_answered(case: ModelCase) -> None:
    """Empty text, blanks, signs of templates and other scripts are inputs like any other."""
    requests = [case.request(text) for text in ODD_TEXTS]
    try:
        found: list[Completion] = case.model.complete(requests)
    except Exception as error:
        raise CheckFailed(
            f"Expected completions of {ODD_TEXTS}. Found {shown_short(error)}. Take any text as input."
        ) from error
    wrong = [c for c in found if not isinstance(c.text, str) or c.finish_reason not in ("stop", "length")]
    expect(
        len(found) == len(requests) and not wrong,
        f"{len(requests)} completions that stopped or were cut",
        wrong or len(found),
        "Take any text as input.",
    )


def a_choice_is_one_of_the_choices(case: ModelCase) -> None:
    """With choices, the completion is the likeliest of them, also where one begins like another."""
    for text, choices in ((TEXTS[0], CHOICES), (TEXTS[1], CHOICES[::-1]), (TEXTS[2], CHOICES[:1])):
        found = case.ask(case.request(text, choices=choices))
        remedy = "Score each choice by log-probability and return the best as it was given."
        expect(found.text in choices, f"one of {choices}", found.text, remedy)
        expect(found.finish_reason == "choice", "finish_reason 'choice'", found.finish_reason, remedy)


def choices_have_log_probabilities(case: ModelCase) -> None:
    """Where they are told, each choice has one, at most 0, and the likeliest is the answer."""
    found = case.ask(case.request(TEXTS[0], choices=CHOICES))
    scores = found.choice_logprobs
    if scores is None:
        raise NotApplicable("It tells no log-probabilities.")
    remedy = "Give log-probabilities by choice, and answer with the likeliest."
    expect(sorted(scores) == sorted(CHOICES), f"log-probabilities of {CHOICES}", dict(scores), remedy)
    held = all(math.isfinite(s) and s <= 0 for s in scores.values())
    expect(held, "finite numbers of at most 0", dict(scores), remedy)
    best = max(scores, key=lambda choice: scores[choice])
    expect(scores[found.text] == scores[best], f"the likeliest choice, '{best}'", found.text, remedy)


def a_stop_string_ends_a_completion(case: ModelCase) -> None:
    """The completion ends before the first stop string."""
    for text in TEXTS:
        request = case.request(text)
        free = case.ask(request).text
        stop = next((c for c in free[1:] if c.isascii() and c.isalnum()), None)
        if stop is None:
            continue
        found = case.ask(dataclasses.replace(request, stop=("no such string", stop)))
        expected = free[: free.index(stop)].strip()
        remedy = "Cut the text before the first stop string and give finish_reason 'stop'."
        expect(found.text.strip() == expected, f"{expected!r}, cut before {stop!r}", repr(found.text), remedy)
        expect(found.finish_reason == "stop", "finish_reason 'stop'", found.finish_reason, remedy)
        return
    raise NotApplicable("It writes nothing in which a stop string could stand.")


def max_new_tokens_bounds_a_completion(case: ModelCase) -> None:
    """No more tokens than asked for, and what is cut off is the same text's beginning."""
    for text in TEXTS:
        longer, shorter = (case.ask(case.request(text, max_new_tokens=n)) for n in (8, 2))
        remedy = "Stop after max_new_tokens, and give finish_reason 'length' where the text would go on."
        for completion, most in ((longer, 8), (shorter, 2)):
            expect(completion.usage.tokens_out <= most, f"at most {most} tokens", completion.usage, remedy)
        if longer.usage.tokens_out > 2:
            expect(shorter.finish_reason == "length", "finish_reason 'length'", shorter.finish_reason, remedy)
        # The last character may be half of one.
        begins = longer.text.startswith(shorter.text.rstrip("\ufffd").rstrip())
        expect(begins, f"the beginning of {longer.text!r}", repr(shorter.text), remedy)


def a_prompt_that_is_too_long_is_a_context_error(case: ModelCase) -> None:
    """A request beyond the context raises ContextLengthError, alone and in a batch, with both figures."""
    limit = case.model.info.context_tokens
    request = case.request("word " * (limit + 100))
    remedy = "Raise ContextLengthError(tokens, limit) before the model is run."
    for requests in ([request], [case.requests[0], request]):
        try:
            found: object = case.model.complete(requests)
        except ContextLengthError as error:
            expect(
                error.tokens > error.limit, "more tokens than the limit", (error.tokens, error.limit), remedy
            )
        except Exception as error:
            raise CheckFailed(f"Expected ContextLengthError. Found {shown_short(error)}. {remedy}") from error
        else:
            raise CheckFailed(f"Expected ContextLengthError. Found {shown_short(found)}. {remedy}")


def completing_leaves_the_model_alone(case: ModelCase) -> None:
    """Neither weights nor mode nor identity change by answering."""
    before = fingerprint(case.model)
    case.model.complete(case.requests[:2])
    after = fingerprint(case.model)
    changed = [name for name in before if before[name] != after[name]]
    expect(
        not changed,
        "the model as it was",
        f"that {', '.join(changed)} changed",
        "Run it under torch.inference_mode().",
    )


CHECKS = (
    the_info_identifies_the_model,
    a_model_made_again_is_the_same,
    no_requests_give_no_completions,
    a_single_request_is_timed,
    a_batch_is_not_timed,
    completions_come_in_the_order_of_the_requests,
    completions_do_not_depend_on_the_batch,
    asking_again_gives_the_same_completions,
    usage_counts_the_tokens,
    counts_grow_with_the_text,
    every_part_of_a_prompt_is_read,
    odd_texts_are_answered,
    a_choice_is_one_of_the_choices,
    choices_have_log_probabilities,
    a_stop_string_ends_a_completion,
    max_new_tokens_bounds_a_completion,
    a_prompt_that_is_too_long_is_a_context_error,
    completing_leaves_the_model_alone,
)
