"""What a user of the official ``openai`` client does with a server; nothing else of this project is used.

``python openai_script.py BASE_URL MODEL KEY`` asks one question of a server that runs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import openai
from openai.types.chat import ChatCompletion

PATIENCE_S = 300.0


@dataclass(frozen=True)
class Streamed:
    """What came out of a stream."""

    text: str
    finish_reason: str | None
    n_tokens: int


@dataclass(frozen=True)
class Caller:
    """A client of one server."""

    base_url: str
    model: str
    key: str

    def client(self, key: str | None = None) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self.base_url, api_key=key or self.key, timeout=PATIENCE_S, max_retries=0
        )

    def models(self) -> list[str]:
        with self.client() as client:
            return [model.id for model in client.models.list()]

    def plain(self, text: str) -> ChatCompletion:
        with self.client() as client:
            return ask(client, self.model, text)

    def streamed(self, text: str) -> Streamed:
        pieces, reason, n_tokens = [], None, 0
        with self.client() as client:
            stream = client.chat.completions.create(
                model=self.model,
                messages=[{"role": "user", "content": text}],
                stream=True,
                stream_options={"include_usage": True},
            )
            for chunk in stream:
                for choice in chunk.choices:
                    pieces.append(choice.delta.content or "")
                    reason = choice.finish_reason or reason
                if chunk.usage:
                    n_tokens = chunk.usage.total_tokens
        return Streamed("".join(pieces), reason, n_tokens)

    def all_at_once(self, texts: Sequence[str]) -> list[ChatCompletion]:
        with self.client() as client, ThreadPoolExecutor(len(texts)) as pool:
            return list(pool.map(lambda text: ask(client, self.model, text), texts))

    def with_a_wrong_key(self, text: str) -> str:
        """The error's code."""
        with self.client("wrong") as client:
            try:
                ask(client, self.model, text)
            except openai.AuthenticationError as error:
                return str(error.code)
        return "answered"

    def too_long(self, text: str) -> str:
        """The error's code."""
        with self.client() as client:
            try:
                ask(client, self.model, text)
            except openai.BadRequestError as error:
                return str(error.code)
        return "answered"


def ask(client: openai.OpenAI, model: str, text: str) -> ChatCompletion:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}])


if __name__ == "__main__":
    caller = Caller(*sys.argv[1:4])
    sys.stdout.write(f"{caller.plain(sys.stdin.read().strip()).choices[0].message.content}\n")
