"""The questions that stand for what a task cannot show, as data, so that anything can ask them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adaptkit.decision.planning import ENOUGH_TO_TUNE
from adaptkit.decision.requirements import MISSING, UNKNOWN
from adaptkit.decision.situation import Situation
from adaptkit.decision.typed import count, number, one_of, share, volume, yes_or_no
from adaptkit.tasks import KINDS


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        field: the attribute of ``Requirements`` that it is about.
        text: the question.
        form: what an answer looks like.
        parse: from what was typed to the value; raises ``ConfigError`` where it cannot tell.
        when: whether it is worth asking, by what is known so far.
    """

    field: str
    text: str
    form: str
    parse: Callable[[str], object]
    when: Callable[[Situation], bool] = lambda s: True


def _yes(field: str, text: str, when: Callable[[Situation], bool] = lambda s: True) -> Question:
    return Question(field=field, text=text, form="yes or no", parse=yes_or_no, when=when)


def _no_task(s: Situation) -> bool:
    return s.facts is None


def _few_examples(s: Situation) -> bool:
    return s.n_examples is None or s.n_examples < ENOUGH_TO_TUNE


def _may_tune_for_price(s: Situation) -> bool:
    return s.may_train and s.required.requests_per_month is not None


# What decides most comes first, so that whoever stops early has said what matters.
QUESTIONS: tuple[Question, ...] = (
    Question(
        field="missing",
        text="What does a prompt alone lack: knowledge (outside, private or new facts), format (form, tone, "
        "rules, consistency), both or nothing?",
        form=", ".join(MISSING),
        parse=one_of(MISSING),
        when=lambda s: not (s.lacks_knowledge or s.lacks_format),
    ),
    _yes("needs_actions", "Do answers need live data, or actions in other systems?"),
    Question(
        field="n_tools",
        text="How many functions may be called?",
        form="a number",
        parse=count,
        when=lambda s: bool(s.required.needs_actions) and s.n_tools == 0,
    ),
    Question(
        field="knowledge_changes_every_days",
        text="Every how many days do the facts change?",
        form="days; empty if they do not",
        parse=number,
        when=lambda s: s.lacks_knowledge,
    ),
    Question(
        field="days_to_retrain",
        text="How many days would training and evaluating again take?",
        form="days",
        parse=number,
        when=lambda s: s.knowledge_changes and s.may_train,
    ),
    Question(
        field="n_facts",
        text="About how many facts may answers rest on?",
        form="a number",
        parse=count,
        when=lambda s: s.lacks_knowledge and s.n_facts is None,
    ),
    _yes("rare_entities", "Are questions about things that few texts tell of?", lambda s: s.lacks_knowledge),
    _yes("needs_citations", "Must answers name the passages that they rest on?"),
    Question(
        field="kind",
        text="What kind of task is it?",
        form=", ".join(KINDS),
        parse=one_of(KINDS),
        when=_no_task,
    ),
    Question(
        field="n_classes",
        text="How many classes are there?",
        form="a number",
        parse=count,
        when=lambda s: _no_task(s) and s.kind == "classification",
    ),
    _yes(
        "whole_document",
        "Does an answer need all of a document, as a summary does?",
        lambda s: s.kind in (None, "qa", "generation", "structured"),
    ),
    Question(
        field="examples_now",
        text="How many labelled examples are there to learn from, beside those to test on?",
        form="a number",
        parse=count,
        when=_no_task,
    ),
    Question(
        field="examples_obtainable",
        text="How many more could be labelled?",
        form="a number",
        parse=count,
        when=_few_examples,
    ),
    Question(
        field="minutes_per_label",
        text="How many minutes does a label take?",
        form="minutes",
        parse=number,
        when=lambda s: bool(s.required.examples_obtainable),
    ),
    _yes("may_enter_weights", "May a model be trained on the examples and documents?"),
    _yes("may_leave_premises", "May inputs be sent to a provider?"),
    _yes("has_gpu", "Are a GPU and somebody to train with it at hand?", lambda s: s.may_train),
    _yes("keeps_other_tasks", "Does the same model go on doing other tasks?"),
    Question(
        field="n_tenants",
        text="How many customers or tasks need a version of their own?",
        form="a number",
        parse=count,
    ),
    _yes("needs_robust_prompt", "Must answers not hang on how a prompt or an input is worded?"),
    Question(
        field="metric",
        text="What is quality judged by?",
        form="the name of a metric, e.g. accuracy",
        parse=str,
        when=_no_task,
    ),
    Question(
        field="target_quality",
        text="Which quality is good enough?",
        form="a share, e.g. 0.9 or 90%",
        parse=share,
    ),
    Question(
        field="prompt_quality",
        text="Which quality has a prompt alone reached so far?",
        form="a share; empty if not measured",
        parse=share,
    ),
    Question(
        field="margin",
        text="Which difference in quality does not matter?",
        form="a share, e.g. 0.02",
        parse=share,
    ),
    Question(
        field="max_p95_s",
        text="Within how many seconds must 95 % of the requests be answered?",
        form="seconds; empty if that is no matter",
        parse=number,
    ),
    Question(
        field="max_usd_per_1k",
        text="What may 1,000 requests cost at most?",
        form="USD; empty if that is no matter",
        parse=number,
    ),
    Question(
        field="requests_per_month",
        text="How many requests a month are expected?",
        form=f"a number, a range such as 1000-50000, or {UNKNOWN}",
        parse=volume,
    ),
    Question(
        field="horizon_months",
        text="For how many months will it run?",
        form="months, 12 if left empty",
        parse=number,
        when=lambda s: bool(s.required.volumes),
    ),
    Question(
        field="usd_per_request_prompted",
        text="What does a request cost with the long prompt, prompt caching included?",
        form="USD",
        parse=number,
        when=_may_tune_for_price,
    ),
    Question(
        field="usd_per_request_tuned",
        text="What would it cost on a tuned model, with the short prompt?",
        form="USD",
        parse=number,
        when=lambda s: s.required.usd_per_request_prompted is not None,
    ),
    Question(
        field="usd_to_tune",
        text="What would tuning cost once, with labels and evaluation?",
        form="USD",
        parse=number,
        when=lambda s: s.required.usd_per_request_tuned is not None,
    ),
    Question(
        field="hosting_usd_per_month",
        text="What would serving the tuned model cost a month, beside its requests?",
        form="USD",
        parse=number,
        when=lambda s: s.required.usd_to_tune is not None,
    ),
    Question(
        field="usd_per_success",
        text="What does a right answer gain?",
        form="USD; empty if nobody knows",
        parse=number,
    ),
    Question(
        field="usd_per_failure",
        text="What does a wrong answer lose?",
        form="USD",
        parse=number,
        when=lambda s: s.required.usd_per_success is not None,
    ),
)
