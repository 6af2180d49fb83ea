"""Metrics for answers that are JSON.

Strict: the whole output is JSON. Lenient: the first JSON object or array in the text counts, in a code
fence or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from adaptkit.core.codec import canonical_json
from adaptkit.core.schema import JsonSchema
from adaptkit.metrics.base import Answer, Score, best_match
from adaptkit.metrics.json_text import NOTHING, find, parse, same
from adaptkit.metrics.normalise import fold

Slot = tuple[str, str]
"""A path such as ``order.items[0].name`` and the value there as text."""


def json_valid(answer: Answer) -> Score:
    """Whether the output is JSON and, where the task has a schema, follows it.

    A key that stands twice in one object makes it invalid: readers disagree on what it means.

    Raises:
        DataError: the schema is not a JSON Schema.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="...", target='{"a": 1}')
        >>> json_valid(Answer(output='Here: {"a": 2}', example=row))
        Score(strict=0.0, lenient=1.0)
    """
    schema = "" if answer.schema is None else canonical_json(answer.schema)
    strict = _follows(parse(answer.output), schema)
    return Score(strict=float(strict), lenient=float(strict or _follows(find(answer.output), schema)))


def _follows(value: object, schema: str) -> bool:
    return value is not NOTHING and (not schema or _checker(schema)(value))


@lru_cache(maxsize=16)
def _checker(schema: str) -> Callable[[Any], bool]:
    return JsonSchema(parse(schema)).allows


def json_exact(answer: Answer) -> Score:
    """Whether the output is the same JSON value as a reference.

    Values are compared, not texts: white space and the order of keys do not matter, 1 is 1.0, and true is
    not 1. Undefined where no reference is JSON.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="...", target='{"a": 1, "b": true}')
        >>> json_exact(Answer(output='{"b": true, "a": 1.0}', example=row)).strict
        1.0
        >>> json_exact(Answer(output='{"b": 1, "a": 1}', example=row)).strict
        0.0
    """
    whole, found = parse(answer.output), find(answer.output)

    def compare(output: str, reference: str) -> Score:
        expected = parse(reference)
        if expected is NOTHING:
            return Score(strict=None, lenient=None)
        return Score(strict=float(same(whole, expected)), lenient=float(same(found, expected)))

    return best_match(answer, compare)


def slot_f1(answer: Answer) -> Score:
    """F1 over the slots of one row: pairs of a path in the JSON value and the value there.

    Strict compares values exactly; lenient compares them as texts without regard to case and spaces, so
    that "5" is 5. The order of a list matters. Undefined where no reference is JSON.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="...", target='{"name": "Ada", "age": 36}')
        >>> slot_f1(Answer(output='{"name": "ada", "age": 36}', example=row))
        Score(strict=0.5, lenient=1.0)
    """
    whole, found = parse(answer.output), find(answer.output)

    def compare(output: str, reference: str) -> Score:
        expected = parse(reference)
        if expected is NOTHING:
            return Score(strict=None, lenient=None)
        return Score(
            strict=_slot_f1(whole, expected, exact=True), lenient=_slot_f1(found, expected, exact=False)
        )

    return best_match(answer, compare)


def _slot_f1(value: object, expected: object, *, exact: bool) -> float:
    if value is NOTHING:
        return 0.0
    found = Counter(_slots(value, "", exact))
    wanted = Counter(_slots(expected, "", exact))
    return 2 * (found & wanted).total() / (found.total() + wanted.total())


def _slots(value: object, path: str, exact: bool) -> Iterator[Slot]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            # The key is quoted, so that a key "a.b" is not the path a.b.
            yield from _slots(item, f"{path}.{canonical_json(key)}", exact)
    elif isinstance(value, list) and value:
        for i, item in enumerate(value):
            yield from _slots(item, f"{path}[{i}]", exact)
    else:
        yield path, _leaf(value, exact)


def _leaf(value: object, exact: bool) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if exact or not isinstance(value, str):
        text = canonical_json(value)
        return text if exact else fold(text)
    return fold(value)
