from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import qa_task

from adaptkit.metrics.normalise import fold
from adaptkit.strategies.formats import ANSWER_LINE, FORMATS, NO_MARKS, Marks
from adaptkit.strategies.reading import AnswerParser, is_one_line, mentioned_last
from adaptkit.tasks import Task

TAGS = FORMATS["xml"].marks
LABELS = ("lost", "card lost", "Refund")


def read(kind: str, text: str, *, marks: Marks = ANSWER_LINE, thinking: bool = True) -> str:
    labels = LABELS if kind == "classification" else ()
    return AnswerParser(kind, labels, True, marks, thinking=thinking).answer(text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 = 7\nAnswer: 7", "7"),
        ("Answer: 6, no.\nAnswer: 7 apples", "7"),
        ("**Final answer**: $1,200.50", "$1,200.50"),
        ("So the answer is 18.\n\nThe answer is 18.", "18"),
        ("12 apples and 5 pears make 17 and", "17"),
        ("Answer: seven", "seven"),
        ("It cannot be known.", "It cannot be known."),
        ("He has 40.\nThat is all", "40"),
        ("He has 40.\nTwo go, so 38 and not 2, but", "2"),
        ("2.5 and 0.1\nAnswer: about 2.6 in all", "2.6"),
    ],
)
def test_number_after_reasoning(text: str, answer: str) -> None:
    assert read("arithmetic", text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("They paid twice.\nAnswer: refund", "Refund"),
        ("Answer: It is a Refund.", "Refund"),
        ("Is it lost? No: they want the money.\nIt is a refund", "Refund"),
        ("Not a refund, the card lost its", "card lost"),
        ("The refund is\nnot so clear", "Refund"),
        ("Answer: unclear", "unclear"),
        ("Perhaps a refund.\nAnswer: lost or refund", "lost or refund"),
        ("No idea", "No idea"),
        ("", ""),
    ],
)
def test_label_after_reasoning_is_one_of_the_labels_or_the_text_itself(text: str, answer: str) -> None:
    assert read("classification", text) == answer


@given(st.text(max_size=60))
def test_no_label_is_made_up(text: str) -> None:
    found = read("classification", text)
    assert fold(found) in fold(text) or found in text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('City first.\nAnswer: {"city": "Rome"}', {"city": "Rome"}),
        ('```json\n{"city": "Rome"}\n```', {"city": "Rome"}),
        ('I think {"city": "Oslo", "n": [1]} fits.', {"city": "Oslo", "n": [1]}),
    ],
)
def test_json_after_reasoning(text: str, answer: object) -> None:
    assert json.loads(read("structured", text)) == answer


def test_text_that_holds_no_json_stays_as_it_is() -> None:
    assert read("structured", "Answer: none") == "none"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It lies in Peru.\nAnswer: Lima\nor so", "Lima"),
        ("It lies in Peru.\nSo the answer is: Lima", "Lima"),
        ("It lies in Peru.\n\nLima\n", "Lima"),
        ("Answer:\n\nLima", "Lima"),
    ],
)
def test_words_after_reasoning(text: str, answer: str) -> None:
    assert read("qa", text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>Lima</answer> because", "Lima"),
        ("<answer>\nLima", "Lima"),
        ("<answer>Rome</answer>, no <answer>Lima</answer>", "Lima"),
        ("Lima\nIt is the capital.", "Lima"),
        ("The answer is Lima", "Lima"),
        ("<answer></answer>", "<answer></answer>"),
    ],
)
def test_answer_between_tags(text: str, answer: str) -> None:
    assert read("qa", text, marks=TAGS, thinking=False) == answer


def test_answer_of_several_lines_is_kept_whole() -> None:
    reading = AnswerParser("summarization", (), False, TAGS)
    assert reading.answer("<answer>One.\nTwo.</answer>") == "One.\nTwo."
    assert reading.answer("One.\nTwo.") == "One.\nTwo."


@given(st.text(max_size=60), st.sampled_from(["qa", "arithmetic", "structured", "classification"]))
def test_completion_without_marks_is_the_answer(text: str, kind: str) -> None:
    assert read(kind, text, marks=NO_MARKS, thinking=False) == text


@given(
    st.text(st.characters(whitelist_categories=("L", "N")), min_size=1), st.sampled_from([TAGS, ANSWER_LINE])
)
def test_what_is_written_between_marks_is_read_back(answer: str, marks: Marks) -> None:
    assert AnswerParser("qa", (), True, marks).answer(marks.around(answer)) == answer


def test_reading_survives_json() -> None:
    reading = AnswerParser("classification", LABELS, True, TAGS, thinking=True)
    assert AnswerParser.from_json(json.loads(json.dumps(reading.to_json()))) == reading


def test_longer_of_two_labels_that_end_together_is_mentioned() -> None:
    assert mentioned_last("my card lost", LABELS) == "card lost"
    assert mentioned_last("nothing", LABELS) is None


def test_answers_are_single_lines_where_no_target_has_more() -> None:
    def task(kind: str, *targets: str) -> Task:
        base = qa_task()
        rows = tuple(dataclasses.replace(base.train[i], target=t) for i, t in enumerate(targets))
        return dataclasses.replace(base, kind=kind, train=rows, validation=())  # type: ignore[arg-type]

    assert is_one_line(task("qa", "x", "y"))
    assert not is_one_line(task("qa", "x", "y\nz"))
    assert is_one_line(task("qa"))
    assert not is_one_line(task("summarization"))
