"""The command: what it writes, and that a peer that is not there is a blank and no failure."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console
from tiny import save_tiny

from benchmarks.perf import __main__ as command
from benchmarks.perf import comparison, floor, run, training
from benchmarks.perf.results import Entry, share_equal, show
from benchmarks.perf.workers import Worker

FAKE = """
from benchmarks.perf.peers.protocol import Peer, serve

def load(job):
    rows = job["requests"]
    told = {"outputs": ["out"] * len(rows), "n_tokens": [3] * len(rows), "seconds": job.get("s", 1.0)}
    return Peer(version="0", dtype="float32", run=lambda: told)

serve(load)
"""
SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": [
            "workload",
            "peer",
            "version",
            "seconds",
            "ours_seconds",
            "ratio",
            "floor_share",
            "agreement",
            "hardware",
        ],
        "properties": {
            "workload": {"type": "string"},
            "peer": {"type": "string"},
            "version": {"type": "string"},
            "seconds": {"type": "array", "items": {"type": "number"}},
            "ours_seconds": {"type": "array", "items": {"type": "number"}},
            "ratio": {"type": ["number", "null"]},
            "floor_share": {"type": ["number", "null"]},
            "agreement": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "hardware": {"type": "object", "required": ["cpu", "n_cores", "copy_gb_per_s"]},
        },
    },
}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A tiny model, a machine of round figures, and workers that load nothing; returns the model's folder."""
    script = tmp_path / "fake.py"
    script.write_text(FAKE, encoding="utf-8")

    def make_turn(name: str, module: str, job: Path) -> run.Turn:
        if name in {"adaptkit", "generate"}:
            return run.Turn(name, Worker([sys.executable, str(script), str(job)], tmp_path / "log"))
        return run.Turn(name, None, problem=run.NOT_INSTALLED)

    def rates(shape: floor.ModelShape, dtypes: list[str]) -> dict[str, floor.Rates]:
        return {d: floor.Rates(dtype=d, operations_per_s=1e9, bytes_per_s=1e9) for d in dtypes}

    monkeypatch.setattr(run, "make_turn", make_turn)
    monkeypatch.setattr(training, "make_turn", make_turn)
    monkeypatch.setattr(floor, "measure_rates", rates)
    monkeypatch.setenv("ADAPTKIT_TASKS", str(tmp_path))
    return save_tiny("llama", tmp_path / "model")


def test_missing_peers_are_blanks_and_the_exit_code_is_0(
    machine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "perf.json"
    arguments = ["--workloads", "B", "--repeat", "2", "--limit", "3", "--model", str(machine)]
    assert command.main([*arguments, "--json", str(out)]) == 0
    entries = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(entries, SCHEMA)
    by_peer = {e["peer"]: e for e in entries}
    assert list(by_peer) == ["generate", "lm-eval", "llama.cpp", "openvino"]
    blank, present = by_peer["llama.cpp"], by_peer["generate"]
    assert (blank["seconds"], blank["ratio"], blank["agreement"]) == ([], None, None)
    assert "not installed" in blank["note"]
    assert blank["ours_seconds"] == [1.0, 1.0]
    assert (present["ratio"], present["ratio_low"], present["agreement"]) == (1.0, 1.0, 1.0)
    assert 0 < present["floor_share"] < 1
    printed = capsys.readouterr().out
    assert "llama.cpp" in printed
    assert "make perf" in printed


def test_growth_is_told_per_row(machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "GROWTH_ROWS", (2, 4))
    out = tmp_path / "perf.json"
    assert (
        command.main(["--workloads", "G", "--repeat", "1", "--model", str(machine), "--json", str(out)]) == 0
    )
    (entry,) = json.loads(out.read_text(encoding="utf-8"))
    assert (entry["workload"], entry["peer"], entry["unit"]) == ("G-4", "adaptkit, 2 rows", "s a row")
    assert (entry["seconds"], entry["ours_seconds"], entry["ratio"]) == ([0.5], [0.25], 2.0)


def test_the_comparison_is_timed_beside_the_script_and_the_harness_alone(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Sequence[str]] = []

    def timed(command: Sequence[str], log: Path) -> float:
        commands.append(command)
        # So long that a busy machine does not make the harness, which is really timed, the longer.
        return 5000.0 if "benchmarks.perf.by_hand" in command else 1000.0

    monkeypatch.setattr(comparison, "_timed", timed)
    monkeypatch.setattr(comparison, "peers_python", lambda: Path("peers-python"))
    monkeypatch.setattr(comparison, "embedded_path", lambda name: Path(name))
    out = tmp_path / "perf.json"
    arguments = ["--workloads", "F", "--repeat", "2", "--limit", "2", "--model", str(machine)]
    assert command.main([*arguments, "--json", str(out)]) == 0
    whole, harness = json.loads(out.read_text(encoding="utf-8"))
    assert (whole["peer"], whole["ratio"], whole["seconds"]) == ("by hand", 5.0, [5000.0, 5000.0])
    assert harness["workload"] == "F-harness"
    assert 0 < harness["ratio"] < 1
    assert ["--fresh" in c for c in commands] == [True, False, True, False]
    # The script is called as it understands it: its own parser takes the arguments.
    wanted = {"--limit": "2", "--shots": "8", "--passages": "3", "--rank": "16"}
    assert wanted.items() <= dict(zip(commands[1][3:], commands[1][4:], strict=False)).items()


@pytest.mark.parametrize("workload", ["E", "H"])
def test_a_workload_that_cannot_run_is_no_failure(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workload: str
) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks.perf.index", None)  # as if it were not there
    out = tmp_path / "perf.json"
    arguments = ["--workloads", workload, "--repeat", "1", "--limit", "16", "--model", str(machine)]
    assert command.main([*arguments, "--json", str(out)]) == 0
    entries = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(entries, SCHEMA)
    assert entries
    assert all(e["ratio"] is None and e["note"] for e in entries)


def test_letters_stand_for_their_variants_and_unknown_names_end_with_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert list(command.chosen("A,G")) == ["A-430", "A-1400", "G"]
    assert list(command.chosen("A-430")) == ["A-430"]
    assert command.main(["--workloads", "Z"]) == 2
    assert "no workload 'Z'" in capsys.readouterr().err


def test_figures_of_an_entry() -> None:
    entry = Entry(workload="A", peer="p", seconds=[4.0, 9.0, 4.0], ours_seconds=[2.0, 3.0, 1.0], floor_s=0.5)
    told = entry.to_json()
    assert (told["ratio"], told["ratio_low"], told["ratio_high"]) == (3.0, 2.0, 4.0)
    assert told["floor_share"] == 0.25
    assert Entry.from_json({**told, "of another module": 1}) == entry
    # A peer that gave up after the first repeat is compared with our first.
    assert Entry(workload="A", peer="p", seconds=[8.0], ours_seconds=[2.0, 1.0]).ratio == 4.0


def test_agreement_covers_the_rows_that_the_reference_has() -> None:
    assert share_equal(["a", "b", "c"], ["a", "x"]) == 0.5
    assert share_equal(["a"], None) is None


def test_the_table_shows_blanks_as_blanks() -> None:
    console = Console(record=True, width=160, file=io.StringIO())
    show([Entry(workload="A", peer="p", note="[not] markup")], console)
    text = console.export_text()
    assert "None" not in text
    assert "[not] markup" in text
