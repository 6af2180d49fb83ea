"""Every rule that a task is checked against, in memory and with the place in a file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from questions import make_task

from adaptkit.core.errors import DataError
from adaptkit.core.types import Document, Example
from adaptkit.tasks import Task, load_task

HEAD = {"name": "t", "kind": "qa", "instruction": "Answer.", "metrics": ["exact_match"]}
ROW = Example(id="a", input="question", target="answer")
SCHEMA = {"type": "object", "required": ["x"]}


def make(**fields: Any) -> Task:
    values: dict[str, Any] = {**HEAD, "train": (), "test": (dataclasses.replace(ROW, id="test"),)}
    return Task(**{**values, **fields})


def write(folder: Path, head: dict[str, Any] | None = None, **files: list[Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "task.json").write_text(json.dumps({**HEAD, **(head or {})}))
    for name, rows in files.items():
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "classify"}, "Unknown kind 'classify'. Did you mean 'classification'? Known kinds: class"),
        ({"kind": ""}, "'kind' is missing. Known kinds: classification, qa"),
        ({"kind": None}, "'kind' is missing"),
        ({"metrics": ()}, "Task 't' has no metrics"),
        ({"metrics": "accuracy"}, "'metrics' must be a list of texts that are not empty. Got 'accuracy'"),
        ({"metrics": ("accuracy", "accuracy")}, "'accuracy' stands twice in 'metrics'"),
        ({"labels": ("a", " ")}, "'labels' must be a list of texts"),
        ({"labels": ("a", "a")}, "'a' stands twice in 'labels'"),
        ({"instruction": "  "}, "'instruction' must be a text that is not empty. Got '  '"),
        ({"name": ""}, "'name' must be a text"),
        ({"test": ()}, "Task 't' has no test rows"),
    ],
)
def test_the_head(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        make(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input": " \n"}, "'input' is empty"),
        ({"target": ""}, "'target' is empty"),
        ({"id": ""}, "'id' is empty"),
        ({"input": 3}, "'input' must be a text. Got 3"),
        ({"target": None}, "'target' must be a text. Got None"),
        ({"aliases": "xy"}, "'aliases' must be a list. Got 'xy'"),
        ({"aliases": ("",)}, "'aliases' is empty"),
        ({"gold_documents": "d"}, "'gold_documents' must be a list"),
        ({"gold_documents": ("d9",)}, "the gold document 'd9' does not exist: the task has no documents"),
        ({"metadata": {"x": {1, 2}, "y": object()}}, "cannot be written as JSON"),
        ({"metadata": {"x": float("nan")}}, "cannot be written as JSON"),
        ({"input": "\ud800"}, "cannot be written as JSON"),
    ],
)
def test_a_row_in_memory(change: dict[str, Any], message: str) -> None:
    bad = dataclasses.replace(ROW, **change)
    with pytest.raises(DataError) as caught:
        make(train=(dataclasses.replace(ROW, id="first"), bad))
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"example {bad.id!r} (train row 2): ")
    assert caught.value.path is None


def test_duplicate_ids_in_memory() -> None:
    with pytest.raises(
        DataError, match=r"example 'test' \(test row 1\): this id is already used, at train row 1"
    ):
        make(train=(dataclasses.replace(ROW, id="test"),))


def test_documents_in_memory() -> None:
    document = Document(id="d", text="text")
    with pytest.raises(DataError, match=r"document 'd' \(documents row 2\): this id .* at documents row 1"):
        make(documents=(document, document))
    with pytest.raises(DataError, match=r"document 'd' \(documents row 1\): 'text' is empty"):
        make(documents=(Document(id="d", text=""),))
    with pytest.raises(DataError, match=r"'doc1' is not among the 1 documents\. Did you mean 'doc-1'"):
        make(
            train=(dataclasses.replace(ROW, gold_documents=("doc1",)),),
            documents=(Document(id="doc-1", text="text"),),
        )


def test_labels() -> None:
    with pytest.raises(
        DataError, match=r"the target 'answr' is not one of the 2 labels\. Did you mean 'answer'"
    ):
        make(kind="classification", labels=("answer", "b"), train=(dataclasses.replace(ROW, target="answr"),))


@pytest.mark.parametrize(
    ("target", "schema", "message"),
    [
        ("{x: 1}", None, "is not JSON: column 2"),
        ('{"x": 1, "x": 2}', None, "key 'x' stands twice"),
        ('{"x": NaN}', None, "NaN is not a JSON value"),
        ('{"y": 1}', SCHEMA, "violates the schema: 'x' is a required property (at $)"),
        ("3", SCHEMA, "violates the schema: 3 is not of type 'object'"),
        ('{"x": 1}', {"type": "objekt"}, "'schema' is not a valid JSON Schema"),
        (
            '{"x": "a"}',
            {"properties": {"x": {"pattern": "("}}},
            "'(' is not a 'regex' at $.properties.x.pattern",
        ),
        (
            '{"x": 1}',
            {"$ref": "https://example.com/s.json"},
            "'schema' refers to 'https://example.com/s.json'",
        ),
    ],
)
def test_structured_targets(target: str, schema: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(DataError) as caught:
        make(
            kind="structured", schema=schema, train=(dataclasses.replace(ROW, target=target),), validation=()
        )
    assert message in str(caught.value)


def test_a_good_structured_target_passes() -> None:
    row = dataclasses.replace(ROW, id="test", target='{"x": 1}', aliases=('{"x": 2}',))
    assert make(kind="structured", schema=SCHEMA, test=(row,)).schema == SCHEMA


def test_aliases_of_structured_targets_are_checked() -> None:
    row = dataclasses.replace(ROW, id="test", target='{"x": 1}', aliases=("x",))
    with pytest.raises(DataError, match="the target 'x' is not JSON"):
        make(kind="structured", test=(row,))


GOOD = {"id": "t1", "input": "q", "target": "a"}


@pytest.mark.parametrize(
    ("head", "row", "message"),
    [
        ({}, {"id": "b", "input": "", "target": "a"}, "example 'b': 'input' is empty."),
        ({}, {"id": "b", "input": "q", "target": " "}, "example 'b': 'target' is empty."),
        ({}, {"id": "b", "input": "q", "target": None}, "'target' is null. Expected a text."),
        ({}, {"id": "b", "input": None, "target": "a"}, "'input' is null. Expected a text."),
        ({}, {"id": "b", "input": "q"}, "'target' is missing. Found the columns 'id', 'input'."),
        (
            {},
            {"id": "b", "input": "q", "target": "a", "metadata": 3},
            "'metadata': expected a JSON object, found 3",
        ),
        (
            {},
            {"id": "b", "input": "q", "target": "a", "gold_documents": ["d"]},
            "the gold document 'd' does not",
        ),
        (
            {"kind": "classification", "labels": ["a"]},
            {"id": "b", "input": "q", "target": "z"},
            "not one of the 1",
        ),
        (
            {"kind": "structured"},
            {"id": "b", "input": "q", "target": "{"},
            "is not JSON: column 2: expecting",
        ),
        (
            {"kind": "structured", "schema": SCHEMA},
            {"id": "b", "input": "q", "target": {}},
            "violates the schema",
        ),
    ],
)
def test_a_row_of_a_file_names_path_and_line(
    tmp_path: Path, head: dict[str, Any], row: dict[str, Any], message: str
) -> None:
    good = {**GOOD, "target": '{"x":1}' if head.get("kind") == "structured" else "a"}
    # A blank line before the bad row: lines are those of the file, not of the rows.
    folder = write(tmp_path / "t", head, train=[{**good, "id": "x"}, "", row], test=[good])
    with pytest.raises(DataError) as caught:
        load_task(folder)
    assert caught.value.path == folder / "train.jsonl"
    assert caught.value.line == 3
    assert str(caught.value).startswith(f"{folder / 'train.jsonl'} line 3: ")
    assert message in str(caught.value)


def test_duplicate_ids_name_both_places(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", train=[{**GOOD, "id": "x"}, GOOD], test=[{**GOOD, "id": "y"}, "", GOOD])
    with pytest.raises(DataError) as caught:
        load_task(folder)
    assert (caught.value.path, caught.value.line) == (folder / "test.jsonl", 3)
    assert f"example 't1': this id is already used, at {folder / 'train.jsonl'} line 2." in str(caught.value)


def test_duplicate_ids_within_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", test=[GOOD, GOOD])
    with pytest.raises(DataError, match=r"test\.jsonl line 2: .*test\.jsonl line 1\."):
        load_task(folder)


@pytest.mark.parametrize(
    ("documents", "line", "message"),
    [
        ([{"id": "d", "text": "x"}, {"id": "d", "text": "y"}], 2, "this id is already used, at"),
        ([{"id": "d", "text": ""}], 1, "document 'd': 'text' is empty."),
        ([{"id": "d", "body": "x"}], 1, "a document needs a 'text'. Found the columns 'id', 'body'."),
        ([{"id": "d", "text": None}], 1, "'text' is null."),
    ],
)
def test_documents_of_a_file(tmp_path: Path, documents: list[Any], line: int, message: str) -> None:
    folder = write(tmp_path / "t", test=[GOOD], documents=documents)
    with pytest.raises(DataError) as caught:
        load_task(folder)
    assert (caught.value.path, caught.value.line) == (folder / "documents.jsonl", line)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"kind": None}, "'kind' is missing. Known kinds: classification"),
        ({"kind": "qq"}, "Unknown kind 'qq'. Did you mean 'qa'?"),
        ({"kind": 3}, "'kind' must be a text. Got 3."),
        ({"metrics": []}, "'metrics' is missing"),
        ({"metrics": None}, "'metrics' is missing"),
        ({"metrics": "accuracy"}, "'metrics' must be a list of texts. Got 'accuracy'."),
        ({"instruction": None}, "has no instruction"),
        ({"instruction": ""}, "Add 'instruction' to task.json"),
        ({"schema": []}, "'schema' must be a JSON Schema object. Got []."),
        ({"labels": {"a": 1}}, "'labels' must be a list of texts"),
    ],
)
def test_the_head_of_a_folder_names_its_file(tmp_path: Path, head: dict[str, Any], message: str) -> None:
    folder = write(tmp_path / "t", head, test=[GOOD])
    with pytest.raises(DataError) as caught:
        load_task(folder)
    assert caught.value.path == folder / "task.json"
    assert message in str(caught.value)


def test_no_test_rows_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no test rows"):
        load_task(write(tmp_path / "t", train=[GOOD]))
    with pytest.raises(DataError, match="has no test rows"):
        load_task(write(tmp_path / "t", test=[]))


@pytest.mark.parametrize("name", ["acuracy", "rogue_l"])
def test_an_unknown_metric_names_task_json(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "t", {"metrics": ["recall_at_3", name]}, test=[GOOD])
    with pytest.raises(DataError) as caught:
        load_task(folder, known_metrics=["accuracy", "rouge_l", "recall_at_k"])
    assert caught.value.path == folder / "task.json"
    assert f"unknown metric {name!r}" in str(caught.value)
    assert f"Did you mean '{'accuracy' if name == 'acuracy' else 'rouge_l'}'?" in str(caught.value)


def test_known_metrics_pass(tmp_path: Path) -> None:
    folder = write(tmp_path / "t", {"metrics": ["recall_at_3", "mrr"]}, test=[GOOD])
    assert load_task(folder, known_metrics={"recall_at_k", "mrr"}).metrics == ("recall_at_3", "mrr")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "expected a JSON object with name, kind"),
        ('{"kind": "qa",}', "column 1"),
        ('{"kind": "qa", "kind": "qa"}', "key 'kind' stands twice"),
        ('{\n"kind": qa\n}', "line 2: it is not valid JSON: column 9: expecting value, found 'q'"),
        ("", "expecting value, found the end of the text"),
    ],
)
def test_a_malformed_task_json(tmp_path: Path, text: str, message: str) -> None:
    folder = write(tmp_path / "t", test=[GOOD])
    (folder / "task.json").write_text(text)
    with pytest.raises(DataError) as caught:
        load_task(folder)
    assert caught.value.path == folder / "task.json"
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "field", ["name", "instruction", "description", "licence", "labels", "schema", "tools"]
)
def test_half_a_surrogate_pair_in_the_head_of_a_task_is_named(field: str) -> None:
    half = "say \ud83d"
    value: Any = {"labels": ("a", half), "schema": {"title": half}, "tools": ({"name": half},)}.get(
        field, half
    )
    with pytest.raises(DataError, match=f"'{field}' cannot be written as JSON: it holds half of a surrogate"):
        dataclasses.replace(make_task(2), **{field: value})
