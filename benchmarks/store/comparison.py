"""A comparison to be killed: ``python -m benchmarks.store.comparison FOLDER LEDGER ALONE``.

``ALONE`` rows of each trial are sent one by one, the others in batches.

Its model answers after a millisecond, and writes each request down before: what the ledger holds is paid.
The process says ``ready`` when everything is imported, and starts when it gets a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import adaptkit as ak
from adaptkit.comparison.callback import Callback
from adaptkit.core.results import Record
from adaptkit.core.types import Request

N_ROWS = 100
BATCH_ROWS = 64  # what EvaluationSettings sends at once
SEEDS = 2
ANSWER_S = 0.001  # so that kills also come while a row is being answered
# By the number of demonstrations: far enough apart that no measured cost decides what is recommended.
SKILL = {0: 0.35, 4: 0.6, 8: 0.9}


class Trials(Callback):
    """Knows the name of the trial that is under way, which a model is not told."""

    current = ""

    def trial_started(self, name: str, n_rows: int, n_rows_done: int) -> None:
        """Note the name."""
        self.current = name


class Provider:
    """Answers by a draw that depends on the request alone, and notes what is asked.

    Args:
        ledger: a line of JSON is added for each request, in one write, before it is answered.
        trials: says on whose behalf.
    """

    def __init__(self, ledger: Path, trials: Trials) -> None:
        self._handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._trials = trials

    def __call__(self, request: Request) -> str:
        """Be paid, then answer."""
        note = json.dumps([self._trials.current, request.prompt.input])
        os.write(self._handle, f"{note}\n".encode())
        time.sleep(ANSWER_S)
        shown = [d.input for d in request.prompt.demonstrations]
        number = request.prompt.input.partition(" ")[2]
        right = draw(shown, request.prompt.input) < SKILL[len(shown)]
        return f"answer {number}" if right else "no idea"


def draw(*parts: object) -> float:
    """A number in 0..1 that depends on the parts only."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def example(kind: str, i: int) -> ak.Example:
    """Row ``i`` of a split; its input tells both."""
    return ak.Example(id=f"{kind}{i}", input=f"{kind} {i}", target=f"answer {i}")


def strategies() -> list[ak.Strategy]:
    """The first of them takes no seed and is run twice, to measure the noise floor."""
    return [
        ak.PromptEngineering(),
        ak.FewShot(k=4, selection="random"),
        ak.FewShot(k=8, selection="random"),
    ]


def run(folder: Path, ledger: Path, alone: int) -> ak.Comparison:
    """Run the comparison, or what is missing of it."""
    trials = Trials()
    task = ak.Task(
        name="questions",
        kind="generation",
        instruction="Answer.",
        metrics=("exact_match",),
        train=tuple(example("train", i) for i in range(40)),
        validation=(),
        test=tuple(example("row", i) for i in range(N_ROWS)),
    )
    settings = ak.RunSettings(latency_rows=alone, listener=trials)
    return ak.compare(
        strategies(),
        task,
        model=ak.FakeModel(Provider(ledger, trials)),
        seeds=SEEDS,
        baselines=False,
        noise_floor=True,
        # The embedder that looks for paraphrases takes longer to load than everything else together.
        leakage="off",
        out=folder,
        settings=settings,
    )


def trial_name(record: Record) -> str:
    """The name that a record's trial has in the ledger."""
    seed = "" if record.strategy == "prompt" else f" seed {record.seed}"
    return f"{record.strategy}{seed}{' again' if record.repeat else ''}"


def n_planned() -> int:
    """Rows of all trials: one of the prompt and its second run, one a seed of each other strategy."""
    return N_ROWS * (2 + SEEDS * (len(strategies()) - 1))


def main(arguments: Sequence[str]) -> int:
    """Wait for the word, and run."""
    folder, ledger, alone = arguments
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    run(Path(folder), Path(ledger), int(alone))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
