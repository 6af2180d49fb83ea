"""What commands print is text: no control sequence of anybody's, in any encoding, to a closed pipe too."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import adaptkit as ak
from adaptkit.cli.main import COMMANDS, main
from adaptkit.cli.output import EXIT_PIPE, exact, text_only
from adaptkit.core.codec import well_formed
from adaptkit.core.errors import ConfigError
from adaptkit.core.shown import text_console, visible
from adaptkit.core.types import Prediction
from adaptkit.decision.wording import MINUS

SEQUENCES = {
    "colour": "\x1b[31m",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;cm0gLXJm\x1b\\",
    "link": "\x1b]8;;http://evil.test\x1b\\",
    "clear": "\x1b[2J\x1b[H",
    "device": "\x1bP+q\x1b\\",
    "C1": "\x9b31m\x9d0;x\x9c\x85",
    "overwritten": "wrong\rright",
    "erased": "wrong\b\b\b\b\b\x7f",
    "bell": "\x07\x0e\x0f\x00",
    "direction": "\u202eetov\u202c\u2066x\u2069\u2028\u2029",
    "half a pair": "\ud83d",
}
HOSTILE = "".join(s for s in SEQUENCES.values() if "\ud83d" not in s)
ALLOWED = re.compile("[\n\t\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\U0010ffff]*")


def answer(request: object) -> str:
    return f"{HOSTILE} ![a](http://evil.test/a.png) =1+1"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder whose task, labels, rows, answers and errors hold what terminals obey."""
    labels = (f"yes{HOSTILE}", "no")

    def rows(n: int, part: str) -> tuple[ak.Example, ...]:
        made = (("input", f"{part} {i} {HOSTILE}", labels[i % 2]) for i in range(n))
        return tuple(ak.Example(id=f"{part}{i}", input=t, target=y) for i, (_, t, y) in enumerate(made))

    task = ak.Task(
        name=f"task{HOSTILE}",
        kind="generation",
        instruction=f"Answer.{HOSTILE}",
        metrics=("exact_match",),
        train=rows(8, "train"),
        validation=(),
        test=rows(8, "test"),
    )
    out = tmp_path_factory.mktemp("run") / "run"
    model = ak.FakeModel(answer)
    ak.compare([ak.PromptEngineering(), ak.FewShot(k=2)], task, model=model, out=out, baselines=False)
    return out


def commands(run: Path) -> list[list[str]]:
    folder = str(run)
    return [
        ["recommend", folder],
        ["recommend", folder, "--format", "json"],
        ["diff", folder, folder],
        ["diff", folder, folder, "--format", "markdown"],
        ["diff", folder, folder, "--format", "csv"],
        ["verify", folder],
        ["verify", folder, "--format", "json"],
        ["report", folder],
        *(["export", folder, "--format", f] for f in ("csv", "json", "markdown", "latex")),
        *(["export", folder, "--part", "records", "--format", f] for f in ("csv", "json")),
        ["export", f"{folder}{HOSTILE[:4]}", "--format", "csv"],
        [f"un{HOSTILE[:4]}known"],
        ["verify", f"--x{HOSTILE[:4]}"],
        ["compare", "--task", f"no{HOSTILE[:4]}task"],
    ]


