"""The command line: what it prints where, its exit codes, and its one-line errors."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import adaptkit as ak
from adaptkit.cli.options import strategies_given
from adaptkit.cli.run import main
from adaptkit.cli.suite import read_suite
from adaptkit.comparison.plan import baseline_of
from adaptkit.core.errors import ModelError
from adaptkit.core.types import Request
from adaptkit.models.load import ModelSource
from adaptkit.tasks import write_task

ROOT = Path(__file__).parents[2]
Answer = Callable[[Request], str]
RANDOM_SHOTS = "prompt,few-shot:k=2:selection=random"


def answer(request: Request) -> str:
    """Right on even rows, and on all of them after demonstrations."""
    number = int(re.findall(r"\d+", request.prompt.input)[0])
    return f"answer {number}" if request.prompt.demonstrations or number % 2 == 0 else "no idea"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    rows = [ak.Example(id=f"r{i}", input=f"row {i}", target=f"answer {i}") for i in range(70)]
    made = ak.Task(
        name="questions", kind="generation", instruction="Answer.", metrics=("exact_match",),
        train=tuple(rows[:8]), validation=tuple(rows[8:10]), test=tuple(rows[10:]),
    )  # fmt: skip
    write_task(made, tmp_path / "questions")
    return tmp_path / "questions"


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], None]:
    """Put a fake model in the place of every model."""

    def use(answer: Answer) -> None:
        source = ModelSource(id="fake", kind="folder", path=None, revision="fake")
        monkeypatch.setattr("adaptkit.models.load.resolve_model", lambda name: source)
        monkeypatch.setattr("adaptkit.models.load.load_model", lambda name, offline: ak.FakeModel(answer))

    return use


@pytest.fixture
def run(
    use: Callable[[Answer], None], task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """Run the command line on the task, with prompt and few-shot unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    use(answer)

    def run(*arguments: str, strategies: str = RANDOM_SHOTS) -> int:
        return main(["--task", str(task), "--strategies", strategies, "--out", "run", *arguments])

    return run


