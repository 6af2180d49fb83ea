"""``load_task`` on folders, files and names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import AdaptKitError, ConfigError, DataError, UnknownNameError
from adaptkit.core.types import Document, Example
from adaptkit.tasks import find_task, known_tasks, load_task

HEAD = {"name": "t", "kind": "qa", "instruction": "Answer.", "metrics": ["exact_match"]}


def jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(i: int, target: object = "a", **more: Any) -> dict[str, Any]:
    return {"input": f"question {i}", "target": target, **more}


@pytest.fixture(autouse=True)
def _no_own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADAPTKIT_TASKS", raising=False)
    monkeypatch.delenv("ADAPTKIT_DATA", raising=False)


def folder_with_all(tmp_path: Path) -> Path:
    folder = tmp_path / "whole"
    folder.mkdir()
    more = {"description": "d", "licence": "l", "attribution": "who", "sizes": {"train": 1}}
    (folder / "task.json").write_text(json.dumps({**HEAD, **more}))
    jsonl(folder / "train.jsonl", [{"id": "tr", **row(1, gold_documents=["d1"], aliases=["b"], cluster="c")}])
    jsonl(folder / "validation.jsonl", [{"id": "va", **row(2)}])
    jsonl(folder / "test.jsonl", [{"id": "te", **row(3, metadata={"answer": 1})}])
    jsonl(folder / "documents.jsonl", [{"id": "d1", "title": "T", "text": "x"}, {"text": "y"}])
    return folder


def test_a_task_folder(tmp_path: Path) -> None:
    folder = folder_with_all(tmp_path)
    task = load_task(folder)
    assert task == load_task(str(folder))
    assert (task.name, task.description, task.licence, task.attribution) == ("t", "d", "l", "who")
    assert task.train == (
        Example(id="tr", input="question 1", target="a", aliases=("b",), gold_documents=("d1",), cluster="c"),
    )
    assert task.validation == (Example(id="va", input="question 2", target="a"),)
    assert task.test[0].metadata == {"answer": 1}
    assert task.documents == (Document(id="d1", title="T", text="x"), Document(id="document-2", text="y"))
    assert task.source == str(folder)


def test_overrides_win(tmp_path: Path) -> None:
    folder = folder_with_all(tmp_path)
    task = load_task(folder, name="n", metrics=["contains"], instruction="I", validation=(), train=[])
    assert (task.name, task.metrics, task.instruction) == ("n", ("contains",), "I")
    assert task.train == task.validation == ()


def test_an_error_in_overridden_rows_names_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"example 'x' \(train row 1\): 'input' is empty"):
        load_task(folder_with_all(tmp_path), train=[Example(id="x", input="", target="a")])


def test_an_unknown_override(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no parameter 'instructions'\. Did you mean 'instruction'\?"):
        load_task(tmp_path, instructions="x")


def test_a_folder_of_csv_without_task_json(tmp_path: Path) -> None:
    folder = tmp_path / "routing"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label\n" + "".join(f"t{i},{'ab'[i % 2]}\n" for i in range(30)))
    (folder / "test.csv").write_text("text,label\nx,a\n")
    task = load_task(folder, instruction="Route it.")
    assert (task.name, task.kind, task.labels) == ("routing", "classification", ("a", "b"))
    assert task.metrics == ("accuracy", "macro_f1")
    assert task.test[0].id == "test-1"
    assert sorted(r.id for r in (*task.train, *(task.validation or ())))[:2] == ["train-1", "train-10"]
    with pytest.raises(DataError, match=r"has no instruction: .* Say it: load_task\(\.\.\., instruction="):
        load_task(folder)


def test_a_folder_of_mixed_formats(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = folder_with_all(tmp_path)
    (folder / "test.jsonl").unlink()
    parquet.write_table(pyarrow.table({"input": ["q"], "target": [1]}), folder / "test.parquet")
    assert load_task(folder).test == (Example(id="test-1", input="q", target="1"),)


def test_two_files_for_a_split(tmp_path: Path) -> None:
    folder = folder_with_all(tmp_path)
    (folder / "test.csv").write_text("input,target\nq,a\n")
    with pytest.raises(DataError, match=r"found test\.csv and test\.jsonl, and cannot tell which one counts"):
        load_task(folder)


def test_a_folder_that_is_no_task(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError, match=r"this folder is not a task: expected task\.json, .* Found: notes\.txt\."
    ):
        load_task(tmp_path)


@pytest.mark.parametrize(
    ("targets", "kind", "metrics"),
    [
        (["a", "b"] * 15, "classification", ("accuracy", "macro_f1")),
        ([0, 1] * 15, "classification", ("accuracy", "macro_f1")),
        ([{"a": i} for i in range(30)], "structured", ("json_exact", "slot_f1", "json_valid")),
        ([f"{i}.5" for i in range(30)], "arithmetic", ("numeric_match",)),
        ([f"$ {i}" for i in range(30)], "generation", ("rouge_l", "exact_match")),
        ([f"text {i}" for i in range(30)], "generation", ("rouge_l", "exact_match")),
        (["a", "b", "c", "d"] * 9, "classification", ("accuracy", "macro_f1")),
    ],
)
def test_the_kind_of_a_file_is_inferred(
    tmp_path: Path, targets: list[object], kind: str, metrics: tuple[str, ...]
) -> None:
    path = jsonl(tmp_path / "file.jsonl", [row(i, target) for i, target in enumerate(targets)])
    task = load_task(path, instruction="Do.")
    assert (task.name, task.kind, task.metrics) == ("file", kind, metrics)
    assert len(task.test) == round(0.3 * len(targets))
    assert len(task.train) + len(task.validation or ()) + len(task.test) == len(targets)


def test_questions_are_qa(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "f.jsonl", [{"question": f"q{i}", "answer": f"a{i}"} for i in range(9)])
    assert load_task(path, instruction="Answer.").kind == "qa"
    other = jsonl(tmp_path / "g.jsonl", [row(i, f"a{i}") for i in range(9)])
    assert load_task(other, instruction="Answer.", documents=[Document(id="d", text="x")]).kind == "qa"


def test_a_given_kind_brings_its_metrics(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "f.jsonl", [row(i, f"a{i}") for i in range(9)])
    assert load_task(path, instruction="Sum up.", kind="summarization").metrics == ("rouge_l", "rouge_1")
    with pytest.raises(DataError, match="Unknown kind 'summary'"):
        load_task(path, instruction="Sum up.", kind="summary")


def test_every_inferred_metric_exists() -> None:
    from adaptkit.metrics import check_metrics
    from adaptkit.tasks import KINDS
    from adaptkit.tasks.infer import METRICS_BY_KIND

    assert set(METRICS_BY_KIND) == set(KINDS)
    for metrics in METRICS_BY_KIND.values():
        check_metrics(metrics)


def test_a_file_keeps_clusters_on_one_side_and_takes_at_most_300(tmp_path: Path) -> None:
    rows = [row(i, f"a{i}", cluster=f"c{i // 3}") for i in range(1500)]
    task = load_task(jsonl(tmp_path / "f.jsonl", rows), instruction="Do.")
    assert len(task.test) == 300
    assert not {r.cluster for r in task.test} & {r.cluster for r in (*task.train, *(task.validation or ()))}
    assert task == load_task(tmp_path / "f.jsonl", instruction="Do.")


def test_a_bad_row_of_a_file_is_found_wherever_the_split_puts_it(tmp_path: Path) -> None:
    for bad in range(12):
        rows = [row(i, " " if i == bad else f"a{i}") for i in range(12)]
        path = jsonl(tmp_path / "f.jsonl", rows)
        with pytest.raises(DataError) as caught:
            load_task(path, instruction="Do.")
        assert (caught.value.path, caught.value.line) == (path, bad + 1)


def test_a_file_needs_an_instruction(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "f.jsonl", [row(i) for i in range(9)])
    with pytest.raises(DataError, match=r"f\.jsonl has no instruction: .*load_task\(\.\.\., instruction='"):
        load_task(path)


def test_a_file_with_mapped_columns(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("words,team\n" + "".join(f"u{i},{'xy'[i % 2]}\n" for i in range(40)))
    task = load_task(path, columns={"input": "words", "target": "team"}, instruction="Route.")
    assert task.labels == ("x", "y")
    with pytest.raises(DataError, match="found the columns 'words', 'team'"):
        load_task(path, instruction="Route.")


def test_test_rows_may_be_given_beside_a_file(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "f.jsonl", [row(i) for i in range(10)])
    task = load_task(path, instruction="Do.", validation=(), test=[Example(id="x", input="i", target="a")])
    assert (len(task.train), len(task.test)) == (10, 1)


def test_a_file_without_rows(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no rows"):
        load_task(jsonl(tmp_path / "f.jsonl", []), instruction="Do.")
    with pytest.raises(DataError, match="no test rows"):
        load_task(jsonl(tmp_path / "f.jsonl", [row(1)]), instruction="Do.")


def test_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_task("nowhere")
    assert str(caught.value).startswith(
        "No task 'nowhere': it is neither a folder, nor a .csv/.jsonl/.parquet/.tsv file, nor a known task ("
    )
    assert "policy_questions, record_extraction, request_routing" in str(caught.value)
    with pytest.raises(UnknownNameError, match=r"Did you mean 'request_routing'\?"):
        load_task("request_ruoting")


@pytest.mark.parametrize("name", ["data.csv", "missing/folder", "missing/f.jsonl"])
def test_a_path_that_does_not_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="there is no such file or folder") as caught:
        load_task(tmp_path / name)
    assert caught.value.path == tmp_path / name


def test_a_text_that_is_no_path() -> None:
    with pytest.raises(UnknownNameError):
        load_task("word " * 200)


def test_a_path_with_a_typo(tmp_path: Path) -> None:
    jsonl(tmp_path / "train.jsonl", [])
    with pytest.raises(DataError, match=r"Did you mean '.*train\.jsonl'\?"):
        load_task(tmp_path / "trian.jsonl")


def test_another_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "f.xlsx").write_text("")
    with pytest.raises(DataError, match="expected a file of rows"):
        load_task(tmp_path / "f.xlsx")


def test_names_are_found_in_the_folders_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with_all(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "task.json").write_text("{")
    monkeypatch.setenv("ADAPTKIT_TASKS", str(tmp_path))
    assert known_tasks()["whole"] == "d"
    assert known_tasks()["broken"] == ""
    assert find_task("whole") == tmp_path / "whole"
    assert find_task("../whole") is None
    assert load_task("whole").name == "t"
    monkeypatch.setenv("ADAPTKIT_TASKS", str(tmp_path / "none"))
    assert find_task("whole") is None


def test_the_data_folder_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_with_all(tmp_path).rename(tmp_path / "policy_questions")
    monkeypatch.setenv("ADAPTKIT_DATA", str(tmp_path))
    assert find_task("policy_questions") == tmp_path / "policy_questions"


ROW_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["role", "content"]), inner),
    max_leaves=4,
)
COLUMNS = ["id", "input", "target", "aliases", "messages", "instruction", "output", "metadata", "cluster"]


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), ROW_VALUES), max_size=3))
def test_whatever_rows_hold_the_error_is_the_librarys_own(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    path = jsonl(tmp_path_factory.mktemp("rows") / "f.jsonl", rows)
    with suppress(AdaptKitError):
        load_task(path, instruction="Do.").content_hash  # noqa: B018


@given(st.binary(max_size=60), st.sampled_from(["f.csv", "f.jsonl", "f.parquet"]))
def test_whatever_bytes_a_file_holds_the_error_is_the_librarys_own(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(data)
    with suppress(AdaptKitError):
        load_task(path, instruction="Do.")


def test_a_bundled_task_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adaptkit.tasks.loaders.find_task", lambda name: None)
    with pytest.raises(DataError, match="Set ADAPTKIT_DATA to the repository's data folder"):
        load_task("policy_questions")
