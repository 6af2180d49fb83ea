"""Callers that send slowly, too much, or nothing take no connection from others, and fill no log."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from served import CHAT, GatedModel, Served, fitted, serving, wait_until

from adaptkit.serving import connections
from adaptkit.serving.connections import SparingLog

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = json.dumps({"model": "prompt", "messages": [{"role": "user", "content": "x"}]}).encode()
POST = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a head": HEAD + b"X-Slow: ",
    "half a body": POST + b"Content-Length: 1000\r\n\r\n{",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\n{",
    "an idle one": HEAD + b"\r\n",
    "an answer, then half a head": HEAD + b"\r\n" + HEAD,
    "a refusal, then no body": POST.replace(CHAT.encode(), b"/x") + b"Content-Length: 1000\r\n\r\n{",
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_S", "LINGER_S", "UNREAD_S"):
        monkeypatch.setattr(connections, name, 0.2)


@contextlib.contextmanager
def connected(served: Served, *sent: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = []
        for data in sent:
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=60))
            raw.sendall(data)
            opened.append(raw)
        yield opened


def whole(body: bytes) -> bytes:
    return POST + b"Content-Length: %d\r\n\r\n" % len(body) + body


def read_to_end(raw: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := raw.recv(65_536):
            found += piece
    return found


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
@pytest.mark.usefixtures("impatient")
def test_a_request_that_does_not_come_to_its_end_is_not_waited_for(sent: bytes) -> None:
    with serving(fitted(GatedModel()), timeout_s=0.5) as served:
        served.server.config.timeout_keep_alive = 1
        with connected(served, sent) as (raw,):
            read_to_end(raw)
        wait_until(lambda: not served.server.server_state.connections)
        assert served.chat("x").status == 200


@pytest.mark.parametrize(
    "start", [HEAD, POST.replace(CHAT.encode(), b"/x") + b"Content-Length: 9999\r\n\r\n"]
)
@pytest.mark.usefixtures("impatient")
def test_a_byte_now_and_then_does_not_lengthen_the_time(start: bytes) -> None:
    with serving(fitted(GatedModel())) as served, connected(served, start) as (raw,):
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 20:
                raw.sendall(b"x")
                time.sleep(0.02)
        assert time.monotonic() - began < 20


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_nobody_takes_is_given_up() -> None:
    with serving(fitted(GatedModel())) as served, connected(served, b"") as (raw,):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.settimeout(0.5)
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                raw.sendall((b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") * 10)
        wait_until(lambda: not served.server.server_state.connections)


@pytest.mark.parametrize(
    "sent", [UNFINISHED[k] for k in ("nothing", "half a head", "half a body", "an idle one")]
)
def test_whoever_sends_a_whole_request_gets_through_the_most_connections(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST", 10)
    with serving(fitted(GatedModel())) as served, connected(served, *([sent] * 40)):
        for _ in range(3):
            assert served.call("GET", "/healthz").status == 200
            assert served.chat("x").status == 200
        wait_until(lambda: len(served.server.server_state.connections) <= 10)


def test_connections_leave_files_to_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(fitted(GatedModel())) as served:
        left = connections._files_left()
        if left == float("inf"):
            pytest.skip("no limit of files here")
        monkeypatch.setattr(connections, "KEPT_FREE", int(left) - 12)
        with connected(served, *([HEAD] * 30)):  # both ends are files of this process
            assert served.call("GET", "/healthz").status == 200
            wait_until(lambda: len(served.server.server_state.connections) < 12)
    assert not caplog.records


def test_where_all_connections_are_at_work_another_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = GatedModel()
    with serving(fitted(model)) as served:
        model.gate.clear()
        monkeypatch.setattr(connections, "MOST", 3)
        calls = [served.in_background(f"{i}") for i in range(3)]
        wait_until(lambda: served.service.n_open == 3)
        reply = served.call("GET", "/healthz")
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        model.gate.set()
        assert [c.reply.status for c in calls] == [200] * 3


ODD = {
    "a head of a megabyte": (HEAD + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n", 400),
    "a hundred thousand headers": (HEAD + b"X: a\r\n" * 100_000 + b"\r\n", 400),
    "no HTTP": (b"\x16\x03\x01" * 50 + b"\r\n\r\n", 400),
    "a length of 5,000 digits": (POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n", 400),
    "a length of a gigabyte": (POST + b"Content-Length: 1000000000\r\n\r\n{", 413),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{", 400),
    "a length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a bad chunk": (CHUNKED + b"zz\r\n", 400),
    "chunks without end": (CHUNKED + (b"400\r\n" + b"a" * 1024 + b"\r\n") * 10, 413),
    "a deep body": (b"[" * 4_000, 400),
    "a number of 5,000 digits": (b'{"seed": ' + b"9" * 4_900 + b"}", 400),
    "no UTF-8": (b'{"model": "\xff"}', 400),
    "half a surrogate": (BODY.replace(b'"x"', b'"\\ud800"'), 400),
    "a compressed one": (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 415),
    "another method": (b"CONNECT evil.test:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "an upgrade": (HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    "another place": (b"GET http://evil.test/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "a path out of the folder": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "expected"), ODD.values(), ids=ODD)
def test_an_odd_request_is_refused_and_the_next_answered(
    sent: bytes, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = sent if b"HTTP/1.1" in sent or b"\x16" in sent else whole(sent)
    with serving(fitted(GatedModel()), max_body_bytes=5_000) as served:
        with connected(served, b"") as (raw,):
            with contextlib.suppress(ConnectionError):
                raw.sendall(data)
            found = raw.recv(100)
        assert found.startswith(b"HTTP/1.1 %d " % expected)
        assert served.chat("x").status == 200
    assert not [r for r in caplog.records if r.exc_info]


def test_requests_sent_in_one_go_are_all_answered_in_their_order() -> None:
    with serving(fitted(GatedModel())) as served:
        with connected(served, b"".join(whole(BODY.replace(b"x", b"%d" % i)) for i in range(5))) as (raw,):
            found = b""
            while found.count(b"you said") < 5:
                found += raw.recv(65_536)
        assert [found.index(b"you said %d" % i) for i in range(5)] == sorted(
            found.index(b"you said %d" % i) for i in range(5)
        )


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED)
def test_what_was_never_sent_does_not_keep_the_server_and_ends_without_a_traceback(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(fitted(GatedModel()), grace_s=0.2) as served, connected(served, *([sent] * 3)):
        wait_until(lambda: len(served.server.server_state.connections) == 3)
        began = time.monotonic()
        served.tell_to_stop()
        served.thread.join(60)
        assert time.monotonic() - began < 5
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


def test_a_flood_of_bad_requests_writes_a_few_lines_and_how_many_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(fitted(GatedModel())) as served:
        for _ in range(SparingLog.MOST + 30):
            with connected(served, b"no HTTP\r\n\r\n") as (raw,):
                read_to_end(raw)
    assert 0 < len(caplog.records) <= SparingLog.MOST


def test_what_was_left_out_of_the_log_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("adaptkit.serving.connections.time.monotonic", lambda: now[0])
    rule = SparingLog()

    def written(text: str) -> str | None:
        record = logging.LogRecord("x", logging.WARNING, "x", 1, "%s", (text,), None)
        return record.getMessage() if rule.filter(record) else None

    assert [written("a") for _ in range(25)] == ["a"] * 20 + [None] * 5
    now[0] = 61.0
    assert written("b") == "b (5 messages before were left out)"
    assert threading.active_count()