@pytest.fixture
def refused(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., str]:
    """Run a command line that has to be refused before any work; return its message."""

    def refused(*arguments: str, **options: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert run(*arguments, **options) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert sorted(tmp_path.rglob("*")) == before
        return one_line(err)

    return refused


def one_line(stderr: str) -> str:
    assert stderr.startswith("Error: "), stderr
    assert stderr.count("\n") == 1, stderr
    assert stderr.endswith("\n")
    return stderr.removeprefix("Error: ").rstrip("\n")


# -- what is printed ---------------------------------------------------------------------------------


def test_a_run_ends_with_its_table_on_stdout_and_its_folder_on_stderr(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    out, err = capsys.readouterr()
    assert "questions" in out
    assert "few-shot" in out
    assert "rows" not in out.splitlines()[0]
    assert "prompt: 60 rows" in err
    assert err.endswith("Run folder: run (report.html, comparison.csv, records.jsonl)\n")


@pytest.mark.parametrize("form", ["json", "csv", "markdown", "table"])
def test_stdout_holds_the_result_and_nothing_else(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert run("--format", form) == 0
    out = capsys.readouterr().out
    if form == "json":
        assert json.loads(out) == json.loads(Path("run/comparison.json").read_text(encoding="utf-8"))
    elif form == "csv":
        assert out == Path("run/comparison.csv").read_text(encoding="utf-8")
        assert [r["strategy"] for r in csv.DictReader(io.StringIO(out))] == ["prompt", "few-shot"]
    assert "Run folder" not in out


def test_quiet_says_nothing_but_the_result(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--quiet", "--format", "json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["schema_version"] == 4
    assert err == ""


def test_a_second_run_does_nothing_and_prints_the_same(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--quiet") == 0
    first = capsys.readouterr().out
    use(lambda request: pytest.fail("asked again"))
    assert run("--quiet", "--resume") == 0
    assert capsys.readouterr().out == first


def test_fresh_forgets_what_the_folder_holds(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    run("--quiet")
    use(lambda request: "wrong")
    capsys.readouterr()
    assert run("--quiet", "--fresh", "--format", "json") == 0
    assert [r["quality"] for r in json.loads(capsys.readouterr().out)["rows"]] == [0.0, 0.0]


def test_limit_and_seeds_are_passed_on(run: Callable[..., int]) -> None:
    assert run("--quiet", "--limit", "10", "--seeds", "3", "--latency-rows", "4") == 0
    prompt, shots = ak.load_comparison("run").rows
    assert (prompt.n, prompt.seeds, prompt.n_latency) == (10, 1, 4)
    assert (shots.n, shots.seeds, shots.n_latency) == (10, 3, 12)


def test_the_price_given_is_the_one_used(run: Callable[..., int]) -> None:
    assert run("--quiet", "--usd-per-hour", "36") == 0
    assert ak.load_comparison("run").result.manifest["price"]["usd_per_hour"] == 36


def test_without_out_the_folder_is_named_after_the_task(
    run: Callable[..., int], task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--task", str(task), "--strategies", "prompt", "--quiet"]) == 0
    assert Path("runs/questions/comparison.json").is_file()


# -- exit codes --------------------------------------------------------------------------------------


def test_a_failed_strategy_is_exit_1_with_its_reason_and_the_others_table(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(request: Request) -> str:
        if request.prompt.demonstrations:
            raise RuntimeError("out of memory")
        return answer(request)

    use(broken)
    assert run("--quiet") == 1
    out, err = capsys.readouterr()
    assert "prompt" in out
    assert err == "Failed: questions/few-shot: out of memory\n"
    assert "out of memory" in Path("run/report.html").read_text(encoding="utf-8")
    use(answer)
    assert run("--quiet") == 0
    assert [r.status for r in ak.load_comparison("run").rows] == ["done", "done"]


def test_one_failed_seed_is_exit_1_although_the_strategy_has_a_row(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[object] = []

    def broken(request: Request) -> str:
        if request.prompt.demonstrations not in shown:
            shown.append(request.prompt.demonstrations)
        if len(shown) > 1:
            raise RuntimeError("only the first seed works")
        return answer(request)

    use(broken)
    assert run("--quiet", "--seeds", "2", strategies="few-shot:k=2:selection=random") == 1
    assert capsys.readouterr().err == "Failed: questions/few-shot seed 1: only the first seed works\n"
    (row,) = ak.load_comparison("run").rows
    assert (row.status, row.seeds) == ("done", 1)


def test_single_failed_rows_are_no_failure_of_the_run(
    run: Callable[..., int], use: Callable[[Answer], None]
) -> None:
    def broken(request: Request) -> str:
        if request.prompt.input == "row 20":
            raise ModelError("too long")
        return answer(request)

    use(broken)
    assert run("--quiet") == 0
    assert [r.n_errors for r in ak.load_comparison("run").rows] == [1, 1]


def test_a_skipped_strategy_is_told_and_is_exit_0(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(strategies="prompt,rag") == 0
    out, err = capsys.readouterr()
    assert "rag skipped: RAG needs documents" in out
    assert "rag: skipped (RAG needs documents, and the task 'questions' has none.)" in err


def test_nothing_that_can_run_is_exit_2(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--quiet", strategies="rag") == 2
    assert one_line(capsys.readouterr().err) == "RAG needs documents, and the task 'questions' has none."


def test_an_interrupt_is_exit_130_and_the_same_command_goes_on(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(request: Request) -> str:
        if request.prompt.input == "row 30":
            raise KeyboardInterrupt
        return answer(request)

    use(interrupted)
    assert run("--latency-rows", "60") == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert "Interrupted. What was measured is stored in run; run the same command again to go on" in err
    assert "Traceback" not in err
    n_stored = len(Path("run/records.jsonl").read_text(encoding="utf-8").splitlines())
    assert 0 < n_stored < 60

    asked: list[str] = []
    use(lambda request: asked.append(request.prompt.input) or answer(request))  # type: ignore[func-returns-value]
    assert run("--latency-rows", "60") == 0
    assert f"2 trials, 120 rows, {n_stored} stored already." in capsys.readouterr().err
    assert len([text for text in asked if int(text.split()[1]) >= 10]) == 120 - n_stored


@pytest.mark.parametrize(
    ("condition", "code", "sentence"),
    [
        ("prompt.quality < 0.8", 1, "questions/prompt.quality is 0.5 (--fail-if prompt.quality < 0.8)"),
        ("questions/prompt.quality<0.8", 1, "questions/prompt.quality is 0.5"),
        ("few-shot.quality < 0.8", 0, ""),
        ("few-shot.n_errors > 0", 0, ""),
        ("prompt.delta > 0", 1, "questions/prompt.delta is blank"),
    ],
)
def test_fail_if_decides_the_exit_code(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], condition: str, code: int, sentence: str
) -> None:
    assert run("--quiet", "--fail-if", condition) == code
    out, err = capsys.readouterr()
    assert "few-shot" in out
    assert sentence in err
    assert bool(err) == bool(code)


@pytest.mark.parametrize(
    "arguments", [["--limit", "many"], ["--format", "xml"], ["--resume", "--fresh"], ["--colour"], ["a", "b"]]
)
def test_arguments_that_cannot_be_parsed_are_exit_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("Error: ")


# -- what is refused before any work -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "--limit must be an int >= 1. Got 0 instead; leave it out for all rows."),
        (["--seeds", "0"], "--seeds must be an int >= 1. Got 0 instead."),
        (["--latency-rows", "-1"], "--latency-rows must be an int >= 0. Got -1 instead."),
        (["--executor", "ray"], "Unknown executor 'ray'. Known: local."),
        (["--usd-per-hour", "-1"], "--usd-per-hour must be a number >= 0. Got -1.0 instead."),
        (["--usd-per-hour", "nan"], "--usd-per-hour must be a number >= 0. Got nan instead."),
        (["--prices", "nowhere.toml"], "nowhere.toml: The price file cannot be read: No such file"),
        (["--fail-if", ""], "--fail-if '' is not understood. Write [task/]strategy.column"),
        (["--fail-if", "prompt.quality is bad"], "'prompt.quality is bad' is not understood"),
        (["--fail-if", "prompt.quality < nan"], "is not understood"),
        (["--fail-if", "prompt.qualty < 1"], "Unknown column 'qualty'. Did you mean 'quality'?"),
        (["--fail-if", "prompt.verdict < 1"], "Unknown column 'verdict'"),
        (["--fail-if", "lora.quality < 1"], "the table. Tasks: questions. Strategies: prompt, few-shot."),
        (["--fail-if", "other/prompt.quality < 1"], "names no row of the table"),
        (["--task", "questions"], "2 tasks have the name 'questions'"),
        (["nowhere.toml"], "nowhere.toml: There is no such suite file."),
        (["questions"], "questions: This is a folder, and a suite is a .toml file. Give a task's folder"),
    ],
)  # fmt: skip
def test_bad_arguments_are_one_sentence_before_any_work(
    refused: Callable[..., str], arguments: list[str], message: str
) -> None:
    assert message in refused(*arguments)


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ("", "--strategies is empty"),
        (",", "--strategies is empty"),
        ("prompt,prompt", "'prompt' is given 2 times"),
        ("fewshot", "Unknown strategy 'fewshot'. Did you mean 'few-shot'?"),
        ("few-shot:k=0", "The 'k' parameter of FewShot must be an int >= 1. Got 0 instead."),
        ("few-shot:n=3", "Unknown parameter of FewShot 'n'"),
        ("few-shot:k", "'k' in 'few-shot:k' is no parameter. Write it as name=value."),
    ],
)
def test_bad_strategies_are_one_sentence(refused: Callable[..., str], strategies: str, message: str) -> None:
    assert message in refused(strategies=strategies)


@pytest.mark.parametrize(
    ("suite", "message"),
    [
        ("limit = ", "The suite cannot be read: it is not valid TOML"),
        (
            "limits = 3",
            "Unknown key 'limits'. Known: tasks, strategies, model, limit, seeds, latency_rows, tune, ",
        ),
        ("tune = 0", "'tune' should be an int >= 1 and is 0."),
        ("baselines = 1", "'baselines' should be true or false and is 1."),
        ("train_rows = [16, 0]", "'train_rows' should be a list of ints >= 1 and is [16, 0]."),
        ('limit = "many"', "'limit' should be an int >= 1 and is 'many'."),
        ("limit = true", "'limit' should be an int >= 1 and is True."),
        ("limit = 0", "'limit' should be an int >= 1 and is 0."),
        ("seeds = 1.5", "'seeds' should be an int >= 1 and is 1.5."),
        ("latency_rows = -1", "'latency_rows' should be an int >= 0 and is -1."),
        ("model = 3", "'model' should be a name, a folder or a .gguf file and is 3."),
        ('tasks = "questions"', "'tasks' should be a list and is 'questions'."),
        (
            "tasks = [1]",
            "'tasks' should be a list of folders, files or names, or of tables with source, and with",
        ),
        ('strategies = "prompt"', "'strategies' should be a list and is 'prompt'."),
        ("strategies = [3]", "or be a table with a name, and this is 3."),
        ("strategies = ['few-shot:k']", "'k' in 'few-shot:k' is no parameter. Write it as name=value."),
        ("strategies = ['few-shot:k=0']", "The 'k' parameter of FewShot must be"),
        ("[[strategies]]\nk = 3", "A strategy should be written as on the command line, e.g. 'few-shot:k=4'"),
        ("[[strategies]]\nname = 3", "A strategy should be written as on the command line"),
        ('strategies = ["raag"]', "Unknown strategy 'raag'. Did you mean 'rag'?"),
        ('[[strategies]]\nname = "rag"\nk = "3"', "The 'k' parameter of RAG must be an int >= 1. Got '3'"),
        ('[[strategies]]\nname = "rag"\nkk = 3', "Unknown parameter of RAG 'kk'. Did you mean 'k'?"),
    ],
)
def test_a_bad_suite_is_one_sentence_that_names_it(
    refused: Callable[..., str], tmp_path: Path, suite: str, message: str
) -> None:
    (tmp_path / "suite.toml").write_text(suite, encoding="utf-8")
    said = refused("suite.toml")
    assert said.startswith("suite.toml: ")
    assert message in said


def test_a_suite_takes_strategies_as_the_command_line_does(tmp_path: Path) -> None:
    file = tmp_path / "suite.toml"
    written = ["few-shot:k=4", "rag:k=2+lora:rank=4", "tfidf"]
    file.write_text(f"strategies = {written}", encoding="utf-8")
    assert list(read_suite(file).strategies) == strategies_given(",".join(written))


def test_an_out_that_is_a_file_is_refused_and_left_alone(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").write_text("mine", encoding="utf-8")
    assert run("--quiet") == 2
    assert one_line(capsys.readouterr().err).startswith("run: The run folder cannot be used (File exists)")
    assert (tmp_path / "run").read_text(encoding="utf-8") == "mine"


def test_an_error_of_several_lines_is_printed_as_one(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str, offline: bool) -> ak.FakeModel:
        raise ModelError("first\nsecond")

    monkeypatch.setattr("adaptkit.models.load.load_model", fail)
    assert run("--quiet") == 2
    assert one_line(capsys.readouterr().err) == "first second"


def test_a_dry_run_says_what_would_be_run_and_touches_nothing(
    run: Callable[..., int], use: Callable[[Answer], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    use(lambda request: pytest.fail("asked"))
    before = sorted(tmp_path.rglob("*"))
    arguments = ["--dry-run", "--limit", "5", "--seeds", "2"]
    assert run(*arguments, strategies=f"{RANDOM_SHOTS},rag") == 0
    assert capsys.readouterr().out.splitlines() == [
        "Model fake (fake), run folder run",
        "  questions: prompt: 5 rows, seed 0",
        "  questions: few-shot: 5 rows, seed 0",
        "  questions: few-shot: 5 rows, seed 1",
        "  questions: rag: left out: RAG needs documents, and the task 'questions' has none.",
        "Minutes, tokens and USD: add --pilot, which runs each strategy on a few rows.",
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pilot_adds_what_the_plan_will_take_and_answers_no_test_row(
    run: Callable[..., int], use: Callable[[Answer], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def noted(request: Request) -> str:
        asked.append(int(re.findall(r"\d+", request.prompt.input)[0]))
        return answer(request)

    use(noted)
    before = sorted(tmp_path.rglob("*"))
    assert run("--dry-run", "--pilot", "4", "--seeds", "2", "--limit", "30", strategies=RANDOM_SHOTS) == 0
    out, err = capsys.readouterr()
    assert "  questions: few-shot: 30 rows, seed 1" in out.splitlines()
    assert "Forecast by a pilot on 4 rows with fake" in out
    assert "--until-decided" not in out
    assert "prompt: 4 rows" in err
    assert max(asked) < 10
    assert sorted(tmp_path.rglob("*")) == before
    assert run("--dry-run", "--pilot", "--quiet", "--until-decided") == 0
    out, err = capsys.readouterr()
    assert "Forecast by a pilot on 4 rows" in out
    assert "this is for all rows" in out
    assert err == ""


def test_a_pilot_in_which_a_strategy_fails_ends_with_one(
    run: Callable[..., int], use: Callable[[Answer], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(request: Request) -> str:
        raise ModelError("no answer")

    use(fail)
    assert run("--dry-run", "--pilot", "--quiet", strategies="prompt") == 1
    assert "prompt on questions: not predicted: 4 of 4 rows failed: no answer." in capsys.readouterr().out


def test_a_pilot_is_refused_without_a_dry_run_and_on_too_few_rows(refused: Callable[..., str]) -> None:
    assert refused("--pilot") == "--pilot goes with --dry-run: it predicts what a run takes. Give both."
    assert refused("--dry-run", "--pilot", "3") == "--pilot must be an int >= 4. Got 3 instead."


def test_a_dry_run_counts_the_second_run_of_the_baseline(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("adaptkit.comparison.plan.run_twice", baseline_of)
    again = "  questions: prompt: 5 rows, seed 0, again for the noise floor"
    assert run("--dry-run", "--limit", "5") == 0
    assert again in capsys.readouterr().out.splitlines()
    assert run("--dry-run", "--limit", "5", "--no-noise-floor") == 0
    assert again not in capsys.readouterr().out.splitlines()


def test_offline_is_told_to_those_who_load(run: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "ADAPTKIT_OFFLINE"):
        monkeypatch.setenv(name, "0")
    told: list[bool] = []

    def load(name: str, offline: bool) -> ak.FakeModel:
        told.append(offline)
        return ak.FakeModel(answer)

    monkeypatch.setattr("adaptkit.models.load.load_model", load)
    assert run("--quiet", "--offline") == 0
    assert told == [True]
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["ADAPTKIT_OFFLINE"] == "1"


# -- suites ------------------------------------------------------------------------------------------


def test_a_suite_says_what_to_run_and_arguments_win_over_it(
    run: Callable[..., int], task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "suites").mkdir()
    suite = tmp_path / "suites" / "mine.toml"
    suite.write_text(
        f"tasks = ['../{task.name}']\nlimit = 12\nlatency_rows = 3\nstrategies = ['prompt']\n",
        encoding="utf-8",
    )
    assert main([str(suite), "--out", "run", "--quiet"]) == 0
    (row,) = ak.load_comparison("run").rows
    assert (row.strategy, row.n, row.n_latency) == ("prompt", 12, 3)
    assert main([str(suite), "--out", "run2", "--quiet", "--limit", "7", "--strategies", RANDOM_SHOTS]) == 0
    assert [(r.strategy, r.n) for r in ak.load_comparison("run2").rows] == [("prompt", 7), ("few-shot", 7)]


def test_without_suite_and_task_there_is_nothing_to_compare_on(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quiet"]) == 2
    assert one_line(capsys.readouterr().err) == (
        "Nothing to compare on. Give --task, or the path of a suite file."
    )


def test_a_suite_without_tasks_says_so(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite.toml").write_text("limit = 3", encoding="utf-8")
    assert main(["suite.toml"]) == 2
    assert one_line(capsys.readouterr().err) == "No task to compare on. Give at least one."


# -- as users call it --------------------------------------------------------------------------------


def module(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def cut_line_7(task: Path) -> None:
    lines = (task / "train.jsonl").read_text(encoding="utf-8").splitlines()
    lines[6] = lines[6][:-5]
    (task / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--task", "nowhere"], ["'nowhere'", "request_routing"]),
        (["--task", "{task}", "--strategies", "raag"], ["Unknown strategy 'raag'", "Did you mean 'rag'?"]),
        (["--task", "{broken}"], ["train.jsonl line 7"]),
        (["--task", "{task}", "--limit", "0"], ["--limit", "Got 0"]),
        (
            ["--task", "{task}", "--model", "{model}"],
            ["config.json but no weights", "Copy the weights there"],
        ),
    ],
)
def test_what_users_get_wrong_is_one_line_with_the_remedy(
    task: Path, tmp_path: Path, arguments: list[str], names: list[str]
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}", encoding="utf-8")
    if "{broken}" in arguments:
        cut_line_7(task)
    paths = {"{task}": task, "{broken}": task, "{model}": tmp_path / "model"}
    done = module(*(str(paths.get(a, a)) for a in arguments), "--out", str(tmp_path / "run"))
    assert (done.returncode, done.stdout) == (2, "")
    message = one_line(done.stderr)
    assert all(name in message for name in names), message
    assert not (tmp_path / "run").exists()


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    assert "--strategies" in module("--help").stdout
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        module("--help")
        seconds.append(time.perf_counter() - started)
    # The least disturbed of three: other work on the machine only adds to it.
    assert min(seconds) < 0.5
    code = "import sys, adaptkit.cli.arguments as a; a.parser().format_help(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"torch", "numpy", "rich", "transformers"} & set(done.stdout.split())
