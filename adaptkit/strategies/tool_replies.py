"""What a model replies when it may call tools: a call, or the answer, each a JSON object on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.codec import well_formed
from adaptkit.metrics.json_text import NOTHING, find, parse
from adaptkit.metrics.numeric import whole_number
from adaptkit.metrics.tool_calls import ARGUMENTS_KEYS, NAME_KEYS, NamedCall, calls_in
from adaptkit.strategies.tools.tool import Tool, object_schema
from adaptkit.tasks import Task

ANSWER = "answer"
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,8})?$"
_CUT_ANSWER = re.compile(r'\s*\{\s*"answer"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True)
class Final:
    """The answer was given."""

    text: str


@dataclass(frozen=True)
class Unclear:
    """Neither a call nor an answer; ``why`` is told to the model."""

    why: str


Reply = NamedCall | Final | Unclear


@dataclass(frozen=True, kw_only=True)
class ReplyForm:
    """How calls and answers are written.

    Attributes:
        name_key: the key of the tool's name in a call.
        arguments_key: the key of its arguments.
        answer: JSON Schema of the answer; None where every reply is a call, and the call is the answer.
        labels: the answers of a classification.
        narrow: whether arguments are held to a tool's narrower schema, where it has one, and to
            ``max_chars`` and ``max_items``.
        max_chars: of a text among the arguments; None for no bound. A small model that repeats itself
            does not find the end of a text by itself.
        max_items: of a list among the arguments; None likewise.

    Examples:
        >>> form = ReplyForm(answer={"type": "string"})
        >>> form.read('{"tool": "add", "arguments": {"a": 1}}', ["add"]), form.read('{"answer": 4}')
        (NamedCall(name='add', arguments={'a': 1}), Final(text='4'))
    """

    name_key: str = "tool"
    arguments_key: str = "arguments"
    answer: Mapping[str, Any] | None = None
    labels: tuple[str, ...] = ()
    narrow: bool = True
    max_chars: int | None = None
    max_items: int | None = None

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> ReplyForm:
        """Read what ``to_json`` wrote."""
        return cls(**{**saved, "labels": tuple(saved["labels"])})

    def schema(self, tools: Sequence[Tool], *, calls: bool = True, answers: bool = True) -> dict[str, Any]:
        """The JSON Schema of a reply: one of these tools with its arguments, or the answer."""
        options = [self._call_schema(t) for t in tools] if calls else []
        shared: dict[str, Any] = {}
        if self.answer is not None and answers:
            answer = dict(self.answer)
            # References in a task's schema start at its root.
            shared = {key: answer.pop(key) for key in _DEFINITIONS if key in answer}
            options.append(object_schema({ANSWER: answer}))
        return {**shared, **(options[0] if len(options) == 1 else {"anyOf": options})}

    def _call_schema(self, tool: Tool) -> dict[str, Any]:
        arguments = tool.parameters
        if self.narrow:
            arguments = bounded(tool.held_to or arguments, self.max_chars, self.max_items)
        if '"$ref"' in json.dumps(arguments):
            arguments = {"type": "object"}  # it would refer to another root
        return object_schema({self.name_key: {"const": tool.name}, self.arguments_key: arguments})

    def call_text(self, call: NamedCall, tool: Tool | None = None) -> str:
        """A call as it is written; arguments in the order of the tool's schema, if it is given."""
        arguments = dict(call.arguments)
        if tool is not None:
            first = {name: arguments[name] for name in tool.properties if name in arguments}
            arguments = {**first, **arguments}
        return _written({self.name_key: call.name, self.arguments_key: arguments})

    def answer_text(self, answer: str) -> str:
        """An answer as it is written: JSON stays JSON, unless answers are texts."""
        value = parse(answer) if self.answer is not None and self.answer.get("type") != "string" else NOTHING
        if self.labels or value is NOTHING:
            value = answer
        return _written({ANSWER: value})

    def read(self, text: str, names: Collection[str] = ()) -> Reply:
        """What a reply says; JSON is found in a text that says more.

        Args:
            text: the completion.
            names: of the tools. Under this form's keys any name is a call; under others only these are.
        """
        value = find(text)
        if isinstance(value, Mapping):
            return self._read_object(value, text, names)
        if value is NOTHING and "{" in text:
            return _cut_answer(text) or Unclear("This is no JSON object, or it was cut off.")
        whole = parse(text)
        return Final(well_formed(whole) if isinstance(whole, str) else text)

    def _read_object(self, value: Mapping[str, Any], text: str, names: Collection[str]) -> Reply:
        call = self._call(value, names)
        if call is not None:
            return call
        if ANSWER in value:
            said = value[ANSWER]
            return Final(well_formed(said) if isinstance(said, str) else _written(said))
        if self.answer is None:
            return Final(text)
        if self.answer.get("type") != "string" and not self.labels:
            return Final(_written(value))  # the record itself, without the words around it
        return Unclear(f'The object has neither "{self.name_key}" nor "{ANSWER}".')

    def _call(self, value: Mapping[str, Any], names: Collection[str]) -> NamedCall | None:
        own = self.name_key in value and self.arguments_key in value
        if own:
            value = {NAME_KEYS[0]: value[self.name_key], ARGUMENTS_KEYS[0]: value[self.arguments_key]}
        for call in calls_in(value):
            if own or call.name in names:
                return NamedCall(well_formed(call.name), json.loads(_written(call.arguments)))
        return None


