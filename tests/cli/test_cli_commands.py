"""All commands alike: help at once, exit codes, one line for what is wrong, no bars where nobody watches."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from planted import compared

from adaptkit.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
NOWHERE = "no/such/folder"
BELOW = (["models", "fetch"], ["models", "remove"], ["tasks", "check"])
EVERY = [*([name] for name in COMMANDS), *BELOW]
# What each command does with what is not there.
MISSING = {
    "serve": ["serve", NOWHERE],
    "advise": ["advise", "--no-ask", "--task", NOWHERE],
    "compare": ["compare", "--task", NOWHERE],
    "curve": ["curve", NOWHERE],
    "diff": ["diff", NOWHERE, NOWHERE],
    "export": ["export", NOWHERE, "--format", "csv"],
    "export prompts": ["export", NOWHERE, "--format", "prompts"],
    "export transformers": ["export", NOWHERE, "--format", "transformers", "--out", "new"],
    "models fetch": ["models", "fetch", "smollm3"],
    "models remove": ["models", "remove", "smollm3", "--yes"],
    "recommend": ["recommend", NOWHERE],
    "report": ["report", NOWHERE],
    "robustness": ["robustness", "--task", NOWHERE],
    "tasks check": ["tasks", "check", NOWHERE],
    "verify": ["verify", NOWHERE],
}
LIGHT = """
import json, sys
from adaptkit.cli.main import main
loaded = {}
for words in json.loads(sys.argv[1]):
    assert main([*words, "--help"]) == 0, words
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = ("torch", "transformers", "pandas", "matplotlib", "numpy", "rich", "psutil", "jinja2", "filelock")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    compared(folder, lambda name, seed, row: name == "few-shot" or row % 3 == 0, n=24, noise_floor=False)
    return folder


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: "), err
    assert err.count("\n") == 1, err
    return err


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_says_what_a_command_is_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    out, err = capsys.readouterr()
    assert out.casefold().startswith(f"usage: adaptkit {' '.join(words)} ")
    assert len(out.split()) > 20
    assert err == ""


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_wrong_option_is_one_line_and_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--no-such-option"]) == 2
    err = one_line(capsys)
    assert "No such option '--no-such-option'" in err
    assert err.endswith(f"See 'adaptkit {' '.join(words)} --help'.\n")


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_is_one_line_and_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(MISSING[name]) == 2
    err = one_line(capsys)
    assert NOWHERE in err or "smollm3" in err
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_told_of_what_is_not_there() -> None:
    assert {name.split()[0] for name in MISSING} == set(COMMANDS) - {"doctor"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "--tsk", "x"], "Did you mean '--task'?"),
        (["diff", "--fromat", "json", "a", "b"], "Did you mean '--format'?"),
        (["curve", "--tsk", "x"], "'--task'"),
        (["tasks", "chek"], "Did you mean 'check'?"),
        (["models", "remov"], "Did you mean 'remove'?"),
        (["curve", "--task", "request_routing", "--strategies", "fewshot"], "Did you mean 'few-shot'?"),
        (["robustness", "--task", "request_routing", "--strategies", "loro"], "Did you mean 'lora'?"),
        (["compare", "--task", "request_routing", "--strategies", "promt"], "Did you mean 'prompt'?"),
        (["compare", "--task", "request_rooting"], "Did you mean 'request_routing'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_slip_is_answered_with_the_closest(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert said in one_line(capsys)


def test_no_help_loads_a_library() -> None:
    command = [sys.executable, "-c", LIGHT, json.dumps([[], *EVERY])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = json.loads(done.stderr)
    assert [name for name in HEAVY if name in loaded] == []
    # All commands together; one alone loads fewer. Python itself and click are some 230.
    assert len(loaded) < 400
    assert [
        m for m in loaded if m.startswith("adaptkit.") and not m.startswith(("adaptkit.cli", "adaptkit.core"))
    ] == []


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_folders_that_are_there_are_0(form: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(folder), str(folder), "--format", form]) == 0
    out, err = capsys.readouterr()
    assert "few-shot" in out
    assert err == ""


def test_quiet_and_verbose_contradict_each_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["report", str(folder)], ["compare", "--task", "x"]):
        assert main([*arguments, "--quiet", "--verbose"]) == 2
        assert "--verbose" in one_line(capsys)


