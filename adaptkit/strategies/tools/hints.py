"""A Python function with type hints becomes a tool: its hints are the schema, its docstring the words."""

from __future__ import annotations

import enum
import inspect
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from adaptkit.core.errors import ConfigError
from adaptkit.strategies.tools.allowed import spec_of, take_up
from adaptkit.strategies.tools.tool import Tool, object_schema

_SIMPLE: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    list: {"type": "array"},
    dict: {"type": "object"},
    types.NoneType: {"type": "null"},
    Any: {},
    object: {},
}
_LISTS = (list, tuple, set, frozenset, Sequence)
_ARGUMENT = re.compile(r"\s+\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.+)")
_SECTION = re.compile(r"[A-Z]\w*:")


@dataclass(frozen=True)
class Hint:
    """A type hint as a JSON Schema, and what turns a JSON value into a value of that type."""

    schema: Mapping[str, Any]
    convert: Callable[[Any], Any] | None = None


def tool_from(function: Callable[..., object], *, name: str | None = None) -> Tool:
    """Describe a function as a tool.

    Every parameter needs a type hint out of str, int, float, bool, list, dict, Literal, Enum, None, Any and
    unions of them; ``Annotated[int, "what it is for"]`` describes one. A parameter with a default may be
    left out. The description is the docstring's first paragraph, those of the parameters come from its
    ``Args:`` section.

    A call that takes too long is given up: the function is asked to stop, which a loop in Python obeys and a
    call that waits or computes outside of Python does not; it is left behind then. A function that keeps the
    whole interpreter (a huge power, a slow regular expression) cannot be given up at all.

    Args:
        function: it may raise; the model is told. It runs with all rights of this program: pass none that
            does what a model must not do.
        name: None for the function's own.

    Raises:
        ConfigError: it has no usable name, or a parameter has no hint or one that JSON cannot hold.

    Examples:
        >>> def add(a: int, b: int = 0) -> int:
        ...     \"\"\"Add two numbers.\"\"\"
        ...     return a + b
        >>> tool = tool_from(add)
        >>> tool.description, tool.required, tool.parameters["properties"]["b"]
        ('Add two numbers.', ('a',), {'type': 'integer', 'default': 0})
    """
    _check_callable(function)
    words = inspect.getdoc(function) or ""
    hints = {p.name: _parameter(function, p, words) for p in _signature(function).parameters.values()}
    required = [p.name for p in _signature(function).parameters.values() if p.default is p.empty]
    tool = Tool(
        name=name or function.__name__,
        description=" ".join(words.split("\n\n")[0].split()) or function.__name__.replace("_", " "),
        parameters=object_schema({n: hint.schema for n, hint in hints.items()}, required),
        run=_converting(function, hints),
        spec=spec_of(function),
    )
    take_up(tool)
    return tool


def _check_callable(function: Callable[..., object]) -> None:
    if not inspect.isroutine(function):
        raise ConfigError(
            f"A tool is a function or method, and {function!r} is not one. Write a function with type "
            "hints that calls it, or describe it yourself: Tool(name=..., parameters=..., run=...)."
        )
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"The tool '{function.__name__}' is asynchronous. Give a plain function.")


