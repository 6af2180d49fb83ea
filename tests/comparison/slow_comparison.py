"""A comparison that takes about a second, to be killed: ``python slow_comparison.py RUN_FOLDER CALLS_FILE``.

Each request is noted in the calls file before it is answered, with the name of the trial that makes it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from planted import Shots, Tuned, Words, chance, planted_answer
from questions import make_task

import adaptkit as ak
from adaptkit.comparison.callback import Callback
from adaptkit.core.types import Request

N_ROWS = 40
SKILL = {"prompt": 0.4, "few-shot": 0.6, "lora": 0.8}


def right(name: str, seed: int, row: int) -> bool:
    return chance(name, seed, row) < SKILL[name]


class Trial(Callback):
    """Knows which trial is under way."""

    name = ""

    def trial_started(self, name: str, n_rows: int, n_rows_done: int) -> None:
        self.name = name


def run(folder: Path, calls: Path | None = None, *, pause_s: float = 0.0) -> ak.Comparison:
    planted, trial = planted_answer(right), Trial()

    def answer(request: Request) -> str:
        if calls is not None:
            handle = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, f"{trial.name}|{request.prompt.input}\n".encode())
            os.close(handle)
        time.sleep(pause_s)
        return planted(request)

    return ak.compare(
        [Words(), Shots(), Tuned()],
        make_task(N_ROWS),
        model=ak.FakeModel(answer),
        seeds=2,
        baselines=False,
        noise_floor=True,
        out=folder,
        settings=ak.RunSettings(latency_rows=25, listener=trial),
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), Path(sys.argv[2]), pause_s=0.005)
