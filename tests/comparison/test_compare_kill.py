"""A run that is killed goes on where it stopped, and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import slow_comparison
from planted import unmeasured

import adaptkit as ak

SCRIPT = Path(slow_comparison.__file__)
ROOT = Path(__file__).parents[2]
Answered = Counter[tuple[str, str]]


def start(folder: Path, calls: Path) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), str(SCRIPT.parent), str(SCRIPT.parents[1])])
    command = [sys.executable, str(SCRIPT), str(folder), str(calls)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.PIPE)


def calls_made(calls: Path) -> list[tuple[str, str]]:
    """Trial and example of each request for a test row; a torn last line is left out."""
    lines = calls.read_text(encoding="utf-8").split("\n")[:-1] if calls.exists() else []
    split = [line.rsplit("|", 1) for line in lines]
    return [(who, text.replace(" ", "")) for who, text in split if text.startswith("row")]


def stored(folder: Path) -> Answered:
    """The same for each whole line of records.jsonl."""
    path = folder / "records.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return Counter((trial(r), r["example_id"]) for r in map(json.loads, lines))


def trial(record: dict[str, Any]) -> str:
    """The trial's name, as the listener is told it."""
    seed = f" seed {record['seed']}" if record["strategy"] == "lora" else ""
    return f"{record['strategy']}{seed}{' again' if record['repeat'] else ''}"


def n_calls(calls: Path) -> int:
    return calls.read_bytes().count(b"\n") if calls.exists() else 0


def kill_after(process: subprocess.Popen[bytes], calls: Path, n_lines: int, pause_s: float) -> None:
    """Kill the process once it has noted ``n_lines`` more calls; let it end if less is left to do."""
    wanted = n_calls(calls) + n_lines
    deadline = time.monotonic() + 60
    while n_calls(calls) < wanted:
        if process.poll() is not None:
            assert process.returncode == 0, process.communicate()[1].decode()
            break
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(pause_s)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_eight_kills_change_neither_the_table_nor_pay_a_row_twice(tmp_path: Path) -> None:
    rng = random.Random(1)
    folder, calls = tmp_path / "run", tmp_path / "calls"
    for _ in range(8):
        before, n_before = stored(folder), len(calls_made(calls))
        kill_after(start(folder, calls), calls, rng.randrange(1, 45), rng.uniform(0, 0.006))
        assert not before.keys() & set(calls_made(calls)[n_before:]), "a stored row was answered again"
    before, n_before = stored(folder), len(calls_made(calls))
    assert before, "no kill came late enough to leave anything"
    _, stderr = (last := start(folder, calls)).communicate(timeout=120)
    assert last.returncode == 0, stderr.decode()
    assert not before.keys() & set(calls_made(calls)[n_before:])

    assert set(stored(folder).values()) == {1}
    assert len(stored(folder)) == 5 * slow_comparison.N_ROWS
    disturbed, undisturbed = ak.load_comparison(folder), slow_comparison.run(tmp_path / "undisturbed")
    assert [unmeasured(r) for r in disturbed.rows] == [unmeasured(r) for r in undisturbed.rows]
    assert disturbed.pairs == undisturbed.pairs
    assert disturbed.recommend() == undisturbed.recommend()


def test_seconds_of_the_rows_are_those_of_both_parts_of_an_interrupted_run(tmp_path: Path) -> None:
    folder, calls = tmp_path / "run", tmp_path / "calls"
    kill_after(start(folder, calls), calls, 30, 0)
    comparison = slow_comparison.run(folder)
    first = comparison.result.manifest["trials"][0]
    # 25 or so rows of 5 ms each were answered before the kill; the second part did not pause.
    assert first["eval_s"] > 0.05