def test_verbose_shows_the_log_and_leaves_it_as_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("adaptkit")
    before = (logger.level, logger.propagate, list(logger.handlers))

    def load(_: Path) -> None:
        logger.debug("a step")
        logger.warning("a warning")
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("adaptkit.comparison.load_comparison", load)
    shown = {}
    for option in ("--quiet", "--verbose", "--out=r.md"):
        assert main(["report", str(folder), option]) == 2
        shown[option] = capsys.readouterr().err
    error = "Error: x: No space left on device.\n"
    assert shown == {
        "--quiet": error,
        "--verbose": f"a step\na warning\n{error}",
        "--out=r.md": f"a warning\n{error}",
    }
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_report_writes_both_or_the_one_that_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "report.html").unlink()
    (folder / "report.md").unlink()
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n{folder / 'report.md'}\n"
    assert "few-shot" in (folder / "report.html").read_text(encoding="utf-8")
    assert main(["report", str(folder), "--out", str(tmp_path / "a" / "b.md"), "-q"]) == 0
    assert (tmp_path / "a" / "b.md").read_text(encoding="utf-8") == (folder / "report.md").read_text(
        encoding="utf-8"
    )
    assert capsys.readouterr().out == ""
    assert main(["report", str(folder), "--out", str(tmp_path / "b.pdf")]) == 2
    assert "ends in .html or .md" in one_line(capsys)
    (tmp_path / "file").write_text("")
    assert main(["report", str(folder), "--out", str(tmp_path / "file" / "b.md")]) == 2
    assert str(tmp_path / "file") in one_line(capsys)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(shell: str) -> None:
    command = [sys.executable, "-c", "from adaptkit.cli.main import main; main()"]
    env = {**os.environ, "_ADAPTKIT_COMPLETE": f"{shell}_source"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert "_ADAPTKIT_COMPLETE" in done.stdout
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("adaptkit re", {"recommend", "report"}),
        ("adaptkit compare --stra", {"--strategies"}),
        ("adaptkit robustness --strategies prompt,fe", {"prompt,few-shot"}),
        ("adaptkit curve --task request", {"request_routing"}),
        ("adaptkit tasks ", {"check"}),
    ],
)
def test_completion(
    typed: str, offered: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = typed.split(" ")
    monkeypatch.setenv("_ADAPTKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit):
        main([])
    found = dict(line.split(",", 1)[::-1] for line in capsys.readouterr().out.splitlines())
    assert {name for name, kind in found.items() if kind == "plain"} == offered


RUN = """
import sys
from pathlib import Path
from types import SimpleNamespace
from adaptkit.cli.progress import display
from adaptkit.cli.run import _print_result
from adaptkit.core.result_io import read_comparison
print(type(display(quiet=False)).__name__, file=sys.stderr)
_print_result(SimpleNamespace(result=read_comparison(Path({folder!r}))), "table")
"""


def on_terminal(code: str, environment: dict[str, str]) -> str:
    """What a program writes to a terminal of its own."""
    main_end, other = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **environment}
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=other, stderr=other, env=env)
    os.close(other)
    found = b""
    while True:
        try:
            part = os.read(main_end, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        found += part
    assert process.wait(timeout=60) == 0
    os.close(main_end)
    return found.decode()


def test_colours_where_somebody_watches_and_none_where_they_are_not_wanted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = RUN.format(folder=str(folder))
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    shown = on_terminal(code, {})
    assert "LiveDisplay" in shown
    assert coloured.search(shown)
    assert not coloured.search(on_terminal(code, {"NO_COLOR": "1"}))
    exec(code, {})
    out, err = capsys.readouterr()
    assert "few-shot" in out
    assert "\x1b" not in out + err
    assert "LineDisplay" in err