def test_no_command_sends_a_terminal_what_it_obeys(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in commands(run):
        main(arguments)
        printed = capsys.readouterr()
        for text in (printed.out, printed.err):
            assert ALLOWED.fullmatch(text), (arguments, ascii(text)[:500])


def test_json_keeps_its_value(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(run), "--part", "records", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["output"] == answer(None)


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_texts_prints_logs_errors_and_rich_show_it_instead(
    sequence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"a{sequence}b"
    assert ALLOWED.fullmatch(visible(text))
    assert ALLOWED.fullmatch(str(Prediction.failed(ValueError(text))))
    with text_only():
        sys.stdout.write(text)
        sys.stderr.write(text)
        # What pytest keeps of a log goes to another process, and half a pair cannot.
        if well_formed(text) == text:
            logging.getLogger("adaptkit.test").warning(text)
            logging.getLogger("elsewhere").warning(text)
        text_console(markup=False).print(text)
        text_console(stderr=True).print(ConfigError(text))
    printed = capsys.readouterr()
    assert printed.out.count("a") >= 2
    assert ALLOWED.fullmatch(printed.out + printed.err)


def command(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-m", "adaptkit.cli.main", *arguments],
        env={**os.environ, "PYTHONPATH": root, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "koi8-r"])
def test_any_encoding_gets_the_text_and_the_right_exit_code(
    run: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments in [*commands(run), ["doctor"], ["tasks"], ["--help"]]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=e) for e in (encoding, encoding, "utf-8", "utf-8")]
        codes = []
        for pair in (streams[:2], streams[2:]):
            monkeypatch.setattr(sys, "stdout", pair[0])
            monkeypatch.setattr(sys, "stderr", pair[1])
            codes.append(main(arguments))
        monkeypatch.undo()
        assert codes[0] == codes[1], arguments
        for stream in streams:
            stream.flush()
        narrow, _, full, _ = (s.buffer.getvalue().decode(s.encoding) for s in streams)
        assert len(narrow.splitlines()) == len(full.splitlines()), arguments
        if "json" in arguments:
            assert json.loads(narrow) == json.loads(full), arguments


def test_a_process_without_a_locale_too() -> None:
    process = command("tasks", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="")
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, b"")
    assert b"..." in out


def test_marks_that_an_encoding_lacks_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    with text_only():
        sys.stdout.write(f"▲ ▼ = ? ✓ ✗ Δ {MINUS} … é 東 \U0001f999\n")
        assert json.loads(exact('"Δ \U0001f999"')) == "Δ \U0001f999"
    out.flush()
    shown = out.buffer.getvalue().decode()
    assert shown == "^ v = ? + x d - ... \\u00e9 \\u6771 \\ud83e\\udd99\n"


@pytest.mark.parametrize("arguments", [["--help"], ["tasks"]])
def test_a_pipe_that_nobody_reads_ends_the_command_in_silence(arguments: list[str]) -> None:
    process = command(*arguments)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(60) == EXIT_PIPE
    process.stderr.close()


@pytest.mark.parametrize(
    "environment",
    [("TERM", "dumb"), ("NO_COLOR", "1"), *(("COLUMNS", width) for width in ("20", "1", "0", "-1", "x"))],
    ids="=".join,
)
def test_any_terminal_will_do(
    run: Path,
    environment: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(*environment)
    for arguments in [*commands(run)[:8], ["--help"], ["tasks"]]:
        assert main(arguments) in (0, 1), arguments
        assert capsys.readouterr().out
    text_console().print(ak.load_comparison(run))
    assert "\x1b" not in capsys.readouterr().out


def test_a_traceback_of_the_library_is_text_too(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.excepthook
    with pytest.raises(RuntimeError) as caught, text_only():
        raise RuntimeError(HOSTILE)
    sys.excepthook(caught.type, caught.value, caught.tb)
    sys.excepthook = before
    assert ALLOWED.fullmatch(capsys.readouterr().err)


def test_without_a_command_the_help_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("Usage: adaptkit [OPTIONS] COMMAND")
    assert "Error" not in shown
    for name in COMMANDS:
        assert f"\n  {name} " in shown


def test_exported_tables_hold_no_formula(run: Path, tmp_path: Path) -> None:
    for part in ("table", "pairs", "records"):
        path = tmp_path / f"{part}.csv"
        assert main(["export", str(run), "--part", part, "--format", "csv", "--out", str(path)]) == 0
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")):
            for cell in row:
                assert not re.match(r"\s*[=+@]|\s*-(?![0-9.])", cell), cell
