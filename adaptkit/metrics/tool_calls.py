"""Metrics for calls of tools, apart from the answer: was the right one called, and with what?

What a row wants called stands in its metadata, ``"tool_calls": [{"name": ..., "arguments": {...}}]``, or is
its target, where the task is to write the call. What was called is what the strategy recorded; where it
recorded none, the output is read as a call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.codec import canonical_json
from adaptkit.core.types import Example
from adaptkit.metrics.base import UNDEFINED, Answer, Score
from adaptkit.metrics.json_text import find, parse
from adaptkit.metrics.normalise import fold

NAME_KEYS = ("name", "tool", "function", "function_name", "tool_name")
ARGUMENTS_KEYS = ("arguments", "parameters", "args", "input")


@dataclass(frozen=True)
class NamedCall:
    """A tool's name and the arguments it is given."""

    name: str
    arguments: Mapping[str, Any]


def tool_choice(answer: Answer) -> Score:
    """Whether the right tools were called.

    Strict: these and no others, in this order. Lenient: these, whatever else was called. Undefined where
    the row names no call.

    Examples:
        >>> wanted = {"tool_calls": [{"name": "add", "arguments": {"a": 1}}]}
        >>> row = Example(id="1", input="?", target="2", metadata=wanted)
        >>> called = ({"name": "find", "arguments": {}}, {"name": "add", "arguments": {"a": 2}})
        >>> tool_choice(Answer(output="2", example=row, tool_calls=called))
        Score(strict=0.0, lenient=1.0)
    """
    return _score(answer, strict=lambda call: call.name, lenient=lambda call: call.name)


def tool_arguments(answer: Answer) -> Score:
    """Whether the right tools were called with the right arguments.

    Strict: these calls and no others, in this order, arguments equal as JSON values. Lenient: these calls,
    whatever else was called, arguments equal up to case, white space and numbers written as texts.
    Undefined where the row names no call.

    Examples:
        >>> row = Example(id="1", input="?", target='{"name": "add", "arguments": {"to": "Sum", "n": 2}}')
        >>> output = '{"name": "add", "arguments": {"n": "2", "to": "sum"}}'
        >>> tool_arguments(Answer(output=output, example=row))
        Score(strict=0.0, lenient=1.0)
    """
    return _score(answer, strict=_exactly, lenient=_loosely)


def _score(
    answer: Answer, *, strict: Callable[[NamedCall], str], lenient: Callable[[NamedCall], str]
) -> Score:
    """The best over the references, each call written as what counts of it."""
    wanted = wanted_calls(answer.example)
    if not wanted:
        return UNDEFINED
    whole = [strict(c) for c in _made(answer, parse)]
    found = [lenient(c) for c in _made(answer, find)]
    exact = any(whole == [strict(c) for c in calls] for calls in wanted)
    loose = exact or any(_holds(found, [lenient(c) for c in calls]) for calls in wanted)
    return Score(strict=float(exact), lenient=float(loose))


def _holds(found: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether all that is wanted, as often as it is wanted, is among what was found."""
    return all(found.count(item) >= wanted.count(item) for item in wanted)


def wanted_calls(example: Example) -> list[list[NamedCall]]:
    """The calls that a row names; several lists where its references are calls, of which any counts."""
    named = example.metadata.get("tool_calls")
    told = [named] if named is not None else [parse(reference) for reference in example.references]
    return [calls for value in told if (calls := calls_in(value))]


def _made(answer: Answer, read: Callable[[str], Any]) -> list[NamedCall]:
    if answer.tool_calls:
        return [NamedCall(str(c.get("name")), _table(c.get("arguments"))) for c in answer.tool_calls]
    return calls_in(read(answer.output))


def calls_in(value: object) -> list[NamedCall]:
    """Read a JSON value as a call, or a list of calls; nothing where it is neither.

    Examples:
        >>> calls_in([{"name": "add", "arguments": {"a": 1}}])
        [NamedCall(name='add', arguments={'a': 1})]
        >>> calls_in({"type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}})
        [NamedCall(name='add', arguments={'a': 1})]
        >>> calls_in({"answer": 3})
        []
    """
    items = value if isinstance(value, list) else [value]
    calls = [call for item in items if (call := _call(item)) is not None]
    return calls if len(calls) == len(items) else []


def _call(value: object) -> NamedCall | None:
    if not isinstance(value, Mapping):
        return None
    inner = value.get("function")
    fields: Mapping[str, Any] = inner if isinstance(inner, Mapping) else value
    name = next((fields[k] for k in NAME_KEYS if isinstance(fields.get(k), str)), None)
    given = next((fields[k] for k in ARGUMENTS_KEYS if k in fields), None)
    if isinstance(given, str):  # chat services write the arguments as a text
        given = parse(given)
    return NamedCall(name, given) if name is not None and isinstance(given, Mapping) else None


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _exactly(call: NamedCall) -> str:
    return canonical_json([call.name, _same_numbers(call.arguments)])


def _loosely(call: NamedCall) -> str:
    return canonical_json([call.name, _folded(call.arguments)])


def _same_numbers(value: Any) -> Any:
    """1.0 as 1: JSON does not tell them apart."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _each(value, _same_numbers)


def _folded(value: Any) -> Any:
    if isinstance(value, str | int | float):
        plain = _same_numbers(value)
        return fold(plain if isinstance(plain, str) else json.dumps(plain))
    return _each(value, _folded)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {k: change(v) for k, v in value.items()}
    return [change(v) for v in value] if isinstance(value, list | tuple) else value
