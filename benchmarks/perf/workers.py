"""Workers: one process a peer, all loaded, of which one computes at a time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
PEERS_VARIABLE = "ADAPTKIT_PEERS_PYTHON"
LOAD_TIMEOUT_S = 900.0
END_TIMEOUT_S = 10.0
# Nothing here may ask a hub, nor tell anyone what was run.
ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "0",
    "DO_NOT_TRACK": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONPATH": str(ROOT),
    # As adaptkit sets it for itself: threads that spin for milliseconds stall every engine when another
    # process wants a core, and gain nothing on a quiet machine.
    "GOMP_SPINCOUNT": "3000",
}


class WorkerError(Exception):
    """A worker gave no figure; the message is what stands in the result's note."""


def peers_python() -> Path | None:
    """The peers' Python: ``$ADAPTKIT_PEERS_PYTHON``, or what ``make perf`` installed, or None."""
    named = os.environ.get(PEERS_VARIABLE)
    path = Path(named).expanduser() if named else ROOT / ".venv-perf" / "bin" / "python"
    return path if path.is_file() else None


@dataclass
class Worker:
    """A running worker.

    Args:
        command: how to start it.
        log: where its standard error goes.

    Attributes:
        version: of the peer, once it is ready.
        dtype: of its weights.
        note: how it was set up.
    """

    command: list[str]
    log: Path
    version: str = ""
    dtype: str = ""
    note: str = ""
    _process: subprocess.Popen[str] | None = None
    _listener: threading.Thread | None = None
    _events: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    @classmethod
    def of(cls, python: Path, module: str, job: Path) -> Worker:
        """The worker that runs a module on a job."""
        return cls(
            [str(python), "-m", module, str(job)], job.with_suffix(f".{module.rpartition('.')[2]}.log")
        )

    def start(self, timeout_s: float = LOAD_TIMEOUT_S) -> None:
        """Start it and wait until its model is loaded and warm.

        Raises:
            WorkerError: the peer is not installed, or failed, or took too long.
        """
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._listener = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._listener.start()
        told = self._event(timeout_s, "loading")
        self.version, self.dtype, self.note = told["version"], told["dtype"], told["note"]

    def go(self, timeout_s: float) -> dict[str, Any]:
        """Have it run once; returns what it tells.

        Raises:
            WorkerError: it failed or took too long; it is ended then.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerError(f"ended before its turn: {self._last_words()}") from error
        return self._event(timeout_s, "a run")

    def end(self) -> None:
        """End it, kindly first."""
        if self._process is None:
            return
        if self._process.stdin:
            with contextlib.suppress(OSError):  # it is gone, and something was left to write
                self._process.stdin.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._kill()
        if self._listener:
            self._listener.join()  # at the end of the output
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    def _listen(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._events.put(line)
        self._events.put(None)

    def _event(self, timeout_s: float, what: str) -> dict[str, Any]:
        try:
            line = self._events.get(timeout=timeout_s)
        except queue.Empty:
            self._kill()
            raise WorkerError(f"{what} took more than {timeout_s:.0f} s") from None
        if line is None:
            raise WorkerError(f"ended without an answer: {self._last_words()}")
        told: Mapping[str, Any] = json.loads(line)
        if "missing" in told:
            raise WorkerError(f"not installed: {told['missing']}")
        if "error" in told:
            raise WorkerError(f"failed: {told['error']}")
        return dict(told)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return (lines[-1] if lines else "it said nothing")[:200]


def own_python() -> Path:
    """The Python that runs the benchmark, adaptkit's own."""
    return Path(sys.executable)
