"""Find public functions, classes and methods of ``adaptkit`` that nothing but tests uses.

``python -m benchmarks.dead_code`` names them and exits with 1 if there are any. Uses are counted in the
package, the benchmarks, the task generator, the notebooks and the Python examples of README and docs. What a
package's ``__init__`` only passes on is not used by that, except for the public names of ``adaptkit`` and
``adaptkit.testing``.

vulture goes by names: something dead whose name anything else has is not found.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[1]
OUTSIDE = Path(__file__).with_name("used_from_outside.toml")
SOURCES = ("adaptkit", "benchmarks", "data/generator")
PUBLIC = ("adaptkit/__init__.py", "adaptkit/testing/__init__.py")
KINDS = ("function", "class", "method", "property")
# What a registry loads when it is asked for, e.g. "adaptkit.metrics.text:exact_match".
_LOADED = re.compile(r"\badaptkit[\w.]*:(\w+)")
_EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


def find(root: Path, outside: dict[str, str]) -> list[str]:
    """Say what nothing uses, and which names of the list are used or gone.

    Args:
        root: of the repository.
        outside: why a name is used although nothing here uses it.
    """
    finder = Vulture(ignore_decorators=["@*.command"])
    for place, code in _sources(root):
        finder.scan(code, filename=place)
        finder.used_names.update(_LOADED.findall(code))
    unused = [
        item
        for item in finder.get_unused_code()
        if item.typ in KINDS and item.filename.is_relative_to(root / "adaptkit") and item.name[0] != "_"
    ]
    dead = [
        f"{item.filename.relative_to(root)}:{item.first_lineno}: only tests use {item.typ} '{item.name}'"
        for item in unused
        if item.name not in outside
    ]
    gone = set(outside) - {item.name for item in unused}
    return dead + [f"{OUTSIDE.name}: '{name}' is used, or gone" for name in sorted(gone)]


def _sources(root: Path) -> Iterator[tuple[Path, str]]:
    for path in (p for folder in SOURCES for p in sorted((root / folder).rglob("*.py"))):
        code = path.read_text(encoding="utf-8")
        passes_on = path.name == "__init__.py" and path.relative_to(root).as_posix() not in PUBLIC
        yield path, _without_all(code) if passes_on else code
    for path in (root / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield path, _MAGIC.sub("", "".join(cell["source"]))
    for path in (root / "README.md", *(root / "docs").rglob("*.md")):
        for example in _EXAMPLE.findall(path.read_text(encoding="utf-8")):
            yield path, example


def _without_all(code: str) -> str:
    """The code without its ``__all__``, whose names count as used; lines keep their numbers."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            lines[node.lineno - 1 : node.end_lineno] = [""] * (
                (node.end_lineno or node.lineno) - node.lineno + 1
            )
    return "\n".join(lines)


def main() -> int:
    """Print what is found; 1 where there is something."""
    found = find(ROOT, tomllib.loads(OUTSIDE.read_text(encoding="utf-8")))
    sys.stderr.write("".join(f"{line}\n" for line in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
