"""JSON Schema as a check that always comes back: whatever the value, and whatever patterns the schema holds.

``jsonschema`` raises on some values (a long number under a fractional ``multipleOf``), takes 19.99 for no
multiple of 0.01, compares each item with each for ``uniqueItems``, and matches patterns for any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from adaptkit.core.errors import DataError

PATTERN_S = 1.0
"""Seconds that matching one text may take; a text that takes longer counts as one that does not match."""


class JsonSchema:
    """A JSON Schema, compiled.

    Args:
        schema: draft by its ``$schema``, else the newest.

    Raises:
        DataError: it is no JSON Schema, or refers to itself without end.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        # Imported here: most tasks have no schema, and jsonschema is slow to import.
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import extend, validator_for
        from referencing import Registry

        kind = validator_for(dict(schema))
        try:
            kind.check_schema(dict(schema))
        except SchemaError as error:
            raise DataError(
                f"'schema' is not a valid JSON Schema: {error.message} at {error.json_path}."
            ) from None
        except RecursionError:
            raise DataError("'schema' is nested too deeply.") from None
        bounded = extend(  # type: ignore[no-untyped-call]
            kind, {name: check for name, check in _CHECKS.items() if name in kind.VALIDATORS}
        )
        # An empty registry: a schema that refers to an address must not make a network call.
        self._validator: Any = bounded(dict(schema), registry=Registry())

    def allows(self, value: object) -> bool:
        """Whether a value follows the schema.

        Raises:
            DataError: the schema refers to what it does not hold, or to itself without end.
        """
        return bool(self._checked(self._validator.is_valid, value))

    def fault(self, value: object) -> str | None:
        """How a value violates the schema; None where it does not.

        Raises:
            DataError: the schema refers to what it does not hold, or to itself without end.
        """
        from jsonschema.exceptions import best_match

        error = self._checked(lambda value: best_match(self._validator.iter_errors(value)), value)
        return None if error is None else f"violates the schema: {error.message} (at {error.json_path})"

    def _checked(self, check: Callable[[object], Any], value: object) -> Any:
        from referencing.exceptions import Unresolvable

        try:
            return check(value)
        except Unresolvable as missing:
            raise DataError(f"'schema' refers to {missing.ref!r}, which it does not hold.") from None
        except RecursionError:
            raise DataError("'schema' refers to itself without end, or is nested too deeply.") from None


def _pattern(validator: Any, pattern: str, value: Any, _: Any) -> Iterator[Any]:
    if isinstance(value, str):
        yield from _faults_of_match(pattern, value)


def _pattern_properties(validator: Any, properties: Any, value: Any, _: Any) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    for pattern, inner in properties.items():
        for name, item in value.items():
            if not any(_faults_of_match(pattern, name)):
                yield from validator.descend(item, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, inner: Any, value: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if not isinstance(value, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [n for n in value if n not in known and all(any(_faults_of_match(p, n)) for p in patterns)]
    if isinstance(inner, Mapping):
        for name in extra:
            yield from validator.descend(value[name], inner, path=name)
    elif not inner and extra:
        names = f"{', '.join(map(repr, extra[:5]))} {'was' if len(extra) == 1 else 'were'}"
        yield ValidationError(f"Additional properties are not allowed ({names} unexpected)")


def _faults_of_match(pattern: str, text: str) -> Iterator[Any]:
    import regex  # unlike re it can be given a bound of time
    from jsonschema.exceptions import ValidationError

    try:
        if regex.search(pattern, text, timeout=PATTERN_S) is None:
            yield ValidationError(f"{text!r} does not match {pattern!r}")
    except regex.error as error:
        raise DataError(f"'schema' has the pattern {pattern!r}, which cannot be used: {error}.") from None
    except TimeoutError:
        yield ValidationError(f"{text[:40]!r}... takes longer than {PATTERN_S:g} s to match {pattern!r}")


def _multiple_of(validator: Any, divisor: Any, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    # As they are written, not as the nearest binary fractions: 19.99 is a multiple of 0.01.
    if validator.is_type(value, "number") and Fraction(repr(value)) % Fraction(repr(divisor)):
        yield ValidationError(f"{value!r} is not a multiple of {divisor!r}")


def _unique_items(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if wanted and isinstance(value, list) and len({_canonical(item) for item in value}) < len(value):
        yield ValidationError("has items that are equal")


def _canonical(value: object) -> str:
    return json.dumps(_as_written(value), sort_keys=True)


def _as_written(value: object) -> object:
    """1.0 as 1: JSON does not tell them apart, Python's writer does."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, list) else value


_CHECKS: Mapping[str, Callable[..., Iterator[Any]]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "multipleOf": _multiple_of,
    "uniqueItems": _unique_items,
}
