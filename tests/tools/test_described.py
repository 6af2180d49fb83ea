"""Functions that inputs describe, and schemas as people write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptkit.strategies.tools.described import json_schema, parameters_schema, tools_in

ADD = {
    "name": "math.add",
    "description": "Adds.",
    "parameters": {
        "type": "dict",
        "properties": {"a": {"type": "float", "description": "first"}, "b": {"type": "int", "default": 1}},
        "required": ["a"],
    },
}


def test_functions_are_found_in_a_text_whatever_stands_around_them() -> None:
    other = {"type": "function", "function": {"name": "stop", "parameters": {"type": "object"}}}
    described = f"{json.dumps(ADD)}\n{json.dumps([other])}"
    text = f'Use [these] {{or}} others:\n{described}\nRequest: {{"name": "x"}}'
    found = tools_in(text)
    assert [t.name for t in found] == ["math.add", "stop"]
    assert found[0].description == "Adds."
    assert found[0].parameters == {
        "type": "object",
        "properties": {"a": {"type": "number", "description": "first"}, "b": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert found[1].properties == {}
    assert all(t.run is None for t in found)


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, '{"name": 3, "parameters": {}}', '{"parameters": {}}'])
def test_a_text_that_describes_none_gives_none(text: str) -> None:
    assert tools_in(text) == ()


def test_a_function_described_twice_counts_once() -> None:
    assert len(tools_in(json.dumps(ADD) * 2)) == 1


@pytest.mark.parametrize(
    ("described", "schema"),
    [
        ({"type": "tuple", "items": {"type": "str"}}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "any"}, {}),
        ({"type": "no-such-type"}, {}),
        ({"type": ["str", "null"]}, {"type": ["string", "null"]}),
        ({"type": "string", "enum": ["a", 1]}, {"enum": ["a", 1]}),
        ({"type": "string", "enum": []}, {"type": "string"}),
        ({"type": "int", "optional": True, "default": 3, "minimum": 1}, {"type": "integer", "minimum": 1}),
        ({"anyOf": [{"type": "int"}, {"type": "none"}]}, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("text", {}),
    ],
)
def test_types_of_python_become_those_of_json_schema(described: Any, schema: dict[str, Any]) -> None:
    assert json_schema(described) == schema


def test_nested_objects_allow_what_they_describe_and_open_ones_anything() -> None:
    inner = {"type": "dict", "properties": {"x": {"type": "int"}}, "required": ["x", "gone"]}
    schema = parameters_schema({"properties": {"inner": inner, "open": {"type": "dict"}}})
    assert schema["properties"]["inner"] == {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    }
    assert schema["properties"]["open"] == {"type": "object"}
