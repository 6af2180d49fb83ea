"""``python -m benchmarks.fuzz``: read thousands of damaged inputs, and name what is no typed error."""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adaptkit.core.errors import AdaptKitError
from benchmarks.fuzz.subjects import SHARES, SUBJECTS, Subject

MOST_S = 10
MOST_BYTES = 1 << 30


@dataclass
class Found:
    """What came of the inputs of one subject.

    Attributes:
        n: inputs, ``n_refused`` of which were refused by a typed error; the others were read.
        faults: untyped errors, by type and place, with the seed of the first; hangs among them.
        slowest_s: of one input.
        peak_bytes: of the whole process so far, ``grown_bytes`` by how much of it these inputs raised it.
    """

    n: int = 0
    n_refused: int = 0
    slowest_s: float = 0.0
    peak_bytes: int = 0
    grown_bytes: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    first_seed: dict[str, int] = field(default_factory=dict)


class HangError(BaseException):
    """An input took longer than :data:`MOST_S`; no ``except Exception`` holds it."""


@contextmanager
def bounded() -> Iterator[None]:
    """Stop what takes too long: seconds of work, since others may use the machine, or six times as many."""

    def stop(*_: object) -> None:
        raise HangError

    for number in (signal.SIGVTALRM, signal.SIGALRM):
        signal.signal(number, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_S)
    signal.alarm(6 * MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.alarm(0)


def fuzz(subject: Subject, seeds: Sequence[int]) -> Found:
    """Read one damaged input for each seed."""
    found = Found()
    before = _peak_bytes()
    for seed in seeds:
        started = time.process_time()
        fault = _fault(subject, seed)
        found.n += 1
        found.slowest_s = max(found.slowest_s, time.process_time() - started)
        if fault == "refused":
            found.n_refused += 1
        elif fault:
            found.faults[fault] += 1
            found.first_seed.setdefault(fault, seed)
    found.peak_bytes = _peak_bytes()
    found.grown_bytes = found.peak_bytes - before
    return found


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _fault(subject: Subject, seed: int) -> str | None:
    try:
        with bounded():
            subject.one(random.Random(f"{subject.name} {seed}"))
    except AdaptKitError as error:
        return "refused" if "\n" not in str(error) else f"more than one line: {type(error).__name__}"
    except HangError:
        return f"longer than {MOST_S} s"
    except Exception as error:
        return f"{type(error).__name__} at {_place(error)}: {str(error)[:60]!r}"
    return None


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f"{os.sep}adaptkit{os.sep}" in f.filename] or list(frames)
    return f"{own[-1].filename.rpartition('adaptkit' + os.sep)[2]}:{own[-1].lineno}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run; exit code 1 where an input brought about more than a typed error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=2_000, help="how many in all")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--only", help="one subject: " + ", ".join(SHARES))
    parser.add_argument("--results", type=Path, help="a JSON file for the counts")
    asked = parser.parse_args(argv)
    os.environ["ADAPTKIT_VECTOR_CACHE"] = "off"
    every = {}
    with tempfile.TemporaryDirectory(prefix="adaptkit-fuzz-") as folder:
        chosen = [s for s in SUBJECTS if asked.only in (None, s.name)]
        parts = sum(SHARES[s.name] for s in chosen)
        for made in chosen:
            n = round(asked.inputs * SHARES[made.name] / parts)
            found = fuzz(made(Path(folder)), range(asked.first, asked.first + n))
            every[made.name] = found
            _tell(made.name, found)
    if asked.results:
        asked.results.write_text(
            json.dumps({k: {**vars(v), "faults": dict(v.faults)} for k, v in every.items()}, indent=2) + "\n"
        )
    over = any(f.peak_bytes > MOST_BYTES for f in every.values())
    return int(over or any(f.faults for f in every.values()))


def _tell(name: str, found: Found) -> None:
    n_faults = found.faults.total()
    counts = f"{found.n_refused} refused, {found.n - found.n_refused - n_faults} read, {n_faults} faults"
    bounds = f"slowest {found.slowest_s:.1f} s, peak {found.peak_bytes >> 20} MiB"
    print(f"{name}: {found.n} inputs, {counts}, {bounds}", flush=True)  # noqa: T201
    for fault, n in found.faults.most_common():
        print(f"  {n} x {fault} (seed {found.first_seed[fault]})", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
