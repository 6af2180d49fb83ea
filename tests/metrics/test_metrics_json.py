"""JSON metrics: parsing, finding JSON in a text, comparing values, slots."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from adaptkit.core.errors import DataError
from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, score
from adaptkit.metrics.json_text import NOTHING, find, parse, same

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


def judge(
    name: str,
    output: str,
    target: str = '{"a": 1}',
    *aliases: str,
    schema: Mapping[str, object] | None = None,
) -> Score:
    example = Example(id="1", input="?", target=target, aliases=aliases)
    return score(name, Answer(output=output, example=example, schema=schema))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('Sure: {"a": 1} and {"b": 2}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('As [1] says:\n```\n{"a": 1}\n```', {"a": 1}),
        ("a list [1, 2] here", [1, 2]),
        ('{"a": "}{\\"[" } tail', {"a": '}{"['}),
        ('[not json] then {"a": 1}', {"a": 1}),
        ("3", 3),
    ],
)
def test_find(text: str, expected: object) -> None:
    assert find(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        '{"a": {"b": 1}, "c": ',
        '{"a": {"b": 1}, oops}',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": 1e999}',
        "[" * 100_000,
        "[" * 500 + "]" * 500,
    ],
)
def test_find_nothing(text: str) -> None:
    assert find(text) is NOTHING


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("1", "1.0", True),
        ("true", "1", False),
        ("false", "0", False),
        ("true", "true", True),
        ("null", "0", False),
        ("null", "null", True),
        ('"1"', "1", False),
        ("[1, 2]", "[2, 1]", False),
        ("[1]", "[1, 1]", False),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', True),
        ('{"a": 1}', '{"a": 1, "b": null}', False),
        ('{"a": {"b": [true]}}', '{"a": {"b": [1]}}', False),
    ],
)
def test_same(a: str, b: str, expected: bool) -> None:
    assert same(parse(a), parse(b)) is expected
    assert same(parse(b), parse(a)) is expected


@pytest.mark.parametrize(
    ("output", "strict", "lenient"),
    [
        (' {"a": 1.0}\n', 1, 1),
        ('{"a": "1"}', 0, 0),
        ('```json\n{"a": 1}\n```', 0, 1),
        ('{"a": 1} ', 1, 1),
        ('The record is {"a": 1}.', 0, 1),
        ('{"a": 1, "a": 1}', 0, 0),
        ("", 0, 0),
    ],
)
def test_json_exact(output: str, strict: float, lenient: float) -> None:
    assert judge("json_exact", output) == Score(strict=strict, lenient=lenient)


def test_json_exact_over_aliases() -> None:
    assert judge("json_exact", '{"a": 2}', '{"a": 1}', "not json", '{"a": 2}').strict == 1


@pytest.mark.parametrize("name", ["json_exact", "slot_f1"])
def test_undefined_without_a_json_reference(name: str) -> None:
    assert judge(name, '{"a": 1}', "plain") == Score(strict=None, lenient=None)


def test_json_valid_follows_the_schema() -> None:
    assert judge("json_valid", '{"a": "x"}') == Score(strict=1, lenient=1)
    assert judge("json_valid", '{"a": "x"}', schema=SCHEMA) == Score(strict=0, lenient=0)
    assert judge("json_valid", 'It is {"a": 3}', schema=SCHEMA) == Score(strict=0, lenient=1)


def test_json_valid_names_a_bad_schema() -> None:
    with pytest.raises(DataError, match="not a valid JSON Schema"):
        judge("json_valid", "{}", schema={"type": "objekt"})
    with pytest.raises(DataError, match="refers to 'https://example"):
        judge("json_valid", "{}", schema={"$ref": "https://example.com/s.json"})


@pytest.mark.parametrize(
    ("output", "target", "strict", "lenient"),
    [
        ('{"a": 1, "b": 2}', '{"a": 1, "b": 2}', 1, 1),
        ('{"a": 1}', '{"a": 1, "b": 2}', 2 / 3, 2 / 3),
        ('{"a": 1, "b": 2, "c": 3, "d": 4}', '{"a": 1, "b": 2}', 2 / 3, 2 / 3),
        ('{"a": "New  york"}', '{"a": "New York"}', 0, 1),
        ('{"a": "5"}', '{"a": 5.0}', 0, 1),
        ('{"a": true}', '{"a": 1}', 0, 0),
        ('{"a": {"b": 1}}', '{"a.b": 1}', 0, 0),
        ('{"a": [1, 2]}', '{"a": [1, 3]}', 0.5, 0.5),
        ("{}", "{}", 1, 1),
        ('so {"a": 1}', '{"a": 1}', 0, 1),
        ("nothing", '{"a": 1}', 0, 0),
    ],
)
def test_slot_f1(output: str, target: str, strict: float, lenient: float) -> None:
    found = judge("slot_f1", output, target)
    assert found.strict == pytest.approx(strict)
    assert found.lenient == pytest.approx(lenient)
