"""The words around a task's own instruction: what shape the answer must have.

Written once for all strategies, so that no strategy wins by better wording alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from statistics import median

from adaptkit.tasks import Task

WORDINGS = ("full", "short", "listed")
"""Ways to word an instruction: with the rules about the reply, without them, with the rules as a list."""


def short_instruction(task: Task) -> str:
    """The task's own instruction: enough where examples or weights carry the rest."""
    return task.instruction


def full_instruction(task: Task) -> str:
    """The task's instruction, the allowed answers, and the shape of the reply."""
    return worded(task.instruction, shape_rules(task))


def worded(text: str, rules: Sequence[str], *, role: str | None = None, wording: str = "full") -> str:
    r"""Put an instruction together.

    Args:
        text: what is to be done.
        rules: sentences about how.
        role: a sentence to begin with, about who answers.
        wording: ``listed`` makes a list of the rules.

    Examples:
        >>> worded("Add.", ["No words.", "Be quick."], role="You are a clerk.", wording="listed")
        'You are a clerk.\nAdd.\nRules:\n- No words.\n- Be quick.'
    """
    if rules and wording == "listed":
        rules = ["Rules:", *(f"- {rule}" for rule in rules)]
    return "\n".join([*([role] if role else []), text, *rules])


def shape_rules(task: Task) -> list[str]:
    """Rules about the reply, by kind of task."""
    if task.kind == "classification" and task.labels:
        return [f"Reply with exactly one of these labels and nothing else: {', '.join(task.labels)}."]
    if task.kind == "qa":
        return ["Reply with the answer only, in a few words: no sentence, no explanation."]
    if task.kind == "arithmetic":
        return ["Reply with the final number only: no words, no units."]
    if task.kind == "structured":
        return ["Reply with the JSON only, on one line: no explanation, no code fence.", *_schema_rule(task)]
    if task.kind == "summarization":
        return [f"Reply with the summary only{_length_hint(task)}."]
    return ["Reply with the answer only."]


def answer_rules(task: Task) -> list[str]:
    """Rules about the answer where it is a part of the reply: what :func:`shape_rules` says of the whole."""
    if task.kind == "classification" and task.labels:
        return [f"The answer is exactly one of these labels: {', '.join(task.labels)}."]
    if task.kind == "qa":
        return ["The answer has a few words: no sentence, no explanation."]
    if task.kind == "arithmetic":
        return ["The answer is the final number: no words, no units."]
    if task.kind == "structured":
        return ["The answer is JSON on one line.", *_schema_rule(task)]
    if task.kind == "summarization":
        return [f"The answer is the summary{_length_hint(task)}."]
    return []


def marking_rule(opening: str, closing: str, *, thinking: bool) -> str:
    """Where to write an answer that must be told from the rest of the reply.

    Thinking step by step before the answer is the zero-shot prompt of Kojima et al. 2022, arXiv:2205.11916.
    """
    if closing:
        where = f"write the answer between {opening} and {closing}."
    else:
        where = f"end with a line that begins with '{opening}' and holds only the answer."
    return f"Think step by step first. Then {where}" if thinking else where[0].upper() + where[1:]


def _schema_rule(task: Task) -> list[str]:
    if not task.schema:
        return []
    return [f"It must follow this JSON Schema: {json.dumps(task.schema, ensure_ascii=False)}"]


def _length_hint(task: Task) -> str:
    if not task.train:
        return ""
    words = median(len(e.target.split()) for e in task.train)
    return f", in about {round(words)} words"
