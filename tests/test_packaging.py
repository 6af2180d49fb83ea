"""What a fresh installation relies on: pins, the type marker, and an import that loads nothing heavy."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "scipy", "transformers", "faiss", "pandas", "matplotlib", "numpy")
# The aim is 0.2 s; twice and a half of it is left for a machine that does other things meanwhile.
IMPORT_LIMIT_S = 0.5


def normalized(requirement: str) -> str:
    """The name of a requirement, as indexes compare names."""
    name = re.split(r"[\s<>=!~;\[]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return content


@pytest.fixture(scope="module")
def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    assert all(version for _, _, version in pins), "every line is an exact pin"
    return {normalized(name): version for name, _, version in pins}


def direct_dependencies(project: dict[str, Any]) -> Iterator[str]:
    yield from map(normalized, project["dependencies"])
    for extra in project["optional-dependencies"].values():
        yield from (normalized(r) for r in extra if not r.startswith(f"{project['name']}["))


def test_every_direct_dependency_is_pinned(project: dict[str, Any], constraints: dict[str, str]) -> None:
    missing = [name for name in direct_dependencies(project) if name not in constraints]
    assert not missing, f"pin these in constraints.txt: {missing}"


def test_constraints_name_no_gpu_packages_and_no_build(
    project: dict[str, Any], constraints: dict[str, str]
) -> None:
    assert not [n for n in constraints if n.startswith(("nvidia", "cuda", "triton"))]
    assert not [n for n, version in constraints.items() if "+" in version]
    assert normalized(project["name"]) not in constraints


def test_files_that_the_metadata_names_are_there(project: dict[str, Any]) -> None:
    assert (ROOT / "adaptkit" / "py.typed").is_file()
    for name in [project["readme"], *project["license-files"]]:
        assert (ROOT / name).is_file(), name
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_version_is_one_that_the_changelog_can_name(project: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", project["version"])
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_ci_runs_what_a_developer_runs() -> None:
    assert "exec make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for hook in re.findall(r"entry: make (\S+),", (ROOT / ".pre-commit-config.yaml").read_text("utf-8")):
        assert re.search(rf"^check:.*\b{hook}\b", makefile, re.M), hook


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_import_is_quick_and_loads_nothing_heavy() -> None:
    loaded = run("import adaptkit, sys; print(*sys.modules)").split()
    assert not [name for name in HEAVY if name in loaded]
    timed = "import time; t = time.perf_counter(); import adaptkit; print(time.perf_counter() - t)"
    median_s = statistics.median(float(run(timed)) for _ in range(5))
    sys.stdout.write(f"import adaptkit: {median_s * 1000:.0f} ms\n")
    assert median_s < IMPORT_LIMIT_S
