"""``adaptkit advise`` and ``adaptkit recommend``: what they print, ask and save, and how they end."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from adaptkit.cli.main import main
from adaptkit.decision import load_requirements

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results" / "default"


def requirements(tmp_path: Path, text: str) -> str:
    path = tmp_path / "requirements.toml"
    path.write_text(f"[requirements]\n{text}\n", encoding="utf-8")
    return str(path)


def test_advice_is_given_without_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "--no-ask", "--task", "request_routing", "--parameters", "1.35e8"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("First hypothesis: lora\n")
    assert "Model: 135 million weights." in " ".join(out.split())
    assert err == ""


def test_answers_are_asked_for_on_the_other_stream_and_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("knowledge\nmaybe\nno\ndone\n"))
    path = tmp_path / "answers.toml"
    assert main(["advise", "--ask", "--save", str(path), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["hypotheses"][0]["strategy"] == "rag"
    assert "'maybe' is neither yes nor no. Leave it empty if you do not know." in err
    assert load_requirements(path).stated() == {"missing": "knowledge", "needs_actions": False}


def test_the_end_of_the_input_ends_the_questions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("format\n"))
    assert main(["advise", "--ask", "--format", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# First hypothesis: ")


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_a_finished_comparison_is_held_against_requirements(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = requirements(tmp_path, "max_p95_s = 0.5")
    assert main(["recommend", str(FOLDER), "--requirements", path, "--format", form]) in (0, 1)
    out, err = capsys.readouterr()
    assert "policy_questions" in out
    assert "max_p95_s" in out
    assert err == ""
    if form == "json":
        assert [r["task"] for r in json.loads(out)] == [
            "policy_questions",
            "request_routing",
            "record_extraction",
        ]


def test_the_exit_code_says_whether_every_task_has_an_answer(tmp_path: Path) -> None:
    assert main(["recommend", str(FOLDER)]) == 1
    impossible = requirements(tmp_path, "max_p95_s = 1e-6")
    assert main(["recommend", str(FOLDER), "--requirements", impossible]) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_p95 = 1", "Unknown requirement 'max_p95'. Did you mean 'max_p95_s'?"),
        ("margin = 2", "must be above 0 and at most 1. Got 2 instead."),
    ],
)
def test_bad_requirements_are_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend", str(FOLDER), "--requirements", requirements(tmp_path, text)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend", str(tmp_path)]) == 2
    assert "There is no such file" in capsys.readouterr().err
