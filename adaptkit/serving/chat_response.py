"""A prediction as the OpenAI API tells it: one object, or events of a stream.

Beside the usual fields stands ``adaptkit``: the strategy, and what it knows of the answer (passages,
citations, tool calls). A strategy's answer is decided when its whole completion is there (a label, a record,
a citation read off the end), so a stream carries it in one piece.
"""

from __future__ import annotations

import dataclasses
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adaptkit.core.codec import to_json
from adaptkit.core.types import Prediction, Usage
from adaptkit.serving.chat_request import ChatRequest

OBJECT, CHUNK = "chat.completion", "chat.completion.chunk"
END_OF_STREAM = "data: [DONE]\n\n"


@dataclass(frozen=True, kw_only=True)
class ServedAnswer:
    """A prediction for one request.

    Attributes:
        model: the served name.
        fingerprint: of the artefact that answered.
        id: of this answer.
        created: seconds of the epoch.
    """

    prediction: Prediction
    model: str
    fingerprint: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def finish_reason(self) -> str:
        """OpenAI's: a label that was chosen is a whole answer."""
        return "length" if self.prediction.finish_reason == "length" else "stop"

    def to_object(self) -> dict[str, Any]:
        """The whole answer."""
        message = {"role": "assistant", "content": self.prediction.output, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {
            **self._head(OBJECT),
            "choices": [choice],
            "usage": usage_of(self.prediction.usage),
            "adaptkit": self._known(),
        }

    def to_events(self, *, include_usage: bool) -> Iterator[str]:
        """Server-sent events: who speaks, the answer, why it ended, the tokens if asked for, the end."""
        steps: list[tuple[dict[str, Any], str | None]] = [
            ({"role": "assistant", "content": ""}, None),
            ({"content": self.prediction.output}, None),
            ({}, self.finish_reason),
        ]
        usage = {"usage": None} if include_usage else {}
        for delta, reason in steps:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            known = {} if reason is None else {"adaptkit": self._known()}
            yield _event({**self._head(CHUNK), "choices": [choice], **usage, **known})
        if include_usage:
            yield _event({**self._head(CHUNK), "choices": [], "usage": usage_of(self.prediction.usage)})
        yield END_OF_STREAM

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }

    def _known(self) -> dict[str, Any]:
        p = self.prediction
        return {
            "finish_reason": p.finish_reason,
            "passages": to_json(p.contexts),
            "citations": to_json(p.citations),
            "tool_calls": to_json(p.tool_calls),
        }


def usage_of(usage: Usage) -> dict[str, Any]:
    """The tokens that were spent, in OpenAI's names."""
    return {
        "prompt_tokens": usage.tokens_in,
        "completion_tokens": usage.tokens_out,
        "total_tokens": usage.tokens_in + usage.tokens_out,
        "prompt_tokens_details": {"cached_tokens": usage.tokens_cached},
        "completion_tokens_details": {"reasoning_tokens": usage.tokens_reasoning},
    }


def ended_at(prediction: Prediction, asked: ChatRequest) -> Prediction:
    """The prediction with its answer cut before the first of the request's stop strings."""
    ends = [at for at in (prediction.output.find(stop) for stop in asked.stop) if at >= 0]
    if not ends:
        return prediction
    return dataclasses.replace(prediction, output=prediction.output[: min(ends)], finish_reason="stop")


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