def answer_schema(task: Task) -> dict[str, Any]:
    """The JSON Schema of the task's answers, as far as kind, labels, schema and train targets tell."""
    if task.kind == "classification" and task.labels:
        return {"enum": list(task.labels)}
    if task.kind == "structured":
        return dict(task.schema or {})
    if task.kind == "arithmetic" and all(_is_plain_number(e.target) for e in task.train):
        return {"type": "string", "pattern": NUMBER}
    return {"type": "string"}


def _is_plain_number(text: str) -> bool:
    return whole_number(text) is not None and re.match(NUMBER, text.strip()) is not None


def call_keys(targets: Sequence[str]) -> tuple[str, str] | None:
    """Under which keys targets that are calls hold name and arguments; None where some target is no call.

    Examples:
        >>> call_keys(['{"function": "add", "args": {"a": 1}}'])
        ('function', 'args')
    """
    found = set()
    for target in targets:
        value = parse(target)
        if not isinstance(value, Mapping) or len(value) != 2 or not calls_in(value):
            return None
        name, arguments = sorted(value, key=lambda key: not isinstance(value[key], str))
        found.add((str(name), str(arguments)))
    return found.pop() if len(found) == 1 else None


def longest(values: Sequence[Any]) -> tuple[int, int]:
    """Characters of the longest text and items of the longest list in JSON values; 0 where there is none.

    Examples:
        >>> longest([{"a": ["x", "yes"]}, [1]])
        (3, 2)
    """
    chars = items = 0
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            chars = max(chars, len(value))
        elif isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            items = max(items, len(value))
            waiting += value
    return chars, items


def bounded(schema: Any, max_chars: int | None, max_items: int | None) -> Any:
    """A schema whose texts and lists have a longest length; those that have one keep theirs.

    Examples:
        >>> bounded({"type": "array", "items": {"type": "string"}}, 9, 2)
        {'type': 'array', 'items': {'type': 'string', 'maxLength': 9}, 'maxItems': 2}
    """
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {
        key: bounded(value, max_chars, max_items) if key in ("items", "additionalProperties") else value
        for key, value in schema.items()
    }
    if "properties" in made:
        made["properties"] = {k: bounded(v, max_chars, max_items) for k, v in made["properties"].items()}
    if "anyOf" in made:
        made["anyOf"] = [bounded(v, max_chars, max_items) for v in made["anyOf"]]
    if made.get("type") == "string" and max_chars is not None and not made.keys() & {"pattern", "format"}:
        made.setdefault("maxLength", max_chars)
    if made.get("type") == "array" and max_items is not None:
        made.setdefault("maxItems", max_items)
    return made


def _cut_answer(text: str) -> Final | None:
    match = _CUT_ANSWER.match(text)
    if match is None:
        return None
    said = parse(f'"{match[1]}"')
    return Final(well_formed(said) if isinstance(said, str) else match[1])


def _written(value: object) -> str:
    return well_formed(json.dumps(value, ensure_ascii=False))
