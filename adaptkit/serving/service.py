"""From a request's text to its answer: the line, the worker, and what ends the wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from adaptkit.core.types import Prediction
from adaptkit.serving.line import Job, LineFullError, WaitingLine
from adaptkit.serving.metrics import ServerMetrics
from adaptkit.serving.problems import queue_full, shutting_down, timed_out
from adaptkit.serving.settings import ServerSettings
from adaptkit.serving.worker import Worker, answer_tokens
from adaptkit.strategies import Strategy


class ClientGoneError(Exception):
    """The caller has hung up: nobody waits for an answer any more."""


class Service:
    """A strategy that answers requests of several callers.

    Args:
        strategy: fitted.
        settings: limits.
        name: what callers give as the model's name; None for the strategy's label.
        fingerprint: of the artefact.

    Attributes:
        draining: whether new requests are turned away, because the server is about to stop.
        n_open: requests that have come and have not been answered yet.
    """

    def __init__(
        self, strategy: Strategy, settings: ServerSettings, *, name: str | None = None, fingerprint: str = ""
    ) -> None:
        self.strategy, self.settings = strategy, settings
        self.name = strategy.label if name is None else name
        self.fingerprint = fingerprint
        self.line = WaitingLine(settings.max_waiting)
        self.metrics = ServerMetrics(lambda: len(self.line))
        self.worker = Worker(strategy, self.line, settings, observe=self.metrics.batch)
        self.answer_tokens = answer_tokens(strategy) if strategy.traits.uses_llm else 1
        self.draining = False
        self.n_open = 0
        self.n_answered = 0
        self._cut_off = asyncio.Event()

    def start(self) -> None:
        """Set up what is set up once, and answer from now on."""
        self.worker.start()

    def stop(self) -> None:
        """Let the worker end after the batch that it is at."""
        self.line.close()

    def cut_off(self) -> None:
        """Give up on all that have no answer yet; to be called in the server's own thread."""
        self.draining = True
        self._cut_off.set()

    @property
    def healthy(self) -> bool:
        """Whether a request that comes now would be answered."""
        return self.worker.alive and not self.draining

    async def first_of(self, *awaited: asyncio.Future[Any], within_s: float) -> bool:
        """Wait until one of these is done, the time is over, or all that is open is given up.

        Returns:
            Whether one is done.
        """
        cut_off = asyncio.ensure_future(self._cut_off.wait())
        try:
            await asyncio.wait([*awaited, cut_off], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cut_off.cancel()
        return any(future.done() for future in awaited)

    async def answer(
        self, text: str, hung_up: Callable[[], Coroutine[Any, Any, None]], *, within_s: float
    ) -> Prediction:
        """Answer one input.

        Args:
            text: the input.
            hung_up: returns when the caller has gone.
            within_s: how long the caller waits.

        Raises:
            RequestProblem: there is no answer, and why.
            ClientGoneError: the caller has gone.
        """
        job = Job(text)
        try:
            self.line.put(job)
        except LineFullError:
            raise queue_full(self.worker.retry_after_s) from None
        answer = asyncio.wrap_future(job.answer)
        gone = asyncio.ensure_future(hung_up())
        try:
            await self.first_of(answer, gone, within_s=within_s)
            if answer.done():
                return answer.result()
            if gone.done():
                raise ClientGoneError
            raise shutting_down() if self._cut_off.is_set() else timed_out(self.settings.timeout_s)
        finally:
            gone.cancel()
            self.line.drop(job)
            if not answer.done():
                answer.cancel()
            elif not answer.cancelled():
                answer.exception()  # seen, so that nobody is told of an error that came too late
