"""A finished comparison is read, ranked, exported and reported where nothing heavy is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from planted import compared

ROOT = Path(__file__).parents[2]
HEAVY = (
    "torch",
    "transformers",
    "peft",
    "faiss",
    "sentence_transformers",
    "accelerate",
    "datasets",
    "sklearn",
)
BLOCK = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: blocked", name=name)

sys.meta_path.insert(0, Blocked())
try:
    import torch
except ModuleNotFoundError:
    pass
else:
    raise AssertionError("torch is not blocked")
import adaptkit as ak
"""
USE = """
comparison = ak.load_comparison(sys.argv[1])
assert len(comparison.records()) == 24
assert [row.strategy for row in comparison.rows] == ["prompt", "few-shot"]
comparison.recommend()
comparison.to_frame()
comparison.plot()
comparison.report(sys.argv[1] + "/again.html")
comparison.report(sys.argv[1] + "/again.md")
print("done")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    compared(folder, lambda name, seed, row: row % 2 == 0, noise_floor=False)
    return folder


def fresh(code: str, folder: Path) -> str:
    command = [sys.executable, "-W", "error", "-c", BLOCK + code, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_comparison_is_used_in_a_fresh_interpreter_without_heavy_packages(folder: Path) -> None:
    assert fresh(USE, folder) == "done\n"


def test_the_command_reads_it_too(folder: Path) -> None:
    code = "from adaptkit.cli.main import main; print(main(['verify', sys.argv[1]]))"
    assert fresh(code, folder).splitlines()[-1] == "0"
