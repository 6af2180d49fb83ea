"""The shape of the house: what a reader has to keep in mind stays small."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.structure import measured


@pytest.fixture(scope="module")
def house() -> dict[str, Any]:
    return measured()


def test_there_are_at_most_sixteen_packages(house: dict[str, Any]) -> None:
    assert house["packages"] <= 16


def test_no_public_class_is_named_twice(house: dict[str, Any]) -> None:
    assert house["classes_twice"] == {}


def test_names_of_files_that_say_little_stand_at_most_twice(house: dict[str, Any]) -> None:
    assert max(house["generic_file_names"].values()) <= 2


def test_what_is_counted_is_found(tmp_path: Path) -> None:
    for name, text in {
        "one/__init__.py": "",
        "one/table.py": "class A: ...\ndef _once(): ...\ndef f(): return _once()\n",
        "two/__init__.py": "",
        "two/table.py": "class A: ...\n" + "x = 1\n" * 400,
    }.items():
        path = tmp_path / "adaptkit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "tests").mkdir()
    found = measured(tmp_path)
    assert (found["packages"], found["files"], found["functions"]) == (2, 4, 2)
    assert found["share_called_once"] == 0.5
    assert found["classes_twice"] == {"A": ["adaptkit/one/table.py", "adaptkit/two/table.py"]}
    assert found["files_over_400_lines"] == {"adaptkit/two/table.py": 401}
    assert found["generic_file_names"]["table"] == 2
