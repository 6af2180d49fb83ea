"""``write_task`` and ``load_task`` undo each other; the real tasks load."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit import metrics
from adaptkit.core.errors import DataError
from adaptkit.core.types import Document, Example
from adaptkit.tasks import KINDS, Task, load_task, write_task

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXT = ANY_TEXT.filter(lambda text: bool(text.strip()))
# One that is known may not fit the rows.
METRIC = TEXT.filter(lambda name: name not in metrics.names())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(ANY_TEXT, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    documents = draw(st.lists(st.builds(Document, id=TEXT, text=TEXT, title=st.none() | TEXT), max_size=3))
    documents = list({document.id: document for document in documents}.values())
    gold: st.SearchStrategy[Any] = st.just(())
    if documents:
        gold = st.lists(st.sampled_from([document.id for document in documents]), max_size=2).map(tuple)
    example = st.builds(
        Example,
        id=TEXT,
        input=TEXT,
        target=TEXT,
        aliases=st.lists(TEXT, max_size=2).map(tuple),
        gold_documents=gold,
        cluster=st.none() | TEXT,
        metadata=st.dictionaries(ANY_TEXT, JSON, max_size=2),
    )
    rows = draw(st.lists(example, min_size=1, max_size=8, unique_by=lambda row: row.id))
    cut = draw(st.integers(0, len(rows) - 1))
    return Task(
        name=draw(TEXT),
        kind=draw(st.sampled_from([kind for kind in KINDS if kind != "structured"])),
        instruction=draw(TEXT),
        metrics=draw(st.lists(METRIC, min_size=1, max_size=2, unique=True).map(tuple)),
        train=tuple(rows[:cut]),
        test=tuple(rows[cut:]),
        validation=draw(st.sampled_from([None, ()])),
        documents=tuple(documents),
        schema=draw(st.none() | st.just({"type": "object"})),
        tools=draw(st.sampled_from([(), ({"name": "go", "parameters": {"type": "object"}},)])),
        description=draw(ANY_TEXT),
        licence=draw(ANY_TEXT),
        attribution=draw(ANY_TEXT),
    )


@given(task=tasks())
def test_a_written_task_is_read_back_equal(tmp_path_factory: pytest.TempPathFactory, task: Task) -> None:
    folder = write_task(task, tmp_path_factory.mktemp("task"))
    read = load_task(folder, known_metrics=task.metrics)
    assert dataclasses.replace(read, source=task.source) == task
    assert read.content_hash == task.content_hash


def small(**fields: Any) -> Task:
    values: dict[str, Any] = {
        "name": "t",
        "kind": "structured",
        "instruction": "Extract.",
        "metrics": ("json_exact",),
        "train": (),
        "test": (Example(id="a", input="q", target='{"a": 1}'),),
    }
    return Task(**{**values, **fields})


def test_a_structured_task(tmp_path: Path) -> None:
    task = small(schema={"type": "object"}, documents=(Document(id="d", text="x"),))
    assert load_task(write_task(task, tmp_path / "new")) == dataclasses.replace(
        task, source=str(tmp_path / "new")
    )


def test_writing_again_replaces_all(tmp_path: Path) -> None:
    write_task(small(documents=(Document(id="d", text="x"),)), tmp_path)
    write_task(small(), tmp_path)
    assert load_task(tmp_path).documents == ()


def test_writing_beside_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("")
    with pytest.raises(DataError, match=r"holds train\.csv, which is not of this task"):
        write_task(small(), tmp_path)


SHARED = Path(os.environ.get("ADAPTKIT_TASKS") or Path(__file__).resolve().parents[3] / "shared" / "tasks")


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path.parent, id=path.parent.name) for path in sorted(SHARED.glob("*/task.json"))]
    or [pytest.param(None, marks=pytest.mark.skip(reason="no folder of real tasks"))],
)
def test_real_tasks_load_and_their_targets_score_1(folder: Path, tmp_path: Path) -> None:
    from adaptkit.metrics import Answer, aggregate, check_metrics

    task = load_task(folder)
    check_metrics(task.metrics)
    assert task.validation
    answers = [
        Answer(output=row.target, example=row, labels=task.labels, schema=task.schema)
        for row in task.test[:100]
    ]
    for name in task.metrics:
        assert aggregate(name, answers) == 1
        assert aggregate(name, answers, lenient=True) == 1
    assert load_task(write_task(task, tmp_path)).content_hash == task.content_hash


@pytest.mark.parametrize("targets", [("TRUE", "FALSE"), ("True", "False"), ("3.0", "4.0"), ("0,5", "1,25")])
def test_texts_that_look_like_values_of_other_formats_stay(targets: tuple[str, str], tmp_path: Path) -> None:
    rows = [Example(id=f"r{i}", input=f"in {i}", target=targets[i % 2]) for i in range(8)]
    task = Task(
        name="t", kind="classification", instruction="Do.", metrics=("accuracy",), labels=targets,
        train=tuple(rows[:4]), validation=(), test=tuple(rows[4:]),
    )  # fmt: skip
    read = load_task(write_task(task, tmp_path / "t"))
    assert [r.target for r in (*read.train, *read.test)] == [r.target for r in rows]
