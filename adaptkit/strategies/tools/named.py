"""Tools by name: what a saved strategy and a command line can say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adaptkit.core.errors import ConfigError
from adaptkit.core.registry import Registry
from adaptkit.strategies.tools.allowed import check_reach, known_function, take_up
from adaptkit.strategies.tools.hints import tool_from
from adaptkit.strategies.tools.tool import Tool

Given = str | Callable[..., object] | Tool | Mapping[str, Any]

TOOLS: Registry[Callable[..., Tool]] = Registry(
    "tool",
    {
        "calculator": "adaptkit.strategies.tools.calculator:calculator",
        "lookup": "adaptkit.strategies.tools.lookup:lookup",
        "read_file": "adaptkit.strategies.tools.files:read_file",
        "sql": "adaptkit.strategies.tools.database:sql",
    },
    group="adaptkit.tools",
)
"""What makes each built-in tool; another package adds its own by the entry point group ``adaptkit.tools``."""
HARMLESS = ("calculator", "lookup")
"""Tools that reach nothing but what they are given: a file may name them."""


def resolve(given: Sequence[Given]) -> tuple[Tool, ...]:
    """The tools that are meant, in order.

    Args:
        given: each a function, a :class:`Tool`, or a text: the name of a built-in tool; a name with what it
            reaches (``sql=FILE``, ``read_file=FOLDER``); or ``module:name#hash``, as which a function is
            saved. A table with name, description and parameters is a tool of which only the call matters.

    Raises:
        UnknownNameError: there is no such tool.
        ConfigError: it is none of these, two have one name, or a file names what this program has not.

    Examples:
        >>> [tool.name for tool in resolve(["calculator"])]
        ['calculator']
    """
    tools = tuple(_resolved(g) for g in given)
    repeated = [name for name, n in Counter(t.name for t in tools).items() if n > 1]
    if repeated:
        raise ConfigError(f"Two tools are called '{repeated[0]}'. Give each a name of its own.")
    return tools


def _resolved(given: Any) -> Tool:
    if isinstance(given, Mapping):
        given = Tool.from_json(given)
    if isinstance(given, Tool):
        take_up(given)
        return given
    if isinstance(given, str):
        return _named(given)
    if not callable(given):
        expected = "names of built-in tools, functions with type hints, or Tools"
        raise ConfigError.for_parameter("FunctionCalling", "tools", expected, given)
    return tool_from(given)


def _named(spec: str) -> Tool:
    name, equals, argument = spec.partition("=")
    if ":" in name:
        return known_function(spec)
    make: Any = TOOLS.get(name)
    if name not in HARMLESS:
        check_reach(spec)
    try:
        made: Tool = make(argument) if equals else make()
    except TypeError:
        expected = f"'{name}=' and what it may reach" if not equals else f"'{name}' alone"
        raise ConfigError.for_parameter("FunctionCalling", "tools", expected, spec) from None
    return made
