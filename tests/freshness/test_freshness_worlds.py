"""Before and after: what changes with documents, and what has to stay."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from fresh_world import COUNTRIES, city_task

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, DataError
from adaptkit.core.types import Document, Example
from adaptkit.studies.freshness.stated import rows_of, states
from adaptkit.studies.freshness.worlds import Kind, Scenario, _some, make_world

TASK = city_task()
KINDS: tuple[Kind, ...] = get_args(Kind)


def world(kind: Kind, *, share: float = 0.25, seed: int = 0, task: ak.Task = TASK) -> Scenario:
    return make_world(task, kind, share=share, seed=seed)


def documents_of(task: ak.Task) -> dict[str, Document]:
    return {d.id: d for d in task.documents}


def test_changed_documents_state_the_new_truths_and_no_longer_the_old() -> None:
    made = world("change")
    assert len(made.documents) == len(made.affected) == 4
    old, new = documents_of(made.old), documents_of(made.new)
    for case in made.affected:
        assert case.old is not None
        assert case.new is not None
        (gold,) = case.old.gold_documents
        assert gold in made.documents
        assert states(old[gold], case.old.target)
        assert states(new[gold], case.new.target)
        assert not states(new[gold], case.old.target)
        assert case.new.target not in case.old.references
        assert case.new.aliases == ()
        assert case.new.metadata == {}
        assert (case.new.id, case.new.input) == (case.old.id, case.old.input)
    assert {i for i in old if old[i] != new[i]} == set(made.documents)


def test_rows_of_every_split_are_told_the_same_truth() -> None:
    made = world("change")
    truth = {d: a.new.target for a in made.affected if a.new for d in a.new.gold_documents}
    rows = [e for e in rows_of(made.new) if set(e.gold_documents) & truth.keys()]
    assert len(rows) == 3 * len(made.affected)
    assert all(e.target == truth[e.gold_documents[0]] for e in rows)
    kept = [e for e in rows_of(made.new) if not set(e.gold_documents) & truth.keys()]
    assert kept == [e for e in rows_of(TASK) if not set(e.gold_documents) & truth.keys()]
    assert made.counts["n_train_changed"] == 4


def test_unaffected_rows_are_all_others() -> None:
    for kind in KINDS:
        made = world(kind)
        affected = {a.row.id for a in made.affected}
        assert {e.id for e in made.unaffected} == {e.id for e in TASK.test} - affected
        assert made.counts["n_left_out"] == 0
        assert not any(set(e.gold_documents) & set(made.documents) for e in made.unaffected)


def test_adding_is_deleting_backwards() -> None:
    add, delete = world("add"), world("delete")
    assert add.documents == delete.documents
    assert len(add.documents) == 4
    assert (add.old, add.new) == (delete.new, delete.old)
    assert add.new is TASK
    assert not {d.id for d in add.old.documents} & set(add.documents)
    assert not any(set(e.gold_documents) & set(add.documents) for e in rows_of(add.old))
    assert [a.new for a in add.affected] == [a.old for a in delete.affected]
    assert {a.old for a in add.affected} == {a.new for a in delete.affected} == {None}


def test_choice_is_seeded_and_grows_with_the_share() -> None:
    for kind in KINDS:
        assert world(kind) == world(kind)
        assert set(world(kind).documents) != set(world(kind, seed=1).documents)
        assert set(world(kind).documents) < set(world(kind, share=0.5).documents)
        assert len(world(kind, share=0.001).documents) == 1


def test_choice_does_not_depend_on_the_order_of_rows() -> None:
    turned = dataclasses.replace(
        TASK, train=TASK.train[::-1], test=TASK.test[::-1], documents=TASK.documents[::-1]
    )
    for kind in KINDS:
        made, again = world(kind), world(kind, task=turned)
        assert set(made.documents) == set(again.documents)
        assert {a.row.id: a.row.target for a in made.affected} == {
            a.row.id: a.row.target for a in again.affected
        }
        assert documents_of(made.new) == documents_of(again.new)


def joined() -> ak.Task:
    """Each test row needs a second document, which says nothing of its answer but answers another row."""

    def row(example: Example, i: int) -> Example:
        other = COUNTRIES[(i + 1) % len(COUNTRIES)].lower()
        return dataclasses.replace(example, gold_documents=(*example.gold_documents, other))

    return dataclasses.replace(TASK, test=tuple(row(e, i) for i, e in enumerate(TASK.test)))


def test_rows_whose_truth_is_not_clear_any_more_are_left_out_and_counted() -> None:
    task = joined()
    made = world("change", task=task, share=0.3)
    touched = set(made.documents)
    expected = {
        e.id for e in task.test if e.gold_documents[0] in touched and e.gold_documents[1] not in touched
    }
    assert {a.row.id for a in made.affected} == expected
    unclear = {e.id for e in task.test if e.gold_documents[1] in touched}
    assert made.counts["n_left_out"] == len(unclear) > 0
    assert not unclear & {e.id for e in made.new.test}
    assert {e.id for e in made.unaffected} == {e.id for e in task.test} - unclear - expected


def test_train_rows_whose_truth_is_not_clear_any_more_are_not_trained_on() -> None:
    vague = Example(id="v", input="What is near Peru?", target="the sea", gold_documents=("peru",))
    task = dataclasses.replace(TASK, train=(*TASK.train, vague))
    made = world("change", task=task, share=1.0)
    assert "v" not in {e.id for e in made.new.train}
    assert made.counts["n_train_new"] == made.counts["n_train_old"] - 1
    few = world("change", task=task, share=0.01)
    assert ("v" in {e.id for e in few.new.train}) is ("peru" not in few.documents)


def test_documents_that_state_no_target_are_not_used_and_counted() -> None:
    silent = dataclasses.replace(TASK.documents[0], text="Nothing is known of it.", title="Terra")
    task = dataclasses.replace(TASK, documents=(silent, *TASK.documents[1:]))
    for seed in range(4):
        made = world("change", task=task, share=0.9, seed=seed)
        assert silent.id not in made.documents
        assert documents_of(made.new)[silent.id] == silent
        assert made.counts["n_without_verbatim_target"] == 1
        assert made.counts["n_candidates"] == len(TASK.documents) - 1


def test_without_another_answer_nothing_can_change() -> None:
    rows = [Example(id=i, input=i, target="yes", gold_documents=("d",)) for i in "ab"]
    document = Document(id="d", text="yes")
    task = ak.Task(
        name="t", kind="qa", instruction="?", metrics=("exact_match",), train=(rows[0],), validation=(),
        test=(rows[1],), documents=(document,),
    )  # fmt: skip
    with pytest.raises(CapabilityError, match="another row's answer of the same shape"):
        world("change", task=task)


def test_rows_without_gold_documents_in_a_task_that_names_some_have_nothing_to_do_with_it() -> None:
    loose = Example(id="loose", input="Is there life elsewhere?", target="unknown")
    task = dataclasses.replace(TASK, test=(*TASK.test, loose))
    for kind in KINDS:
        made = world(kind, task=task)
        assert loose in made.unaffected
        assert loose in made.new.test


def without_gold() -> ak.Task:
    """Nobody says which document answers a row, and one city stands in two."""

    def bare(rows: tuple[Example, ...]) -> tuple[Example, ...]:
        return tuple(dataclasses.replace(e, gold_documents=()) for e in rows)

    twice = Document(id="twice", text="Lima is a bean, too.")
    return dataclasses.replace(
        TASK,
        train=bare(TASK.train),
        validation=bare(TASK.validation or ()),
        test=bare(TASK.test),
        documents=(*TASK.documents, twice),
    )


def test_documents_are_found_by_their_targets_where_no_row_names_any() -> None:
    task = without_gold()
    for kind in KINDS:
        made = world(kind, task=task, share=0.3)
        # The row about Lima is on neither side: nobody knows which document it came from.
        rows = [*(a.row for a in made.affected), *made.unaffected]
        assert {e.id for e in TASK.test} - {e.id for e in rows} == {"test-Peru"}
        assert made.counts["n_left_out"] == 1
        for case in made.affected:
            asked = case.row.input.removeprefix("What is the capital of ").removesuffix("?")
            assert asked.lower() in made.documents


def test_task_without_documents_that_answer_test_rows_is_refused() -> None:
    bare = dataclasses.replace(without_gold(), documents=())
    for kind in KINDS:
        with pytest.raises(CapabilityError, match="none of its test rows has a gold document"):
            world(kind, task=bare)


def test_too_large_a_share_is_told() -> None:
    with pytest.raises(DataError, match="No document of the task 'cities' would be left"):
        world("delete", share=1.0)
    alone = Document(id="alone", text="Nobody asks for this.")
    task = dataclasses.replace(TASK, documents=(*TASK.documents, alone))
    ids = [d.id for d in task.documents]
    seed = next(s for s in range(100) if "alone" not in _some(task, ids, 0.94, s))
    with pytest.raises(DataError, match="No test row of the task 'cities' would be left"):
        world("delete", share=0.94, seed=seed, task=task)


def test_share_that_reaches_no_test_row_is_told() -> None:
    one = dataclasses.replace(TASK, test=TASK.test[:1])
    for kind in KINDS:
        (chosen,) = world(kind, share=0.01).documents
        task = one if chosen != "peru" else dataclasses.replace(TASK, test=TASK.test[1:2])
        with pytest.raises(
            DataError, match="No test row of the task 'cities' has a clear answer in the 1 doc"
        ):
            world(kind, share=0.01, task=task)


def test_limit_takes_so_many_of_either_and_fewer_are_part_of_more() -> None:
    made = world("change", share=0.5)
    two, three = made.limited(2), made.limited(3)
    assert (len(two.affected), len(two.unaffected)) == (2, 2)
    assert {a.row.id for a in two.affected} < {a.row.id for a in three.affected}
    assert two.counts["n_not_asked"] == 12
    assert (two.old, two.new) == (made.old, made.new)
    assert made.limited(None).counts == made.counts
