"""Requests that do not take the likeliest token."""

from __future__ import annotations

from adaptkit.testing.failure import expect, first_difference
from adaptkit.testing.model_case import TEXTS, ModelCase

N_SEEDS = 6
TEMPERATURE = 1.5


def draws_do_not_depend_on_the_batch(case: ModelCase) -> None:
    """The same request with the same seed draws the same, alone and among others."""
    requests = [case.request(text, temperature=TEMPERATURE, seed=i) for i, text in enumerate(TEXTS[:3])]
    together = sorted(case.told(*requests, case.requests[0])[:3])
    alone = sorted(told for request in requests for told in case.told(request))
    expect(
        alone == together,
        "the same draws alone and in a batch",
        first_difference(together, alone),
        "Draw each request from a generator of its own, made from its seed.",
    )


def another_seed_draws_anew(case: ModelCase) -> None:
    """At a high temperature, several seeds give more than one completion."""
    requests = [case.request(TEXTS[0], temperature=TEMPERATURE, seed=seed) for seed in range(N_SEEDS)]
    found = {completion.text for completion in case.model.complete(requests)}
    expect(
        len(found) > 1,
        f"several completions from {N_SEEDS} seeds",
        f"only {found}",
        "Draw from the request's seed.",
    )


CHECKS = (draws_do_not_depend_on_the_batch, another_seed_draws_anew)
