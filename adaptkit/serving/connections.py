"""Connections that cannot be kept open for nothing: each has a time to send its request, and there is a most.

uvicorn waits for the rest of a request without end, and takes connections until the process has no file
left to open. Here a request's head has to come within seconds, what follows a refused request is not read
for long, and an answer that nobody takes is given up. Where there are as many connections as there may be,
the oldest that still owes its request makes room: a caller who sends a whole request gets through.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""For a request's head to arrive, from its first byte on or from when the connection was made."""
LINGER_S = 5.0
"""For the rest of a request that was answered before it had arrived; so its sender can read why."""
UNREAD_S = 30.0
"""For a caller to take what it was sent."""
MOST, FEW = 1_000, 4
KEPT_FREE = 32
"""Files that are left to open for everything that is no connection; a few connections there are always."""
AT_ONCE = 16
"""Connections taken before the first of them is looked at."""
FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


class BoundedConnection(H11Protocol):
    """One connection, with uvicorn's handling of it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._since = time.monotonic()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in the place of another."""
        super().connection_made(transport)
        others = [c for c in self.connections if isinstance(c, BoundedConnection) and c._others_room(self)]
        if len(others) >= MOST or (len(others) >= FEW and _files_left() < KEPT_FREE):
            self._make_room(others)
        self._start("head", HEAD_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        super().connection_lost(exc)
        for name in list(self._timers):
            self._stop(name)

    def data_received(self, data: bytes) -> None:
        """Read on, and note what is still owed."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:  # invalid bytes behind a request that is being answered
            self.transport.abort()
        self._look()

    def on_response_complete(self) -> None:
        """After an answer the next request may come, but not the rest of the last one without end."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._start("rest", LINGER_S, self._give_up)
        self._look()

    def pause_writing(self) -> None:
        """The caller does not take what it is sent."""
        super().pause_writing()
        self._start("unread", UNREAD_S, self.abort)

    def resume_writing(self) -> None:
        """The caller has taken it."""
        super().resume_writing()
        self._stop("unread")

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, though its caller may not have taken the last answer."""
        super().timeout_keep_alive_handler()
        self._start("unread", UNREAD_S, self.abort)

    def abort(self) -> None:
        """Close at once; whatever is being done for this connection ends."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def owes_request(self) -> bool:
        """Whether no whole request is at hand: nothing is lost but what its caller has not sent."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _look(self) -> None:
        """Give the head of a request that has begun its time; bytes that come do not lengthen it."""
        if self.conn.their_state is not h11.IDLE:
            self._stop("head")
        elif self.conn.trailing_data[0]:
            self._start("head", HEAD_S, self._give_up)
        if self.conn.their_state is not h11.SEND_BODY:
            self._stop("rest")

    def _others_room(self, newcomer: BoundedConnection) -> bool:
        """Whether it takes the room of a newcomer; one that is being closed does not."""
        return self is not newcomer and not self.transport.is_closing()

    def _make_room(self, others: Sequence[BoundedConnection]) -> None:
        owing = [c for c in others if c.owes_request]
        if owing:
            min(owing, key=lambda c: c._since).abort()
        else:
            self.transport.write(FULL)
            self.transport.close()

    def _give_up(self) -> None:
        self.transport.close()
        self._start("unread", UNREAD_S, self.abort)

    def _start(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        if name not in self._timers and self in self.connections:
            self._timers[name] = self.loop.call_later(seconds, then)

    def _stop(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()


def _files_left() -> float:
    """How many more files the process may open by its limit of this moment."""
    try:
        import resource
    except ModuleNotFoundError:  # not on Windows, which has no such limit
        return math.inf
    allowed, folder = resource.getrlimit(resource.RLIMIT_NOFILE)[0], Path("/dev/fd")
    if allowed == resource.RLIM_INFINITY or not folder.is_dir():
        return math.inf
    return allowed - sum(1 for _ in folder.iterdir())


class SparingLog(logging.Filter):
    """Lets a few messages of a logger by in a while, and says how many it has left out.

    What callers send must not fill a disk.
    """

    MOST, WITHIN_S = 20, 60.0

    def __init__(self) -> None:
        super().__init__()
        self._until, self._n = 0.0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is written."""
        now = time.monotonic()
        if now >= self._until:
            if self._n > self.MOST:
                record.msg = f"{record.getMessage()} ({self._n - self.MOST} messages before were left out)"
                record.args = ()
            self._until, self._n = now + self.WITHIN_S, 0
        self._n += 1
        return self._n <= self.MOST
