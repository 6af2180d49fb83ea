"""The questions of the terminal, driven without one."""

from __future__ import annotations

import pytest
from situations import routing

from adaptkit.core.errors import ConfigError
from adaptkit.decision.interview import AskedQuestion, answers, interview
from adaptkit.decision.questions import QUESTIONS
from adaptkit.decision.requirements import Requirements, names
from adaptkit.decision.typed import count, number, one_of, share, volume, yes_or_no
from adaptkit.tasks import Task


def asked(said: dict[str, str], known: Requirements | None = None, task: Task | None = None) -> list[str]:
    """The fields that are asked for when some are answered."""
    found = []

    def reply(question: AskedQuestion) -> str:
        assert question.problem is None, question.problem
        found.append(question.question.field)
        return said.get(question.question.field, "")

    answers(interview(known, task), reply)
    return found


def test_every_question_is_about_a_requirement_and_no_two_about_the_same() -> None:
    fields = [q.field for q in QUESTIONS]
    assert len(set(fields)) == len(fields)
    assert set(fields) <= set(names())
    assert all(q.text.endswith("?") and q.form for q in QUESTIONS)


def test_an_interview_without_answers_ends_and_states_nothing() -> None:
    assert answers(interview(), lambda _asked: " ").stated() == {}


def test_answers_become_requirements() -> None:
    said = {
        "missing": "f",
        "examples_now": "1,200",
        "may_leave_premises": "No",
        "requests_per_month": "1000-50k",
        "target_quality": "90%",
        "metric": "accuracy",
    }
    found = answers(interview(), lambda a: said.get(a.question.field, ""))
    assert found == Requirements(
        missing="format",
        examples_now=1200,
        may_leave_premises=False,
        requests_per_month=(1000.0, 50000.0),
        target_quality=0.9,
        metric="accuracy",
    )


@pytest.mark.parametrize(
    ("field", "wrong", "problem", "right"),
    [
        ("missing", "nonsense", "'nonsense' is none of knowledge, format, both, nothing.", "both"),
        ("needs_actions", "maybe", "'maybe' is neither yes nor no.", "y"),
        ("examples_now", "1.5", "'1.5' is no whole number.", "2"),
        ("examples_now", "1,5", "'1,5' is no number.", "15"),
        ("metric", "acuracy", "Did you mean 'accuracy'?", "accuracy"),
        ("target_quality", "90", "'90' is above 1.", "0.9"),
        ("max_p95_s", "0", "The 'max_p95_s' parameter of Requirements must be a number above 0.", "1"),
        ("requests_per_month", "500-20", "the lowest and the highest", "20-500"),
    ],
)
def test_a_wrong_answer_is_asked_for_again_with_the_reason(
    field: str, wrong: str, problem: str, right: str
) -> None:
    problems: list[str] = []

    def reply(question: AskedQuestion) -> str:
        if question.question.field != field:
            return ""
        if question.problem is None:
            return wrong
        problems.append(question.text)
        return right

    found = answers(interview(), reply)
    (said,) = problems
    assert problem in said
    assert said.endswith(f"[{next(q.form for q in QUESTIONS if q.field == field)}]")
    assert list(found.stated()) == [field]


def test_a_task_is_not_asked_what_it_shows() -> None:
    with_task = asked({}, task=routing())
    assert {"kind", "examples_now", "n_classes", "metric"}.isdisjoint(with_task)
    assert {"kind", "examples_now", "metric"} <= set(asked({}))
    assert "n_classes" in asked({"kind": "classification"})


def test_what_is_known_is_not_asked() -> None:
    known = Requirements(missing="nothing", may_enter_weights=False)
    fields = asked({}, known)
    assert {"missing", "may_enter_weights"}.isdisjoint(fields)
    # Nothing may be trained, so who could train it does not matter.
    assert "has_gpu" not in fields
    assert "has_gpu" in asked({})


@pytest.mark.parametrize(
    ("given", "follows"),
    [
        ({"missing": "knowledge"}, "knowledge_changes_every_days"),
        ({"missing": "knowledge", "knowledge_changes_every_days": "7"}, "days_to_retrain"),
        ({"missing": "both"}, "rare_entities"),
        ({"needs_actions": "yes"}, "n_tools"),
        ({"examples_obtainable": "200"}, "minutes_per_label"),
        ({"requests_per_month": "1000"}, "horizon_months"),
        ({"requests_per_month": "1000"}, "usd_per_request_prompted"),
        ({"usd_per_success": "20"}, "usd_per_failure"),
    ],
)
def test_some_questions_follow_from_answers_only(given: dict[str, str], follows: str) -> None:
    assert follows in asked(given)
    assert follows not in asked({})


def test_many_examples_make_it_needless_to_ask_for_more() -> None:
    assert "examples_obtainable" in asked({"examples_now": "99"})
    assert "examples_obtainable" not in asked({"examples_now": "100"})


def test_done_keeps_what_was_said_and_asks_no_more() -> None:
    asking = interview()
    next(asking)
    asking.send("knowledge")
    with pytest.raises(StopIteration) as end:
        asking.send(" Done ")
    assert end.value.value == Requirements(missing="knowledge")


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("1,234,567.5", 1234567.5), ("2 000", 2000), ("1.5K", 1500), ("2M", 2e6), ("$0.1", 0.1),
     (".5", 0.5), ("5%", 0.05), ("1e-5", 1e-5), ("12_000", 12000)],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "x", "1,5", "12,34", "-3", "1.2.3", "nan", "inf", "9" * 400])
def test_what_is_no_number_or_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        number(text)


def test_the_other_forms_of_answers() -> None:
    assert (yes_or_no("Y"), yes_or_no("no")) == (True, False)
    assert (share("0.25"), count("1k")) == (0.25, 1000)
    assert (volume("10 to 20"), volume(" Unknown "), volume("3k")) == ((10.0, 20.0), "unknown", 3000.0)
    assert one_of(("qa", "structured", "summarization"))("st") == "structured"
    with pytest.raises(ConfigError, match="'s' is none of"):
        one_of(("structured", "summarization"))("s")
