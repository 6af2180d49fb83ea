"""Targets against the JSON Schema of a structured task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adaptkit.core.errors import DataError


def schema_checker(schema: Mapping[str, Any] | None) -> Callable[[Any], str | None]:
    """Return a function that says how a value violates ``schema``, or None where it does not.

    Raises:
        DataError: the schema itself is not one.
    """
    if schema is None:
        return lambda value: None
    # Imported here: most tasks have no schema, and jsonschema is slow to import.
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(dict(schema))
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        raise DataError(
            f"'schema' is not a valid JSON Schema: {error.message} at {error.json_path}."
        ) from None
    # An empty registry: a schema that refers to an address must not make a network call.
    validator = kind(dict(schema), registry=Registry())

    def find_fault(value: Any) -> str | None:
        try:
            error = best_match(validator.iter_errors(value))
        except Unresolvable as missing:
            raise DataError(f"'schema' refers to {missing.ref!r}, which it does not hold.") from None
        return None if error is None else f"violates the schema: {error.message} (at {error.json_path})"

    return find_fault
