"""What only tests use is found, whatever names it in passing; what is used from anywhere else is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.dead_code import find

PLANTED = '''
class Planted:
    """A class."""

    def method(self): ...

    @property
    def value(self): ...


def planted():
    """Called as planted()."""
    return _private()


def _private(): ...
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose one module is used by a test alone, though its package passes it on."""
    files = {
        "README.md": "A planted() function, and `Planted().method()`.\n",
        "adaptkit/__init__.py": "",
        "adaptkit/room/__init__.py": """
from adaptkit.room.module import Planted, planted

__all__ = ["Planted", "planted"]
""",
        "adaptkit/room/module.py": PLANTED,
        "tests/test_room.py": "from adaptkit.room import *\nplanted(), Planted().method(), Planted().value\n",
    }
    for name, text in files.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_what_only_tests_use_is_named_with_its_place(root: Path) -> None:
    assert find(root, {}) == [
        "adaptkit/room/module.py:2: only tests use class 'Planted'",
        "adaptkit/room/module.py:5: only tests use method 'method'",
        "adaptkit/room/module.py:7: only tests use property 'value'",
        "adaptkit/room/module.py:11: only tests use function 'planted'",
    ]


CALLS = "planted(), Planted().method, Planted().value"
CELLS = [
    {"cell_type": "markdown", "source": ["# Not (code"]},
    {"cell_type": "code", "source": ["%magic\n", CALLS]},
]
USES = {
    "another module": ("adaptkit/other.py", CALLS),
    "a benchmark": ("benchmarks/b.py", CALLS),
    "the generator": ("data/generator/g.py", CALLS),
    "an example": ("docs/a.md", f"```python\n{CALLS}\n```\n"),
    "a notebook": ("notebooks/n.ipynb", json.dumps({"cells": CELLS})),
    "public names": ("adaptkit/testing/__init__.py", "__all__ = ['Planted', 'planted', 'method', 'value']"),
    "registries": (
        "adaptkit/r.py",
        "('adaptkit.a:Planted', 'adaptkit.b:planted', 'adaptkit:method adaptkit:value')",
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_is_used_elsewhere_is_not(use: tuple[str, str], root: Path) -> None:
    name, text = use
    write(root / name, text)
    assert find(root, {}) == []


def test_the_list_of_outside_uses_holds_no_name_that_needs_it_no_more(root: Path) -> None:
    outside = dict.fromkeys(("Planted", "method", "value", "planted"), "a program")
    assert find(root, outside) == []
    assert find(root, {**outside, "gone": "a program"}) == ["used_from_outside.toml: 'gone' is used, or gone"]
    write(root / "adaptkit/other.py", "planted()")
    assert find(root, outside) == ["used_from_outside.toml: 'planted' is used, or gone"]
