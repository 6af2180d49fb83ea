"""Accuracy and macro-F1, the latter beside scikit-learn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, aggregate, score
from adaptkit.metrics.classification import mentioned_label
from adaptkit.strategies.reading import mentioned_last

LABELS = ("card", "card lost", "transfer_failed", "c++")


def answer(output: str, target: str, labels: tuple[str, ...] = LABELS, *aliases: str) -> Answer:
    return Answer(
        output=output, example=Example(id="1", input="?", target=target, aliases=aliases), labels=labels
    )


@pytest.mark.parametrize(
    ("output", "target", "strict", "lenient"),
    [
        ("card", "card", 1, 1),
        (" CARD \n", "card", 1, 1),
        ("card lost", "card lost", 1, 1),
        ("card lost", "card", 0, 0),
        ("The label is card lost.", "card lost", 0, 1),
        ("Label: transfer_failed", "transfer_failed", 0, 1),
        ("c++!", "c++", 0, 1),
        ("It is card or transfer_failed", "card", 0, 0),
        ("cards", "card", 0, 0),
        ("card card card", "card", 0, 1),
        ("none of these", "card", 0, 0),
        ("", "card", 0, 0),
    ],
)
def test_accuracy(output: str, target: str, strict: float, lenient: float) -> None:
    assert score("accuracy", answer(output, target)) == Score(strict=strict, lenient=lenient)


def test_accuracy_without_labels_has_no_lenient_reading() -> None:
    assert score("accuracy", answer("It is card", "card", ())) == Score(strict=0, lenient=0)
    assert score("accuracy", answer("card", "card", ())) == Score(strict=1, lenient=1)


def test_an_alias_is_right() -> None:
    assert score("accuracy", answer("pos", "positive", ("positive", "negative"), "pos")).strict == 1


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("It is C++.", "c"),
        ("It is C#", "c"),
        ("Grade: A-", "a"),
        ("AB+", "ab"),
        ("-5", "5"),
        ("\u22125", "5"),
        ("<5", "5"),
        ("1.5", "5"),
        ("1.5", "1"),
        ("5/6", "5"),
        ("10:30", "30"),
        ("5%", "5"),
        ("1,5", "1"),
        ("10-12", "10"),
    ],
)
def test_a_label_within_another_answer_is_not_mentioned(text: str, label: str) -> None:
    assert mentioned_label(text, (label, "other")) is None
    assert mentioned_last(text, (label, "other")) is None
    for said in (f"It is {label}.", f"({label})", f"{label}, surely", f"Label:{label}", f"**{label}**"):
        assert mentioned_label(said, (label, "other")) == label


def test_mentioned_label_ignores_the_order_of_labels() -> None:
    assert (
        mentioned_label("my card lost", LABELS)
        == mentioned_label("my card lost", LABELS[::-1])
        == "card lost"
    )


def test_macro_f1_of_no_answers_is_undefined() -> None:
    assert aggregate("macro_f1", []) is None


def test_macro_f1_row_is_correctness() -> None:
    assert score("macro_f1", answer("It is card", "card")) == Score(strict=0, lenient=1)


def test_macro_f1_lenient_reads_the_label_out_of_the_text() -> None:
    answers = [answer("it is a", "a", ("a", "b")), answer("b.", "b", ("a", "b"))]
    assert aggregate("macro_f1", answers) == 0
    assert aggregate("macro_f1", answers, lenient=True) == 1


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "c", "other", ""])), min_size=1))
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    from sklearn.metrics import f1_score

    targets, outputs = [t for t, _ in pairs], [o for _, o in pairs]
    expected = f1_score(targets, outputs, labels=sorted(set(targets)), average="macro", zero_division=0)
    found = aggregate("macro_f1", [answer(o, t, ("a", "b", "c")) for t, o in pairs])
    assert found == pytest.approx(expected)
