"""Rounds of calls: the model replies, its calls are run, the results go back, until it answers.

All inputs advance together, one round a call of the model; none waits for another or learns of it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adaptkit.core.errors import AdaptKitError
from adaptkit.core.types import Completion, Passage, Prediction, Prompt, Request, Turn, Usage
from adaptkit.metrics.tool_calls import NamedCall
from adaptkit.models.base import Model
from adaptkit.strategies.fitting import fit_to_context
from adaptkit.strategies.tool_replies import Final, ReplyForm, Unclear
from adaptkit.strategies.tools import Outcome, Tool, run_tool

NOTHING_USED = Usage(tokens_in=0, tokens_out=0)
NOW_ANSWER = "No more calls. Give the answer now."


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one input may take.

    Attributes:
        max_calls: calls, those that could not be read among them.
        max_seconds: seconds of all its calls together.
        max_result_chars: of a result; longer ones are cut.
    """

    max_calls: int
    max_seconds: float
    max_result_chars: int


@dataclass(kw_only=True)
class Dialogue:
    """One input on its way to an answer.

    Attributes:
        must_answer: whether calls are over.
        prediction: None until there is one.
    """

    prompt: Prompt
    tools: Mapping[str, Tool]
    calls: list[dict[str, Any]] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    usage: Usage = NOTHING_USED
    spent_s: float = 0.0
    must_answer: bool = False
    prediction: Prediction | None = None


