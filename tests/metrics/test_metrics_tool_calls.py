"""Choice and arguments of calls, scored apart from the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, score
from adaptkit.metrics.tool_calls import NamedCall, calls_in, wanted_calls

ADD = {"name": "add", "arguments": {"a": 1, "to": "Sum"}}
FIND = {"name": "find", "arguments": {"word": "x"}}
NONE = Score(strict=None, lenient=None)
RIGHT, WRONG = Score(strict=1.0, lenient=1.0), Score(strict=0.0, lenient=0.0)
LOOSE = Score(strict=0.0, lenient=1.0)


def scores(
    wanted: list[dict[str, Any]], called: list[dict[str, Any]], output: str = "7"
) -> tuple[Score, Score]:
    row = Example(id="1", input="?", target="7", metadata={"tool_calls": wanted})
    given = Answer(output=output, example=row, tool_calls=tuple(called))
    return score("tool_choice", given), score("tool_arguments", given)


def changed(**arguments: Any) -> dict[str, Any]:
    return {"name": "add", "arguments": {**ADD["arguments"], **arguments}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("called", "choice", "arguments"),
    [
        ([ADD], RIGHT, RIGHT),
        ([{**ADD, "result": "3", "seconds": 0.1}], RIGHT, RIGHT),
        ([changed(a=1.0)], RIGHT, RIGHT),
        ([changed(a="1", to=" sum ")], RIGHT, LOOSE),
        ([changed(a=2)], RIGHT, WRONG),
        ([changed(a=True)], RIGHT, WRONG),
        ([changed(more=1)], RIGHT, WRONG),
        ([FIND, ADD], LOOSE, LOOSE),
        ([FIND], WRONG, WRONG),
        ([{"name": "", "arguments": {}, "error": "no JSON"}], WRONG, WRONG),
        ([], WRONG, WRONG),
    ],
)
def test_one_call_is_wanted(called: list[dict[str, Any]], choice: Score, arguments: Score) -> None:
    assert scores([ADD], called) == (choice, arguments)


def test_several_calls_are_wanted_in_their_order() -> None:
    assert scores([ADD, FIND], [ADD, FIND]) == (RIGHT, RIGHT)
    assert scores([ADD, FIND], [FIND, ADD]) == (LOOSE, LOOSE)
    assert scores([ADD, FIND], [ADD]) == (WRONG, WRONG)
    assert scores([ADD, ADD], [ADD]) == (WRONG, WRONG)


def test_rows_that_name_no_call_are_undefined() -> None:
    row = Example(id="1", input="?", target="7")
    given = Answer(output="7", example=row, tool_calls=(ADD,))
    assert score("tool_choice", given) == score("tool_arguments", given) == NONE


def test_a_target_that_is_a_call_is_what_is_wanted_and_an_output_that_is_one_what_was_made() -> None:
    other = json.dumps({"name": "add", "arguments": {"a": 3}})
    row = Example(id="1", input="?", target=json.dumps(ADD), aliases=(other,))

    def both(output: str) -> tuple[Score, Score]:
        given = Answer(output=output, example=row)
        return score("tool_choice", given), score("tool_arguments", given)

    assert both(json.dumps(ADD)) == both(other) == (RIGHT, RIGHT)
    assert both(f"Sure: {json.dumps(ADD)}") == (LOOSE, LOOSE)
    assert both(json.dumps(FIND)) == both("add(a=1)") == (WRONG, WRONG)


def test_forms_of_calls_that_are_read() -> None:
    call = [NamedCall("add", {"a": 1})]
    for name, arguments in (("tool", "arguments"), ("function", "args"), ("name", "parameters")):
        assert calls_in({name: "add", arguments: {"a": 1}}) == call
    assert calls_in([{"name": "add", "arguments": '{"a": 1}'}]) == call
    for value in (None, 3, "add", [], {}, {"name": "add"}, {"name": "add", "arguments": 3}, [ADD, 3]):
        assert calls_in(value) == []


def test_metadata_that_names_no_readable_call_wants_none() -> None:
    row = Example(id="1", input="?", target=json.dumps(ADD), metadata={"tool_calls": "none"})
    assert wanted_calls(row) == []
