"""The words around a task's own instruction: what shape the answer must have.

Written once for all strategies, so that no strategy wins by better wording alone.
"""

from __future__ import annotations

import json
from statistics import median

from adaptkit.tasks import Task


def short_instruction(task: Task) -> str:
    """The task's own instruction: enough where examples or weights carry the rest."""
    return task.instruction


def full_instruction(task: Task) -> str:
    """The task's instruction, the allowed answers, and the shape of the reply."""
    return "\n".join([task.instruction, *shape_rules(task)])


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


def _schema_rule(task: Task) -> list[str]:
    if not task.schema:
        return []
    return [f"It must follow this JSON Schema: {json.dumps(task.schema, ensure_ascii=False)}"]


def _length_hint(task: Task) -> str:
    if not task.train:
        return ""
    words = median(len(e.target.split()) for e in task.train)
    return f", in about {round(words)} words"
