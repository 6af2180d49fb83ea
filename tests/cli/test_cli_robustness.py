"""``adaptkit robustness``: runs changes, and what it prints and returns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import classification_task

import adaptkit as ak
from adaptkit.cli.main import main
from adaptkit.core.types import Request
from adaptkit.tasks import write_task

OFFLINE = ("HF_HUB_OFFLINE", "ADAPTKIT_OFFLINE")


def strict(request: Request) -> str:
    """Right where the input has its capitals."""
    text = request.prompt.input
    return "weather" if any(city in text for city in ("Lima", "Rome", "Oslo", "Kyoto")) else "music"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("adaptkit.models.load.load_model", lambda *_, **__: ak.FakeModel(strict))
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return write_task(classification_task(), tmp_path / "task")


def run(task: Path, *arguments: str) -> int:
    strategies = "prompt,few-shot:k=2:selection=random"
    given = ["--task", str(task), "--strategies", strategies, "--seeds", "1", "--out", "out"]
    return main(["robustness", *given, "--no-baselines", "--allow-leakage", "--quiet", *arguments])


def test_changes_are_run_and_told(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(task, "--changes", "wrapping,slice", "--limit", "5") == 0
    told = capsys.readouterr().out
    assert "- wrapping: " in told
    assert 'slice was not measured: metadata["slice"] names one in no test row in use.' in told
    assert run(task, "--changes", "wrapping,slice", "--limit", "5", "--offline") == 0
    assert capsys.readouterr().out == told


def test_json_and_paraphrases(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = classification_task().test[0]
    Path("other.json").write_text(json.dumps({row.id: "any music please"}), encoding="utf-8")
    assert run(task, "--changes", "wrapping", "--paraphrases", "other.json", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["change"] for c in found["choices"]] == ["wrapping", "paraphrases"]
    assert found["choices"][1]["n"] == 1


def test_the_report_of_a_finished_comparison_shows_the_changes(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ak.compare([ak.PromptEngineering()], ak.load_task(task), model=ak.FakeModel(strict), out=Path("run"))
    page = Path("run/report.html")
    assert "Quality under changes" not in page.read_text(encoding="utf-8")
    assert run(task, "--changes", "wrapping", "--limit", "5", "--report", "run") == 0
    assert "Quality under changes" in page.read_text(encoding="utf-8")
    assert run(task, "--changes", "wrapping", "--report", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--changes", "cases"], "Unknown change 'cases'. Did you mean 'case'?"),
        (["--paraphrases", "bad.json"], "bad.json: The paraphrases cannot be read: it is not valid JSON"),
    ],
)
def test_bad_arguments_are_one_sentence(
    task: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.json").write_text("{", encoding="utf-8")
    assert run(task, *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_failed_trial_is_exit_code_1(
    task: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learn = ak.FewShot.learn

    def failing(self: ak.FewShot, model: object, task: ak.Task) -> object:
        if "house" in task.instruction:
            raise RuntimeError("no house")
        return learn(self, model, task)  # type: ignore[arg-type]

    monkeypatch.setattr(ak.FewShot, "learn", failing)
    assert run(task, "--changes", "instruction", "--reworded", "Of this house: which?") == 1
    assert "few-shot, instruction, seed 0: failed: no house" in capsys.readouterr().out
