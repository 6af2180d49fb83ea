"""Columns: the shapes that are recognised, and the mapping for those that are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adaptkit.core.errors import ConfigError, DataError
from adaptkit.tasks import Task, load_task
from adaptkit.tasks.columns import Parts, to_parts
from adaptkit.tasks.readers import Place, SourceRow


def parts(*rows: dict[str, Any], columns: dict[str, str] | None = None) -> Parts:
    path = Path("train.jsonl")
    made = [SourceRow(values=row, place=Place(path=path, line=i)) for i, row in enumerate(rows, start=1)]
    return to_parts({"train": made}, columns=columns)


def pairs(*rows: dict[str, Any], columns: dict[str, str] | None = None) -> list[tuple[str, str]]:
    return [(row.input, row.target) for row in parts(*rows, columns=columns).examples["train"]]


def chat(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"input": "q", "target": "a"}, ("q", "a")),
        ({"input": 5, "target": 3.0}, ("5", "3")),
        ({"prompt": "q ->", "completion": " a"}, ("q ->", "a")),
        ({"instruction": "Add.", "input": "1, 2", "output": "3"}, ("Add.\n\n1, 2", "3")),
        ({"instruction": "Say hi.", "input": "", "output": "hi"}, ("Say hi.", "hi")),
        ({"instruction": "Say hi.", "output": "hi"}, ("Say hi.", "hi")),
        ({"question": "q", "answer": "a"}, ("q", "a")),
        ({"text": "t", "label": 1}, ("t", "1")),
        ({"input": "q", "target": "a", "question": "x", "answer": "y"}, ("q", "a")),
        ({"input": "q", "target": {"b": 1, "a": True}}, ("q", '{"b":1,"a":true}')),
        ({"input": "q", "target": False}, ("q", "false")),
    ],
)
def test_recognised_shapes(row: dict[str, Any], expected: tuple[str, str]) -> None:
    assert pairs(row) == [expected]


def test_a_list_of_answers_is_a_target_and_its_aliases() -> None:
    example = parts({"question": "q", "answer": ["a", "b"]}).examples["train"][0]
    assert (example.target, example.aliases) == ("a", ("b",))


def test_an_empty_list_of_answers_is_no_target() -> None:
    with pytest.raises(DataError, match=r"train\.jsonl line 1: 'answer' is an empty list"):
        parts({"question": "q", "answer": []})


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (chat(("user", "q"), ("assistant", "a")), ("q", "a")),
        (
            chat(("user", "q"), ("assistant", "a"), ("user", "r"), ("assistant", "b")),
            ("User: q\nAssistant: a\nUser: r", "b"),
        ),
        (chat(("user", "q"), ("assistant", "a"), ("user", "thanks")), ("q", "a")),
        (chat(("user", [{"type": "text", "text": "q"}]), ("assistant", "a")), ("q", "a")),
        ({"messages": json.dumps(chat(("user", "q"), ("assistant", "a"))["messages"])}, ("q", "a")),
        (
            {
                "prompt": [{"role": "user", "content": "q"}],
                "completion": [{"role": "assistant", "content": "a"}],
            },
            ("q", "a"),
        ),
    ],
)
def test_messages(row: dict[str, Any], expected: tuple[str, str]) -> None:
    assert pairs(row) == [expected]


def test_a_system_turn_that_all_rows_share_is_the_instruction() -> None:
    found = parts(
        chat(("system", "Be brief."), ("user", "q"), ("assistant", "a")),
        chat(("system", "Be brief."), ("user", "r"), ("assistant", "b")),
    )
    assert [row.input for row in found.examples["train"]] == ["q", "r"]
    assert found.instruction == "Be brief."


def test_a_system_turn_that_differs_is_part_of_the_input() -> None:
    found = parts(
        chat(("system", "Be brief."), ("user", "q"), ("assistant", "a")),
        chat(("system", "Be long."), ("user", "q"), ("assistant", "b")),
        chat(("user", "q"), ("assistant", "c")),
    )
    assert [row.input for row in found.examples["train"]] == [
        "System: Be brief.\nUser: q",
        "System: Be long.\nUser: q",
        "q",
    ]
    assert found.instruction is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (chat(("user", "q")), "'messages' has no assistant turn"),
        (chat(("assistant", "a")), "'messages' has nothing before its last assistant turn"),
        ({"messages": "hi"}, "column 1: expecting value"),
        ({"messages": 3}, "'messages' must be a list of messages, found int"),
        ({"messages": ["q"]}, "a message must look like"),
        ({"messages": [{"content": "q"}]}, "a message must look like"),
        ({"messages": [{"role": "user", "content": 3}]}, "the content of a message must be a text, found 3"),
    ],
)
def test_bad_messages(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        parts(chat(("user", "q"), ("assistant", "a")), row)
    assert (caught.value.path, caught.value.line) == (Path("train.jsonl"), 2)
    assert message in str(caught.value)


def test_mapping() -> None:
    found = parts(
        {"key": 7, "q": "x", "team": "sales", "group": "g", "also": ["s"]},
        columns={"id": "key", "input": "q", "target": "team", "cluster": "group", "aliases": "also"},
    ).examples["train"][0]
    assert (found.id, found.input, found.target, found.cluster, found.aliases) == (
        "7",
        "x",
        "sales",
        "g",
        ("s",),
    )


def test_a_mapping_wins_over_a_shape_and_needs_not_be_complete() -> None:
    row = {"question": "q", "answer": "a", "label": "l"}
    assert pairs(row, columns={"target": "label"}) == [("q", "l")]
    assert pairs({"body": "b", "label": "l"}, columns={"input": "body"}) == [("b", "l")]


def test_unknown_columns_are_listed_with_what_to_write() -> None:
    with pytest.raises(DataError) as caught:
        parts({"words": "x", "team": "y"})
    assert str(caught.value) == (
        "train.jsonl line 1: found the columns 'words', 'team', and cannot tell which are the input and "
        "the target. Say it: load_task(..., columns={'input': '<column>', 'target': '<column>'}), or "
        "--columns input=<column>,target=<column>. Recognised without that: input/target, prompt/completion, "
        "prompt/chosen, instruction/input/output, question/answer, text/label, premise/hypothesis/label, "
        "messages."
    )


@pytest.mark.parametrize("columns", [{"input": "words"}, {"target": "team"}])
def test_half_a_mapping_of_unknown_columns(columns: dict[str, str]) -> None:
    with pytest.raises(DataError, match="cannot tell which are the input and the target"):
        parts({"words": "x", "team": "y"}, columns=columns)


def test_a_mapped_column_that_is_not_there() -> None:
    with pytest.raises(
        DataError, match=r"no column 'labl' for 'target'\. Did you mean 'label'\? Found the col"
    ):
        parts({"text": "x", "label": "y"}, columns={"target": "labl"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"inputs": "text"}, "'inputs' is not a field. Did you mean 'input'?"),
        ({"text": "input"}, "Write it the other way round: columns={'input': 'text'}"),
    ],
)
def test_a_mapping_of_no_field(columns: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parts({"text": "x", "label": "y"}, columns=columns)
    assert message in str(caught.value)


def test_ids_are_made_where_there_are_none() -> None:
    found = parts({"input": "q", "target": "a"}, {"id": "own", "input": "r", "target": "a"}).examples["train"]
    assert [row.id for row in found] == ["train-1", "own"]


def test_a_shared_system_turn_serves_as_instruction_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "chats.jsonl"
    rows = [chat(("system", "Be brief."), ("user", f"q{i}"), ("assistant", f"a{i}")) for i in range(9)]
    path.write_text("\n".join(map(json.dumps, rows)))
    task: Task = load_task(path)
    assert task.instruction == "Be brief."
    assert load_task(path, instruction="Mine.").instruction == "Be brief.\n\nMine."
    assert load_task(path, instruction="Be brief. Be kind.").instruction == "Be brief. Be kind."


@pytest.mark.parametrize(
    ("row", "text", "target"),
    [
        ({"Text": "Hi", "LABEL": "a"}, "Hi", "a"),
        ({"Question ".strip(): "Q?", "Answer": "A"}, "Q?", "A"),
        ({"sentence": "Hi", "label": "a"}, "Hi", "a"),
        (
            {"premise": "It rains.", "hypothesis": "It is wet.", "label": "yes"},
            "Premise: It rains.\nHypothesis: It is wet.",
            "yes",
        ),
        ({"sentence1": "A b.", "sentence2": "B a.", "label": "1"}, "Sentence1: A b.\nSentence2: B a.", "1"),
        ({"prompt": "Q?", "chosen": "Good.", "rejected": "Bad."}, "Q?", "Good."),
        ({"prompt": "Q?", "chosen": "Good."}, "Q?", "Good."),
        ({"question": "Q?", "chosen": "Good.", "rejected": "Bad."}, "Q?", "Good."),
        ({"instruction": "Add.", "input": "1", "chosen": "Good.", "rejected": "Bad."}, "Add.\n\n1", "Good."),
        ({"instruction": "Add.", "input": "", "chosen": "Good.", "rejected": "Bad."}, "Add.", "Good."),
        ({"prompt": "Q?", "response": "A"}, "Q?", "A"),
        ({"input": "Q?", "output": "A"}, "Q?", "A"),
        ({"query": "Q?", "answers": ["A"]}, "Q?", "A"),
        ({"instruction": "Add.", "input": "1", "response": "A"}, "Add.\n\n1", "A"),
        ({"sentence_1": "A", "sentence_2": "B", "gold_label": "x"}, "Sentence 1: A\nSentence 2: B", "x"),
        ({"text_a": "A b.", "text_b": "B a.", "is_duplicate": 1}, "Text a: A b.\nText b: B a.", "1"),
        ({"question": "Q?", "sentence": "S.", "label": "x"}, "Question: Q?\nSentence: S.", "x"),
        ({"claim": "C.", "evidence": "E.", "verdict": "x"}, "Claim: C.\nEvidence: E.", "x"),
        ({"Premise": "P.", "Hypothesis": "H.", "target": "x"}, "Premise: P.\nHypothesis: H.", "x"),
        ({"passage": "P.", "question": "Q?", "label": True}, "Context: P.\n\nQ?", "true"),
        ({"excerpt": "P.", "question": "Q?", "response": "A"}, "Context: P.\n\nQ?", "A"),
        ({"article": "Ship 0 moors here.", "question": "Where?", "answer": "here"},
         "Context: Ship 0 moors here.\n\nWhere?", "here"),
    ],
)  # fmt: skip
def test_more_shapes_that_files_have(row: dict[str, str], text: str, target: str) -> None:
    [example] = parts(row).examples["train"]
    assert (example.input, example.target) == (text, target)


def test_two_texts_whose_label_is_mapped() -> None:
    row = {"premise": "P.", "hypothesis": "H.", "judgment": "x"}
    assert pairs(row, columns={"target": "judgment"}) == [("Premise: P.\nHypothesis: H.", "x")]


def test_a_better_answer_without_what_it_answers_is_refused() -> None:
    with pytest.raises(DataError, match=r"'chosen' is a text.*--columns input=<column>,target=chosen"):
        parts({"chosen": "Human: hi", "rejected": "Human: hi"})
    chosen = [{"role": "assistant", "content": "Good."}]
    assert pairs({"prompt": "Q?", "chosen": chosen, "rejected": chosen}) == [("Q?", "Good.")]


def test_a_better_and_a_worse_answer_as_chats() -> None:
    def chat(answer: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": answer}]

    for prompt in ({}, {"prompt": "Q?"}):
        found = parts({**prompt, "chosen": chat("Good."), "rejected": chat("Bad.")})
        [example] = found.examples["train"]
        assert (example.input, example.target) == ("Q?", "Good.")
        assert "The answers in 'chosen' are the targets; those in 'rejected' are not used." in found.notes


@pytest.mark.parametrize(("good", "bad"), [("good", "bad"), ("1", "0"), ("correct", "wrong"), ("up", "down")])
def test_marks_in_words_leave_bad_answers_out(good: str, bad: str) -> None:
    found = parts(
        {"prompt": "a", "completion": "x", "label": good}, {"prompt": "b", "completion": "y", "label": bad}
    )
    assert [e.input for e in found.examples["train"]] == ["a"]
    assert "1 of 2 rows are left out: 'label' marks their answers as bad." in found.notes


@pytest.mark.parametrize(
    ("column", "good", "bad"),
    [
        ("feedback", "positive", "negative"),
        ("thumbs_up", True, False),
        ("is_correct", "yes", "no"),
        ("rating", "\U0001f44d", "\U0001f44e"),
        ("score", 1, 0),
        ("reward", 1.0, -1.0),
        ("quality", "Good", "BAD"),
    ],
)
@pytest.mark.parametrize(
    ("asked", "answered"), [("prompt", "completion"), ("question", "answer"), ("instruction", "output")]
)
def test_columns_that_mark_answers(asked: str, answered: str, column: str, good: Any, bad: Any) -> None:
    found = parts({asked: "a", answered: "x", column: good}, {asked: "b", answered: "y", column: bad})
    assert [e.input for e in found.examples["train"]] == ["a"]
    [note] = found.notes
    assert note.startswith(f"1 of 2 rows are left out: {column!r} marks their answers as bad.")


def test_marks_beside_a_mapped_answer_count_and_beside_a_label_do_not() -> None:
    rows = [
        {"q": "a", "reply": "x", "team": "s", "score": 1},
        {"q": "b", "reply": "y", "team": "t", "score": 0},
    ]
    assert len(pairs(*rows, columns={"input": "q", "target": "reply"})) == 1
    assert len(pairs(*rows, columns={"input": "q", "target": "team"})) == 2
    assert pairs(*rows, columns={"input": "q", "target": "score"}) == [("a", "1"), ("b", "0")]


@pytest.mark.parametrize(("column", "values"), [("score", (0, 0)), ("score", (1, 5)), ("rating", (0.5, 1))])
def test_numbers_that_mark_nothing_leave_all_rows(column: str, values: tuple[float, ...]) -> None:
    found = parts(*({"question": f"q{i}", "answer": "x", column: v} for i, v in enumerate(values)))
    assert len(found.examples["train"]) == 2
    assert found.notes == (f"Not used, and in no prompt: column {column!r}.",)


@pytest.mark.parametrize(
    "error",
    [
        "#REF!",
        "#N/A",
        " #VALUE! ",
        "#DIV/0!",
        "#BEZUG!",
        "#\u00dcBERLAUF!",
        "#NV",
        "#NOME?",
        "Err:502",
        "#####",
    ],
)
def test_an_error_of_a_spreadsheet_is_no_text(error: str) -> None:
    for row in (
        {"text": "Hi", "label": error},
        {"text": error, "label": "a"},
        {"question": "Q?", "context": error, "answer": "a"},
    ):
        with pytest.raises(DataError, match=r"rows\.csv line 2: .* an error of a spreadsheet"):
            to_parts({"train": [SourceRow(values=row, place=Place(path=Path("rows.csv"), line=2))]})
        assert parts(row).examples["train"]


@pytest.mark.parametrize(
    ("value", "hinted"),
    [("a text of many words", True), (["a", "list"], False), (0.7, False), (True, False), ("short", False)],
)
def test_only_a_text_is_said_to_be_worth_showing(value: object, hinted: bool) -> None:
    [note] = parts({"text": "Hi", "label": "a", "extra": value}).notes
    assert "'extra'" in note
    assert ("--columns context=extra" in note) == hinted


@pytest.mark.parametrize(
    "column",
    ["gold_answer", "modelResponse", "rejected", "explanation", "rationale", "label_text", "cot", "Solution"],
)
def test_a_text_that_gives_the_answer_away_is_not_worth_showing(column: str) -> None:
    [note] = parts({"text": "Hi", "label": "a", column: "a text of many words"}).notes
    assert "context" not in note


def test_a_history_that_is_no_list_is_told_by_its_column() -> None:
    with pytest.raises(DataError, match=r"line 1: 'history': it is a text, and not a list of turns"):
        parts({"question": "Q?", "history": "User: hi", "answer": "a"})


def test_hashtags_and_numbers_are_no_errors_and_signs_tell_labels_apart(tmp_path: Path) -> None:
    assert pairs({"text": "#yes!", "label": "#1"}) == [("#yes!", "#1")]
    path = tmp_path / "marks.jsonl"
    path.write_text("\n".join(json.dumps({"text": f"t{i}", "label": i % 3 - 1}) for i in range(30)))
    assert not [n for n in load_task(path, instruction="Do.").notes if "differ in case" in n]


def test_rows_of_one_input_cannot_be_split(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text("\n".join(json.dumps({"text": "t", "label": str(i % 2)}) for i in range(9)))
    with pytest.raises(
        DataError, match=r"no test rows .*rows: 9; different inputs, read from text: 1.*--columns"
    ):
        load_task(path, instruction="Do.")
