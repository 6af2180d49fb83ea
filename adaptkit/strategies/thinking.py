"""Reasoning before the answer: what a completion may then hold, and what is asked where it never ends.

Small models reason past any budget, or to no answer. They are asked once more, with their own reasoning and
for the answer alone, scored or held to the schema as without reasoning: the two stages of Kojima et al. 2022,
arXiv:2205.11916.
"""

from __future__ import annotations

import dataclasses

from adaptkit.core.types import Completion, Request
from adaptkit.models.base import Model
from adaptkit.strategies.answer_format import AnswerFormat
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.formats import Marks

CLOSING = "Thoughts so far:\n{thoughts}\n\nNow give the answer only."
REASONS_FIRST = "The model reasons before it answers, so what it writes is not held to the schema."


def with_reasoning(form: AnswerFormat, *, marks: Marks, thinking_tokens: int, model: Model) -> AnswerFormat:
    """Make room for reasoning: free text, as many more tokens, and no end at a line's end.

    The closing mark is no stop string: reasoning may speak of it before the answer is written.
    """
    return dataclasses.replace(
        form,
        choices=None,
        schema=None,
        stop=(),
        max_new_tokens=form.max_new_tokens + thinking_tokens + _n_tokens(marks, model),
        decoded_freely=REASONS_FIRST if form.schema is not None else form.decoded_freely,
    )


def with_marks(form: AnswerFormat, *, marks: Marks, model: Model) -> AnswerFormat:
    """Make room for the marks around an answer, which ends at the closing one."""
    return dataclasses.replace(
        form, stop=(marks.closing,), max_new_tokens=form.max_new_tokens + _n_tokens(marks, model)
    )


def closing_request(request: Request, thoughts: str, form: AnswerFormat, model: Model) -> Request:
    """Ask for the answer that reasoning did not come to.

    Args:
        request: what the reasoning answered.
        thoughts: the reasoning.
        form: how an answer without reasoning is bounded.
        model: what answers.
    """
    asked = f"{request.prompt.input}\n\n{CLOSING.format(thoughts=thoughts)}"
    return Request(
        prompt=fit_to_context(dataclasses.replace(request.prompt, input=asked), model, form.max_new_tokens),
        max_new_tokens=form.max_new_tokens,
        choices=form.choices,
        stop=form.stop,
        schema=form.schema,
    )


def said(completion: Completion) -> str:
    """All that a completion holds, the reasoning that was parted from its answer in front."""
    return f"{completion.reasoning}\n{completion.text}".strip()


def closed(reasoning: Completion, answer: Completion, marks: Marks) -> Completion:
    """Reasoning and the answer that was asked for after it, as one completion with what both took."""
    seconds = (reasoning.latency_s, answer.latency_s)
    return dataclasses.replace(
        reasoning,
        text=f"{reasoning.text}\n{marks.around(answer.text)}",
        finish_reason=answer.finish_reason,
        usage=reasoning.usage + answer.usage,
        latency_s=None if None in seconds else sum(s or 0.0 for s in seconds),
    )


def _n_tokens(marks: Marks, model: Model) -> int:
    # A line break may stand on each side of a mark.
    return sum(model.count_tokens(mark) + 2 for mark in (marks.opening, marks.closing) if mark)
