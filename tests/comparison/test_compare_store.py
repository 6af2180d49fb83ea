"""The run folder: what is stored stays, what is torn is dropped, what is damaged is named."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planted import answered_inputs, compared, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison.store import RunStore
from adaptkit.comparison.trial_data import TrialResult
from adaptkit.core.codec import to_json
from adaptkit.core.errors import StoreError
from adaptkit.core.result_io import versioned
from adaptkit.core.results import Record
from adaptkit.core.types import Request, Traits

RECORD = Record(
    trial="0123456789abcdef",
    strategy="prompt",
    task="questions",
    example_id="row0",
    seed=0,
    output="é\n\u2028x",
    target="answer",
    contexts=({"id": "d#0", "score": 0.5},),
    tool_calls=(),
    finish_reason="stop",
    tokens={"in": 3, "cached": 0, "out": 1},
    retrieve_s=None,
    first_token_s=0.25,
    latency_s=0.5,
    batch_size=1,
    batch_s=0.5,
    cost_usd=None,
    scores={"exact_match": 0.0, "exact_match_lenient": None},
    error=None,
)
RESULT = TrialResult(
    key="k",
    status="done",
    fit_s=1.0,
    fit_notes={},
    peak_memory_bytes=1,
    eval_s=2.0,
    artifact="artifacts/prompt",
    traits=Traits(),
)


def written(values: dict[str, object]) -> bytes:
    return json.dumps(versioned(values)).encode()


def numbered(n: int) -> list[Record]:
    return [replace(RECORD, example_id=f"row{i}") for i in range(n)]


def right(name: str, seed: int, row: int) -> bool:
    return row % 2 == 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    store = RunStore(tmp_path)
    with store.locked():
        yield store


def test_records_come_back_as_they_were_stored(store: RunStore) -> None:
    assert store.records() == []
    store.append(numbered(2))
    store.append([replace(RECORD, example_id="row2", error={"type": "ModelError", "message": "x"})])
    records = store.records()
    assert records[:2] == numbered(2)
    assert records[2].error == {"type": "ModelError", "message": "x"}
    assert len((store.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()) >= 3


# Halves of surrogate pairs among them, which UTF-8 cannot hold.
@given(texts=st.lists(st.text(st.characters()), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_output_survives(store: RunStore, texts: list[str]) -> None:
    (store.folder / "records.jsonl").unlink(missing_ok=True)
    store.repair()
    records = [replace(RECORD, output=text, example_id=text) for text in texts]
    store.append(records)
    assert store.records() == records


def test_a_cut_at_any_byte_of_the_last_line_costs_that_line_only(store: RunStore) -> None:
    path = store.folder / "records.jsonl"
    store.append(numbered(4))
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(whole) - len(lines[-1]) - 2, len(whole)):
        path.write_bytes(whole[:cut])
        store.repair()
        # A line that lacks nothing but its end is whole.
        kept = sum(cut >= end for end, byte in enumerate(whole) if byte == ord("\n"))
        assert path.read_bytes() == b"".join(lines[:kept])
        assert store.records() == numbered(4)[:kept]
    path.write_bytes(whole[:-2])
    store.repair()
    store.append(numbered(4)[3:])
    assert path.read_bytes() == whole


def test_reading_leaves_a_line_that_is_being_written_alone(store: RunStore) -> None:
    path = store.folder / "records.jsonl"
    store.append(numbered(2))
    torn = path.read_bytes()[:-10]
    path.write_bytes(torn)
    assert store.records() == numbered(1)
    assert path.read_bytes() == torn


def test_a_last_line_that_lacks_its_end_only_is_read(store: RunStore) -> None:
    path = store.folder / "records.jsonl"
    store.append(numbered(2))
    path.write_bytes(path.read_bytes()[:-1])
    assert store.records() == numbered(2)


def test_repair_says_what_it_dropped(store: RunStore, caplog: pytest.LogCaptureFixture) -> None:
    store.repair()
    store.append(numbered(2))
    store.repair()
    assert not caplog.messages
    with (store.folder / "records.jsonl").open("ab") as f:
        f.write(b'{"trial": "01')
    store.repair()
    assert caplog.messages == [
        f"{store.folder / 'records.jsonl'}: from line 3 on it was cut short or damaged when a run was "
        "interrupted. That part is moved to records.jsonl.damaged, and what it held is asked again."
    ]
    assert (store.folder / "records.jsonl.damaged").read_bytes() == b'{"trial": "01'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"trial": "01', "This is no record of adaptkit"),
        (b"\xff\xfe", "This is no record of adaptkit"),
        (b"[1]", r"This is no record of adaptkit \(a JSON object is expected and '\[1\]' was found\)"),
        (b"\0" * 300, "This is no record of adaptkit"),
        ('{"trial": "x"}'.encode("utf-16-le"), "This is no record of adaptkit"),
        (b'{"schema_version": 3}', "has schema version 3, and this adaptkit reads version 4"),
        (b'{"trial": NaN}', "NaN is not a JSON value"),
        (json.dumps(versioned({"trial": "x"})).encode(), "The record lacks the field 'strategy'"),
        (
            json.dumps(versioned({**vars(RECORD), "scores": [1]})).encode(),
            "field 'scores' should be of type Mapping",
        ),
        (json.dumps(versioned({**vars(RECORD), "colour": 1})).encode(), "unknown field 'colour'"),
    ],
)
def test_a_damaged_line_in_the_middle_is_named(store: RunStore, line: bytes, message: str) -> None:
    store.append(numbered(3))
    path = store.folder / "records.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[1] = line
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StoreError, match=message) as caught:
        store.records()
    assert (caught.value.path, caught.value.line) == (path, 2)
    assert str(caught.value).startswith(f"{path} line 2: ")
    assert path.read_bytes() == b"\n".join(lines)


def test_a_second_writer_is_refused(store: RunStore) -> None:
    with (
        pytest.raises(StoreError, match="Another run is writing to this folder"),
        RunStore(store.folder).locked(),
    ):
        pass
    with pytest.raises(StoreError, match="Another run is writing"):
        compared(store.folder, right)


def test_the_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="x"), RunStore(tmp_path).locked():
        raise ValueError("x")
    with RunStore(tmp_path).locked():
        pass


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match=r"The run folder cannot be used \(.+\)\. Choose another one\."):
            compared(folder, right)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_keeps_what_was_paid_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, n_writes = os.write, 0

    def write(handle: int, data: bytes) -> int:
        nonlocal n_writes
        n_writes += data.startswith(b'{"schema_version"')
        if n_writes > 5 and (tmp_path / ".reserve").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StoreError, match=r"No space left on device.*measured before is safe") as caught:
            compared(tmp_path, right)
    assert caught.value.path == tmp_path / "records.jsonl"
    assert len(RunStore(tmp_path).records()) == 6
    assert not (tmp_path / "comparison.json").exists()

    model = planted_model(right)
    comparison = ak.compare([ak.PromptEngineering()], make_task(3), model=ak.FakeModel({}), out=tmp_path)
    assert comparison.rows[0].n == 3
    assert not answered_inputs(model)
    assert len(compared(tmp_path, right).records()) == 24


@pytest.mark.parametrize("name", ["trials", "manifest.json", "report.html", "artifacts"])
def test_a_result_that_cannot_be_written_is_an_error_of_the_store(tmp_path: Path, name: str) -> None:
    if name in {"trials", "artifacts"}:
        (tmp_path / name).write_text("in the way", encoding="utf-8")
    else:
        (tmp_path / name / "in the way").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"could not be written|not written by adaptkit"):
        compared(tmp_path, right)


def test_fresh_clears_what_runs_left_and_nothing_else(tmp_path: Path) -> None:
    before = compared(tmp_path, right)
    mine = [tmp_path / "notes.txt", tmp_path / "artifacts/mine/a.txt", tmp_path / "trials/mine/b.txt"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    store = RunStore(tmp_path)
    with store.locked():
        store.clear()
    left = sorted(p for p in tmp_path.rglob("*") if p.is_file() and p.name != ".lock")
    assert left == sorted(mine)
    after = compared(tmp_path, right, settings=ak.RunSettings(fresh=True))
    assert len(after.records()) == len(before.records())
    assert all(p.is_file() for p in mine)


def test_fresh_measures_again(tmp_path: Path) -> None:
    compared(tmp_path, right)
    comparison = compared(tmp_path, lambda *_: True, settings=ak.RunSettings(fresh=True))
    assert [r.quality for r in comparison.rows] == [1.0, 1.0]


def test_a_trial_result_comes_back_and_a_damaged_one_is_named(store: RunStore) -> None:
    assert store.trial_result("k") is None
    store.write_trial_result(RESULT)
    assert store.trial_result("k") == RESULT
    path = store.folder / "trials" / "k" / "result.json"
    for text in ("{", "[1]", '{"key": "k"}', json.dumps({**to_json(RESULT), "fit_s": "1"})):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(StoreError, match="Delete the file and run again") as caught:
            store.trial_result("k")
        assert caught.value.path == path


def test_an_artifact_is_its_trials_only_when_whole(store: RunStore) -> None:
    folder = store.prepare_artifact("artifacts/lora")
    (folder / "weights").write_text("1", encoding="utf-8")
    assert not store.artifact_is_from("artifacts/lora", "k")
    store.mark_artifact("artifacts/lora", "k", {"fit_s": 3.0})
    assert store.artifact_is_from("artifacts/lora", "k")
    assert not store.artifact_is_from("artifacts/lora", "another")
    assert store.read_mark("artifacts/lora")["fit_s"] == 3.0
    assert list(store.artifact_files("artifacts/lora")) == ["weights"]
    assert list(store.prepare_artifact("artifacts/lora").iterdir()) == [folder / "trial.json"]
    (folder / "trial.json").write_text("{", encoding="utf-8")
    assert not store.artifact_is_from("artifacts/lora", "k")


def test_an_unreadable_manifest_of_the_last_run_is_as_good_as_none(store: RunStore) -> None:
    assert store.last_manifest() == {}
    (store.folder / "manifest.json").write_text("[", encoding="utf-8")
    assert store.last_manifest() == {}
    (store.folder / "manifest.json").write_text("[]", encoding="utf-8")
    assert store.last_manifest() == {}


def test_a_saved_strategy_that_cannot_be_read_is_fitted_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupted(request: Request) -> str:
        if request.prompt.input == "row 3":
            raise KeyboardInterrupt
        return "x"

    strategy, task = [ak.PromptEngineering()], make_task(6)
    with pytest.raises(KeyboardInterrupt):
        ak.compare(strategy, task, model=ak.FakeModel(interrupted), out=tmp_path)
    (tmp_path / "artifacts" / "prompt" / "strategy.json").write_text("{", encoding="utf-8")
    comparison = ak.compare(strategy, task, model=ak.FakeModel({}), out=tmp_path)
    assert comparison.rows[0].status == "done"
    assert "it is fitted again" in caplog.text
