"""A real server on a loopback port around a model that a test holds back, and a caller for it."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from questions import make_task

import adaptkit as ak
from adaptkit.core.types import Completion, Request
from adaptkit.serving import ServerSettings
from adaptkit.serving.server import listening
from adaptkit.serving.service import Service
from adaptkit.serving.stopping import StoppingServer, make_server
from adaptkit.strategies import Strategy

PATIENCE_S = 120.0
CHAT = "/v1/chat/completions"


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; a busy machine is slow, not wrong."""
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


class GatedModel(ak.FakeModel):
    """Repeats its input; once closed, answers only when it is opened again.

    Attributes:
        batches: inputs of each call so far.
        entered: calls that have begun.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(lambda r: f"you said {r.prompt.input}", **options)
        self.gate = threading.Event()
        self.gate.set()
        self.batches: list[list[str]] = []
        self.entered = 0

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        self.entered += 1
        assert self.gate.wait(PATIENCE_S)
        self.batches.append([r.prompt.input for r in requests])
        return super().complete(requests)


def fitted(model: ak.FakeModel) -> Strategy:
    return ak.PromptEngineering().fit(model, make_task(2))


def leave_out_general_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine-tuning does not look at what it costs elsewhere: its answers are served, not its notes."""
    monkeypatch.setattr("adaptkit.strategies.training.forgetting.general_loss", lambda _model: 0.0)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json["error"]
        assert set(found) == {"message", "type", "param", "code"}
        return found

    @property
    def content(self) -> str:
        return str(self.json["choices"][0]["message"]["content"])


@dataclass
class Served:
    """A server under way."""

    port: int
    service: Service
    server: StoppingServer
    thread: threading.Thread
    said: list[str] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            told = {k.lower(): v for k, v in response.getheaders()}
            return Reply(response.status, told, response.read().decode())
        finally:
            connection.close()

    def chat(self, text: str, headers: Mapping[str, str] | None = None, **fields: Any) -> Reply:
        body = {"model": self.service.name, "messages": [{"role": "user", "content": text}], **fields}
        kind = {"Content-Type": "application/json", **(headers or {})}
        return self.call("POST", CHAT, json.dumps(body).encode(), kind)

    def in_background(self, text: str, **fields: Any) -> Waiting:
        return Waiting(self, text, fields)

    def counts(self) -> dict[str, float]:
        """The numbers of /metrics by name and labels."""
        lines = self.call("GET", "/metrics").text.splitlines()
        return {k: float(v) for k, _, v in (x.rpartition(" ") for x in lines if not x.startswith("#"))}

    def tell_to_stop(self) -> None:
        self.server.handle_exit(signal.SIGTERM, None)

    def stop(self) -> None:
        self.tell_to_stop()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        self.service.stop()
        self.service.worker.join(PATIENCE_S)


class Waiting:
    """A call in a thread of its own."""

    def __init__(self, served: Served, text: str, fields: Mapping[str, Any]) -> None:
        self._reply: Reply | None = None
        self._thread = threading.Thread(target=self._run, args=(served, text, fields), daemon=True)
        self._thread.start()

    def _run(self, served: Served, text: str, fields: Mapping[str, Any]) -> None:
        self._reply = served.chat(text, **fields)

    @property
    def reply(self) -> Reply:
        self._thread.join(PATIENCE_S)
        assert self._reply is not None
        return self._reply


@contextmanager
def serving(strategy: Strategy, *, name: str | None = None, **settings: Any) -> Iterator[Served]:
    """Serve a strategy in this process; stopped at the end."""
    listener = listening("127.0.0.1", 0)
    service = Service(strategy, ServerSettings(port=0, **settings), name=name, fingerprint="f00d")
    service.start()
    said: list[str] = []
    server = make_server(service, say=said.append)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    served = Served(listener.getsockname()[1], service, server, thread, said)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield served
    finally:
        if isinstance(strategy.model_, GatedModel):
            strategy.model_.gate.set()
        served.stop()
