"""The protocol between benchmark and workers, with scripts that load no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.perf import run, workers
from benchmarks.perf.peers.protocol import best_batch_size, cut, final
from benchmarks.perf.run import Options, Turn, run_in_turn
from benchmarks.perf.workers import Worker, WorkerError

SCRIPT = """
import os, sys, time
from benchmarks.perf.peers.protocol import Peer, serve

def load(job):
    print("a library talks on standard output")
    if job["do"] == "miss":
        import no_such_package
    if job["do"] == "fail":
        raise ValueError("no such weights")
    state = {"runs": 0, "resets": 0}
    def run():
        print("and again")
        state["runs"] += 1
        if job["do"] == "hang":
            time.sleep(60)
        if job["do"] == "die":
            sys.stderr.write("out of luck\\n"); sys.stderr.flush(); os._exit(3)
        if job["do"] == "own clock":
            return {"outputs": [], "seconds": 2.5}
        return {"outputs": [str(state["runs"]), str(state["resets"])]}
    def reset():
        state["resets"] += 1
    return Peer(version="1.2", dtype="float32", run=run, reset=reset, note="as set up")

serve(load)
"""


def make_worker(folder: Path, do: str) -> Worker:
    script, job = folder / "script.py", folder / f"{do}.json"
    script.write_text(SCRIPT, encoding="utf-8")
    job.write_text(json.dumps({"do": do}), encoding="utf-8")
    return Worker([sys.executable, str(script), str(job)], folder / f"{do}.log")


def test_a_worker_runs_once_for_every_go_and_is_reset_before(tmp_path: Path) -> None:
    worker = make_worker(tmp_path, "work")
    worker.start(30)
    assert (worker.version, worker.dtype, worker.note) == ("1.2", "float32", "as set up")
    first, second = worker.go(30), worker.go(30)
    worker.end()
    assert (first["outputs"], second["outputs"]) == (["1", "1"], ["2", "2"])
    assert 0 <= first["seconds"] < 5
    worker.end()  # twice does no harm


def test_a_peer_may_count_by_its_own_clock(tmp_path: Path) -> None:
    worker = make_worker(tmp_path, "own clock")
    worker.start(30)
    assert worker.go(30)["seconds"] == 2.5
    worker.end()


@pytest.mark.parametrize(
    ("do", "message"), [("miss", "not installed: .*no_such_package"), ("fail", "failed: .*no such weights")]
)
def test_a_peer_that_cannot_load_says_why(tmp_path: Path, do: str, message: str) -> None:
    worker = make_worker(tmp_path, do)
    with pytest.raises(WorkerError, match=message):
        worker.start(30)
    worker.end()


@pytest.mark.parametrize(("do", "message"), [("hang", "more than 0 s"), ("die", "out of luck")])
def test_a_peer_that_hangs_or_dies_becomes_a_blank_and_the_others_go_on(
    tmp_path: Path, do: str, message: str
) -> None:
    lines: list[str] = []
    bad, good = Turn("bad", make_worker(tmp_path, do)), Turn("good", make_worker(tmp_path, "own clock"))
    run_in_turn([bad, good], Options(repeat=2, timeout_s=0.4), lines.append)
    assert message in bad.note
    assert (bad.seconds, good.seconds) == ([], [2.5, 2.5])
    assert any("bad" in line and message in line for line in lines)


def test_engines_take_turns(tmp_path: Path) -> None:
    lines: list[str] = []
    turns = [Turn(name, make_worker(tmp_path, "work")) for name in ("a", "b")]
    run_in_turn(turns, Options(repeat=2), lines.append)
    assert [line.partition(":")[0] for line in lines] == ["a", "b", "a", "b", "a", "b"]
    assert all(len(t.told) == 2 for t in turns)


def test_without_the_peers_python_only_what_needs_no_installation_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(workers.PEERS_VARIABLE, str(tmp_path / "no" / "python"))
    assert workers.peers_python() is None
    assert run.make_turn("llama.cpp", "run_llama_cpp", tmp_path / "j.json").problem == run.NOT_INSTALLED
    assert run.make_turn("generate", "run_generate", tmp_path / "j.json").worker is not None
    monkeypatch.setenv(workers.PEERS_VARIABLE, sys.executable)
    assert workers.peers_python() == Path(sys.executable)


def test_texts_are_cut_as_adaptkit_cuts_them() -> None:
    assert cut("a\nb", ["\n"]) == "a"
    assert cut("\n\na\nb", ["\n"]) == "\n\na"
    assert cut("a", ["\n"]) is None
    assert final(" a \n", ["\n"]) == "a"
    assert final(" a ", []) == "a"


def test_the_quickest_batch_size_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    clock = iter([0.0, 5.0, 5.0, 8.0, 8.0, 12.0])
    monkeypatch.setattr("benchmarks.perf.peers.protocol.time.perf_counter", lambda: next(clock))
    size, note = best_batch_size(lambda rows, n: seen.append((len(rows), n)), range(64))
    assert seen == [(32, 8), (32, 16), (32, 32)]
    assert (size, note) == (16, "batch size 16, best of 8, 16, 32")


def test_few_rows_are_one_batch_and_slow_ones_are_not_probed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert best_batch_size(lambda rows, n: None, range(4))[0] == 4
    clock = iter([0.0, 21.0])
    monkeypatch.setattr("benchmarks.perf.peers.protocol.time.perf_counter", lambda: next(clock))
    assert best_batch_size(lambda rows, n: None, range(64)) == (
        16,
        "batch size 16, not probed: one probe took too long",
    )
