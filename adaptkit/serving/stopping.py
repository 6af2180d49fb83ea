"""An HTTP server that stops in steps: turn new requests away, answer those that were let in, then close."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn

from adaptkit.serving.app import build_app
from adaptkit.serving.connections import AT_ONCE, BoundedConnection, SparingLog
from adaptkit.serving.service import Service

LOOK_AGAIN_S = 0.02
FLUSH_S = 5
"""For connections to take what they were sent, when all requests have been answered."""
BACKLOG = 512
"""Connections that the system keeps until they are taken."""
LOGGERS = ("asyncio", "uvicorn.error", "adaptkit.serving.worker")
"""Those that write what callers bring about."""


class StoppingServer(uvicorn.Server):
    """uvicorn's server, but the first signal to stop only closes the door.

    uvicorn itself closes the address at once, so that a caller in that moment gets no answer at all; and it
    cuts off what is under way by closing connections.

    Attributes:
        n_cut_off: requests that were given up.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        *,
        ready: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        super().__init__(config)
        self._service = service
        self._ready, self._say = ready, say
        self._n_signals = 0
        self._stopping: asyncio.Task[None] | None = None
        self.n_cut_off = 0

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        sparing = [(logging.getLogger(name), SparingLog()) for name in LOGGERS]
        for logger, rule in sparing:
            logger.addFilter(rule)
        try:
            await super().serve(sockets)
        finally:
            for logger, rule in sparing:
                logger.removeFilter(rule)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let callers in."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(BACKLOG)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close all connections; one that does not take its answer is cut off, not its answer cancelled."""
        cut = asyncio.get_running_loop().call_later(FLUSH_S, self._abort_all)
        await super().shutdown(sockets)
        cut.cancel()

    def _abort_all(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, BoundedConnection):
                connection.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first to stop in order, another to stop at once."""
        self._n_signals += 1

    async def on_tick(self, counter: int) -> bool:
        """Look after signals, ten times a second."""
        if counter == 0:
            self._ready()
        if self._n_signals and self._stopping is None:
            self._service.draining = True
            self._stopping = asyncio.ensure_future(self._stop())
        return await super().on_tick(counter)

    async def _stop(self) -> None:
        service, grace_s = self._service, self._service.settings.grace_s
        if service.n_open:
            self._say(
                f"Stopping: {service.n_open} request(s) to answer, {grace_s:g} s at most; again to stop now."
            )
        until = time.monotonic() + grace_s
        while service.n_open and time.monotonic() < until and self._n_signals == 1:
            await asyncio.sleep(LOOK_AGAIN_S)
        self.n_cut_off = service.n_open
        service.cut_off()
        self.should_exit = True


def make_server(
    service: Service,
    *,
    ready: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda _text: None,
) -> StoppingServer:
    """The HTTP server of a service that has been started."""
    config = uvicorn.Config(
        build_app(service),
        loop="asyncio",
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=AT_ONCE,
        timeout_graceful_shutdown=2 * FLUSH_S,
    )
    return StoppingServer(config, service, ready=ready, say=say)
