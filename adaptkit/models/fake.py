"""A scripted model: for this library's tests, and for those of its users."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from adaptkit.core.types import Completion, ModelInfo, Prompt, Request, Usage

Answer = Callable[[Request], str]


class FakeModel:
    """Answers by a function or a table; counts words as tokens.

    Args:
        answer: called with each request, or a table from input to answer (missing inputs give "").
        id: its name in results.
        context_tokens: longer prompts are refused by nobody; strategies trim to it.
        billed_by: a provider that bills its tokens, by the price of ``id`` in the price sheet.

    Attributes:
        requests: every request answered so far, for assertions.

    Examples:
        >>> from adaptkit.core.types import Prompt, Request
        >>> model = FakeModel({"2 + 2": "4"})
        >>> model.complete([Request(prompt=Prompt(instruction="Add.", input="2 + 2"))])[0].text
        '4'
    """

    def __init__(
        self,
        answer: Answer | Mapping[str, str],
        *,
        id: str = "fake",
        context_tokens: int = 8_192,
        billed_by: str | None = None,
    ) -> None:
        self._answer: Answer = answer if callable(answer) else lambda r: answer.get(r.prompt.input, "")
        self.requests: list[Request] = []
        self.info = ModelInfo(
            id=id,
            revision="fake",
            n_parameters=0,
            dtype="none",
            device="cpu",
            context_tokens=context_tokens,
            engine="fake",
            billed_by=billed_by,
        )

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer each request; a single one is timed, as the protocol asks."""
        completions = []
        for request in requests:
            started = time.perf_counter()
            text = self._answer(request)
            seconds = time.perf_counter() - started if len(requests) == 1 else None
            self.requests.append(request)
            completions.append(
                Completion(
                    text=text,
                    finish_reason="choice" if request.choices else "stop",
                    usage=Usage(
                        tokens_in=self.count_prompt_tokens(request.prompt), tokens_out=self.count_tokens(text)
                    ),
                    first_token_s=seconds,
                    latency_s=seconds,
                )
            )
        return completions

    def count_tokens(self, text: str) -> int:
        """Number of words."""
        return len(text.split())

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Number of words in all parts."""
        texts = [prompt.instruction, prompt.input, *(p.text for p in prompt.context)]
        texts += [t for d in prompt.demonstrations for t in (d.input, d.target)]
        texts += [turn.text for turn in prompt.turns]
        return sum(self.count_tokens(t) for t in texts)
