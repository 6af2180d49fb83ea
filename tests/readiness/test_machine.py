"""``adaptkit doctor``: what stops a comparison is found, said with what to do, and decides the exit code."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from adaptkit.cli.main import main
from adaptkit.cli.readiness import Finding, check_machine, machine
from adaptkit.costs import describe_hardware
from adaptkit.models.embedded import EMBEDDED, embedded_folder

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with both models, and an empty folder to run in."""
    monkeypatch.setenv("ADAPTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ADAPTKIT_OFFLINE", raising=False)
    for name in EMBEDDED:
        embedded_folder(name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(name: str, **options: Any) -> Finding:
    return next(f for f in check_machine(**options) if f.name == name)


def test_where_all_is_there_the_code_is_0_and_nothing_is_left_behind(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("a process was started without --online")

    monkeypatch.setattr(subprocess, "run", no_network)
    before = sorted(here.rglob("*"))
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert sorted(here.rglob("*")) == before
    assert "✗" not in out
    assert out.endswith("\nA comparison can run.\n")
    for name in ("torch", "device", "number format", "memory", "cores", "cache", "run folder", "tasks"):
        assert any(line[2:].startswith(f"{name} ") for line in out.splitlines()), name


def test_json_says_the_same(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "runs").write_text("a file")
    assert main(["doctor", "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert [f["name"] for f in told["findings"] if f["state"] == "stop"] == ["run folder"]
    (stop,) = [f for f in told["findings"] if f["state"] == "stop"]
    assert "runs is a file. Give another folder to commands with --out." in stop["advice"]
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "✗ run folder" in out
    assert out.endswith("1 of these would stop a comparison (✗).\n")
    assert main(["doctor", "--out", "elsewhere"]) == 0


def test_a_full_disk_stops_only_what_needs_room(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "adaptkit.cli.readiness.machine.shutil.disk_usage", lambda _: Usage(1, 1, 100_000_000)
    )
    assert found("cache").state == "ok"
    assert found("run folder").state == "stop"
    assert "100 MB are free there" in found("run folder").advice
    embedded_folder("all-minilm-l6-v2").rmdir()
    assert found("cache").state == "stop"
    assert "takes up to 0.3 GB: make room" in found("cache").advice


def test_a_model_that_is_missing_stops_only_where_it_cannot_be_fetched(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "all-minilm-l6-v2"
    embedded_folder(name).rmdir()
    assert found(name).state == "note"
    assert f"adaptkit models fetch {name}" in found(name).advice
    monkeypatch.setenv("ADAPTKIT_OFFLINE", "1")
    assert found(name).state == "stop"
    assert "ADAPTKIT_OFFLINE is 1: unset it once, or put the file" in found(name).advice


def test_packages_that_are_missing_or_too_old_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        machine, "requires", lambda _: ["click>=8.1", "peft>=0.18", "gone>=1", "x>=1; extra=='dev'"]
    )
    known = importlib.metadata.version
    monkeypatch.setattr(machine, "version", lambda name: "0.17.9" if name == "peft" else known(name))
    told = {f.name: f for f in machine._package_findings()}
    assert (told["peft"].state, told["peft"].value) == ("stop", "0.17.9, and >=0.18 is needed")
    assert told["peft"].advice == "pip install --upgrade 'peft>=0.18'"
    assert (told["gone"].state, told["gone"].advice) == ("stop", "pip install 'gone>=1'")
    assert "x" not in told
    assert "click" not in told
    assert told["torch"].state == "ok"


def test_the_requirements_that_are_checked_are_those_of_the_package() -> None:
    assert machine._needed()["torch"].startswith(">=")
    assert "mlflow-skinny" not in machine._needed()


def test_few_threads_and_little_memory_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    hardware = describe_hardware()
    monkeypatch.setattr(
        "adaptkit.cli.readiness.machine.describe_hardware",
        lambda: type(hardware)(cpu="c", n_cores=8, memory_bytes=10**9, gpu_name=None, platform="p"),
    )
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert found("cores").advice == "Unset OMP_NUM_THREADS to let one answer use all 8 cores."
    assert found("memory").state == "note"
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert found("cores").state == "ok"


@pytest.mark.parametrize(
    ("code", "cached", "state"), [(0, True, "ok"), (1, True, "note"), (1, False, "stop")]
)
def test_the_index_is_asked_when_told_to(
    code: int, cached: bool, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, code, "", "ERROR: first\nERROR: no answer")

    monkeypatch.setattr("adaptkit.cli.readiness.machine.subprocess.run", run)
    if not cached:
        embedded_folder("all-minilm-l6-v2").rmdir()
    finding = found("package index", online=True)
    assert finding.state == state
    assert ("no answer" in finding.value) == bool(code)
    assert asked[0][1:5] == ["-m", "pip", "index", "versions"]


def test_a_torch_that_does_not_load_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert found("device").state == "stop"
    assert "torch does not load" in found("device").value
