"""Every command of the README, run as it stands there: from a CSV file to a recommendation and to exports."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny import classification_task, save_tiny

from adaptkit.cli.main import main
from adaptkit.cli.run import main as run
from adaptkit.serving.server import Ended
from adaptkit.tasks import write_task

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAIN_JOB = "python -m benchmarks.run "
SUITES = "benchmarks/suites/"
MAY_BE_1 = ("adaptkit recommend",)
TICKETS = {
    "billing": ("I was charged twice for order {}", "please refund invoice {}", "bill {} is too high"),
    "shipping": ("where is parcel {}", "package {} never arrived", "track delivery {}"),
    "account": ("I cannot log in as {}", "reset the password of {}", "delete my profile {}"),
}
REQUIREMENTS = "[requirements]\nmax_p95_s = 1.5\nrequests_per_month = 10_000\n"


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.S)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny("llama", tmp_path_factory.mktemp("model"))


@pytest.fixture
def workplace(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README's commands name, and a tiny model in the embedded one's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("adaptkit.models.load.DEFAULT_MODEL", str(model))
    monkeypatch.setattr("adaptkit.strategies.sft_base.MAX_EPOCHS", 1)
    # Up to the server itself, which would go on until it is told to stop.
    monkeypatch.setattr("adaptkit.serving.server.serve", lambda *_arguments, **_options: Ended(0, 0))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    rows = [
        f"{text.format(100 * i + 37 * j)},{queue}"
        for i in range(8)
        for queue, texts in TICKETS.items()
        for j, text in enumerate(texts)
    ]
    Path("tickets.csv").write_text("\n".join(["subject,queue", *rows]) + "\n", encoding="utf-8")
    Path("requirements.toml").write_text(REQUIREMENTS, encoding="utf-8")
    for name in ("my_folder", "my_task"):
        write_task(classification_task(), tmp_path / name)
    arguments = ["--task", "my_task", "--strategies", "prompt,few-shot:k=2:selection=random", "--quiet"]
    assert run([*arguments, "--out", "runs/my_task", "--allow-leakage"]) == 0
    for name in ("monday", "friday"):
        shutil.copytree("runs/my_task", f"runs/{name}")
    return tmp_path


def code_of(command: str) -> int:
    """Run one command in this process, as its shell line says."""
    words = shlex.split(command)
    if command.startswith(MAIN_JOB):
        # Checked and planned; that it runs is shown by `adaptkit compare`, which is the same.
        return run([*(str(ROOT / w) if w.startswith(SUITES) else w for w in words[3:]), "--dry-run"])
    assert words[0] == "adaptkit", f"no test knows how to run: {command}"
    return main(words[1:])


def test_the_readme_shows_every_command() -> None:
    from adaptkit.cli.main import COMMANDS

    table = README.partition("## Command line\n")[2].partition("\n```sh")[0]
    shown = {word for line in table.splitlines() for word in re.findall(r"`([a-z]+)(?: DIR\d?)*`", line)}
    assert set(COMMANDS) <= shown
    for shell in ("bash", "zsh", "fish"):
        assert f"_ADAPTKIT_COMPLETE={shell}_source adaptkit" in README


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.usefixtures("hash_embedder")
def test_every_command_of_the_readme_runs(workplace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = commands()
    assert len(found) >= 15
    for command in found:
        if command.startswith("make "):
            done = subprocess.run(
                ["make", "-n", command.split()[1]], cwd=ROOT, capture_output=True, check=False
            )
            assert done.returncode == 0, command
            continue
        code = code_of(command)
        out, err = capsys.readouterr()
        if "--format mlflow" in command and importlib.util.find_spec("mlflow") is None:
            assert code == 2
            assert "adaptkit-llm[mlflow]" in err
            continue
        assert code in ((0, 1) if command.startswith(MAY_BE_1) else (0,)), f"{command}: {code}\n{out}\n{err}"
        assert "Traceback" not in err
        assert out or command.startswith("adaptkit serve"), command
    assert "tickets" in (workplace / "report.md").read_text(encoding="utf-8")
    assert r"\toprule" in (workplace / "table.tex").read_text(encoding="utf-8")
    assert (workplace / "records.parquet").stat().st_size > 1000
    assert (workplace / "merged" / "config.json").is_file()
