"""A comparison whose disk fails it: ``python disaster_comparison.py HOW FOLDER``.

Prints as JSON what came of each run. ``full`` and ``read-only`` need a folder on a file system of its own, in
a mount namespace of its own; ``limited`` needs neither.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from planted import Shots, Words
from questions import make_task

import adaptkit as ak
from adaptkit.comparison.store import RunStore
from adaptkit.core.types import Request

N_ROWS = 40
N_ANSWERS = 2 * N_ROWS
FILE_LIMIT_BYTES = 3 << 19  # more than the reserve, less than all records


class Attempts:
    """Runs a comparison again and again in one folder, and counts what each row was paid."""

    def __init__(self, folder: Path, *, answer_bytes: int = 10) -> None:
        self.folder = folder
        self.paid: Counter[str] = Counter()
        self.runs: list[dict[str, Any]] = []
        self._answer_bytes = answer_bytes
        self.before_row: Callable[[int], None] = lambda _: None

    def _answer(self, request: Request) -> str:
        if request.prompt.input.startswith("row"):
            self.before_row(self.paid.total())
            self.paid[f"{request.prompt.instruction} {request.prompt.input}"] += 1
        return "x" * self._answer_bytes

    def run(self) -> ak.Comparison | None:
        """Run once; what is paid, stored and told is noted."""
        settings = ak.RunSettings(latency_rows=N_ROWS)
        error, comparison = None, None
        try:
            comparison = ak.compare(
                [Words(), Shots()],
                make_task(N_ROWS),
                model=ak.FakeModel(self._answer),
                baselines=False,
                noise_floor=False,
                out=self.folder,
                settings=settings,
            )
        except (ak.errors.StoreError, KeyboardInterrupt) as e:
            error = f"{type(e).__name__}: {e}"
        self.note(error)
        return comparison

    def note(self, error: str | None) -> None:
        found = {
            "error": error,
            "n_paid": self.paid.total(),
            "n_paid_twice": sum(n > 1 for n in self.paid.values()),
            "n_stored": len(RunStore(self.folder).records()),
            "finished": (self.folder / "comparison.json").exists(),
        }
        self.runs.append(found)


def full(attempts: Attempts) -> None:
    """The disk fills up, twice; then it gets larger."""
    attempts.run()
    attempts.run()
    mount(attempts.folder, "size=64m")
    attempts.run()


def read_only(attempts: Attempts) -> None:
    """An interrupted run's folder is read-only for a while."""

    def interrupt(n_paid: int) -> None:
        if n_paid == 10:
            raise KeyboardInterrupt

    attempts.before_row = interrupt
    attempts.run()
    mount(attempts.folder, "ro")
    attempts.run()
    attempts.before_row = lambda _: None
    mount(attempts.folder, "rw")
    attempts.run()


def limited(attempts: Attempts) -> None:
    """No file may grow beyond a limit; then it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT_BYTES, hard))
    attempts.run()
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    attempts.run()


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


if __name__ == "__main__":
    how = {"full": (full, 10_000), "read-only": (read_only, 10), "limited": (limited, 50_000)}
    act, answer_bytes = how[sys.argv[1]]
    made = Attempts(Path(sys.argv[2]), answer_bytes=answer_bytes)
    act(made)
    sys.stdout.write(json.dumps(made.runs))
