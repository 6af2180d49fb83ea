"""How rows went wrong besides being wrong."""

from __future__ import annotations

import pytest
from recorded import ERROR, record

from adaptkit.comparison.outcomes import off_format, refused
from adaptkit.tasks import TaskFacts

LABELS = TaskFacts(name="t", kind="classification", metrics=("accuracy",), labels=("Card lost", "PIN"))
SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
JSON = TaskFacts(name="t", kind="structured", metrics=("json_exact",), schema=SCHEMA)
SUMS = TaskFacts(name="t", kind="arithmetic", metrics=("numeric_match",))
FREE = TaskFacts(name="t", kind="qa", metrics=("contains",))


@pytest.mark.parametrize(
    ("facts", "output", "expected"),
    [
        (LABELS, "card  LOST ", False),
        (LABELS, "I think it is PIN", True),
        (LABELS, "other", True),
        (JSON, '{"a": 1}', False),
        (JSON, '{"a": "one"}', True),
        (JSON, 'Here: {"a": 1}', True),
        (SUMS, "$1,234", False),
        (SUMS, "about 12", True),
        (FREE, "whatever", False),
    ],
)
def test_an_answer_in_another_form_is_off_format(facts: TaskFacts, output: str, expected: bool) -> None:
    assert off_format(record(output=output, target='{"a": 1}'), facts) is expected


@pytest.mark.parametrize("facts", [LABELS, JSON, SUMS])
def test_empty_and_failed_answers_are_counted_as_such_only(facts: TaskFacts) -> None:
    assert not off_format(record(output=" "), facts)
    assert not off_format(record(output="x", error=ERROR), facts)


@pytest.mark.parametrize(
    "output",
    ["I'm sorry, but no.", "I\u2019m very sorry", " As an AI language model, I", "I cannot help with that",
     "Sorry, this is not possible.", "I do not have access to live data", "I am unable to say"],
)  # fmt: skip
def test_a_declined_answer_is_known_by_its_beginning(output: str) -> None:
    assert refused(record(output=output))


@pytest.mark.parametrize(
    "output",
    ["I cannot log in", "The clerk said: I'm sorry", "", "As an airline", "I do not have a card", "sorry"],
)
def test_other_beginnings_are_answers(output: str) -> None:
    assert not refused(record(output=output))


def test_a_failed_row_has_not_declined() -> None:
    assert not refused(record(output="I'm sorry", error=ERROR))
