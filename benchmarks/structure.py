"""How large the library is and how it hangs together: ``python -m benchmarks.structure``."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MOST_LINES = 400
GENERIC = ("table", "run", "judging", "result", "text", "rows", "weights")
"""Names of files that say little; each may stand twice."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def measured(root: Path = ROOT) -> dict[str, Any]:
    """Count packages, files, lines, and what is too large, too generic or named twice.

    Args:
        root: of the repository.

    Returns:
        ``share_called_once`` is of the private functions those whose name stands once beside their own
        definition in their file, by all functions. ``classes_twice`` are public ones at the top of a file,
        with their files.
    """
    files = {p: p.read_text(encoding="utf-8") for p in sorted((root / "adaptkit").rglob("*.py"))}
    trees = {p: ast.parse(text) for p, text in files.items()}
    n_lines = {p: len(text.splitlines()) for p, text in files.items()}
    functions = [(p, n.name) for p, tree in trees.items() for n in ast.walk(tree) if isinstance(n, FUNCTIONS)]
    stems = Counter(p.stem for p in files)
    return {
        "packages": sum((p / "__init__.py").exists() for p in (root / "adaptkit").iterdir()),
        "files": len(files),
        "lines": sum(n_lines.values()),
        "test_lines": sum(
            len(p.read_text(encoding="utf-8").splitlines()) for p in (root / "tests").rglob("*.py")
        ),
        "files_over_400_lines": {str(p.relative_to(root)): n for p, n in n_lines.items() if n > MOST_LINES},
        "functions": len(functions),
        "share_called_once": round(_called_once(trees, functions) / len(functions), 3),
        "classes_twice": _classes_twice(trees, root),
        "generic_file_names": {name: stems[name] for name in GENERIC},
    }


def _called_once(trees: Mapping[Path, ast.Module], functions: list[tuple[Path, str]]) -> int:
    used = {
        p: Counter(
            n.attr if isinstance(n, ast.Attribute) else n.id
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute | ast.Name)
        )
        for p, tree in trees.items()
    }
    private = {(p, name) for p, name in functions if name.startswith("_") and not name.endswith("__")}
    return sum(used[p][name] == 1 for p, name in private)


def _classes_twice(trees: Mapping[Path, ast.Module], root: Path) -> dict[str, list[str]]:
    found = defaultdict(list)
    for path, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(root)))
    return {name: paths for name, paths in found.items() if len(paths) > 1}


if __name__ == "__main__":
    print(json.dumps(measured(), indent=2))  # noqa: T201
