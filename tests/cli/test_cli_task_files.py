"""A bare data file is named with the same options everywhere, and what was guessed of it is said."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

import adaptkit as ak
from adaptkit.cli.arguments import parser
from adaptkit.cli.main import main
from adaptkit.cli.options import KINDS_NAMED

OPTIONS = {"--columns", "--instruction", "--kind", "--labels"}
QUEUES = ["card lost", "card stolen", "account locked"]
READ = ["--instruction", "Which queue?", "--columns", "input=subject,target=queue"]


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    rows = "".join(f"{QUEUES[i % 3]} in case {i};{QUEUES[i % 3]};{i}\n" for i in range(45))
    path.write_text(f"subject;queue;ticket\n{rows}")
    return path


def test_every_command_that_takes_a_task_file_takes_what_it_does_not_say_of_itself() -> None:
    from adaptkit.cli.advise import advise
    from adaptkit.cli.curve import curve
    from adaptkit.cli.freshness import parser as freshness
    from adaptkit.cli.robustness import robustness
    from adaptkit.cli.tasks import check

    commands: list[click.Command] = [advise, check, curve, robustness]
    for command in commands:
        assert set(OPTIONS) <= {name for p in command.params for name in p.opts}, command.name
    assert set(parser().options()) >= OPTIONS
    assert {name for a in freshness()._actions for name in a.option_strings} >= OPTIONS


def test_the_help_names_every_kind() -> None:
    from adaptkit.tasks import KINDS

    assert all(kind in KINDS_NAMED for kind in KINDS)


def test_advice_on_a_data_file(tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advise", "--no-ask", "--task", str(tickets), *READ, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert "tickets: Kind of task: classification, guessed ('queue' holds 3 different targets" in err
    assert main(["advise", "--no-ask", "--kind", "qa"]) == 2
    assert "--kind says how to read a data file. Name it with --task." in capsys.readouterr().err


def test_a_check_says_what_was_guessed_and_takes_another_word(
    tickets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", "check", str(tickets), *READ]) == 0
    said = capsys.readouterr().out
    assert "tickets, classification" in said
    assert "Kind of task: classification, guessed" in said
    assert "Not used, and in no prompt: column 'ticket'." in said
    assert main(["tasks", "check", str(tickets), *READ, "--kind", "generation", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == ["rouge_l", "exact_match"]
    assert main(["tasks", "check", str(tickets), *READ, "--labels", '["card lost", "card, stolen"]']) == 2
    assert "is not one of the 2 labels" in capsys.readouterr().err
    assert main(["tasks", "check", str(tickets), *READ, "--labels", '["card lost"']) == 2
    assert "--labels should be names with commas, or a JSON list" in capsys.readouterr().err
    assert main(["tasks", "check", str(tickets), *READ, "--kind", "classify"]) == 2
    assert "Did you mean 'classification'?" in capsys.readouterr().err


def test_a_suite_says_how_its_files_are_read(tickets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tickets.with_name("suite.toml")
    table = 'source = "tickets.csv", instruction = "Which?", columns = {input = "subject", target = "queue"}'
    suite.write_text(f'strategies = ["prompt"]\ntasks = [{{{table}, kind = "generation"}}]\n')
    assert main(["compare", str(suite), "--dry-run"]) == 0
    assert "tickets: prompt:" in capsys.readouterr().out
    suite.write_text('tasks = [{source = "tickets.csv", instructions = "Which?"}]\n')
    assert main(["compare", str(suite), "--dry-run"]) == 2
    assert "or of tables with source" in capsys.readouterr().err


def test_a_run_shows_how_its_task_was_read(tickets: Path, tmp_path: Path) -> None:
    columns = {"input": "subject", "target": "queue"}
    task = ak.load_task(tickets, columns=columns, instruction="Which queue?")
    model = ak.FakeModel(lambda request: request.prompt.input.partition(" in ")[0])
    run = ak.compare(
        [ak.PromptEngineering()], task, model=model, out=tmp_path / "run", baselines=False, leakage="off"
    )
    assert run.rows[0].metric == "accuracy"
    table = ak.report.console_text(run.result, width=200)
    assert "Task: Not used, and in no prompt: column 'ticket'." in table
    assert "Task: Kind of task: classification, guessed" in table
    for name in ("report.html", "report.md"):
        assert "in no prompt: column" in (tmp_path / "run" / name).read_text(encoding="utf-8")
