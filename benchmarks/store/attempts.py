"""Processes that run a comparison, and the moments of its life at which they can be killed."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adaptkit.comparison.store import RunStore
from benchmarks.store.comparison import n_planned, trial_name

ROOT = Path(__file__).parents[2]
# Shares of the kills; the rest comes while rows are answered.
AT_START, AT_END = 0.15, 0.25
Row = tuple[str, str]
"""The name of a trial, and an input."""


@dataclass(frozen=True)
class Place:
    """Where a comparison stands, and how it is run.

    Attributes:
        folder: the run folder.
        ledger: the file in which the provider notes what it is paid for.
        alone: rows of each trial that are sent one by one.
    """

    folder: Path
    ledger: Path
    alone: int

    def paid(self) -> list[Row]:
        """Each paid request, in order; a torn last line was not answered."""
        lines = self.ledger.read_bytes().split(b"\n")[:-1] if self.ledger.exists() else []
        return [(trial, text) for trial, text in map(json.loads, lines)]

    def stored(self) -> set[Row]:
        """The same of each record."""
        records = RunStore(self.folder).records()
        return {(trial_name(r), f"row {r.example_id.removeprefix('row')}") for r in records}

    def n_paid(self) -> int:
        """Lines of the ledger, counted only."""
        return _n_lines(self.ledger)

    def n_stored(self) -> int:
        """Lines of records.jsonl, counted only."""
        return _n_lines(self.folder / "records.jsonl")


def _n_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


class Attempt:
    """One process that runs the comparison of a place; it has imported everything and waits for the word."""

    def __init__(self, place: Place) -> None:
        self.place = place
        command = [sys.executable, "-m", "benchmarks.store.comparison"]
        self._process = subprocess.Popen(
            [*command, str(place.folder), str(place.ledger), str(place.alone)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def start(self) -> None:
        """Give the word."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()

    def kill(self) -> bool:
        """Kill it; False when it had ended by itself."""
        self._process.send_signal(signal.SIGKILL)
        self._end()
        return self._process.returncode == -signal.SIGKILL

    def finish(self) -> None:
        """Wait until it has ended.

        Raises:
            RuntimeError: with what it said, when it failed.
        """
        said = self._end()
        if self._process.returncode:
            raise RuntimeError(said)

    def wait_until(self, come: Callable[[], bool]) -> None:
        """Wait until something has come, or the process has ended."""
        while self.running and not come():
            time.sleep(0.0005)

    def _end(self) -> str:
        _, said = self._process.communicate(timeout=300)
        return said.decode(errors="replace")


@dataclass(frozen=True)
class Life:
    """When an undisturbed comparison asks first, and how long it goes on after its last row; seconds."""

    start_s: float
    results_s: float

    @classmethod
    def of(cls, place: Place) -> Life:
        """Run one and watch."""
        attempt = Attempt(place)
        begin = time.monotonic()
        attempt.start()
        attempt.wait_until(place.ledger.exists)
        first = time.monotonic()
        attempt.wait_until(lambda: place.n_stored() >= n_planned())
        last = time.monotonic()
        attempt.finish()
        return cls(first - begin, time.monotonic() - last)

    def wait_for_moment(self, attempt: Attempt, rng: random.Random) -> str:
        """Sleep until a random moment of a comparison that has just been started.

        Returns:
            The part of its life: ``start`` (until the first request), ``rows`` or ``results``.
        """
        part, place = rng.random(), attempt.place
        if part < AT_START:
            time.sleep(rng.uniform(0, self.start_s))
            return "start"
        before = place.n_paid()
        if part < 1 - AT_END:
            # A random number of requests, and a little more or less than a row takes.
            wanted = before + rng.randrange(1, max(2, n_planned() - before))
            attempt.wait_until(lambda: place.n_paid() >= wanted)
            time.sleep(rng.uniform(0, 0.004))
            return "rows"
        attempt.wait_until(lambda: place.n_stored() >= n_planned())
        time.sleep(rng.uniform(0, self.results_s))
        return "results"
