"""The ``adaptkit`` command: names, suggestions, exit codes; and what ``verify`` prints."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from adaptkit.cli.main import COMMANDS, main
from adaptkit.core.errors import StoreError
from adaptkit.core.version import __version__

ROOT = Path(__file__).parents[2]
HELP_LIMIT_S = 0.5
HEAVY = {"torch", "numpy", "pandas", "rich", "filelock", "adaptkit.cli.run", "adaptkit.comparison"}


@dataclass(frozen=True)
class Found:
    """What ``verify_folder`` returns."""

    ok: bool
    n_numbers: int
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


Verify = Callable[[Path], Found]


@pytest.fixture
def verify_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[Verify], None]:
    """Let another function stand in for the library's."""

    def put(function: Verify) -> None:
        module = ModuleType("adaptkit.comparison.verify")
        module.verify_folder = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


def test_help_lists_every_command_with_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, (_, purpose) in COMMANDS.items():
        assert f"  {name} " in out
        assert purpose in out


def test_every_command_is_there_and_says_the_same_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, (where, _) in COMMANDS.items():
        module, _, attribute = where.partition(":")
        assert getattr(importlib.import_module(module), attribute).name == name
    assert main(["verify", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: adaptkit verify [OPTIONS] DIR")
    assert "Exit codes: 0 all match, 1 some differ, 2 the folder cannot be read." in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"adaptkit, version {__version__}\n"


def test_an_unknown_command_is_refused_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verfy", "runs/x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("Error: Unknown command 'verfy'. Did you mean 'verify'? Known: advise, compare,")
    assert main(["zzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--verion"], ["verify"], ["verify", "a", "b"], ["verify", "a", "--format", "x"]]
)
def test_bad_arguments_are_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("Error: ")
    assert captured.err.endswith(" --help'.\n")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_compare_hands_everything_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []

    def run(argv: list[str], *, prog: str) -> int:
        assert prog == "adaptkit compare"
        given.append(argv)
        return 1

    monkeypatch.setattr("adaptkit.cli.run.main", run)
    arguments = [
        "suite.toml",
        "--task",
        "a b",
        "--limit=3",
        "--help",
        "--version",
        "-h",
        "--fail-if",
        "a.b < 1",
        "--",
        "x",
    ]
    assert main(["compare", *arguments]) == 1
    assert given == [arguments]


def test_compare_is_the_main_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--task", str(tmp_path / "none"), "--quiet"]) == 2
    assert capsys.readouterr().err.startswith("Error: ")
    assert main(["compare", "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: adaptkit compare ")
    assert "--strategies" in out


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], *, prog: str) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("adaptkit.cli.run.main", run)
    assert main(["compare"]) == 130


def test_verify_says_what_was_checked(
    verify_as: Callable[[Verify], None], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Path] = []

    def verify_folder(folder: Path) -> Found:
        asked.append(folder)
        return Found(True, 412, notes=("times are taken as recorded",))

    verify_as(verify_folder)
    assert main(["verify", "runs/x"]) == 0
    assert asked == [Path("runs/x")]
    assert capsys.readouterr().out == (
        "412 numbers of runs/x computed again from its records: all match.\n"
        "Note: times are taken as recorded\n"
    )


def test_verify_lists_what_differs(
    verify_as: Callable[[Verify], None], capsys: pytest.CaptureFixture[str]
) -> None:
    sentences = ("rows[0].quality is 0.5 and should be 0.6", "pairs[1].p_value is 1 and should be 0.2")
    verify_as(lambda _: Found(False, 10, sentences))
    assert main(["verify", "x"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "10 numbers of x computed again from its records: 2 differ.",
        f"  {sentences[0]}",
        f"  {sentences[1]}",
    ]
    verify_as(lambda _: Found(False, 10, sentences[:1]))
    assert main(["verify", "x"]) == 1
    assert "records: 1 differs.\n" in capsys.readouterr().out


@pytest.mark.parametrize("ok", [True, False])
def test_verify_prints_json(
    verify_as: Callable[[Verify], None], capsys: pytest.CaptureFixture[str], ok: bool
) -> None:
    differences = () if ok else ("é differs",)
    verify_as(lambda _: Found(ok, 3, differences, ("a note",)))
    assert main(["verify", "--format", "json", "x"]) == (0 if ok else 1)
    assert json.loads(capsys.readouterr().out) == {
        "folder": "x",
        "ok": ok,
        "n_numbers": 3,
        "differences": list(differences),
        "notes": ["a note"],
    }


def test_a_folder_that_cannot_be_read_is_one_sentence(
    verify_as: Callable[[Verify], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def verify_folder(folder: Path) -> Found:
        raise StoreError("There is no such file.\nHas the run finished?", path=folder / "comparison.json")

    verify_as(verify_folder)
    assert main(["verify", "x"]) == 2
    captured = capsys.readouterr()
    assert captured.err == "Error: x/comparison.json: There is no such file. Has the run finished?\n"
    assert captured.out == ""


def test_the_package_installs_both_commands() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"adaptkit": "adaptkit.cli.main:main", "adaptkit-compare": "adaptkit.cli.run:main"}
    for where in scripts.values():
        module, _, attribute = where.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))


def test_help_starts_at_once_and_loads_nothing_heavy() -> None:
    code = """
import sys, time
from adaptkit.cli.main import main
assert main(["--help"]) == 0
print(time.process_time(), *sys.modules, file=sys.stderr)
"""
    seconds = []
    for _ in range(5):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        spent, *loaded = done.stderr.split()
        seconds.append(float(spent))
        assert not {
            "torch",
            "numpy",
            "pandas",
            "rich",
            "filelock",
            "adaptkit.cli.run",
            "adaptkit.comparison",
        } & {*loaded}
    # Of this process alone, and the least: the rest is what else the machine does.
    assert min(seconds) < HELP_LIMIT_S
