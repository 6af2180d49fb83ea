"""``adaptkit curve``: runs curves or reads them, and what it prints and returns."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from tiny import classification_task

import adaptkit as ak
from adaptkit.cli.main import main
from adaptkit.core.types import Request
from adaptkit.tasks import write_task

OFFLINE = ("HF_HUB_OFFLINE", "ADAPTKIT_OFFLINE")


def shown(request: Request) -> str:
    """The target of the demonstration that shares most words with the input."""
    words = set(request.prompt.input.split())
    nearest = max(
        request.prompt.demonstrations, key=lambda d: len(words & set(d.input.split())), default=None
    )
    return nearest.target if nearest else "music"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task folder, and a model that answers as demonstrations do."""
    monkeypatch.setattr("adaptkit.models.load.load_model", lambda *_, **__: ak.FakeModel(shown))
    for name in OFFLINE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return write_task(classification_task(), tmp_path / "task")


def run(task: Path, *arguments: str) -> int:
    strategies = "prompt,few-shot:k=2:selection=random"
    given = [
        "--task",
        str(task),
        "--strategies",
        strategies,
        "--sizes",
        "4,8",
        "--seeds",
        "2",
        "--out",
        "out",
    ]
    return main(["curve", *given, "--no-baselines", "--allow-leakage", "--quiet", *arguments])


def test_curves_are_run_and_read_again(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(task, "--limit", "4") == 0
    told = capsys.readouterr().out
    assert "by number of labels (4 test rows)" in told
    assert "few-shot: not determined: a power law takes 4 numbers of labels, and 2 were measured." in told
    assert main(["curve", "out"]) == 0
    assert capsys.readouterr().out == told
    assert main(["curve", "out/draw0", "--more", "5"]) == 0
    assert "what 5 more labels are worth" in capsys.readouterr().out


def test_json_and_a_plot(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("costs.toml").write_text("minutes_per_label = 3\nusd_per_hour_of_labelling = 20\n", encoding="utf-8")
    options = ("--limit", "4", "--costs", "costs.toml", "--more", "7")
    assert run(task, *options, "--format", "json", "--plot", "curve.svg") == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["strategy"] for c in found["curves"]] == ["few-shot", "prompt"]
    assert {w["usd"] for w in found["worth"]} == {7.0}
    assert Path("curve.svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_the_report_of_a_finished_comparison_shows_the_curve(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ak.compare([ak.PromptEngineering()], ak.load_task(task), model=ak.FakeModel(shown), out=Path("run"))
    page = Path("run/report.html")
    assert "by labelled examples" not in page.read_text(encoding="utf-8")
    assert run(task, "--limit", "4", "--report", "run") == 0
    assert "by labelled examples" in page.read_text(encoding="utf-8")
    page.unlink()
    told = capsys.readouterr().out
    assert main(["curve", "out", "--report", "run"]) == 0
    assert "by labelled examples" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().out == told


def test_a_report_about_something_else_is_refused_before_anything_runs(
    task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = dataclasses.replace(classification_task(), name="other")
    ak.compare([ak.PromptEngineering()], other, model=ak.FakeModel(shown), out=Path("run"))
    capsys.readouterr()
    assert run(task, "--report", "run") == 2
    name = classification_task().name
    said = f"--report must name a comparison on {name}. run is about other: give another folder"
    assert said in capsys.readouterr().err
    assert run(task, "--report", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give --task to run, or folders of finished runs to read"),
        (["a", "--task", "b"], "one of the two"),
        (["a", "--plot", "curve.doc"], "--plot must end in .png, .svg, .pdf. Got 'curve.doc' instead."),
        (["nowhere"], "nowhere"),
    ],
)
def test_bad_arguments_are_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["curve", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_sizes_are_numbers(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(task, "--sizes", "4,many") == 2
    assert "--sizes must be ints >= 1, e.g. 16,64,256. Got '4,many' instead." in capsys.readouterr().err


def test_a_failed_trial_is_exit_code_1(
    task: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    learn = ak.FewShot.learn

    def failing(self: ak.FewShot, model: object, task: ak.Task) -> object:
        if len(task.train) < 5:
            raise RuntimeError("too few")
        return learn(self, model, task)  # type: ignore[arg-type]

    monkeypatch.setattr(ak.FewShot, "learn", failing)
    assert run(task, "--limit", "4", "--offline") == 1
    assert "with 4 labels, seed 1: failed: too few" in capsys.readouterr().out
