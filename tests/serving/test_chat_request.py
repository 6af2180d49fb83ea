"""What a chat request may ask for: honoured, or refused with the field and the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptkit.serving.chat_request import ChatRequest
from adaptkit.serving.problems import RequestProblem

MESSAGES = [{"role": "user", "content": "hello"}]
ANSWER_TOKENS = 20


def read(**fields: Any) -> ChatRequest:
    body = {"model": "rag", "messages": MESSAGES, **fields}
    return ChatRequest.read(json.dumps(body).encode(), model="rag", answer_tokens=ANSWER_TOKENS)


def problem(**fields: Any) -> RequestProblem:
    with pytest.raises(RequestProblem) as caught:
        read(**fields)
    return caught.value


def test_a_plain_request_is_its_users_message() -> None:
    assert read() == ChatRequest(text="hello")


def test_a_stream_may_tell_its_usage() -> None:
    asked = read(stream=True, stream_options={"include_usage": True})
    assert asked == ChatRequest(text="hello", stream=True, include_usage=True)
    assert not read(stream=True, stream_options={}).include_usage
    assert problem(stream_options={"include_usage": True}).param == "stream_options"
    assert problem(stream=True, stream_options={"usage": True}).param == "stream_options"
    assert problem(stream="yes").param == "stream"


UNCHANGED = [
    ("n", 1), ("temperature", 0), ("temperature", 0.0), ("top_p", 1.0), ("frequency_penalty", 0),
    ("presence_penalty", 0), ("logit_bias", {}), ("logprobs", False), ("top_logprobs", 0), ("tools", []),
    ("functions", []), ("tool_choice", "auto"), ("function_call", "none"), ("store", False), ("seed", 7),
    ("response_format", {"type": "text"}), ("modalities", ["text"]), ("user", "u"), ("metadata", {"a": "b"}),
    ("service_tier", "auto"), ("parallel_tool_calls", True), ("prompt_cache_key", "k"),
    ("max_tokens", ANSWER_TOKENS), ("max_completion_tokens", 4096),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), UNCHANGED)
def test_what_changes_no_answer_is_taken_and_null_is_as_if_left_out(name: str, value: object) -> None:
    assert read(**{name: value}) == read() == read(**{name: None})


REFUSED = [
    ("n", 2, "one answer"), ("n", True, "one answer"), ("temperature", 0.7, "likeliest token"),
    ("temperature", False, "likeliest token"), ("temperature", 1, "likeliest token"),
    ("top_p", 0.9, "likeliest token"), ("frequency_penalty", 0.1, "likeliest"),
    ("presence_penalty", -1, "likeliest"), ("logit_bias", {"5": -100}, "likeliest"),
    ("logprobs", True, "not told"), ("top_logprobs", 3, "not told"),
    ("tools", [{"type": "function"}], "called on the server"), ("functions", [{}], "called on the server"),
    ("tool_choice", "required", "called on the server"),
    ("function_call", {"name": "f"}, "called on the server"),
    ("response_format", {"type": "json_object"}, "strategy's"), ("modalities", ["text", "audio"], "text"),
    ("audio", {"voice": "x"}, "text"), ("prediction", {}, "guesses"), ("reasoning_effort", "low", "strategy"),
    ("verbosity", "low", "strategy"), ("web_search_options", {}, "documents"), ("store", True, "stored"),
    ("max_tokens", ANSWER_TOKENS - 1, "up to 20 tokens"), ("max_completion_tokens", 1, "up to 20 tokens"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "reason"), REFUSED)
def test_what_would_change_the_answer_is_refused_with_the_reason(
    name: str, value: object, reason: str
) -> None:
    found = problem(**{name: value})
    assert (found.status, found.param, found.code) == (400, name, "unsupported_value")
    assert reason in str(found)
    assert f"'{name}'" in str(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_tokens", 0), ("max_tokens", "9"), ("max_tokens", True), ("seed", "a"), ("seed", 1.5)],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: object) -> None:
    found = problem(**{name: value})
    assert (found.param, found.code) == (name, "invalid_value")


def test_an_unknown_field_is_refused_and_quoted_in_one_short_line() -> None:
    found = problem(**{"top_k\n" + "x" * 500: 3})
    assert found.code == "unknown_parameter"
    assert "top_k\\n" not in str(found) or "\n" not in str(found)
    assert len(str(found)) < 150


def test_another_model_is_not_found() -> None:
    found = problem(model="gpt-5")
    assert (found.status, found.code, found.param) == (404, "model_not_found", "model")
    assert "'gpt-5' does not exist here. This server serves 'rag'." in str(found)
    assert problem(model=None).status == 400


MESSAGE_PROBLEMS = [
    ([{"role": "system", "content": "Be brief."}, *MESSAGES], "own instruction"),
    ([{"role": "developer", "content": "Be brief."}, *MESSAGES], "own instruction"),
    ([*MESSAGES, {"role": "assistant", "content": "hi"}, *MESSAGES], "knows no conversation"),
    ([*MESSAGES, *MESSAGES], "knows no conversation"),
    ([{"role": "assistant", "content": "hi"}], "'assistant' is not taken"),
    ([{"role": ["user"], "content": "hi"}], "'unknown' is not taken"),
    ([{"role": "user", "content": "a", "audio": {}}], "Unrecognized key in a message: audio"),
    ([{"role": "user"}], "must be text"),
    ([{"role": "user", "content": []}], "must be text"),
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "reads nothing else"),
    ([{"role": "user", "content": [{"type": "text", "text": 5}]}], "reads nothing else"),
    ([{"role": "user", "content": "\ud800"}], "surrogate"),
]


@pytest.mark.parametrize(("messages", "reason"), MESSAGE_PROBLEMS)
def test_other_messages_than_one_of_the_user_are_refused(messages: object, reason: str) -> None:
    found = problem(messages=messages)
    assert found.param == "messages"
    assert reason in str(found)


@pytest.mark.parametrize("messages", [None, [], {}, "hello", ["hello"], [None]])
def test_messages_must_be_a_list_of_objects(messages: object) -> None:
    assert problem(messages=messages).code == "invalid_value"


def test_parts_of_text_are_put_together_line_by_line() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert read(messages=[{"role": "user", "content": parts, "name": "ann"}]).text == "one\ntwo"


def test_stop_strings() -> None:
    assert read(stop="END").stop == ("END",)
    assert read(stop=["a", "b"]).stop == ("a", "b")
    assert read(stop=[]).stop == read(stop=None).stop == ()
    wrong: tuple[object, ...] = ("", [""], ["a", 1], list("abcde"), 5, {"a": 1})
    for stop in wrong:
        assert problem(stop=stop).param == "stop"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"1", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestProblem, match="JSON") as caught:
        ChatRequest.read(raw, model="rag", answer_tokens=1)
    assert caught.value.body["error"]["code"] == "invalid_json"
