"""Make a prompt fit the model's context window by leaving out its least useful parts."""

from __future__ import annotations

import dataclasses

from adaptkit.core.types import Prompt
from adaptkit.models.base import Model


def fit_to_context(prompt: Prompt, model: Model, max_new_tokens: int) -> Prompt:
    """Drop demonstrations (first, so furthest, first) and then passages (worst first) until it fits.

    What cannot be dropped is left to the model, whose error names both figures.
    """
    room = model.info.context_tokens - max_new_tokens
    if _n_bytes(prompt) < room // 2:
        return prompt  # surely fits, chat markup included: no need to count tokens
    while model.count_prompt_tokens(prompt) > room:
        if prompt.demonstrations:
            prompt = dataclasses.replace(prompt, demonstrations=prompt.demonstrations[1:])
        elif prompt.context:
            prompt = dataclasses.replace(prompt, context=prompt.context[:-1])
        else:
            break
    return prompt


def _n_bytes(prompt: Prompt) -> int:
    texts = [prompt.instruction, prompt.input]
    texts += [t for d in prompt.demonstrations for t in (d.input, d.target)]
    texts += [t for p in prompt.context for t in (p.title or "", p.text)]
    return sum(len(t.encode()) for t in texts)
