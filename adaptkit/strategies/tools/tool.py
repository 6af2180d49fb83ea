"""What a tool is: a name, what it is for, the JSON Schema of its arguments, and perhaps a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ConfigError
from adaptkit.tasks.schema import schema_checker

NAME = re.compile(r"[A-Za-z_][\w.\-/]{0,99}")


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Something that a model may call.

    Attributes:
        name: letters, digits and ``_ . - /``, a letter or ``_`` first.
        description: what it is for, in a sentence that the model reads.
        parameters: JSON Schema of the arguments, an object.
        run: called with the arguments by name. None where only the call matters: then the call itself is
            the answer.
        held_to: a narrower schema to which a model that can be constrained is held while it writes
            arguments; None for ``parameters``.
        spec: how a saved strategy names it, see :func:`adaptkit.strategies.tools.resolve`; None for
            ``given:`` with its name and a hash of its description.

    Raises:
        ConfigError: the name is none, or the parameters are no schema of an object.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: object_schema({}))
    run: Callable[..., object] | None = None
    held_to: Mapping[str, Any] | None = None
    spec: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            expected = "letters, digits, '_', '.', '-' or '/', a letter or '_' first"
            raise ConfigError.for_parameter("Tool", "name", expected, self.name)
        if not isinstance(self.parameters, Mapping) or self.parameters.get("type") != "object":
            expected = 'a JSON Schema with "type": "object"'
            raise ConfigError.for_parameter("Tool", "parameters", expected, self.parameters)

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Self:
        """Build a tool without a function from ``{"name", "description", "parameters"}``.

        The form that chat services take, ``{"type": "function", "function": {...}}``, is read too.

        Raises:
            ConfigError: there is no name, or the parameters are no schema of an object.
        """
        inner = described.get("function")
        fields = inner if isinstance(inner, Mapping) else described
        return cls(
            name=fields.get("name", ""),
            description=str(fields.get("description") or ""),
            parameters=fields.get("parameters") or object_schema({}),
        )

    def to_json(self) -> dict[str, Any]:
        """What :meth:`from_json` reads."""
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}

    @property
    def saved_as(self) -> str | dict[str, Any]:
        """What a file says in its place: a name for what is run, everything of one that is not."""
        if self.run is None:
            return self.to_json()
        return self.spec or f"given:{self.name}#{content_hash(self.to_json())[:8]}"

    @property
    def properties(self) -> Mapping[str, Any]:
        """The arguments by name, each with its schema."""
        return dict(self.parameters.get("properties", {}))

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments that a call must give."""
        return tuple(self.parameters.get("required", ()))

    def fault(self, arguments: object) -> str | None:
        """How arguments violate the schema; None where they do not."""
        return self._checker(arguments)

    @cached_property
    def _checker(self) -> Callable[[Any], str | None]:
        return schema_checker(self.parameters)


def object_schema(properties: Mapping[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    """The JSON Schema of an object with these properties and no others; all required unless it is said."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }
