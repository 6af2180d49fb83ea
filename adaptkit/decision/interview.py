"""Ask for what is not stated, one question at a time; what drives it may be a terminal, a form or a test.

:func:`interview` yields a question and takes the answer as it was typed. What a task shows is not asked, nor
what earlier answers make needless; an answer that cannot be understood is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from adaptkit.core.errors import AdaptKitError
from adaptkit.decision.questions import QUESTIONS, Question
from adaptkit.decision.requirements import Requirements, check_value
from adaptkit.decision.situation import Situation, situation_of
from adaptkit.tasks import Task

DONE = "done"


@dataclass(frozen=True, kw_only=True)
class AskedQuestion:
    """A question as it is put.

    Attributes:
        problem: why the last answer to it could not be taken, None the first time.
    """

    question: Question
    problem: str | None = None

    @property
    def text(self) -> str:
        """What to show, e.g. ``Must answers name their passages? [yes or no]``."""
        asked = f"{self.question.text} [{self.question.form}]"
        return asked if self.problem is None else f"{self.problem}\n{asked}"


def interview(
    known: Requirements | None = None, task: Task | None = None, *, model_parameters: float | None = None
) -> Generator[AskedQuestion, str, Requirements]:
    """Ask for what is not known; send each answer as it was typed.

    An empty answer leaves the question open, ``done`` all that are left. The requirements come with the
    generator's end, as its value.

    Args:
        known: what is stated already, and not asked.
        task: what it shows is not asked either.
        model_parameters: of the model that will serve.

    Examples:
        >>> asking = interview()
        >>> next(asking).question.field
        'missing'
        >>> asking.send("both").question.field
        'needs_actions'
        >>> try:
        ...     asking.send("done")
        ... except StopIteration as end:
        ...     end.value.missing
        'both'
    """
    situation = situation_of(known or Requirements(), task, model_parameters=model_parameters)
    for question in QUESTIONS:
        if getattr(situation.required, question.field) is not None or not question.when(situation):
            continue
        problem = None
        while True:
            answer = (yield AskedQuestion(question=question, problem=problem)).strip()
            if answer.lower() == DONE:
                return situation.required
            try:
                situation = _answered(situation, question, answer)
            except AdaptKitError as error:
                problem = str(error)
            else:
                break
    return situation.required


def answers(
    asking: Generator[AskedQuestion, str, Requirements], reply: Callable[[AskedQuestion], str]
) -> Requirements:
    """Drive an interview: put each question to ``reply``, e.g. a terminal's prompt.

    Examples:
        >>> said = {"missing": "format", "examples_now": "1,200"}
        >>> answers(interview(), lambda asked: said.get(asked.question.field, "")).stated()
        {'missing': 'format', 'examples_now': 1200}
    """
    try:
        asked = next(asking)
        while True:
            asked = asking.send(reply(asked))
    except StopIteration as end:
        found: Requirements = end.value
        return found


def _answered(situation: Situation, question: Question, answer: str) -> Situation:
    if not answer:
        return situation
    value = question.parse(answer)
    check_value(question.field, value)
    required = situation.required.with_values(**{question.field: value})
    if situation.facts is None and question.field == "examples_now":
        return replace(situation, required=required, n_examples=required.examples_now)
    return replace(situation, required=required)
