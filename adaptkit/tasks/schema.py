"""Targets against the JSON Schema of a structured task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adaptkit.core.schema import JsonSchema


def schema_checker(schema: Mapping[str, Any] | None) -> Callable[[Any], str | None]:
    """Return a function that says how a value violates ``schema``, or None where it does not.

    Raises:
        DataError: the schema itself is not one.
    """
    return (lambda value: None) if schema is None else JsonSchema(schema).fault
