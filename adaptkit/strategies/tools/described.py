"""Functions that an input itself describes, and schemas as people write them.

Rows of a function-calling task often bring their own functions, as JSON objects in the text of the input
(the Berkeley Function Calling Leaderboard; the ``tools`` of chat services). Their types are often Python's
("dict", "float") instead of JSON Schema's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from adaptkit.core.errors import AdaptKitError
from adaptkit.strategies.tools.tool import Tool, object_schema

_TYPES: Mapping[str, str | None] = {
    "dict": "object", "dictionary": "object", "hashmap": "object", "str": "string", "char": "string",
    "int": "integer", "long": "integer", "short": "integer", "byte": "integer", "float": "number",
    "double": "number", "bool": "boolean", "list": "array", "tuple": "array", "set": "array",
    "none": "null", "any": None,
}  # fmt: skip
_KNOWN = ("object", "string", "integer", "number", "boolean", "array", "null")
_OPENING = re.compile(r"[{\[]")
_KEPT = ("description", "enum", "const", "minimum", "maximum", "minItems", "maxItems")


def tools_in(text: str) -> tuple[Tool, ...]:
    """The functions that a text describes: objects with a name and parameters, alone or in a list.

    Examples:
        >>> found = tools_in('Functions: {"name": "add", "parameters": {"type": "dict", "properties":'
        ...                  ' {"a": {"type": "float"}}}}. Request: add 3')
        >>> found[0].name, found[0].parameters["properties"]
        ('add', {'a': {'type': 'number'}})
    """
    found: dict[str, Tool] = {}
    for described in _objects(text):
        inner = described.get("function", described)
        if not isinstance(inner, Mapping) or not isinstance(inner.get("parameters"), Mapping):
            continue
        try:
            tool = Tool.from_json({**inner, "parameters": parameters_schema(inner["parameters"])})
            tool.fault({})  # reads the schema
        except AdaptKitError:
            continue
        found.setdefault(tool.name, tool)
    return tuple(found.values())


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    for value in _values(text):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield item


def _values(text: str) -> Iterator[Any]:
    """The JSON objects and arrays that stand in a text, outermost ones only."""
    decoder = json.JSONDecoder()
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        try:
            value, at = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            at = opening.end()
            continue
        yield value


def parameters_schema(described: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema of an object that allows the described arguments and no others."""
    schema = json_schema(described)
    schema.setdefault("properties", {})
    return {**object_schema({}), **schema, "type": "object", "additionalProperties": False}


def json_schema(described: Any) -> dict[str, Any]:
    """A schema as people write it as one that a checker takes.

    Python's names of types become JSON Schema's; keywords that are none, and a default, are left out.

    Examples:
        >>> json_schema({"type": "list", "items": {"type": "float", "optional": True}})
        {'type': 'array', 'items': {'type': 'number'}}
    """
    if not isinstance(described, Mapping):
        return {}
    schema: dict[str, Any] = _typed(described.get("type"))
    schema |= {key: described[key] for key in _KEPT if key in described}
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        del schema["enum"]
    if "enum" in schema:
        schema.pop("type", None)  # often of another type than the values
    if isinstance(described.get("items"), Mapping) and schema.get("type") == "array":
        schema["items"] = json_schema(described["items"])
    properties = described.get("properties")
    if isinstance(properties, Mapping) and schema.get("type", "object") == "object":
        schema["properties"] = {str(k): json_schema(v) for k, v in properties.items()}
        required = described.get("required")
        wanted = required if isinstance(required, list) else []
        schema["required"] = [k for k in schema["properties"] if k in wanted]
        if properties:
            schema["additionalProperties"] = False
    alternatives = described.get("anyOf")
    if isinstance(alternatives, list) and alternatives:
        schema["anyOf"] = [json_schema(a) for a in alternatives]
    return schema


def _typed(kind: Any) -> dict[str, Any]:
    if isinstance(kind, list):
        known = [t for k in kind if (t := _typed(k).get("type"))]
        return {"type": known} if len(known) == len(kind) else {}
    if not isinstance(kind, str):
        return {}
    name = _TYPES.get(kind.lower(), kind.lower())
    return {"type": name} if name in _KNOWN else {}
