"""Planted rows are found wherever they stand, in whatever words; clean tasks are left alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from leak_cases import (
    IN_OTHER_WORDS,
    SynonymEmbedder,
    label_task,
    planted_rows,
    qa_task,
    with_documents,
    with_train,
)

from adaptkit.core.types import Demonstration, Example
from adaptkit.leakage import LeakageReport, LeakKind, Place, check_leakage
from adaptkit.tasks import Task

PLACES: tuple[Place, ...] = ("train", "demonstrations", "documents")


def check_with(task: Task, rows: Iterable[Example], place: Place, **options: Any) -> LeakageReport:
    """Check the task with these rows in one place."""
    rows = list(rows)
    if place == "demonstrations":
        shown = [Demonstration(input=r.input, target=r.target) for r in rows]
        return check_leakage(task, demonstrations=shown, **options)
    if place == "documents":
        return check_leakage(
            with_documents(task, *(f"Notes.\nQ: {r.input}\nA: {r.target}\nThe end." for r in rows)), **options
        )
    return check_leakage(with_train(task, *rows), **options)


def found(report: LeakageReport, kind: LeakKind, place: Place) -> tuple[int, int]:
    count = report.count(kind, place)
    return count.n_rows, count.n_with_answer


@pytest.mark.parametrize("make", [qa_task, label_task])
def test_a_clean_task_is_ok(make: Callable[[], Task]) -> None:
    report = check_leakage(make(), embedder=SynonymEmbedder())
    assert (report.verdict, report.reason) == ("ok", None)
    assert (report.exact_ids, report.near_ids) == ((), ())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", [qa_task, label_task])
def test_the_same_input_in_another_form_is_found(make: Callable[[], Task], place: Place) -> None:
    task = make()
    rows = task.test[:4]
    copies = planted_rows(rows, (f"  {r.input.upper().rstrip('?')} ... !" for r in rows))
    report = check_with(task, copies, place, embed=False)
    assert found(report, "exact", place) == (4, 4)
    assert report.exact_ids == tuple(r.id for r in rows)
    assert report.verdict == "refuse"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("the", "teh").replace("a", "aa", 1),
        lambda text: text.replace(" ", " really ", 1),
        lambda text: text[:-3] + text[-2:],
    ],
)
def test_typing_slips_and_a_word_more_are_near_copies(change: Callable[[str], str], place: Place) -> None:
    task = qa_task()
    rows = task.test[:6]
    report = check_with(task, planted_rows(rows, (change(r.input) for r in rows)), place, embed=False)
    assert report.count("exact", place).n_rows == 0
    assert found(report, "near", place)[1] == 6
    assert report.near_ids == tuple(r.id for r in rows)
    assert report.verdict == "warn"


@pytest.mark.parametrize("place", ["train", "demonstrations"])
def test_another_order_of_words_is_a_near_copy(place: Place) -> None:
    task = label_task()
    rows = task.test[:5]
    turned = (" ".join([*r.input.split()[4:], *r.input.split()[:4]]) for r in rows)
    report = check_with(task, planted_rows(rows, turned), place, embed=False)
    # Rows of the same wording are near to them too; these are the same but for the order.
    same = {p.test_id for p in report.pairs if p.kind == "near" and p.similarity == 1}
    assert same == {r.id for r in rows} <= set(report.near_ids)


@pytest.mark.parametrize("place", PLACES)
def test_other_words_are_a_paraphrase(place: Place) -> None:
    task = qa_task()
    rows = task.test[:4]
    copies = planted_rows(rows, IN_OTHER_WORDS)
    without = check_with(task, copies, place, embed=False)
    assert without.near_ids == ()
    report = check_with(task, copies, place, embedder=SynonymEmbedder())
    assert found(report, "paraphrase", place) == (4, 4)
    assert report.near_ids == tuple(r.id for r in rows)
    assert report.embedder == "synonyms"


@pytest.mark.parametrize("place", PLACES)
def test_a_row_that_asks_the_same_of_something_else_is_none(place: Place) -> None:
    task = qa_task()
    # The wording of a test row with another city and its answer; the wording of one with other numbers.
    others = [
        dataclasses.replace(r, input=r.input.replace("Ardmoor", "Zennor"), target="unknown")
        for r in task.test[:4]
    ]
    report = check_with(
        task, planted_rows(others, (r.input for r in others)), place, embedder=SynonymEmbedder()
    )
    assert (report.verdict, report.near_ids) == ("ok", ())


def test_the_same_numbers_belong_to_the_same_question() -> None:
    rows = [
        Example(
            id=f"r{i}",
            input=f"Tom has {i} red marbles and buys {50 - i} more, how many now?",
            target=f"{50 + 7 * i}",
        )
        for i in range(8)
    ]
    others = [
        dataclasses.replace(r, id=f"o{i}", input=r.input.replace(f"{i} red", f"{i + 20} red"))
        for i, r in enumerate(rows)
    ]
    task = Task(
        name="sums",
        kind="arithmetic",
        instruction="?",
        metrics=("numeric_match",),
        test=tuple(rows),
        train=tuple(others),
        validation=(),
    )
    report = check_leakage(task, embedder=SynonymEmbedder())
    assert report.near_ids == ()


def test_a_document_that_states_the_answer_is_no_leak_and_one_that_asks_is() -> None:
    task = qa_task()
    row = task.test[0]
    stated = "The tower of Ardmoor is 3 metres tall, which one sees from afar."
    assert check_leakage(with_documents(task, stated), embedder=SynonymEmbedder()).near_ids == ()
    asked = f"What is the height of the tower of Ardmoor? It is {row.target}."
    assert check_leakage(with_documents(task, asked), embedder=SynonymEmbedder()).near_ids == (row.id,)


def test_a_question_in_a_document_gives_its_answer_only_if_that_stands_beside_it() -> None:
    task = qa_task()
    row = task.test[0]
    far = f"{row.input} Nobody knows. {'Some more words. ' * 40} {row.target}"
    report = check_leakage(with_documents(task, far), embed=False)
    assert found(report, "exact", "documents") == (1, 0)
    assert report.exact_ids == ()
    near = check_leakage(with_documents(task, f"Answer: {row.target}. Question: {row.input}"), embed=False)
    assert found(near, "exact", "documents") == (1, 1)


def test_an_answer_that_is_part_of_the_question_is_not_given_away_by_it() -> None:
    rows = [Example(id="r", input="Is the tower of Selby red or is it blue?", target="red")]
    task = Task(
        name="t",
        kind="qa",
        instruction="?",
        metrics=("exact_match",),
        train=(),
        test=tuple(rows),
        validation=(),
    )
    alone = check_leakage(
        with_documents(task, "Someone asked: is the tower of Selby red or is it blue?"), embed=False
    )
    assert found(alone, "exact", "documents") == (1, 0)
    told = check_leakage(
        with_documents(task, "Is the tower of Selby red or is it blue? It is red."), embed=False
    )
    assert found(told, "exact", "documents") == (1, 1)


def test_the_same_input_with_another_answer_is_told_apart() -> None:
    task = qa_task()
    other = Example(id="other", input=task.test[0].input, target="somebody else")
    report = check_leakage(with_train(task, other), embed=False)
    assert found(report, "exact", "train") == (1, 0)
    assert report.exact_ids == ()
    assert any("not with the same answer" in s for s in report.sentences)


def test_an_alias_is_an_answer_and_json_may_stand_in_any_order() -> None:
    task = qa_task()
    row = dataclasses.replace(task.test[0], aliases=("ten feet",))
    task = dataclasses.replace(task, test=(row, *task.test[1:]))
    report = check_leakage(
        with_train(task, Example(id="x", input=row.input, target="Ten feet.")), embed=False
    )
    assert report.exact_ids == (row.id,)
    notes = Task(
        name="notes",
        kind="structured",
        instruction="?",
        metrics=("json_exact",),
        test=(Example(id="t", input="two lamps to Oban", target='{"item": "lamp", "n": 2}'),),
        train=(Example(id="a", input="Two lamps, to Oban", target='{"n": 2, "item": "lamp"}'),),
        validation=(),
    )
    assert check_leakage(notes, embed=False).exact_ids == ("t",)


def test_any_summary_of_the_same_text_gives_help() -> None:
    text = "The committee met on monday and talked for hours about the roof of the hall before it rose"
    rows = [
        Example(id="t", input=text, target="They talked about the roof."),
        *(
            Example(id=f"r{i}", input=f"{i} birds of kind {i} were seen by the lake {i}", target=f"Birds {i}")
            for i in range(9)
        ),
    ]
    task = Task(
        name="s", kind="summarization", instruction="?", metrics=("rouge_l",), test=tuple(rows),
        validation=(),
        train=(Example(id="a", input=text + " at last", target="A long meeting."),),
    )  # fmt: skip
    assert check_leakage(task, embed=False).near_ids == ("t",)


def test_a_row_among_its_own_demonstrations_is_named() -> None:
    task = qa_task()
    row = task.test[3]
    shown = Demonstration(input="something else altogether", target="?", example_id=row.id)
    report = check_leakage(task, demonstrations=[shown], embed=False)
    assert found(report, "own", "demonstrations") == (1, 1)
    assert report.exact_ids == (row.id,)
    assert report.sentences[0] == f"Among their own demonstrations: 1 of 40 (2.5 %) test rows ({row.id})."


def test_validation_counts_apart_and_warns() -> None:
    task = qa_task()
    copy = Example(id="copy", input=task.test[0].input, target=task.test[0].target)
    task = dataclasses.replace(task, validation=(*(task.validation or ()), copy))
    report = check_leakage(task, embed=False)
    assert found(report, "exact", "validation") == (1, 1)
    assert (report.verdict, report.exact_ids) == ("warn", ())


def test_repeats_within_test_are_counted_once_each() -> None:
    task = qa_task()
    repeats = [
        dataclasses.replace(task.test[0], id=f"again{i}", input=task.test[0].input.upper()) for i in range(3)
    ]
    report = check_leakage(dataclasses.replace(task, test=(*task.test, *repeats)), embed=False)
    assert found(report, "exact", "test") == (3, 3)
    assert report.verdict == "warn"
    assert any(s.startswith("Same input as an earlier test row: 3 of 43") for s in report.sentences)


def test_clusters_and_gold_documents_that_train_shares_are_counted() -> None:
    task = qa_task()
    assert check_leakage(task, embed=False).n_shared_clusters == 0
    shared = Example(id="s", input="What about Ardmoor?", target="much", gold_documents=("Ardmoor",))
    assert check_leakage(with_train(task, shared), embed=False).n_shared_clusters == 4
    rows = [
        dataclasses.replace(r, cluster="one", id=f"x{r.id}", input=f"say {r.input}") for r in task.test[:2]
    ]
    more = with_train(task, dataclasses.replace(shared, cluster="one"))
    in_cluster = dataclasses.replace(more, test=tuple(rows))
    assert check_leakage(in_cluster, embed=False).n_shared_clusters == 2


def test_gold_answers_in_documents_are_counted() -> None:
    task = qa_task()
    gold = check_leakage(task, embed=False).gold_answers
    assert gold is not None
    assert (gold.n_in_any, gold.n_with_gold, gold.n_in_gold, gold.share_in_gold) == (40, 40, 40, 1.0)
    lost = dataclasses.replace(task.test[0], target="nowhere to be read")
    moved = dataclasses.replace(task.test[1], gold_documents=("Tain",))
    unnamed = dataclasses.replace(task.test[2], gold_documents=())
    gold = check_leakage(dataclasses.replace(task, test=(lost, moved, unnamed)), embed=False).gold_answers
    assert gold is not None
    assert (gold.n_in_any, gold.n_with_gold, gold.n_in_gold, gold.share_in_gold) == (2, 2, 0, 0.0)
    assert check_leakage(label_task(), embed=False).gold_answers is None


def test_only_the_rows_in_use_count() -> None:
    task = qa_task()
    copies = planted_rows(task.test[:4], (r.input for r in task.test[:4]))
    report = check_leakage(with_train(task, *copies), examples=task.test[4:14], embed=False)
    assert (report.n_test, report.verdict) == (10, "ok")
    report = check_leakage(with_train(task, *copies), examples=task.test[2:12], embed=False)
    assert report.count("exact", "train").share == 0.2
