"""Answers of saved strategies in a process that has never seen them: ``python -m adaptkit.testing``.

Several are asked in one process: starting Python and loading torch takes longer than answering.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adaptkit.models.base import Model
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.load import load_strategy
from adaptkit.strategies.registry import STRATEGIES
from adaptkit.strategies.seal import read_state
from adaptkit.testing.answers import AnsweredInputs, answers
from adaptkit.testing.failure import CheckFailed
from adaptkit.testing.supply import Supply, object_at

TIMEOUT_S = 600


@dataclass(frozen=True)
class ProcessJob:
    """A saved strategy, where its class and model are found, and what to ask it."""

    folder: str
    strategy: str
    model: str
    inputs: Sequence[str]


@dataclass(frozen=True)
class Told:
    """What came of a job: answers, or the error."""

    answers: list[AnsweredInputs] | None
    error: str | None


def answer_in_new_process(jobs: Sequence[ProcessJob]) -> list[Told]:
    """Load and ask each strategy in one other process, in which strings have other hashes.

    Raises:
        CheckFailed: the process itself failed.
    """
    here = os.environ.get("PYTHONHASHSEED", "0")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path),
        "PYTHONHASHSEED": "1" if here != "1" else "2",
    }
    done = subprocess.run(
        [sys.executable, "-m", __package__],
        input=json.dumps([asdict(job) for job in jobs]),
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise CheckFailed(f"Another process could not load saved strategies: {done.stderr.strip()[-2_000:]}")
    # The last line: libraries may have written others.
    told = json.loads(done.stdout.strip().rpartition("\n")[2])
    return [Told(_tuples(t["answers"]), t["error"]) for t in told]


def _tuples(rows: Iterable[Sequence[Any]] | None) -> list[AnsweredInputs] | None:
    # JSON knows lists only.
    return None if rows is None else [AnsweredInputs(*row)._replace(passages=tuple(row[-1])) for row in rows]


def restored(strategy: Strategy, folder: Path, model: Model) -> Strategy:
    """What was saved, in the way in which users get it back: by its registered name, or by its class."""
    if strategy.name in STRATEGIES.names() and STRATEGIES.get(strategy.name) is type(strategy):
        return load_strategy(folder, model)
    return strategy.restore(folder, read_state(folder), model)


def _unfitted(job: ProcessJob) -> Strategy:
    kind: type[Strategy] = object_at(job.strategy)
    return kind.from_params(read_state(job.folder)["params"])


def _answer(job: ProcessJob, models: dict[str, Model]) -> Told:
    try:
        if job.model not in models:
            models[job.model] = Supply.at(job.model).make()
        strategy = restored(_unfitted(job), Path(job.folder), models[job.model])
        return Told(answers(strategy.generate(list(job.inputs))), None)
    except Exception as error:  # whatever it is, the other jobs go on
        return Told(None, "".join(traceback.format_exception_only(error)).strip())


def main() -> None:
    """Read jobs from the standard input, write what came of them as the last line."""
    models: dict[str, Model] = {}
    told = [_answer(ProcessJob(**job), models) for job in json.load(sys.stdin)]
    sys.stdout.write("\n" + json.dumps([asdict(t) for t in told]) + "\n")
