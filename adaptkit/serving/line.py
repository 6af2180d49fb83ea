"""Requests that wait for the model: first come, first served, and no more than a set number."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition

from adaptkit.core.types import Prediction


@dataclass(eq=False)
class Job:
    """One input that wants an answer."""

    text: str
    answer: Future[Prediction] = field(default_factory=Future)


class LineFullError(Exception):
    """As many requests wait as may."""


class WaitingLine:
    """A queue between the threads of the server and the one that owns the model.

    Args:
        most: jobs that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: deque[Job] = deque()
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> None:
        """Let a job wait.

        Raises:
            LineFullError: as many as may wait already.
        """
        with self._changed:
            if len(self._jobs) >= self._most:
                raise LineFullError
            self._jobs.append(job)
            self._changed.notify()

    def drop(self, job: Job) -> None:
        """Take a job out that nobody wants an answer to; one that is being answered already is let be."""
        job.answer.cancel()
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def take(self, most: int, gather_s: float) -> list[Job]:
        """The jobs to answer next; waits for the first, and then ``gather_s`` at most for others.

        Returns:
            Up to ``most`` jobs that still want an answer; none once the line is closed and empty.
        """
        with self._changed:
            while True:
                while not self._jobs and not self._closed:
                    self._changed.wait()
                self._gather(most, gather_s)
                taken = [self._jobs.popleft() for _ in range(min(most, len(self._jobs)))]
                wanted = [job for job in taken if job.answer.set_running_or_notify_cancel()]
                if wanted or (self._closed and not self._jobs):
                    return wanted

    def close(self) -> None:
        """Let the taker end when no job waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _gather(self, most: int, gather_s: float) -> None:
        until = time.monotonic() + gather_s
        while len(self._jobs) < most and not self._closed:
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return
