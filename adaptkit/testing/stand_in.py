"""A model without weights whose answers tell apart whatever could have been asked differently."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

from adaptkit.core.codec import canonical_json
from adaptkit.core.errors import ContextLengthError
from adaptkit.core.types import Completion, Request
from adaptkit.models.fake import FakeModel

CONTEXT_TOKENS = 1_000
N_WORDS = 9
WORDS = tuple(
    word
    for line in (
        "amber birch cedar delta ember fjord grove heath inlet jetty knoll",
        "larch marsh north ocean pearl quartz ridge shore thorn umber vale",
    )
    for word in line.split()
)


class StandIn(FakeModel):
    """Answers in words drawn by a hash of the whole request: another prompt, another answer.

    It keeps to what a request asks for (choices, stop strings, length, seed), tells log-probabilities of
    choices, and refuses prompts beyond its context as a real model does.

    Args:
        revision: a stand-in of another revision gives other answers.
    """

    def __init__(self, revision: str = "1") -> None:
        super().__init__(self._words, id="stand-in", context_tokens=CONTEXT_TOKENS)
        self.info = dataclasses.replace(self.info, revision=f"stand-in-{revision}")

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request; a single one is timed."""
        for request in requests:
            longest = (
                max(map(self.count_tokens, request.choices)) if request.choices else request.max_new_tokens
            )
            needed = self.count_prompt_tokens(request.prompt) + longest
            if needed > CONTEXT_TOKENS:
                raise ContextLengthError(needed, CONTEXT_TOKENS)
        completions = super().complete(requests)
        return [self._told(c, r) for c, r in zip(completions, requests, strict=True)]

    def _words(self, request: Request) -> str:
        if request.choices:
            scores = self._logprobs(request)
            return max(scores, key=lambda choice: scores[choice])
        drawn = hashlib.sha256(self._asked(request)).digest()[:N_WORDS]
        text = " ".join(WORDS[byte % len(WORDS)] for byte in drawn)
        for stop in request.stop:
            text = text.partition(stop)[0] if stop else text
        return " ".join(text.split()[: request.max_new_tokens])

    def _asked(self, request: Request) -> bytes:
        """What an answer may depend on: all of the request but the bounds, and the seed where it counts."""
        seed = request.seed if request.temperature else 0
        asked = (
            self.info.revision,
            request.prompt,
            request.choices,
            request.temperature,
            request.top_p,
            seed,
        )
        return canonical_json(asked).encode()

    def _logprobs(self, request: Request) -> dict[str, float]:
        asked = self._asked(request)
        digests = {c: hashlib.sha256(asked + c.encode()).digest() for c in request.choices or ()}
        return {choice: -1 - digest[0] / 8 - digest[1] / 2048 for choice, digest in digests.items()}

    def _told(self, completion: Completion, request: Request) -> Completion:
        if request.choices:
            return dataclasses.replace(completion, choice_logprobs=self._logprobs(request))
        cut = completion.usage.tokens_out >= request.max_new_tokens
        return dataclasses.replace(completion, finish_reason="length") if cut else completion


def stand_in() -> StandIn:
    """The model that checks use where none is given."""
    return StandIn()
