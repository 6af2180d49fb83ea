"""Answers in documents: where they stand, and what else may stand there."""

from __future__ import annotations

import dataclasses

import pytest
from fresh_world import city_task
from hypothesis import given
from hypothesis import strategies as st

import adaptkit as ak
from adaptkit.core.types import Document, Example
from adaptkit.studies.freshness.replacing import replacements
from adaptkit.studies.freshness.stated import Fact, facts_of, locate, replaced, states


def document(text: str, title: str | None = None) -> Document:
    return Document(id="d", text=text, title=title)


def fact(target: str, *aliases: str, documents: tuple[str, ...] = ("d",)) -> Fact:
    return Fact(
        target=target,
        documents=frozenset(documents),
        spellings=(target, *(a for a in aliases if " " in a)),
        aliases=aliases,
        questions=(),
    )


def row(i: str, target: str, *documents: str, question: str = "", aliases: tuple[str, ...] = ()) -> Example:
    return Example(
        id=i, input=question or f"what of {i}", target=target, gold_documents=documents, aliases=aliases
    )


def task(rows: list[Example], documents: list[Document]) -> ak.Task:
    return ak.Task(
        name="t",
        kind="qa",
        instruction="?",
        metrics=("exact_match",),
        train=tuple(rows[1:]),
        validation=(),
        test=tuple(rows[:1]),
        documents=tuple(documents),
    )


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("due in 45 days", "45 days", True),
        ("due in 45 days", "5 days", False),
        ("a fee of £1,500.", "500", False),
        ("a fee of £1,500.", "£1,500", True),
        ("it weighs 4.5 kg", "4", False),
        ("it weighs 4 kg", "4", True),
        ("so it costs 4.", "4", True),
        ("Lima, of course", "Lima", True),
        ("Limassol", "Lima", False),
        ("lima", "Lima", False),
        ("a (b)", "(b)", True),
    ],
)
def test_answers_stand_as_whole_words_and_numbers(text: str, answer: str, expected: bool) -> None:
    assert states(document(text), answer) is expected


def test_titles_state_answers_too() -> None:
    assert states(document("text", title="Open till 9 pm"), "9 pm")


def test_gold_documents_are_taken_where_any_row_names_them() -> None:
    rows = [row("a", "Lima", "d"), row("b", "Lima")]
    assert locate(task(rows, [document("Lima")])) == {"a": ("d",), "b": ()}


def test_otherwise_the_only_document_with_the_target_is() -> None:
    both = [
        dataclasses.replace(document("Lima or Oslo"), id="x"),
        dataclasses.replace(document("Oslo"), id="y"),
    ]
    rows = [row("a", "Lima"), row("b", "Oslo"), row("c", "Rome")]
    assert locate(task(rows, both)) == {"a": ("x",), "b": None, "c": None}


def test_rows_with_a_target_and_a_document_in_common_ask_for_one_fact() -> None:
    documents = [Document(id=i, text="due in 45 days") for i in "xyz"]
    rows = [
        row("a", "45 days", "x", "y"),
        row("b", "45 days", "y", aliases=("six weeks", "45")),
        row("c", "45 days", "z"),
        row("d", "9 days", "z"),
    ]
    found = facts_of(task(rows, documents), locate(task(rows, documents)))
    assert [(f.target, sorted(f.documents)) for f in found] == [("45 days", ["x", "y"]), ("45 days", ["z"])]
    assert found[0].spellings == ("45 days", "six weeks")
    assert found[0].aliases == ("six weeks", "45")
    assert set(found[0].questions) == {"what of a", "what of b"}


def test_alias_around_the_target_is_left_so_that_the_words_around_it_fit() -> None:
    rows = [row("a", "29th day", "d", aliases=("from the 29th day", "day twenty-nine"))]
    (found,) = facts_of(task(rows, [document("from the 29th day")]), {"a": ("d",)})
    assert found.spellings == ("29th day", "day twenty-nine")


def test_facts_change_all_at_once() -> None:
    a, b = fact("Lima"), fact("Oslo")
    changed, found = replaced(document("Lima, Oslo, Lima.", title="Oslo"), {a: "Oslo", b: "Lima"}, ())
    assert (changed.text, changed.title) == ("Oslo, Lima, Oslo.", "Lima")
    assert found == {a, b}


def test_longest_answer_at_a_place_decides() -> None:
    short, long = fact("45 days"), fact("45 days from receipt")
    changed, found = replaced(document("Pay 45 days from receipt."), {short: "9 days", long: "at once"}, ())
    assert changed.text == "Pay at once."
    assert found == {long}