@dataclass(frozen=True, kw_only=True)
class ToolLoop:
    """What all dialogues of a strategy share.

    Attributes:
        complete: has the model answer requests.
        request: what the model is asked in a dialogue's next round.
        result_answers: whether the result of a call that went well is the answer.
        is_held: whether the model is held to the form of replies, so that it need not be told to answer.
    """

    complete: Callable[[Sequence[Request]], list[Completion]]
    form: ReplyForm
    limits: Limits
    request: Callable[[Dialogue], Request]
    result_answers: bool
    is_held: bool

    def answer(self, dialogues: Sequence[Dialogue], looked_up_s: float | None) -> list[Prediction]:
        """Answer all, in order.

        Args:
            dialogues: not begun.
            looked_up_s: seconds that building the prompt took, to be counted; None where no times are told.

        Raises:
            AdaptKitError: the model cannot answer, and there is one dialogue, or none has got further.
        """
        started = time.perf_counter() - (looked_up_s or 0.0)
        while waiting := [d for d in dialogues if d.prediction is None]:
            asked_s = time.perf_counter() - started
            for dialogue, completion in zip(waiting, self._complete(waiting, len(dialogues)), strict=True):
                if isinstance(completion, Prediction):
                    dialogue.prediction = completion
                    continue
                self._advance(dialogue, completion)
                if looked_up_s is not None and dialogue.prediction is not None:
                    took_s = time.perf_counter() - started
                    dialogue.prediction = self._timed(dialogue, completion, asked_s, took_s, looked_up_s)
        return [d.prediction for d in dialogues if d.prediction is not None]

    def _complete(self, waiting: Sequence[Dialogue], n_all: int) -> Sequence[Completion | Prediction]:
        """The model's replies. One that fails later than in the first round harms no other dialogue.

        Not by asking everything anew, as it is done where the first round fails: no tool runs twice.
        """
        requests = [self.request(d) for d in waiting]
        try:
            return self.complete(requests)
        except AdaptKitError:
            if n_all == 1 or not any(d.calls for d in waiting):
                raise
        return [self._complete_alone(r) for r in requests]

    def _complete_alone(self, request: Request) -> Completion | Prediction:
        try:
            return self.complete([request])[0]
        except AdaptKitError as error:
            return Prediction.failed(error)

    def _advance(self, dialogue: Dialogue, completion: Completion) -> None:
        """Take one reply: finish, or add it and what came of it as turns."""
        dialogue.usage += completion.usage
        reply = self.form.read(completion.text, dialogue.tools)
        if isinstance(reply, Final) and not dialogue.must_answer and not self._is_allowed(reply.text):
            reply = Unclear("The answer is not one of the labels.")
        if isinstance(reply, Final):
            self._finish(dialogue, reply.text, completion)
        elif dialogue.must_answer or self._is_vain(reply):
            self._finish(dialogue, self._last_result(dialogue) or completion.text, completion)
        elif isinstance(reply, Unclear):
            self._note(dialogue, NamedCall("", {}), error=reply.why)
            self._go_on(dialogue, completion, f"Error: {reply.why}")
        else:
            self._call(dialogue, reply, completion)

    def _call(self, dialogue: Dialogue, call: NamedCall, completion: Completion) -> None:
        tool = dialogue.tools.get(call.name)
        fault = self._fault(call, tool, dialogue)
        if tool is None or fault is not None:
            self._note(dialogue, call, error=fault)
            self._go_on(dialogue, completion, f"Error: {fault}")
        elif tool.run is None:
            self._note(dialogue, call)
            self._finish(dialogue, self.form.call_text(call), completion)
        else:
            self._run(dialogue, call, tool, completion)

    def _fault(self, call: NamedCall, tool: Tool | None, dialogue: Dialogue) -> str | None:
        if tool is None:
            return f"There is no tool '{call.name[:100]}'. Tools: {', '.join(dialogue.tools)}."
        fault = tool.fault(call.arguments)
        return None if fault is None else f"The arguments {fault}."

    def _run(self, dialogue: Dialogue, call: NamedCall, tool: Tool, completion: Completion) -> None:
        known = next((c for c in dialogue.calls if _is_same(c, call)), None)
        if known is not None:
            # It goes round in circles: it is told once more, and has to answer.
            dialogue.must_answer = True
            failed = "error" in known
            outcome = Outcome(text=known["error" if failed else "result"], failed=failed)
        else:
            left_s = self.limits.max_seconds - dialogue.spent_s
            outcome = run_tool(tool, call.arguments, seconds=left_s, max_chars=self.limits.max_result_chars)
            dialogue.spent_s += outcome.seconds
            seen = {p.id for p in dialogue.passages}
            dialogue.passages += [p for p in outcome.passages if p.id not in seen]
        came_of_it = {"error" if outcome.failed else "result": outcome.text}
        self._note(dialogue, call, seconds=outcome.seconds, **came_of_it)
        if outcome.failed:
            self._go_on(dialogue, completion, f"Error: {outcome.text}")
        elif self.result_answers and self._is_allowed(outcome.text):
            self._finish(dialogue, outcome.text, completion)
        else:
            self._go_on(dialogue, completion, outcome.text or "(empty)")

    def _is_vain(self, reply: Unclear | NamedCall) -> bool:
        """Whether asking again is vain: a call that was held to its form and is none was cut off."""
        return isinstance(reply, Unclear) and self.is_held and self.form.answer is None

    def _is_allowed(self, answer: str) -> bool:
        return not self.form.labels or answer in self.form.labels

    def _note(self, dialogue: Dialogue, call: NamedCall, *, seconds: float = 0.0, **came_of_it: Any) -> None:
        dialogue.calls.append(
            {"name": call.name, "arguments": dict(call.arguments), **came_of_it, "seconds": round(seconds, 6)}
        )

    def _go_on(self, dialogue: Dialogue, completion: Completion, told: str) -> None:
        """Add the reply and what came of it to the prompt, for another round."""
        if len(dialogue.calls) >= self.limits.max_calls or dialogue.spent_s >= self.limits.max_seconds:
            dialogue.must_answer = True
        if dialogue.must_answer and self.form.answer is None:
            self._finish(dialogue, completion.text, completion)
            return
        if dialogue.must_answer and not self.is_held:
            told = f"{told}\n{NOW_ANSWER}"
        turns = (Turn(role="assistant", text=completion.text), Turn(role="tool", text=told))
        dialogue.prompt = dataclasses.replace(dialogue.prompt, turns=(*dialogue.prompt.turns, *turns))

    def _finish(self, dialogue: Dialogue, output: str, completion: Completion) -> None:
        prompt = dialogue.prompt
        dialogue.prediction = Prediction(
            output=output,
            finish_reason="choice" if output in self.form.labels else completion.finish_reason,
            usage=dialogue.usage,
            contexts=(*prompt.context, *dialogue.passages),
            tool_calls=tuple(dialogue.calls),
        )

    def _last_result(self, dialogue: Dialogue) -> str:
        return next((str(c["result"]) for c in reversed(dialogue.calls) if c.get("result")), "")

    def _timed(
        self, dialogue: Dialogue, completion: Completion, asked_s: float, took_s: float, looked_up_s: float
    ) -> Prediction:
        """The prediction with its times; the first token is that of the answer, not of a call before it.

        Where a result is the answer, it is there at once when the call is done.
        """
        prediction, prompt = dialogue.prediction, dialogue.prompt
        assert prediction is not None
        first_s = None if completion.first_token_s is None else asked_s + completion.first_token_s
        if self.result_answers and dialogue.calls and prediction.output == dialogue.calls[-1].get("result"):
            first_s = took_s
        looks_up = bool(prompt.context or prompt.demonstrations)
        return dataclasses.replace(
            prediction,
            retrieve_s=looked_up_s if looks_up else None,
            first_token_s=first_s,
            latency_s=took_s,
        )


def _is_same(noted: Mapping[str, Any], call: NamedCall) -> bool:
    return bool(noted["name"] == call.name and noted["arguments"] == call.arguments)


def within_context(prompt: Prompt, model: Model, max_new_tokens: int) -> Prompt:
    """Leave out demonstrations and passages, then the oldest calls with their results."""
    prompt = fit_to_context(prompt, model, max_new_tokens)
    room = model.info.context_tokens - max_new_tokens
    while len(prompt.turns) > 2 and model.count_prompt_tokens(prompt) > room:
        prompt = dataclasses.replace(prompt, turns=prompt.turns[2:])
    return prompt
