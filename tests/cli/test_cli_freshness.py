"""``python -m benchmarks.freshness``: arguments to one call, files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny import CAPITALS, qa_task

import adaptkit as ak
from adaptkit.cli.freshness import main
from adaptkit.core.types import Request
from adaptkit.tasks import write_task

pytestmark = pytest.mark.usefixtures("hash_embedder")
ROOT = Path(__file__).parents[2]
OFFLINE = ("HF_HUB_OFFLINE", "ADAPTKIT_OFFLINE")


def read(request: Request) -> str:
    """The capital, where a passage names it."""
    text = " ".join(p.text for p in request.prompt.context)
    country = next(c for c in CAPITALS if c in request.prompt.input)
    return text.partition(f"The capital of {country} is ")[2].partition(".")[0] or "unknown"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task folder, and a model that tells how it was asked for in its name."""

    def load(name: str | None = None, *, offline: bool = False) -> ak.FakeModel:
        return ak.FakeModel(read, id=f"{name} {offline}")

    monkeypatch.setattr("adaptkit.models.load.load_model", load)
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    return write_task(qa_task(), tmp_path / "task")


def run(folder: Path, *arguments: str) -> int:
    out = folder.parent / "out"
    given = ["--task", str(folder), "--strategies", "prompt,rag:chunk_tokens=60:overlap_tokens=0"]
    return main([*given, "--share", "0.5", "--out", str(out), "--quiet", *arguments])


def saved(folder: Path) -> Any:
    return json.loads((folder.parent / "out" / "freshness.json").read_text(encoding="utf-8"))


def test_table_is_printed_and_both_files_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--usd-per-hour", "2") == 0
    told = capsys.readouterr()
    assert (folder.parent / "out" / "freshness.md").read_text(encoding="utf-8") == told.out
    assert "| answers changed | rag | re-index |" in told.out
    assert told.err == ""
    assert [(r["kind"], r["strategy"]) for r in saved(folder)["rows"]] == [
        (kind, strategy) for kind in ("change", "add", "delete") for strategy in ("prompt", "rag")
    ]


def test_arguments_are_those_of_the_call(folder: Path) -> None:
    assert run(folder, "--kinds", "delete, change", "--limit", "1", "--seed", "3") == 0
    settings = saved(folder)["settings"]
    assert (settings["share"], settings["limit"], settings["seed"]) == (0.5, 1, 3)
    assert settings["usd_per_hour"] is None
    assert settings["strategies"]["rag"]["chunk_tokens"] == 60
    assert set(saved(folder)["changes"]) == {"change", "delete"}
    assert all(r["n_unaffected"] <= 1 for r in saved(folder)["rows"])


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [((), "None False"), (("--model", "some/model"), "some/model False"), (("--offline",), "None True")],
)
def test_model_is_the_one_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], loaded: str
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    assert run(folder, "--strategies", "prompt", "--kinds", "add", *arguments) == 0
    assert saved(folder)["settings"]["model"] == loaded
    assert ["1" if "--offline" in arguments else None] * 2 == [os.environ.get(n) for n in OFFLINE]


def test_strategy_that_failed_is_exit_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--strategies", "rag,lora", "--kinds", "add") == 1
    assert "not measured: LoRASFT needs a model whose weights are at hand" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "2"], "Error: The 'share' parameter of measure_freshness must be"),
        (["--strategies", "ragg"], "Error: Unknown strategy 'ragg'. Did you mean 'rag'?"),
        (["--strategies", ","], "Error: --strategies is empty."),
        (["--kinds", "move"], "Error: The 'kinds' parameter of measure_freshness must be"),
        (["--task", "nowhere"], "Error: "),
    ],
)
def test_bad_argument_is_one_sentence_and_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(folder, *arguments) == 2
    told = capsys.readouterr()
    assert told.err.startswith(message)
    assert told.err.count("\n") == 1
    assert told.out == ""
    assert not (folder.parent / "out").exists()


def test_interrupt_is_exit_130(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("adaptkit.studies.freshness.measure_freshness", interrupted)
    assert run(folder) == 130


def test_help_is_shown_by_the_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.freshness", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "--strategies" in done.stdout
