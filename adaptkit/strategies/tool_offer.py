"""Which tools a model is offered, what it is told of them, and what a right reply would be."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adaptkit.core.types import Example
from adaptkit.metrics.json_text import parse
from adaptkit.metrics.tool_calls import NamedCall, wanted_calls
from adaptkit.models.base import Constrainable, Model
from adaptkit.strategies.answer_format import SLACK
from adaptkit.strategies.tool_replies import ANSWER, ReplyForm, answer_schema, call_keys, longest
from adaptkit.strategies.tools import Tool, resolve
from adaptkit.strategies.tools.described import parameters_schema, tools_in
from adaptkit.strategies.tools.named import Given
from adaptkit.strategies.wording import answer_rules, shape_rules
from adaptkit.tasks import Task

CHECKED_ROWS = 48
"""Train rows on which it is checked that the constraint lets right replies by."""
ROWS_WITH_FUNCTIONS = 0.9
REFUSED_ROWS = 0.1


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The tools, and how replies are written.

    Attributes:
        tools: the same for all inputs.
        from_inputs: whether an input describes functions of its own.
    """

    tools: tuple[Tool, ...]
    from_inputs: bool
    form: ReplyForm

    @classmethod
    def of(cls, given: Sequence[Given], task: Task) -> Offer:
        """The tools that are given and the task's own; with none given, those that suit the task."""
        described = tuple(
            Tool.from_json({**t, "parameters": parameters_schema(t.get("parameters") or {})})
            for t in task.tools
        )
        names = [*given]
        from_inputs = False
        if not given and not described:
            from_inputs = _inputs_describe_functions(task)
            names = [] if from_inputs else suitable(task)
        tools = (*resolve(names), *described)
        return cls(tools=tools, from_inputs=from_inputs, form=_form(tools, from_inputs, task))

    def tools_for(self, text: str) -> tuple[Tool, ...]:
        """The tools that are offered with an input."""
        return (*self.tools, *tools_in(text)) if self.from_inputs else self.tools

    def right_reply(self, example: Example) -> str:
        """What a model should write to an example first, as far as the example tells.

        That is a call where :meth:`told_call` finds one, else the answer.
        """
        call = self.told_call(example)
        if call is not None:
            tools = {t.name: t for t in self.tools_for(example.input)}
            return self.form.call_text(call, tools[call.name])
        return example.target if self.form.answer is None else self.form.answer_text(example.target)

    def told_call(self, example: Example) -> NamedCall | None:
        """The first call that an example tells.

        It is named in the metadata; or is the target; or its arguments stand in the metadata under their own
        names, such as ``{"expression": "3 + 4"}``. To be used of train rows only, and never in a prompt.
        """
        tools = {t.name: t for t in self.tools_for(example.input)}
        return next(_told_calls(example, tools), None)


def suitable(task: Task) -> list[Given]:
    """Built-in tools that suit a task."""
    names: list[Given] = ["calculator"] if task.kind == "arithmetic" else []
    return [*names, "lookup"] if task.documents else names


def _inputs_describe_functions(task: Task) -> bool:
    inputs = [e.input for e in task.train[:CHECKED_ROWS]]
    return bool(inputs) and sum(bool(tools_in(t)) for t in inputs) >= ROWS_WITH_FUNCTIONS * len(inputs)


def _form(tools: Sequence[Tool], from_inputs: bool, task: Task) -> ReplyForm:
    labels = tuple(task.labels) if task.kind == "classification" else ()
    answer = answer_schema(task)
    if any(t.run for t in tools):
        return ReplyForm(answer=answer, labels=labels)
    # Nothing is run: the call is the answer, where the targets are calls.
    keys = call_keys([e.target for e in task.train])
    if keys is not None:
        chars, items = longest([parse(e.target) for e in task.train])
        return ReplyForm(
            name_key=keys[0],
            arguments_key=keys[1],
            max_chars=math.ceil(chars * SLACK),
            max_items=math.ceil(items * SLACK),
        )
    return ReplyForm(name_key="name", answer=answer, labels=labels)


def _told_calls(example: Example, tools: Mapping[str, Tool]) -> Iterator[NamedCall]:
    named = [c for calls in wanted_calls(example)[:1] for c in calls]
    for call in named:
        # Of several calls the first leads on to the others only if it is run.
        if call.name in tools and (len(named) == 1 or tools[call.name].run):
            yield call
    for tool in tools.values():
        given = {n: example.metadata[n] for n in tool.properties if n in example.metadata}
        if tool.required and given and tool.fault(given) is None:
            yield NamedCall(tool.name, given)


def instruction_of(offer: Offer, task: Task) -> str:
    """The task's instruction, the tools, and how to reply."""
    form = offer.form
    described = [json.dumps(_described(t, form), ensure_ascii=False) for t in offer.tools]
    told = ["Tools you can call:", *described] if described else []
    call = f'{{"{form.name_key}": ..., "{form.arguments_key}": {{...}}}}'
    if form.answer is None:
        return "\n".join([task.instruction, *shape_rules(task), f"The form of a call: {call}.", *told])
    after = "; you are then told the result" if any(t.run for t in offer.tools) else ""
    answer = f'{{"{ANSWER}": ...}}'
    reply = f"Reply with JSON only, on one line. To call a tool: {call}{after}. To answer: {answer}."
    return "\n".join([task.instruction, *answer_rules(task), *told, reply])


def _described(tool: Tool, form: ReplyForm) -> dict[str, Any]:
    """A tool in a line: all that a call needs, without the frame of a JSON Schema."""
    told: dict[str, Any] = {form.name_key: tool.name, "description": tool.description}
    told[form.arguments_key] = dict(tool.properties)
    optional = [name for name in tool.properties if name not in tool.required]
    return {**told, "optional": optional} if optional else told


def constrained(offer: Offer, task: Task, model: Model) -> tuple[Offer, str | None]:
    """The offer with a form to which the model can be held, and None; or why it cannot be held to any.

    A constraint that would not let right replies by is loosened: first what narrows the arguments of a tool,
    then the task's own schema of the answer.
    """
    if not isinstance(model, Constrainable):
        return offer, f"The model '{model.info.id}' cannot hold its completions to a schema."
    form = offer.form
    forms = [form, dataclasses.replace(form, narrow=False)]
    if form.answer is not None:
        forms.append(dataclasses.replace(form, narrow=False, answer={}))
    reason: str | None = None
    for looser in forms:
        tried = dataclasses.replace(offer, form=looser)
        reason = _refusal(tried, task.train[:CHECKED_ROWS], model)
        if reason is None:
            return tried, None
    return offer, reason


def _refusal(offer: Offer, rows: Sequence[Example], model: Constrainable) -> str | None:
    if not offer.from_inputs:
        replies = [offer.right_reply(e) for e in rows]
        return model.refuses(offer.form.schema(offer.tools), replies)
    found = [model.refuses(offer.form.schema(offer.tools_for(e.input)), [offer.right_reply(e)]) for e in rows]
    refused = [f for f in found if f is not None]
    # Some rows of a data set are at odds with the functions that they describe.
    return refused[0] if len(refused) > REFUSED_ROWS * len(rows) else None
