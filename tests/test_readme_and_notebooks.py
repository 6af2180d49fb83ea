import ast
import json
import re
from pathlib import Path

import pytest

from benchmarks.readme_tables import MARKED, READMES, with_tables

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize(("path", "kind"), [(READMES[0], "table"), (READMES[1], "speed")])
def test_tables_of_the_readmes_are_those_of_the_result_files(path: Path, kind: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert kind in [m["kind"] for m in MARKED.finditer(text)]
    assert with_tables(text) == text, "run python -m benchmarks.readme_tables"


def test_files_that_the_readme_links_to_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)
def test_the_last_cell_of_a_notebook_asserts_what_it_claims(path: Path) -> None:
    last = json.loads(path.read_text(encoding="utf-8"))["cells"][-1]
    assert last["cell_type"] == "code"
    statements = ast.parse("".join(last["source"])).body
    assert sum(isinstance(node, ast.Assert) for s in statements for node in ast.walk(s)) >= 3


def test_what_the_notebook_tells_to_write_is_short() -> None:
    """A strategy, a metric and a backend, each in under thirty lines, blank ones aside."""
    cells = json.loads((ROOT / "notebooks" / "07_write_your_own.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    parts = ("class WordOverlap", "def same_letters", "class Parrot")
    for part in parts:
        (source,) = [text for text in code if part in text]
        source = re.sub(r"^%%.*\n", "", source)
        (node,) = [n for n in ast.parse(source).body if ast.unparse(n).startswith(("@", "class", "def"))]
        assert part in ast.unparse(node)
        lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
        assert len([line for line in lines if line.strip()]) < 30, part
