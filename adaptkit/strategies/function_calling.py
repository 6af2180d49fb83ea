"""Function calling: the model may call tools and is told what came of it before it answers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_int, is_number
from adaptkit.core.types import Demonstration, Example, Prediction, Prompt, Request, Traits
from adaptkit.models.base import Constrainable, Model
from adaptkit.retrieval import DEFAULT_EMBEDDER, Retriever, load_embedder
from adaptkit.strategies.answer_format import AnswerFormat, targets_hold_marks
from adaptkit.strategies.base import Strategy
from adaptkit.strategies.choosing import answers_to
from adaptkit.strategies.tool_documents import connected, index_documents, looks_up
from adaptkit.strategies.tool_loop import Dialogue, Limits, ToolLoop, within_context
from adaptkit.strategies.tool_offer import Offer, constrained, instruction_of
from adaptkit.strategies.tool_practice import Asking, calls_come_first, find_calls, results_answer
from adaptkit.strategies.tool_replies import ReplyForm
from adaptkit.strategies.tools import Tool, resolve
from adaptkit.strategies.tools.named import Given
from adaptkit.tasks import Task

AnswerFrom = Literal["model", "result"]
INDEX_FOLDER = "lookup"


@dataclass(kw_only=True)
class FunctionCalling(Strategy):
    """Tools that the model may call before it answers.

    A reply is a JSON object, a call or the answer; a model that can be held to a JSON Schema is, another is
    told what is wrong with its reply. Nothing is run but the tools: a call is data, not code. Where no tool
    can be run (a task that describes functions in its ``tools`` or in its inputs) the call is the answer.

    Args:
        tools: functions with type hints, :class:`adaptkit.strategies.tools.Tool` objects, or names of
            built-in tools: ``calculator``; ``lookup`` (in the task's documents; ``lookup=3`` gives three
            passages);
            ``sql=FILE`` (reads one SQLite file); ``read_file=FOLDER`` (reads text files of one folder). With
            none given, the task's own functions, or the built-in tools that suit the task. Functions run in
            this process with its rights; see :func:`adaptkit.strategies.tools.tool_from`.
        max_calls: calls for one input, unreadable ones among them; then it has to answer.
        max_seconds: that all calls for one input may take together. What the model takes is bounded by
            ``max_calls`` and the tokens of a reply.
        max_result_chars: of a result that the model is told; longer ones are cut.
        max_call_tokens: of a call.
        call_first: whether the first reply has to be a call. None: where nearly all train rows tell one in
            their metadata (``"tool_calls"``, or arguments by their names, such as ``"expression"``).
        answer_from: ``model`` lets the model answer when it has seen the result; ``result`` takes the result
            of a call that went well as the answer. None: ``result`` where the calls of built-in tools that
            train rows tell nearly always result in the target.
        k: demonstrations of calls in a prompt. They are the model's own: it tries train rows, each batch with
            the calls found so far as demonstrations, and those that lead to the target are kept. So they show
            nothing that stands in the metadata. Where every reply is a call, ``FewShot`` before this strategy
            shows better ones: the targets.
        embedder: embeds documents and queries for ``lookup``.
    """

    name: ClassVar[str] = "function-calling"
    traits: ClassVar[Traits] = Traits(calls_tools=True, complexity=7)

    tools: Sequence[Given] = ()
    max_calls: int = 3
    max_seconds: float = 10.0
    max_result_chars: int = 1_000
    max_call_tokens: int = 128
    call_first: bool | None = None
    answer_from: AnswerFrom | None = None
    k: int = 0
    embedder: str = DEFAULT_EMBEDDER

    def __post_init__(self) -> None:
        # A list and a single name are meant as well; what is saved and read back is a tuple.
        one = isinstance(self.tools, str | Tool | Mapping) or callable(self.tools)
        several = isinstance(self.tools, Iterable)
        self.tools = (self.tools,) if one or not several else tuple(self.tools)  # type: ignore[assignment]

    @property
    def _leads(self) -> bool:
        """Whoever comes after adds to the prompts; how it is asked stays."""
        return True

    def check(self) -> None:
        """The limits are positive, and the tools can be described."""
        for name in ("max_calls", "max_result_chars", "max_call_tokens"):
            if not is_int(getattr(self, name)) or getattr(self, name) < 1:
                raise ConfigError.for_parameter("FunctionCalling", name, "an int >= 1", getattr(self, name))
        if not is_int(self.k) or self.k < 0:
            raise ConfigError.for_parameter("FunctionCalling", "k", "an int >= 0", self.k)
        if not is_number(self.max_seconds) or not 0 < self.max_seconds < float("inf"):
            raise ConfigError.for_parameter("FunctionCalling", "max_seconds", "above 0", self.max_seconds)
        first: object = self.call_first
        if not isinstance(first, bool | None):
            raise ConfigError.for_parameter("FunctionCalling", "call_first", "true, false or None", first)
        if self.answer_from not in (*get_args(AnswerFrom), None):
            expected = "'model', 'result' or None"
            raise ConfigError.for_parameter("FunctionCalling", "answer_from", expected, self.answer_from)
        resolve(self.tools)
        super().check()

    def refusal(self, task: Task, model: Model | None = None) -> str | None:
        """There is a tool, and there are documents where they are looked up in."""
        offer = Offer.of(self.tools, task)
        if not offer.tools and not offer.from_inputs:
            return (
                f"FunctionCalling needs tools, and the task '{task.name}' brings none. Pass some, such as "
                "FunctionCalling(tools=['calculator'])."
            )
        if looks_up(offer.tools) and not task.documents:
            return f"The tool 'lookup' needs documents, and the task '{task.name}' has none."
        return None

    def instruction(self, task: Task) -> str:
        """The task's own, the tools, and how to reply."""
        return instruction_of(Offer.of(self.tools, task), task)

    def answer_format(self, task: Task, model: Model) -> AnswerFormat:
        """Replies long enough for a call and for an answer, held to their form where the model can be."""
        offer, reason = constrained(Offer.of(self.tools, task), task, model)
        answer = AnswerFormat.of(task, model).max_new_tokens
        if offer.form.answer is not None:
            answer += model.count_tokens(offer.form.answer_text(""))
        return AnswerFormat(
            choices=None,
            max_new_tokens=max(answer, self.max_call_tokens),
            stop=(),
            decoded_freely=reason,
            keeps_marks=targets_hold_marks(task),
        )

    def learn(self, model: Model, task: Task) -> Model:
        """Index the documents, where they are looked up in."""
        self.offer_, _ = constrained(Offer.of(self.tools, task), task, model)
        self._connect(None)
        if looks_up(self.offer_.tools):
            retriever = index_documents(task, load_embedder(self.embedder), self.progress_)
            self.fit_notes_ |= retriever.notes
            self._connect(retriever)
        self._settle(task)
        self.shown_: list[Demonstration] = []
        if self.k and self.offer_.form.answer is not None:
            # One to spare, in case one of them is the input itself.
            self.shown_ = find_calls(self._trying(model), self.offer_, task, self.k + 1)
            self.fit_notes_["n_demonstrations"] = len(self.shown_)
        self.fit_notes_ |= {
            "tools": [t.name for t in self.offer_.tools],
            "tools_from_inputs": self.offer_.from_inputs,
            "call_first": self.call_first_,
            "answer_from": "result" if self.result_answers_ else "model",
        }
        return model

    def _connect(self, retriever: Retriever | None) -> None:
        """Let ``lookup`` search what was indexed."""
        self.retriever_: Retriever | None = retriever
        if retriever is not None:
            tools = connected(self.offer_.tools, retriever)
            self.offer_ = dataclasses.replace(self.offer_, tools=tools)

    def _settle(self, task: Task) -> None:
        """Decide what was left open."""
        first, answer_from = self.call_first, self.answer_from
        if first is None:
            first = calls_come_first(self.offer_, task)
        self.call_first_ = first
        self.result_answers_ = answer_from == "result"
        if answer_from is None:
            self.result_answers_ = results_answer(self.offer_, task, self._limits)

    def _trying(self, model: Model) -> Asking:
        """Answer train rows while fitting, calling a tool first."""

        def ask(rows: Sequence[Example], shown: Sequence[Demonstration]) -> list[Prediction]:
            trying = copy.copy(self)
            trying.model_, trying.call_first_, trying.shown_ = model, True, list(shown)
            return answers_to(trying, rows)

        return ask

    def extend(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Add demonstrations of calls: of other inputs than the prompt's own."""
        return [
            dataclasses.replace(p, demonstrations=(*p.demonstrations, *self._others(p.input)))
            for p in prompts
        ]

    def _others(self, text: str) -> list[Demonstration]:
        return [d for d in self.shown_ if d.input != text][: self.k]

    def _format_prompts(self, prompts: Sequence[Prompt]) -> list[Prompt]:
        """Demonstrations show replies in the form that is asked for."""
        return [
            dataclasses.replace(p, demonstrations=tuple(self._shown(d) for d in p.demonstrations))
            for p in prompts
        ]

    def _shown(self, shown: Demonstration) -> Demonstration:
        if self.offer_.form.answer is None or shown in self.shown_:
            return shown
        return dataclasses.replace(shown, target=self.offer_.form.answer_text(shown.target))

    def completion(self, example: Example) -> str:
        """The first reply: the call that the example names, or the answer."""
        return self.offer_.right_reply(example)

    def ask(self, prompts: Sequence[Prompt], looked_up_s: float | None) -> list[Prediction]:
        """Let the model call tools until it answers."""
        loop = ToolLoop(
            complete=self._complete,
            form=self.offer_.form,
            limits=self._limits,
            request=self._next_request,
            result_answers=self.result_answers_,
            is_held=self.format_.decoded_freely is None,
        )
        return loop.answer([self._dialogue(p) for p in prompts], looked_up_s)

    @property
    def _limits(self) -> Limits:
        return Limits(
            max_calls=self.max_calls,
            max_seconds=self.max_seconds,
            max_result_chars=self.max_result_chars,
        )

    def _dialogue(self, prompt: Prompt) -> Dialogue:
        return Dialogue(prompt=prompt, tools={t.name: t for t in self.offer_.tools_for(prompt.input)})

    def _request(self, prompt: Prompt) -> Request:
        return self._next_request(self._dialogue(prompt))

    def _next_request(self, dialogue: Dialogue) -> Request:
        form, size = self.offer_.form, self.format_.max_new_tokens
        prompt = within_context(dialogue.prompt, self.model_, size)
        if dialogue.must_answer and form.labels:
            choices = tuple(form.answer_text(label) for label in form.labels)
            return Request(prompt=prompt, max_new_tokens=size, choices=choices)
        return Request(prompt=prompt, max_new_tokens=size, schema=self._schema(dialogue))

    def _schema(self, dialogue: Dialogue) -> Mapping[str, object] | None:
        """What the reply is held to; None where the model cannot be held to it."""
        if self.format_.decoded_freely is not None:
            return None
        calls = not dialogue.must_answer and bool(dialogue.tools)
        answers = not (self.call_first_ and calls and not dialogue.calls)
        if not calls and self.offer_.form.answer is None:
            return None  # an input that describes no function that can be read
        tools = list(dialogue.tools.values())
        schema = self.offer_.form.schema(tools, calls=calls, answers=answers)
        if not self.offer_.from_inputs:
            return schema
        model = self.model_
        return schema if isinstance(model, Constrainable) and model.refuses(schema, []) is None else None

    def _described(self, name: str, value: Any) -> Any:
        """Tools by name, those that are not run with their descriptions."""
        return to_json([t.saved_as for t in resolve(value)] if name == "tools" else value)

    def _changed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Tools by name."""
        if "tools" in params:
            params["tools"] = ",".join(t.spec if t.spec else t.name for t in resolve(self.tools))
        return params

    def alternatives(self, task: Task) -> list[Self]:
        """Demonstrations of calls, a call first, the result as the answer, fewer calls.

        Where every reply is a call there is nothing to vary.
        """
        offer = Offer.of(self.tools, task)
        if offer.form.answer is None:
            return [self]
        changes: list[dict[str, Any]] = [{"k": 0 if self.k else 4}]
        if task.kind == "arithmetic":
            changes.append({"call_first": True, "answer_from": "result", "k": 8})
        changes += [{"call_first": self.call_first is not True}, {"max_calls": 1, "k": 4}]
        return [self, *(dataclasses.replace(self, **c) for c in changes)]

    def save_state(self, folder: Path) -> Mapping[str, Any]:
        """The form of replies, the task's functions, and the index of its documents."""
        if self.retriever_ is not None:
            self.retriever_.save(folder / INDEX_FOLDER)
        return {
            "tools": [t.saved_as for t in self.offer_.tools],
            "from_inputs": self.offer_.from_inputs,
            "form": to_json(self.offer_.form),
            "call_first": self.call_first_,
            "result_answers": self.result_answers_,
            "demonstrations": to_json(self.shown_),
            "indexed": self.retriever_ is not None,
        }

    def load_state(self, folder: Path, state: Mapping[str, Any], model: Model) -> Model:
        """Read them back; functions and files that this program has not named are refused."""
        self.offer_ = Offer(
            tools=resolve(state["tools"]),
            from_inputs=bool(state["from_inputs"]),
            form=ReplyForm.from_json(state["form"]),
        )
        self.call_first_ = bool(state["call_first"])
        self.result_answers_ = bool(state["result_answers"])
        self.shown_ = [Demonstration(**d) for d in state["demonstrations"]]
        self._connect(None)
        if state["indexed"]:
            embedder = load_embedder(self.embedder)
            self._connect(Retriever.load(folder / INDEX_FOLDER, embedder=embedder))
        return model
