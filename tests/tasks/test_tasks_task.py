"""Task: tuples, the validation split, the hash."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adaptkit.tasks
from adaptkit.core.codec import content_hash
from adaptkit.core.errors import ConfigError, DataError
from adaptkit.core.types import Document, Example
from adaptkit.tasks import Task, clusters, split_off


def rows(n: int, prefix: str = "r", **fields: Any) -> tuple[Example, ...]:
    return tuple(
        Example(id=f"{prefix}{i}", input=f"{prefix} input {i}", target="a", **fields) for i in range(n)
    )


def make(**fields: Any) -> Task:
    values: dict[str, Any] = {
        "name": "t",
        "kind": "qa",
        "instruction": "Answer.",
        "metrics": ("exact_match",),
        "train": rows(20),
        "test": rows(5, "test"),
    }
    return Task(**{**values, **fields})


def test_lists_become_tuples() -> None:
    task = make(
        train=list(rows(3)), test=list(rows(1, "t")), metrics=["accuracy"], labels=["a"], validation=[]
    )
    for field in ("train", "test", "metrics", "labels", "validation", "documents"):
        assert isinstance(getattr(task, field), tuple)


def test_a_fifth_of_train_becomes_validation() -> None:
    task = make()
    assert task.validation is not None
    assert (len(task.train), len(task.validation)) == (16, 4)
    ids = [row.id for row in (*task.train, *task.validation)]
    assert sorted(ids) == sorted(row.id for row in rows(20))


def test_at_most_100_rows_become_validation() -> None:
    assert len(make(train=rows(900)).validation or ()) == 100


def test_an_empty_validation_stays_empty() -> None:
    task = make(validation=())
    assert task.validation == ()
    assert len(task.train) == 20


def test_train_may_be_empty() -> None:
    task = make(train=())
    assert task.train == task.validation == ()


def test_the_split_does_not_depend_on_the_order_of_rows() -> None:
    one, other = make(), make(train=rows(20)[::-1])
    assert one.validation is not None
    assert other.validation is not None
    assert {row.id for row in one.validation} == {row.id for row in other.validation}


def test_another_seed_gives_another_split() -> None:
    taken = {split_off(rows(50), share=0.2, limit=100, seed=seed)[1][0].id for seed in range(10)}
    assert len(taken) > 1


@pytest.mark.parametrize("field", ["cluster", "gold_documents"])
def test_rows_of_a_cluster_stay_together(field: str) -> None:
    def value(i: int) -> Any:
        return f"c{i // 4}" if field == "cluster" else (f"c{i // 4}",)

    train = [Example(id=str(i), input=f"q{i}", target="a", **{field: value(i)}) for i in range(40)]
    documents = [Document(id=f"c{i}", text="text") for i in range(10)]
    task = make(train=train, documents=documents)
    assert task.validation
    assert len(task.validation) == 8
    assert not {getattr(r, field) for r in task.train} & {getattr(r, field) for r in task.validation}


def test_gold_documents_join_rows_in_chains() -> None:
    chain = [
        Example(id=str(i), input=f"q{i}", target="a", gold_documents=(f"d{i}", f"d{i + 1}")) for i in range(5)
    ]
    assert len(clusters(chain)) == 1


def test_equal_inputs_stay_together() -> None:
    twice = [Example(id=str(i), input=f"Question  {i // 2}", target="a") for i in range(10)]
    twice[1] = dataclasses.replace(twice[1], input="question 0")
    assert len(clusters(twice)) == 5


def test_rows_that_all_depend_on_each_other_are_not_split() -> None:
    assert make(train=rows(20, cluster="c")).validation == ()


def test_clusters_larger_than_the_room_still_give_a_validation_split() -> None:
    train = [*rows(5, "x", cluster="a"), *rows(5, "y", cluster="b")]
    assert len(make(train=train).validation or ()) == 5


@given(st.lists(st.integers(0, 8), max_size=60), st.floats(0.05, 0.9), st.integers(1, 30))
def test_a_split_loses_no_row_and_breaks_no_cluster(names: list[int], share: float, limit: int) -> None:
    given_rows = [
        Example(id=str(i), input=f"q{i}", target="a", cluster=None if name == 0 else str(name))
        for i, name in enumerate(names)
    ]
    kept, taken = split_off(given_rows, share=share, limit=limit)
    assert sorted(int(row.id) for row in (*kept, *taken)) == list(range(len(names)))
    shared = {row.cluster for row in kept} & {row.cluster for row in taken}
    assert shared <= {None}
    assert [int(r.id) for r in kept] == sorted(int(r.id) for r in kept)


def test_labels_default_to_the_targets() -> None:
    train = [dataclasses.replace(row, target="b" if i % 2 else "a") for i, row in enumerate(rows(4))]
    assert make(kind="classification", train=train).labels == ("a", "b")
    assert make(train=train).labels == ()


def test_primary_metric_is_the_first() -> None:
    assert make(metrics=("token_f1", "contains")).primary_metric == "token_f1"


def test_repr_is_short() -> None:
    assert repr(make()) == "Task(name='t', kind='qa', train=16, validation=4, test=5, documents=0)"


@pytest.mark.parametrize(
    "change",
    [
        {"instruction": "Answer now."},
        {"metrics": ("contains",)},
        {"kind": "generation"},
        {"labels": ("a",)},
        {"schema": {"type": "string"}},
        {"tools": ({"name": "go", "parameters": {}},)},
        {"train": rows(19)},
        {"test": rows(4, "test")},
        {"validation": ()},
        {"documents": (Document(id="d", text="text"),)},
        {"test": rows(5, "test", metadata={"x": 1})},
        {"test": rows(5, "test", aliases=("b",))},
    ],
)
def test_the_hash_changes_with_what_can_change_a_result(change: dict[str, Any]) -> None:
    assert make(**change).content_hash != make().content_hash


@pytest.mark.parametrize("field", ["name", "description", "licence", "attribution", "source"])
def test_the_hash_ignores_what_cannot(field: str) -> None:
    assert make(**{field: "other"}).content_hash == make().content_hash


@pytest.mark.parametrize(
    "tools",
    [
        ["go"],
        [{"parameters": {}}],
        [{"name": 3, "parameters": {}}],
        [{"name": "go", "parameters": []}],
        [{"name": "go"}, {"name": "go"}],
    ],
)
def test_tools_are_objects_with_a_name_of_their_own(tools: list[Any]) -> None:
    with pytest.raises(DataError, match="'tools'"):
        make(tools=tools)


def test_a_task_without_tools_has_the_hash_that_it_had_before_there_were_any() -> None:
    task = make()
    fields = [
        "kind",
        "instruction",
        "metrics",
        "labels",
        "schema",
        "train",
        "test",
        "validation",
        "documents",
    ]
    assert task.content_hash == content_hash({f: getattr(task, f) for f in fields})


def test_the_hash_is_stable() -> None:
    assert make().content_hash == make().content_hash == dataclasses.replace(make()).content_hash


def test_all_is_sorted_and_there() -> None:
    exported = adaptkit.tasks.__all__
    assert exported == sorted(exported, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(adaptkit.tasks, name) for name in exported)


def test_fewer_train_rows_are_part_of_more_and_leave_the_rest_as_it_is() -> None:
    rows = tuple(Example(id=f"r{i}", input=f"{i}", target=str(i % 2)) for i in range(60))
    task = Task(
        name="t",
        kind="classification",
        instruction="?",
        metrics=("accuracy",),
        train=rows[:40],
        test=rows[40:],
    )
    small, large = task.with_train(5), task.with_train(12)
    assert (small.name, len(small.train), len(large.train)) == ("t@5", 5, 12)
    ids = [{e.id for e in t.train} for t in (small, large, task)]
    assert ids[0] < ids[1] < ids[2]
    assert (small.test, small.validation, small.labels) == (task.test, task.validation, task.labels)
    assert small.content_hash != large.content_hash
    other = task.with_train(5, seed=1)
    assert {e.id for e in other.train} != ids[0]
    assert other.name == "t@5#1"
    assert task.with_train(1000).train == task.train
    with pytest.raises(ConfigError, match="an int >= 1"):
        task.with_train(0)


def test_a_task_without_a_split_is_what_its_rows_would_have_made() -> None:
    task = make(train=rows(20), validation=rows(4, "v"), test=rows(2, "t"))
    before = task.content_hash
    for fewer, made in (
        (task.without("train"), dataclasses.replace(task, train=())),
        (task.without("validation"), dataclasses.replace(task, validation=())),
    ):
        assert fewer == made
        assert fewer.content_hash == made.content_hash != before
    assert task.content_hash == before
