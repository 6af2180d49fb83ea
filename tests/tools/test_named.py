"""Tools by name, and what a file may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.strategies.tools import TOOLS, Tool, allow, allowed, from_a_file, resolve


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "_KNOWN", {})


def double(x: int) -> int:
    """Twice as much."""
    return 2 * x


def test_built_in_tools_have_the_names_that_they_are_made_by() -> None:
    assert TOOLS.names() == ["calculator", "lookup", "read_file", "sql"]
    made = resolve(["calculator", "lookup=3"])
    assert [(t.name, t.saved_as) for t in made] == [("calculator", "calculator"), ("lookup", "lookup=3")]
    assert resolve(["lookup"])[0].saved_as == "lookup"


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        (["calculater"], UnknownNameError, "Unknown tool 'calculater'. Did you mean 'calculator'"),
        (["sql"], ConfigError, "must be 'sql=' and what it may reach"),
        (["calculator=3"], ConfigError, "must be 'calculator' alone"),
        (["lookup=0"], ConfigError, "'lookup=' and a number from 1 to 20"),
        (["lookup=x"], ConfigError, "'lookup=' and a number from 1 to 20"),
        ([3], ConfigError, "names of built-in tools, functions with type hints, or Tools"),
        (["calculator", "calculator"], ConfigError, "Two tools are called 'calculator'"),
        ([{"name": "a b"}], ConfigError, "'name' parameter of Tool"),
    ],
)
def test_what_is_no_tool_is_refused(given: list[Any], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        resolve(given)


def test_functions_tools_and_descriptions_are_taken() -> None:
    own = Tool(name="own", description="", run=lambda: "x")
    tools = resolve([double, own, {"name": "described", "description": "d"}])
    assert [t.name for t in tools] == ["double", "own", "described"]
    assert [t.run is None for t in tools] == [False, False, True]


def test_a_function_is_saved_by_name_with_a_hash_of_its_source() -> None:
    (tool,) = resolve([double])
    assert str(tool.saved_as).startswith(f"{__name__}:double#")
    (again,) = resolve([tool.saved_as])
    assert again.run is double


def test_what_only_the_call_of_matters_is_saved_whole() -> None:
    described = {"name": "d", "description": "", "parameters": {"type": "object", "properties": {}}}
    (tool,) = resolve([described])
    with from_a_file():
        assert resolve([tool.saved_as]) == (tool,)


def test_a_file_cannot_name_a_function_that_was_not_passed() -> None:
    spec = "os:system"
    with pytest.raises(ConfigError, match="calls the tool os:system, which this program has not passed"):
        resolve([spec])
    with from_a_file(), pytest.raises(ConfigError, match=r"call adaptkit\.strategies\.tools\.allow"):
        resolve([spec])
    own = Tool(name="own", description="", run=lambda: "x")
    with from_a_file(), pytest.raises(ConfigError, match="which this program has not passed"):
        resolve([own.saved_as])


def test_a_file_can_name_what_was_passed_or_allowed() -> None:
    own = Tool(name="own", description="", run=lambda: "x")
    allow(double, own)
    name = allowed.spec_of(double)
    with from_a_file():
        assert [t.name for t in resolve([name, own.saved_as])] == ["double", "own"]


def test_what_a_file_names_is_not_learnt_from_it(tmp_path: Path) -> None:
    spec = f"read_file={tmp_path}"
    for _ in range(2):
        with from_a_file(), pytest.raises(ConfigError, match="uses the tool"):
            resolve([spec])


def test_a_file_can_name_a_folder_that_this_program_named_or_allowed(tmp_path: Path) -> None:
    spec = f"read_file={tmp_path}"
    allow(spec)
    with from_a_file():
        assert resolve([spec])[0].name == "read_file"
    other = tmp_path / "other"
    other.mkdir()
    resolve([f"read_file={other}"])
    with from_a_file():
        assert resolve([f"read_file={other}"])[0].name == "read_file"


def test_a_function_that_has_changed_since_is_refused() -> None:
    allow(double)
    with pytest.raises(ConfigError, match="has changed since the strategy was saved"):
        resolve([f"{__name__}:double#00000000"])


def test_a_function_without_a_file_is_told_from_others_by_its_code() -> None:
    def made(body: str) -> str:
        space: dict[str, Any] = {"__name__": "prompted"}
        exec(f"def f(x: int) -> int:\n    return {body}", space)
        return allowed.spec_of(space["f"])

    assert made("x + 1") == made("x + 1")
    assert made("x + 1") != made("x + 2")
