"""Accepted answers in every shape that files have them in."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import DataError
from adaptkit.core.types import Example
from adaptkit.tasks import Task, load_task
from adaptkit.tasks.columns import to_parts
from adaptkit.tasks.readers import Place, SourceRow


def example(columns: dict[str, str] | None = None, kind: str | None = None, /, **values: Any) -> Example:
    row = SourceRow(values=values, place=Place(path=Path("rows.jsonl"), line=7))
    return to_parts({"train": [row]}, columns=columns, kind=kind).examples["train"][0]


LISTS = [
    ["Lima", "Lima, Peru"],
    ("Lima", "Lima, Peru"),
    '["Lima", "Lima, Peru"]',
    "['Lima', 'Lima, Peru']",
    "['Lima' 'Lima, Peru']",
    "['Lima', 'Lima, Peru', nan]",
    "Lima | Lima, Peru",
]
OBJECTS = [
    {"value": "Lima", "aliases": ["Lima, Peru"]},
    {"value": "Lima", "aliases": ["Lima", "Lima, Peru"], "normalized_value": "lima", "type": "Place"},
    {"text": ["Lima", "Lima", "Lima, Peru"], "answer_start": [3, 3, 9]},
    [{"text": "Lima", "answer_start": 3}, {"text": "Lima, Peru", "answer_start": 3}],
    "{'text': array(['Lima', 'Lima, Peru'], dtype=object), 'answer_start': array([3, 9], dtype=int32)}",
    '{"value": "Lima", "aliases": ["Lima, Peru"]}',
    "{'value': 'Lima', 'aliases': ['Lima, Peru']}",
]


@pytest.mark.parametrize("value", [*LISTS, *OBJECTS])
@pytest.mark.parametrize("mapped", [False, True])
def test_several_accepted_answers(value: Any, mapped: bool) -> None:
    columns = {"input": "q", "target": "answers"} if mapped else None
    row = example(columns, **{"q" if mapped else "question": "Capital?", "answers": value})
    assert (row.target, row.aliases) == ("Lima", ("Lima, Peru",))


@pytest.mark.parametrize("value", [*LISTS[:-1], *OBJECTS])
def test_several_answers_under_the_singular(value: Any) -> None:
    row = example(question="Capital?", answer=value)
    assert (row.target, row.aliases) == ("Lima", ("Lima, Peru",))


@pytest.mark.parametrize("value", LISTS)
def test_aliases_beside_a_target(value: Any) -> None:
    assert example(input="Capital?", target="LIM", aliases=value).aliases == ("Lima", "Lima, Peru")
    mapped = example({"aliases": "also"}, input="Capital?", target="LIM", also=value)
    assert mapped.aliases == ("Lima", "Lima, Peru")


@pytest.mark.parametrize(
    "value",
    [
        "[0, 1]",
        "[laughs]",
        "(a)",
        "P(A|B)",
        "|x|",
        "a, b",
        "{x | x > 0}",
        '{"city": "Lima"}',
        "[1] See there.",
        "'a'",
    ],
)
def test_what_only_looks_alike_stays_a_text(value: str) -> None:
    row = example(question="What?", answer=value)
    assert (row.target, row.aliases) == (value, ())


@pytest.mark.parametrize("value", ["[Lima, Peru]", "['Lima', ..., 'Peru']", "['Lima', Peru]"])
@pytest.mark.parametrize("column", ["answers", "aliases"])
def test_a_cell_that_looks_like_a_list_and_is_none(value: str, column: str) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl line 7: .*looks like a list .* Write it as JSON: \["):
        example(
            question="What?", **{"answer": "x", column: value} if column == "aliases" else {column: value}
        )


@pytest.mark.parametrize("value", [["Lima", "Peru"], "['Lima', 'Peru']", '["Lima", "Peru"]'])
def test_a_list_may_be_the_answer_or_hold_several(value: Any) -> None:
    with pytest.raises(DataError, match=r"'target' holds a list\. .*--kind qa.*--kind structured"):
        example(input="Places?", target=value)
    several = example(None, "qa", input="Places?", target=value)
    assert (several.target, several.aliases) == ("Lima", ("Peru",))
    one = example(None, "structured", input="Places?", target=value)
    assert (json.loads(one.target), one.aliases) == (["Lima", "Peru"], ())


def test_objects_that_are_answers_stay_objects() -> None:
    for value in ({"value": 5, "unit": "kg"}, "{'value': 5, 'unit': 'kg'}", {"text": "x"}):
        assert example(question="What?", answer=value).target.startswith("{")
        assert example(input="What?", target=value).aliases == ()


@pytest.mark.parametrize(
    "value",
    [
        "[" * 5000 + "]" * 5000,
        "['a'" + ", 'b'" * 50_000 + "]",
        "['a', 1" + "0" * 5000 + "]",
        "['a', open('b')]",
    ],
)
def test_hostile_cells_are_refused_in_a_short_sentence(value: str) -> None:
    with pytest.raises(DataError) as caught:
        example(question="What?", answers=value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("column", ["answer", "answers"])
def test_right_answers_score_as_right_from_a_csv_of_pandas(tmp_path: Path, column: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(
        [["question", column], *([f"Town {i}?", str([f"New Town {i}", f"N{i}"])] for i in range(9))]
    )
    path = tmp_path / "rows.csv"
    path.write_text(text.getvalue())
    task: Task = load_task(path, instruction="Name it.")
    assert (task.kind, task.metrics[0]) == ("qa", "token_f1")
    for row in task.test:
        assert row.references == (row.target, f"N{row.target.split()[-1]}")


@pytest.mark.parametrize(
    "value",
    [
        {"text": "Lima", "alternatives": ["Lima, Peru"]},
        [{"text": "Lima"}, {"text": "Lima, Peru"}],
        '[{"text": "Lima"}, {"text": "Lima, Peru"}]',
        "array(['Lima', 'Lima, Peru'], dtype=object)",
        "['Lima' 'Lima, Peru']",
        ["Lima", "", None, "Lima, Peru", " "],
        {"answer": "Lima", "aliases": ["Lima, Peru"]},
        [{"answer": "Lima"}, {"answer": "Lima, Peru"}],
        "np.array(['Lima', 'Lima, Peru'])",
        "Index(['Lima', 'Lima, Peru'], dtype='object')",
        "[np.str_('Lima'), np.str_('Lima, Peru')]",
        "frozenset({'Lima', 'Lima, Peru'})",
        "deque(['Lima', 'Lima, Peru'])",
    ],
)
def test_more_forms_of_several_answers(value: Any) -> None:
    found = example(question="Capital?", answers=value)
    assert (found.target, found.aliases) == ("Lima", ("Lima, Peru",))


def test_a_list_of_lists_of_answers_is_refused() -> None:
    with pytest.raises(DataError, match="a list of lists"):
        example(question="Capital?", answers=[["Lima"], ["Peru", "PE"]])


def test_numbers_of_numpy_are_numbers() -> None:
    found = example(question="How many?", answers="[np.float64(0.5), np.int64(3)]")
    assert (found.target, found.aliases) == ("0.5", ("3",))


def test_a_list_that_is_cut_off_is_refused() -> None:
    with pytest.raises(DataError, match="cut off"):
        example(question="Capital?", answers="['Lima', 'Lima, Pe")


@pytest.mark.parametrize("value", [None, "", " ", [], [None], [""], {"text": []}])
@pytest.mark.parametrize("column", ["answers", "answer", "reply"])
def test_an_answer_that_is_missing_is_told_by_the_users_column(column: str, value: Any) -> None:
    mapped = {"input": "question", "target": "reply"} if column == "reply" else None
    with pytest.raises(DataError, match=rf"line 7: '{column}' is "):
        example(mapped, "qa", **{"question": "Capital?", column: value})


@pytest.mark.parametrize(
    "name", ["accepted_answers", "acceptable_answers", "alternative_answers", "answer_aliases"]
)
def test_a_column_of_further_answers_beside_the_answer(name: str) -> None:
    values = {"question": "Capital?", "answer": "Lima", name: ["Lima, Peru"]}
    found = to_parts({"train": [SourceRow(values=values, place=Place(path=None, line=1))]})
    assert found.examples["train"][0].references == ("Lima", "Lima, Peru")
    assert found.notes == (f"{name!r} holds further right answers.",)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("answer", "Lima; Lima, Peru", True),
        ("answer", "Lima / Lima Peru", True),
        ("answer", '"Lima", "Peru"', True),
        ("answer", "Lima, Peru", False),
        ("answer", "It is large; that is why nobody has counted them.", False),
        ("answer", "Eat and/or drink at 5/6", False),
        ("answers", "Lima, Peru", True),
        ("answers", "Lima OR Peru", True),
        ("answers", "Lima\uff1bPeru", True),
        ("answers", "1,200", False),
        ("answers", "Because of the wind, which had not been this strong for years.", False),
        ("answers", '{"city": "Lima; Peru"}', False),
    ],
)
def test_short_texts_that_signs_part_may_be_several_answers(column: str, text: str, said: bool) -> None:
    rows = [
        SourceRow(values={"question": f"Q{i}?", column: answer}, place=Place(path=Path("f.csv"), line=i))
        for i, answer in enumerate([text, "Rome", "Bonn"], start=2)
    ]
    notes = to_parts({"train": rows}).notes
    assert [n for n in notes if "may hold several" in n and "f.csv line 2" in n] == list(notes)
    assert bool(notes) == said


def test_labels_with_a_slash_are_labels() -> None:
    rows = [
        SourceRow(values={"question": f"Q{i}?", "answer": "Food / Drink"}, place=Place(path=None, line=i))
        for i in range(4)
    ]
    assert not to_parts({"train": rows}).notes


@pytest.mark.parametrize("text", ["Lima; Lima, Peru", "Lima / Lima Peru", "Lima\nLima, Peru"])
def test_what_may_be_several_answers_is_said(text: str) -> None:
    rows = [
        SourceRow(values={"question": "Capital?", "answers": text}, place=Place(path=Path("f.csv"), line=2))
    ]
    found = to_parts({"train": rows})
    assert found.examples["train"][0].target == text
    [note] = [n for n in found.notes if "may hold several" in n]
    assert "f.csv line 2" in note
    assert not to_parts({"train": [replace(rows[0], values={"question": "Q", "answers": "km/h"})]}).notes