def _signature(function: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:
        raise ConfigError(
            f"Python does not tell the parameters of '{function.__name__}'. Wrap it in a function with "
            "type hints."
        ) from None


def _parameter(function: Callable[..., object], parameter: inspect.Parameter, words: str) -> Hint:
    where = f"The parameter '{parameter.name}' of the tool '{function.__name__}'"
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise ConfigError(f"{where} cannot be given by name. Give each parameter a name and a type hint.")
    hints = _hints(function)
    if parameter.name not in hints:
        raise ConfigError(f"{where} has no type hint. Write one, such as '{parameter.name}: str'.")
    hint = _hint(hints[parameter.name], where)
    schema = dict(hint.schema)
    told = _told_arguments(words).get(parameter.name)
    if told:
        schema.setdefault("description", told)
    if _is_plain(parameter.default):
        schema["default"] = parameter.default
    return Hint(schema, hint.convert)


def _hints(function: Callable[..., object]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except Exception as error:
        raise ConfigError(
            f"The type hints of the tool '{function.__name__}' cannot be read ({error}). Use types that "
            "its module knows."
        ) from None


def _is_plain(value: object) -> bool:
    return value is None or type(value) in (str, int, float, bool)


def _hint(annotation: Any, where: str) -> Hint:
    """The schema of one annotation.

    Examples:
        >>> _hint(list[Literal["a", "b"]] | None, "x").schema
        {'anyOf': [{'type': 'array', 'items': {'enum': ['a', 'b']}}, {'type': 'null'}]}
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = _hint(arguments[0], where)
        told = next((a for a in arguments[1:] if isinstance(a, str)), None)
        return Hint({**inner.schema, "description": told} if told else inner.schema, inner.convert)
    if annotation in _SIMPLE:
        return Hint(_SIMPLE[annotation])
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _enumerated([member.value for member in annotation], annotation, where)
    if origin is Literal:
        return _enumerated(arguments, None, where)
    if origin in (Union, types.UnionType):
        return _union([_hint(a, where) for a in arguments])
    return _container(annotation, where)


def _container(annotation: Any, where: str) -> Hint:
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    kind: Any = next((k for k in (*_LISTS, dict, Mapping) if origin is k), None)
    if kind is None:
        raise _unknown(annotation, where)
    if kind in (dict, Mapping):
        values = _hint(arguments[1], where) if arguments else Hint({})
        return Hint({"type": "object", "additionalProperties": values.schema or True}, _each_value(values))
    items = _hint(arguments[0], where) if arguments else Hint({})
    if kind is tuple and len(arguments) > 1 and arguments[-1] is not ...:
        items = _union([_hint(a, where) for a in dict.fromkeys(arguments)])
    schema = {"type": "array", "items": items.schema} if items.schema else {"type": "array"}
    return Hint(schema, _each_item(items, list if kind is Sequence else kind))


def _each_item(items: Hint, kind: Callable[[Any], Any]) -> Callable[[Any], Any] | None:
    convert = items.convert
    if convert is None and kind is list:
        return None
    return lambda values: kind([convert(v) if convert else v for v in values])


def _each_value(values: Hint) -> Callable[[Any], Any] | None:
    convert = values.convert
    return None if convert is None else lambda table: {k: convert(v) for k, v in table.items()}


def _enumerated(values: Sequence[Any], kind: Callable[[Any], Any] | None, where: str) -> Hint:
    if not all(_is_plain(v) for v in values):
        raise _unknown(values, where)
    return Hint({"enum": list(values)}, kind)


def _unknown(annotation: object, where: str) -> ConfigError:
    return ConfigError(
        f"{where} has the type hint {annotation!r}, which JSON cannot hold. Use str, int, float, bool, list, "
        "dict, Literal, Enum or a union of them."
    )


def _union(hints: Sequence[Hint]) -> Hint:
    converts = [h.convert for h in hints if h.convert]
    if not converts:
        return Hint({"anyOf": [h.schema for h in hints]})

    def convert(value: Any) -> Any:
        for one in converts:
            try:
                return one(value)
            except (TypeError, ValueError):
                continue
        return value  # it is of a part of the union that needs no conversion

    return Hint({"anyOf": [h.schema for h in hints]}, convert)


def _converting(function: Callable[..., object], hints: Mapping[str, Hint]) -> Callable[..., object]:
    """The function, called with JSON values: names of an Enum become its members."""
    converts = {name: hint.convert for name, hint in hints.items() if hint.convert}
    if not converts:
        return function
    return lambda **given: function(
        **{n: converts[n](value) if n in converts else value for n, value in given.items()}
    )


def _told_arguments(words: str) -> dict[str, str]:
    """What a docstring says of each parameter in its ``Args:`` section."""
    found: dict[str, str] = {}
    inside = False
    for line in words.splitlines():
        if _SECTION.fullmatch(line.strip()) and not line.startswith(" "):
            inside = line.strip() in ("Args:", "Arguments:", "Parameters:")
        elif inside and (match := _ARGUMENT.fullmatch(line)):
            found[match[1]] = match[2].strip()
    return found
