"""The server over real sockets: answers, refusals, back-pressure, callers that leave, and stopping."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from served import CHAT, GatedModel, Served, fitted, serving, wait_until

from adaptkit.core.types import Passage, Prediction, Usage
from adaptkit.serving.chat_request import ChatRequest
from adaptkit.serving.chat_response import ServedAnswer, ended_at

KEY = "a-key-of-the-test"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def plain() -> Iterator[Served]:
    with serving(fitted(GatedModel()), max_body_bytes=5_000) as served:
        yield served


@contextlib.contextmanager
def held_back(**settings: Any) -> Iterator[tuple[Served, GatedModel]]:
    """A server whose model is busy with the request 'first'."""
    model = GatedModel()
    strategy = fitted(model)
    with serving(strategy, **settings) as served:
        model.gate.clear()
        n = model.entered
        first = served.in_background("first")
        wait_until(lambda: model.entered > n)
        yield served, model
        model.gate.set()
        assert first.reply.status in (200, 504, 503)


def by_hand(body: bytes, *, length: int) -> bytes:
    """A chat request as it goes over the wire."""
    lines = ("Host: localhost", "Content-Type: application/json", f"Content-Length: {length}", "", "")
    return "\r\n".join((f"POST {CHAT} HTTP/1.1", *lines)).encode() + body


def test_an_answer_has_the_usual_fields(plain: Served) -> None:
    reply = plain.chat("two words")
    body = reply.json
    assert reply.status == 200
    assert reply.content == "you said two words"
    assert body["object"] == "chat.completion"
    assert (body["model"], body["system_fingerprint"]) == ("prompt", "f00d")
    assert body["choices"][0]["finish_reason"] == "stop"
    n_in = len(plain.service.strategy.instruction_.split()) + 2
    spent = {k: v for k, v in body["usage"].items() if isinstance(v, int)}
    assert spent == {"prompt_tokens": n_in, "completion_tokens": 4, "total_tokens": n_in + 4}
    assert body["adaptkit"] == {"finish_reason": "stop", "passages": [], "citations": [], "tool_calls": []}
    assert plain.chat("two words").json["id"] != body["id"]


def events(text: str) -> list[dict[str, object]]:
    lines = text.split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert all(line.startswith("data: ") for line in lines[:-1])
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def test_a_stream_says_who_speaks_the_answer_why_it_ended_and_the_usage_if_asked(plain: Served) -> None:
    whole = plain.chat("hello").json
    reply = plain.chat("hello", stream=True, stream_options={"include_usage": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    *steps, last = events(reply.text)
    choices = [step["choices"][0] for step in steps]  # type: ignore[index]
    assert [c["delta"] for c in choices] == [
        {"role": "assistant", "content": ""},
        {"content": "you said hello"},
        {},
    ]
    assert [c["finish_reason"] for c in choices] == [None, None, "stop"]
    assert steps[-1]["adaptkit"] == whole["adaptkit"]
    assert (last["choices"], last["usage"]) == ([], whole["usage"])
    assert len({event["id"] for event in [*steps, last]}) == 1
    assert all("usage" not in event for event in events(plain.chat("hello", stream=True).text))


def test_an_answer_ends_before_a_stop_string(plain: Served) -> None:
    assert plain.chat("a END b").content == "you said a END b"
    assert plain.chat("a END b", stop=["b", "END"]).content == "you said a "


def test_a_cut_answer_counts_as_ended_and_an_uncut_one_stays(plain: Served) -> None:
    long = Prediction(output="a b c", finish_reason="length", usage=Usage(tokens_in=1, tokens_out=3))
    assert ended_at(long, ChatRequest(text="x", stop=("z",))) is long
    cut = ended_at(long, ChatRequest(text="x", stop=("c", " b")))
    assert (cut.output, cut.finish_reason, cut.usage) == ("a", "stop", long.usage)


def test_what_the_strategy_knows_stands_beside_the_answer() -> None:
    passage = Passage(id="d#0", document_id="d", text="Lima.", score=0.5, title="Peru")
    prediction = Prediction(
        output="Lima",
        finish_reason="length",
        usage=Usage(tokens_in=7, tokens_out=2, tokens_cached=5, tokens_reasoning=1),
        contexts=(passage,),
        citations=("d#0",),
        tool_calls=({"name": "lookup", "arguments": {"q": "x"}, "result": "y"},),
    )
    body = ServedAnswer(prediction=prediction, model="rag", fingerprint="f").to_object()
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["prompt_tokens_details"] == {"cached_tokens": 5}
    assert body["usage"]["completion_tokens_details"] == {"reasoning_tokens": 1}
    assert body["adaptkit"] == {
        "finish_reason": "length",
        "passages": [{"id": "d#0", "document_id": "d", "text": "Lima.", "score": 0.5, "title": "Peru"}],
        "citations": ["d#0"],
        "tool_calls": [{"name": "lookup", "arguments": {"q": "x"}, "result": "y"}],
    }


def test_the_one_model_is_listed_and_found_by_its_name(plain: Served) -> None:
    listed = plain.call("GET", "/v1/models").json
    assert [m["id"] for m in listed["data"]] == ["prompt"]
    assert listed["data"][0]["adaptkit"] == {"strategy": "prompt", "model": "fake"}
    assert plain.call("GET", "/v1/models/prompt").json == listed["data"][0]
    assert plain.call("GET", "/v1/models/rag").error["code"] == "model_not_found"


def test_a_name_of_ones_own() -> None:
    with serving(fitted(GatedModel()), name="team/bot") as served:
        assert served.call("GET", "/v1/models/team/bot").json["id"] == "team/bot"
        assert served.chat("x").json["model"] == "team/bot"
        assert served.chat("x", model="prompt").status == 404


def test_a_bad_request_is_told_in_the_shape_of_openai(plain: Served) -> None:
    reply = plain.chat("x", temperature=0.9)
    assert reply.status == 400
    assert reply.error["type"] == "invalid_request_error"
    assert (reply.error["param"], reply.error["code"]) == ("temperature", "unsupported_value")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/x", 404), ("GET", CHAT, 405), ("GET", "/docs", 404)]
)
def test_other_addresses_too(plain: Served, method: str, path: str, status: int) -> None:
    reply = plain.call(method, path)
    assert reply.status == status
    assert reply.error["code"] == "no_such_route"


def test_only_json_is_taken_so_that_a_browser_asks_first(plain: Served) -> None:
    body = json.dumps({"model": "prompt", "messages": [{"role": "user", "content": "x"}]}).encode()
    for headers in ({"Content-Type": "text/plain"}, {}):
        assert plain.call("POST", CHAT, body, headers).status == 415
    assert plain.call("POST", CHAT, body, {"Content-Type": "Application/JSON; charset=utf-8"}).status == 200


def test_without_a_key_only_this_machines_own_name_is_answered(plain: Served) -> None:
    for path in ("/v1/models", "/metrics"):
        assert plain.call("GET", path, headers={"Host": "evil.example:80"}).status == 403
        assert plain.call("GET", path, headers={"Host": "localhost"}).status == 200
    assert plain.chat("x", {"Host": "evil.example"}).error["code"] == "host_not_allowed"
    assert plain.chat("x", {"Host": "[::1]:8000"}).status == 200


def test_a_body_above_the_limit_is_refused_whether_or_not_it_says_its_length(plain: Served) -> None:
    assert plain.chat("x" * 5_000).error["code"] == "body_too_large"
    connection = http.client.HTTPConnection("127.0.0.1", plain.port, timeout=60)
    # The server may hang up before all has been sent.
    with contextlib.suppress(ConnectionError):
        connection.request("POST", CHAT, iter([b"x" * 1_000] * 10), JSON, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    with (
        serving(fitted(GatedModel()), timeout_s=0.2) as served,
        socket.create_connection(("127.0.0.1", served.port)) as raw,
    ):
        raw.sendall(by_hand(b"{", length=9))
        raw.settimeout(60)
        assert raw.recv(100).startswith(b"HTTP/1.1 408 ")


def test_the_key_is_asked_for_everywhere_but_for_health() -> None:
    with serving(fitted(GatedModel()), api_key=KEY) as served:
        right = {"Authorization": f"Bearer {KEY}"}
        for wrong in (
            {},
            {"Authorization": f"Bearer {KEY}x"},
            {"Authorization": KEY},
            {"Authorization": f"Basic {KEY}"},
        ):
            assert served.chat("x", wrong).error["code"] == "invalid_api_key"
            assert [
                served.call("GET", p, headers=wrong).status
                for p in ("/v1/models", "/v1/models/prompt", "/metrics")
            ] == [401] * 3
        refused = served.chat("x", {"Authorization": "Bearer \u00e9"})
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert served.call("GET", "/healthz").json == {"status": "ok"}
        assert served.chat("x", right | {"Host": "bot.example"}).status == 200
        assert served.call("GET", "/metrics", headers=right).status == 200
        assert KEY not in repr(served.service.settings)


def test_what_comes_together_is_answered_together_and_each_gets_its_own() -> None:
    with held_back() as (served, model):
        calls = [served.in_background(f"number {i}") for i in range(20)]
        wait_until(lambda: len(served.service.line) == 20)
        model.gate.set()
        assert [c.reply.content for c in calls] == [f"you said number {i}" for i in range(20)]
        assert [len(batch) for batch in model.batches[-2:]] == [1, 20]
        assert served.counts()['adaptkit_batch_requests_bucket{le="16.0"}'] == 1


def test_a_full_queue_turns_callers_away_and_says_when_to_come_back() -> None:
    with held_back(max_waiting=2) as (served, model):
        calls = [served.in_background(f"{i}") for i in range(2)]
        wait_until(lambda: len(served.service.line) == 2)
        assert served.counts()["adaptkit_queue_length"] == 2
        reply = served.chat("one too many")
        assert (reply.status, reply.error["type"], reply.error["code"]) == (
            429,
            "rate_limit_error",
            "queue_full",
        )
        assert int(reply.headers["retry-after"]) >= 1
        model.gate.set()
        assert [c.reply.status for c in calls] == [200, 200]


def test_a_request_that_waits_too_long_is_given_up_and_never_asked() -> None:
    with held_back(timeout_s=0.3) as (served, model):
        reply = served.chat("late")
        assert (reply.status, reply.error["code"]) == (504, "request_timeout")
        assert len(served.service.line) == 0
        model.gate.set()
        wait_until(lambda: ["first"] in model.batches)
        assert ["late"] not in model.batches
        assert served.counts()['adaptkit_requests_total{outcome="timed_out"}'] >= 1


def test_the_request_of_a_caller_who_has_left_is_dropped() -> None:
    with held_back() as (served, model):
        body = json.dumps({"model": "prompt", "messages": [{"role": "user", "content": "gone"}]}).encode()
        with socket.create_connection(("127.0.0.1", served.port)) as raw:
            raw.sendall(by_hand(body, length=len(body)))
            wait_until(lambda: len(served.service.line) == 1)
        wait_until(lambda: len(served.service.line) == 0)
        model.gate.set()
        served.chat("after")
        assert all("gone" not in batch for batch in model.batches)
        assert served.counts()['adaptkit_requests_total{outcome="client_gone"}'] == 1


def test_metrics_count_requests_tokens_and_seconds() -> None:
    with serving(fitted(GatedModel())) as served:
        used = [served.chat(text).json["usage"] for text in ("a", "b c")]
        served.chat("x", n=2)
        found = served.counts()
        assert found['adaptkit_requests_total{outcome="answered"}'] == 2
        assert found['adaptkit_requests_total{outcome="refused"}'] == 1
        assert found["adaptkit_request_seconds_count"] == 2
        assert found["adaptkit_request_seconds_sum"] > 0
        assert found['adaptkit_tokens_total{kind="prompt"}'] == sum(u["prompt_tokens"] for u in used)
        assert found['adaptkit_tokens_total{kind="completion"}'] == sum(u["completion_tokens"] for u in used)
        assert found["adaptkit_queue_length"] == 0


def test_stopping_answers_what_was_let_in_and_turns_new_requests_away() -> None:
    with held_back() as (served, model):
        waiting = served.in_background("waiting")
        wait_until(lambda: len(served.service.line) == 1)
        served.tell_to_stop()
        wait_until(lambda: served.service.draining)
        reply = served.chat("new")
        assert (reply.status, reply.error["code"]) == (503, "shutting_down")
        assert (served.call("GET", "/healthz").status, served.call("GET", "/healthz").json) == (
            503,
            {"status": "stopping"},
        )
        assert served.thread.is_alive()
        model.gate.set()
        assert waiting.reply.content == "you said waiting"
        served.thread.join(60)
        assert not served.thread.is_alive()
        assert served.said == ["Stopping: 2 request(s) to answer, 30 s at most; again to stop now."]
        assert (served.server.n_cut_off, served.service.n_answered) == (0, 2)


@pytest.mark.parametrize("n_signals", [1, 2])
def test_what_is_not_answered_within_the_grace_is_cut_off(n_signals: int) -> None:
    with held_back(grace_s=0.1 if n_signals == 1 else 60.0) as (served, _):
        waiting = served.in_background("waiting")
        wait_until(lambda: len(served.service.line) == 1)
        for _signal in range(n_signals):
            served.tell_to_stop()
        assert (waiting.reply.status, waiting.reply.error["code"]) == (503, "shutting_down")
        served.thread.join(60)
        assert not served.thread.is_alive()
        assert served.server.n_cut_off == 2


def test_health_fails_when_nobody_answers_any_more(plain: Served) -> None:
    with serving(fitted(GatedModel())) as served:
        served.service.line.close()
        wait_until(lambda: not served.service.worker.alive)
        assert served.call("GET", "/healthz").json == {"status": "failed"}


def test_threads_of_a_server_end_with_it() -> None:
    before = threading.active_count()
    with serving(fitted(GatedModel())) as served:
        served.chat("x")
    wait_until(lambda: threading.active_count() <= before)
