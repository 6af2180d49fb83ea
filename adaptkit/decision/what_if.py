"""Which answers that nobody gave would change the advice: those are worth finding out first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adaptkit.decision.hypotheses import weigh
from adaptkit.decision.planning import ENOUGH_TO_TUNE
from adaptkit.decision.situation import SMALL_MODEL, Situation

# Each a requirement, a typical answer, and how it reads.
_ANSWERS: tuple[tuple[str, object, str], ...] = (
    ("needs_actions", True, "live data or actions are needed"),
    ("needs_citations", True, "answers have to name their passages"),
    ("knowledge_changes_every_days", 7.0, "the facts change every week"),
    ("rare_entities", True, "questions are about things that few texts tell of"),
    ("whole_document", True, "an answer needs all of a document"),
    ("may_enter_weights", False, "the data may not enter weights"),
    ("may_leave_premises", False, "the data may not leave the premises"),
    ("has_gpu", False, "there is no GPU to train with"),
    ("keeps_other_tasks", True, "the model goes on doing other tasks"),
    ("needs_robust_prompt", True, "answers must not hang on wording"),
    ("max_p95_s", 1.0, "latency is limited"),
    ("requests_per_month", "unknown", "demand is unknown"),
)
_GAPS = (
    ("knowledge", "facts are missing"),
    ("format", "form, tone or rules are missing"),
    ("both", "facts and form are missing"),
)


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """An answer that would put another strategy first.

    Attributes:
        field: the requirement that is not stated, or ``model_parameters``.
        value: the answer tried.
        words: how it reads after "if".
        first: the strategy that would come first; None where every one would be excluded.
    """

    field: str
    value: object
    words: str
    first: str | None


def what_would_change(situation: Situation) -> tuple[WhatIf, ...]:
    """Try typical answers to what is not stated, one at a time."""
    now = weigh(situation).first
    found = []
    for field, value, words, other in _alternatives(situation):
        first = weigh(other).first
        if first != now:
            found.append(WhatIf(field=field, value=value, words=words, first=first))
    return tuple(found)


def _alternatives(s: Situation) -> Iterator[tuple[str, object, str, Situation]]:
    if s.required.missing is None:
        for gap, reads in _GAPS:
            # What the task shows already is not asked again.
            if gap == "both" or not (s.lacks_knowledge or s.lacks_format):
                yield "missing", gap, reads, _with(s, "missing", gap)
    for field, value, words in _ANSWERS:
        # Functions that the task does not have could not be compared on it.
        if field == "needs_actions" and s.has_nothing_to_call:
            continue
        if getattr(s.required, field) is None:
            yield field, value, words, _with(s, field, value)
    if s.n_examples is None or s.n_examples < ENOUGH_TO_TUNE:
        enough = f"there are {ENOUGH_TO_TUNE} labelled examples"
        yield "examples_now", ENOUGH_TO_TUNE, enough, replace(s, n_examples=ENOUGH_TO_TUNE)
    if s.model_parameters is None:
        small = "the model has a billion weights or fewer"
        yield "model_parameters", SMALL_MODEL, small, replace(s, model_parameters=SMALL_MODEL)


def _with(s: Situation, field: str, value: object) -> Situation:
    return replace(s, required=s.required.with_values(**{field: value}))