def test_facts_that_stay_are_not_touched_by_others() -> None:
    moving, staying = fact("45 days"), fact("45 days from receipt")
    text = "Pay 45 days from receipt. Rent 45 days."
    changed, found = replaced(document(text), {moving: "9 days"}, [staying])
    assert changed.text == "Pay 45 days from receipt. Rent 9 days."
    assert found == {moving}


def test_other_spellings_change_too_unless_they_are_the_target_of_another_fact() -> None:
    moving, staying = fact("45 days", "six weeks", "a month"), fact("a month")
    changed, found = replaced(document("45 days (six weeks), or a month"), {moving: "9 days"}, [staying])
    assert changed.text == "9 days (9 days), or a month"
    assert found == {moving}


WORDS = st.sampled_from(["Lima", "Oslo", "Rome", "45 days", "5 days", "5", "tea", "of"])


@given(st.lists(WORDS, min_size=1, max_size=12), st.permutations(["Lima", "Oslo", "Rome"]))
def test_replacing_and_replacing_back_gives_the_document(words: list[str], order: list[str]) -> None:
    names = ("Lima", "Oslo", "Rome")
    there = {fact(a): b for a, b in zip(names, order, strict=True)}
    back = {fact(b): a for a, b in zip(names, order, strict=True)}
    given_document = document(" ".join(words))
    changed, found = replaced(given_document, there, ())
    assert {f.target for f in found} == set(names) & set(words)
    assert replaced(changed, back, ())[0] == given_document
    assert len(changed.text.split()) == len(given_document.text.split())


def drawn(rows: list[Example], documents: list[Document], seed: int = 0) -> dict[str, str]:
    made = task(rows, documents)
    return {f.target: a for f, a in replacements(facts_of(made, locate(made)), made, seed=seed).items()}


def test_new_answers_have_the_shape_of_the_old() -> None:
    pool = ["30 days", "Friday", "half price", "seven weeks", "£20", "Mr Brown"]
    rows = [row(str(i), t) for i, t in enumerate(pool)]
    texts = {"45 days": "30 days", "Monday": "Friday", "Ms Gray": "Mr Brown", "£5": "£20"}
    asked = [row(t, t, t) for t in texts]
    documents = [Document(id=t, text=f"It is {t}.") for t in texts]
    assert drawn([*asked, *rows], documents).items() >= texts.items()


def test_question_that_begins_alike_tells_the_sort() -> None:
    rows = [
        row("a", "red", "d", question="Which colour has the bin?"),
        row("b", "oak", question="Which tree stands there?"),
        row("c", "blue", question="Which colour has the door?"),
        row("d", "sawmill", question="Who sends the wood?"),
    ]
    assert [drawn(rows, [document("It is red.")], seed)["red"] for seed in range(6)] == ["blue"] * 6


def test_new_answer_is_none_that_counts_as_right_nor_contains_one() -> None:
    rows = [row("a", "ten days", "d", aliases=("a fortnight",))]
    rows += [row("b", "ten days"), row("c", "about ten days"), row("d", "Ten days!"), row("e", "a fortnight")]
    assert drawn(rows, [document("It takes ten days.")]) == {}
    rows.append(row("f", "two days"))
    assert drawn(rows, [document("It takes ten days.")]) == {"ten days": "two days"}


def test_new_answers_of_one_document_differ_and_do_not_stand_there_where_that_can_be() -> None:
    names = ["1 day", "2 days", "3 days"]
    rows = [row(n, n, "d") for n in names] + [row(f"other {i}", f"{i} days") for i in range(4, 9)]
    for seed in range(5):
        found = drawn(rows, [document("1 day, 2 days, 3 days")], seed)
        assert len(set(found.values())) == 3
        assert not set(found.values()) & set(names)
    found = drawn([row(n, n, "d") for n in names], [document("1 day, 2 days, 3 days")])
    assert all(answer != target for target, answer in found.items())


def test_new_answers_come_from_train_rows_and_depend_on_the_seed() -> None:
    made = city_task()
    test_only = dataclasses.replace(
        made, test=(*made.test, row("test-only", "Atlantis", "peru", question="What else?"))
    )
    facts = facts_of(test_only, locate(test_only))
    answers = {seed: replacements(facts, test_only, seed=seed) for seed in range(3)}
    assert all("Atlantis" not in found.values() for found in answers.values())
    assert answers[0] != answers[1]
    assert answers[0] == replacements(facts, test_only, seed=0)
