"""What stands beside input and target: used, left out with a word, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import DataError
from adaptkit.tasks import Task, load_task
from adaptkit.tasks.columns import Parts, to_parts
from adaptkit.tasks.readers import Place, SourceRow


def parts(*rows: dict[str, Any], columns: dict[str, str] | None = None) -> Parts:
    path = Path("rows.jsonl")
    made = [SourceRow(values=row, place=Place(path=path, line=i)) for i, row in enumerate(rows, start=1)]
    return to_parts({"train": made}, columns=columns)


def inputs(*rows: dict[str, Any], columns: dict[str, str] | None = None) -> list[str]:
    return [row.input for row in parts(*rows, columns=columns).examples["train"]]


QA = {"question": "Which quay?", "answer": "quay 2"}


@pytest.mark.parametrize(
    ("more", "columns", "expected"),
    [
        ({"context": "It is quay 2."}, None, "Context: It is quay 2.\n\nWhich quay?"),
        ({"passage": "It is quay 2."}, None, "Context: It is quay 2.\n\nWhich quay?"),
        ({"contexts": ["One.", "Two."]}, None, "Context: One.\n\nTwo.\n\nWhich quay?"),
        ({"contexts": '["One.", "Two."]'}, None, "Context: One.\n\nTwo.\n\nWhich quay?"),
        ({"contexts": "['One.' 'Two.']"}, None, "Context: One.\n\nTwo.\n\nWhich quay?"),
        ({"body": "It is quay 2."}, {"context": "body"}, "Context: It is quay 2.\n\nWhich quay?"),
        ({"context": ""}, None, "Which quay?"),
        ({"context": None}, None, "Which quay?"),
        ({"context": float("nan")}, None, "Which quay?"),
        ({"instruction": "Be brief."}, None, "Be brief.\n\nWhich quay?"),
        ({"history": [["Ship 0?", "Quay 1."]]}, None, "User: Ship 0?\nAssistant: Quay 1.\nUser: Which quay?"),
        (
            {"history": '[["Ship 0?", "Quay 1."]]'},
            None,
            "User: Ship 0?\nAssistant: Quay 1.\nUser: Which quay?",
        ),
        (
            {"history": [{"from": "human", "value": "Ship 0?"}, {"from": "gpt", "value": "Quay 1."}]},
            None,
            "User: Ship 0?\nAssistant: Quay 1.\nUser: Which quay?",
        ),
        ({"history": []}, None, "Which quay?"),
        ({"turns": [["a", "b"]]}, {"history": "turns"}, "User: a\nAssistant: b\nUser: Which quay?"),
    ],
)
def test_known_columns_are_part_of_the_input(
    more: dict[str, Any], columns: dict[str, str] | None, expected: str
) -> None:
    found = parts({**QA, **more}, columns=columns)
    assert [row.input for row in found.examples["train"]] == [expected]
    assert not [note for note in found.notes if "Not used" in note]


def test_a_system_column_is_instruction_where_all_rows_share_it() -> None:
    found = parts({**QA, "system": "A harbour."}, {**QA, "system": "A harbour."})
    assert found.instruction == "A harbour."
    assert found.examples["train"][0].input == "Which quay?"
    assert inputs({**QA, "system": "A harbour."}, {**QA, "system": "B."}) == [
        "System: A harbour.\nUser: Which quay?",
        "System: B.\nUser: Which quay?",
    ]


@pytest.mark.parametrize("empty", ["", " ", None, float("nan")])
def test_instructions_with_an_empty_input(empty: Any) -> None:
    row = {"instruction": "Say hi.", "input": empty, "output": "hi", "history": [["a", "b"]]}
    assert inputs(row) == ["User: a\nAssistant: b\nUser: Say hi."]


MADE = "1 + 1?\n\nA. 2\nB. 3\nC. 4"


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"question": "1 + 1?", "choices": ["2", "3", "4"], "answer": 0}, None),
        ({"question": "1 + 1?", "options": [2, 3, 4], "answer": "A"}, None),
        ({"question": "1 + 1?", "options": '["2", "3", "4"]', "answer": "(a)"}, None),
        ({"question": "1 + 1?", "options": "['2' '3' '4']", "answer": 0}, None),
        (
            {
                "question": "1 + 1?",
                "choices": {"text": ["2", "3", "4"], "label": ["1", "2", "3"]},
                "answerKey": "1",
            },
            None,
        ),
        ({"question": "1 + 1?", "options": {"A": "2", "B": "3", "C": "4"}, "answer_idx": "A"}, None),
        (
            {
                "question": "1 + 1?",
                "choices": [{"label": x, "text": t} for x, t in ("A2", "B3", "C4")],
                "answer": "A",
            },
            None,
        ),
        ({"question": "1 + 1?", "A": "2", "B": "3", "C": "4", "answer": "A"}, None),
        ({"question": "1 + 1?", "option_1": "2", "option_2": "3", "option_3": "4", "answer": "1"}, None),
        ({"question": "1 + 1?", "answers": ["2", "3", "4"], "correct": 0}, None),
        ({"text": "1 + 1?", "wahl": ["2", "3", "4"], "key": "A"}, {"target": "key", "choices": "wahl"}),
    ],
)
def test_choices_are_shown_and_the_letter_is_the_target(
    row: dict[str, Any], columns: dict[str, str] | None
) -> None:
    found = parts(row, columns=columns)
    example = found.examples["train"][0]
    if columns:  # of a column that no one knows as the right choice, what is written stays
        assert (example.input, example.target) == (MADE, "A")
    else:
        assert (example.input, example.target, found.kind) == (MADE, "A", "classification")
        assert found.labels == ("A", "B", "C")


def test_positions_count_from_what_the_rows_show() -> None:
    def targets(*answers: object) -> list[str]:
        rows = [{"question": f"q{i}", "choices": ["w", "x", "y"], "answer": a} for i, a in enumerate(answers)]
        return [row.target for row in parts(*rows).examples["train"]]

    assert targets(0, 1, 2) == ["A", "B", "C"]
    assert targets(1, 2, 3) == ["A", "B", "C"]
    assert targets("1", "2", "3") == ["A", "B", "C"]
    assert targets(1, 2) == ["B", "C"]
    with pytest.raises(DataError, match=r"rows\.jsonl line 2: the right choice is said by position, counted"):
        targets(0, 3)
    with pytest.raises(
        DataError, match=r"line 2: 'answer' is '7', which is none of the choices: A 'w', B 'x'"
    ):
        targets(0, 7)
    with pytest.raises(DataError, match=r"line 1: 'answer' is 'z', which is none of the choices"):
        targets("z")


def test_free_answers_beside_choices_stay_free() -> None:
    row = {"instruction": "1 + 1?", "options": ["2", "3"], "output": "The answer is 2."}
    example = parts(row).examples["train"][0]
    assert (example.input, example.target) == ("1 + 1?\n\nA. 2\nB. 3", "The answer is 2.")


@pytest.mark.parametrize(
    "marks", [[True, False, True], ["True", "False", "True"], [1, 0, 1], ["1", "0", "1"], [1.0, 0.0, 1.0]]
)
def test_bad_completions_are_left_out_and_that_is_said(marks: list[Any]) -> None:
    found = parts(*({"prompt": f"p{i}", "completion": f"c{i}", "label": m} for i, m in enumerate(marks)))
    assert [(row.id, row.target) for row in found.examples["train"]] == [("train-1", "c0"), ("train-3", "c2")]
    assert "1 of 3 rows are left out: 'label' marks their answers as bad." in found.notes


def test_a_row_without_a_mark_is_good() -> None:
    found = parts({"prompt": "p", "completion": "c"}, {"prompt": "q", "completion": "d", "label": False})
    assert [row.target for row in found.examples["train"]] == ["c"]


def test_a_column_that_only_later_rows_have_is_used() -> None:
    assert inputs(QA, {**QA, "context": "It is 2."}) == ["Which quay?", "Context: It is 2.\n\nWhich quay?"]


def test_accepted_answers_beside_an_answer_are_no_choices() -> None:
    found = parts({**QA, "answers": ["quay 2", "2"]})
    assert (found.examples["train"][0].target, found.kind) == ("quay 2", None)
    assert "column 'answers'" in found.notes[0]


def test_marks_of_another_kind() -> None:
    found = parts({"prompt": "p", "completion": "c", "label": "greeting"})
    assert "Not used, and in no prompt: column 'label'." in found.notes[0]
    with pytest.raises(DataError, match="none is left"):
        parts({"prompt": "p", "completion": "c", "label": False})
    with pytest.raises(
        DataError, match=r"'label' says true or false beside 'answer', and it is not clear of what"
    ):
        parts({**QA, "label": True}, {**QA, "label": False})
    assert parts({**QA, "label": True}, columns={"target": "label"}).examples["train"][0].target == "true"


def test_an_input_beside_its_instruction_is_not_said_to_be_unused() -> None:
    rows = [{"instruction": f"Do {i}.", "input": f"text {i}", "output": f"done {i}"} for i in range(3)]
    assert inputs(*rows)[0] == "Do 0.\n\ntext 0"
    assert not [note for note in parts(*rows).notes if "Not used" in note]


def test_what_nothing_is_read_from_is_said() -> None:
    found = parts({**QA, "title": "Ships", "empty": "", "none": None}, {**QA, "url": "x"})
    assert found.notes == ("Not used, and in no prompt: columns 'title', 'url'.",)
    assert parts({**QA, "id": "1", "metadata": {"a": 1}, "aliases": [], "cluster": "c"}).notes == ()
    mapped = parts({"key": "1", "id": "2", **QA}, columns={"id": "key"})
    assert "column 'id'" in mapped.notes[0]


def test_a_mapped_column_that_no_row_has() -> None:
    with pytest.raises(
        DataError, match=r"no column 'alises' for 'aliases'\. Did you mean 'also'|no column 'alises'"
    ):
        parts({**QA, "also": ["x"]}, columns={"aliases": "alises"})


def test_chats_lose_nothing_in_silence() -> None:
    call = {"id": "call_7", "type": "function", "function": {"name": "quay", "arguments": '{"ship": 0}'}}
    chat = [
        {"role": "developer", "content": "A harbour."},
        {"role": "user", "content": "Which quay?", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "2", "tool_call_id": "call_7"},
        {"role": "assistant", "content": "Quay 2.", "weight": 1},
        {"role": "user", "content": "Thanks."},
    ]
    found = parts({"messages": chat, "tools": [{"name": "quay"}]})
    [example] = found.examples["train"]
    called = '{"name":"quay","arguments":{"ship":0}}'
    assert example.input == f"User: Which quay?\nAssistant: {called}\nTool: 2"
    assert (example.target, found.instruction) == ("Quay 2.", "A harbour.")
    assert found.notes == (
        "In 1 chats, turns after the last one of the assistant (the target) are not used.",
        "Not used of messages: 'name', 'tool_call_id', 'weight'.",
        "Not used, and in no prompt: column 'tools'.",
    )
    last = parts({"messages": chat[:3]}).examples["train"][0]
    assert last.target == called


def test_chats_of_sharegpt() -> None:
    turns = [
        {"from": "system", "value": "S."},
        {"from": "human", "value": "q"},
        {"from": "gpt", "value": "a"},
    ]
    found = parts({"conversations": turns})
    assert (found.examples["train"][0].input, found.examples["train"][0].target) == ("q", "a")
    assert found.instruction == "S."


def test_documents_and_files_that_are_not_read_are_said(tmp_path: Path) -> None:
    def write(name: str, *rows: dict[str, Any]) -> None:
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    write("train.jsonl", *({**QA, "question": f"q{i}"} for i in range(4)))
    write("test.jsonl", {**QA, "question": "q9"})
    write("dev.jsonl", QA)
    write("documents.jsonl", {"id": "d", "text": "t", "summary": "s"})
    head = {
        "name": "t",
        "kind": "qa",
        "instruction": "I",
        "metrics": ["exact_match"],
        "label": ["a"],
        "sizes": 1,
    }
    (tmp_path / "task.json").write_text(json.dumps(head))
    task: Task = load_task(tmp_path)
    assert set(task.notes) == {
        "Documents: Not used, and in no prompt: column 'summary'.",
        "Not read: 'dev.jsonl'. Rows are read from train, validation, test and "
        "documents (.csv, .jsonl, .parquet, .tsv).",
        "task.json: 'label' is not used. Did you mean 'labels'?",
    }
    assert task.content_hash == load_task(tmp_path).content_hash
