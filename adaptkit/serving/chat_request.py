"""What a body of ``/v1/chat/completions`` asks for: honoured, or refused with the reason.

A strategy brings its own instruction, demonstrations, passages and way of decoding, and was measured with
them. So a field that would change the answer is refused unless it has the value that the strategy works with
anyway; a field that changes no answer (``user``, ``seed``, ..) is taken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.numbers import is_count, is_int
from adaptkit.core.reading import Unreadable, parse_json
from adaptkit.serving.problems import RequestProblem

_AS_MEASURED = "answers are decoded as they were measured, by the likeliest token"
_TOOLS = "tools are those of the strategy, and are called on the server"
_ALLOWED: Mapping[str, tuple[tuple[Any, ...], str]] = {
    "n": ((1,), "a request gets one answer, and a second would be the same"),
    "temperature": ((0,), _AS_MEASURED),
    "top_p": ((1,), _AS_MEASURED),
    "frequency_penalty": ((0,), _AS_MEASURED),
    "presence_penalty": ((0,), _AS_MEASURED),
    "logit_bias": (({},), _AS_MEASURED),
    "logprobs": ((False,), "probabilities of tokens are not told"),
    "top_logprobs": ((0,), "probabilities of tokens are not told"),
    "tools": (([],), _TOOLS),
    "functions": (([],), _TOOLS),
    "tool_choice": (("none", "auto"), _TOOLS),
    "function_call": (("none", "auto"), _TOOLS),
    "response_format": (({"type": "text"},), "the form of an answer is the strategy's"),
    "modalities": ((["text"],), "answers are text"),
    "audio": ((), "answers are text"),
    "prediction": ((), "the server makes its own guesses"),
    "reasoning_effort": ((), "whether to reason first is for the strategy to say"),
    "verbosity": ((), "the form of an answer is the strategy's"),
    "web_search_options": ((), "passages come from the strategy's own documents"),
    "store": ((False,), "nothing is stored"),
}
"""Of each field the values that change nothing, and why no other is taken; null is as if left out."""
_WITHOUT_EFFECT = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "user",
)
_READ = (
    "messages",
    "model",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
)
MOST_STOPS = 4


@dataclass(frozen=True, kw_only=True)
class ChatRequest:
    """A body that was accepted.

    Attributes:
        text: of the user's message: the strategy's input.
        stop: the answer ends before the first of these.
        stream: send it as events.
        include_usage: let the last event tell the tokens.
    """

    text: str
    stop: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False

    @classmethod
    def read(cls, raw: bytes, *, model: str, answer_tokens: int) -> ChatRequest:
        """Read a body.

        Args:
            raw: JSON.
            model: the only name that is served.
            answer_tokens: the most that an answer of the strategy can have.

        Raises:
            RequestProblem: it asks for what cannot be given; the message says what and why.
        """
        body = _json_object(raw)
        _check_model(body.get("model"), model)
        _check_fields(body)
        _check_lengths(body, answer_tokens)
        stream = _boolean(body, "stream")
        return cls(
            text=_text(body.get("messages")),
            stop=_stops(body.get("stop")),
            stream=stream,
            include_usage=_include_usage(body.get("stream_options"), stream=stream),
        )


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        # Half of a surrogate pair is refused where it stands in the text that is answered.
        body = parse_json(raw.decode(), half_pairs=True)
    except ValueError as error:
        reason = str(error) if isinstance(error, Unreadable) else "it is not UTF-8"
        raise RequestProblem(f"The body is not valid JSON: {_short(reason)}.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise RequestProblem("The body must be a JSON object.", code="invalid_json")
    return body


def _check_model(given: object, served: str) -> None:
    if not isinstance(given, str):
        raise _wrong("model", f"the text '{served}', which is what is served here")
    if given != served:
        raise RequestProblem(
            f"The model '{_short(given)}' does not exist here. This server serves '{served}'.",
            status=404,
            code="model_not_found",
            param="model",
        )


def _check_fields(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        if name in _ALLOWED and value is not None:
            allowed, reason = _ALLOWED[name]
            # True is 1 to Python, and no number to the caller.
            if not any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in allowed):
                raise _refused(name, allowed, reason)
        elif name not in _ALLOWED and name not in _WITHOUT_EFFECT and name not in _READ:
            raise RequestProblem(
                f"Unrecognized request argument supplied: {_short(name)}.",
                code="unknown_parameter",
                param=_short(name),
            )
    if body.get("seed") is not None and not is_int(body["seed"]):
        raise _wrong("seed", "an integer (any gives the same answer)")


def _check_lengths(body: Mapping[str, Any], answer_tokens: int) -> None:
    """A bound that answers keep by themselves is honoured; a lower one would cut them."""
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not is_count(value, least=1):
            raise _wrong(name, "an integer above 0")
        if value < answer_tokens:
            raise RequestProblem(
                f"'{name}' must be {answer_tokens} or more, or be left out: answers of this strategy have up "
                f"to {answer_tokens} tokens, as they were measured, and a lower bound would cut them.",
                code="unsupported_value",
                param=name,
            )


def _text(messages: object) -> str:
    """The text of the one user message."""
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise _wrong("messages", "a list with one message of the user")
    last = messages[-1]
    for message in messages:
        _check_message(message, alone=message is last)
    return _content(last.get("content"))


def _check_message(message: Mapping[str, Any], *, alone: bool) -> None:
    role = message.get("role")
    if role in ("system", "developer"):
        raise _message(
            f"A {role} message is not taken: the strategy has its own instruction, which answers were "
            "measured with. Send the user's message alone."
        )
    if role != "user":
        known = role if role in ("assistant", "tool", "function") else "unknown"
        raise _message(f"A message of the role '{known}' is not taken. Send one message of the role 'user'.")
    if not alone:
        raise _message(
            "Several messages are not taken: the strategy answers one input and knows no conversation. Send "
            "the last user message alone."
        )
    for key in message.keys() - {"role", "content", "name"}:
        raise _message(f"Unrecognized key in a message: {_short(key)}.")


def _content(content: object) -> str:
    parts: Sequence[object] = [{"type": "text", "text": content}] if isinstance(content, str) else ()
    if isinstance(content, list) and content:
        parts = content
    texts = [_part(part) for part in parts]
    if not texts:
        raise _message("'content' must be text, or a list of parts of the type 'text'.")
    text = "\n".join(texts)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _message("'content' holds half of a surrogate pair, which is no text.") from None
    return text


def _part(part: object) -> str:
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
        raise _message("'content' may hold parts of the type 'text' only: the model reads nothing else.")
    return str(part["text"])


def _stops(stop: Any) -> tuple[str, ...]:
    found = [stop] if isinstance(stop, str) else [] if stop is None else stop
    ok = isinstance(found, list) and len(found) <= MOST_STOPS
    if not ok or not all(isinstance(s, str) and s for s in found):
        raise _wrong("stop", f"a text, or a list of up to {MOST_STOPS} texts, none of them empty")
    return tuple(found)


def _include_usage(options: object, *, stream: bool) -> bool:
    if options is None:
        return False
    if not stream:
        raise _wrong("stream_options", "left out where 'stream' is not true")
    if not isinstance(options, dict) or options.keys() - {"include_usage", "include_obfuscation"}:
        raise _wrong("stream_options", "an object with 'include_usage'")
    return _boolean(options, "include_usage")


def _boolean(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return bool(value)


def _refused(name: str, allowed: Sequence[Any], reason: str) -> RequestProblem:
    values = " or ".join(json.dumps(v) for v in allowed)
    instead = f"Give {values}, or leave it out." if allowed else "Leave it out."
    return RequestProblem(
        f"This value of '{name}' is not supported: {reason}. {instead}", code="unsupported_value", param=name
    )


def _wrong(name: str, expected: str) -> RequestProblem:
    return RequestProblem(f"'{name}' must be {expected}.", code="invalid_value", param=name)


def _message(sentence: str) -> RequestProblem:
    return RequestProblem(sentence, code="unsupported_messages", param="messages")


def _short(text: str, most: int = 60) -> str:
    """What a caller wrote, quoted back: in one line, and not at any length."""
    return text.encode("ascii", "backslashreplace").decode()[:most]
