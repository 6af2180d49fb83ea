"""Function calling: rounds, limits, faults of model and tools, and what is saved."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny import arithmetic_task, classification_task, qa_task, structured_task, tiny_model

from adaptkit.core.errors import CapabilityError, ConfigError, ContextLengthError
from adaptkit.core.types import Completion, Example, Prediction, Request, Turn
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy, parse_strategy
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.function_calling import FunctionCalling
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.strategies.tool_loop import NOW_ANSWER
from adaptkit.strategies.tools import Tool, allow, allowed
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

SUMS = arithmetic_task()


class HeldModel(FakeModel):
    """A scripted model that says it can be held to any schema."""

    def refuses(self, schema: Mapping[str, object], texts: Sequence[str]) -> str | None:
        return None


def call(expression: str, tool: str = "calculator") -> str:
    return json.dumps({"tool": tool, "arguments": {"expression": expression}})


def answer(text: str) -> str:
    return json.dumps({"answer": text})


def calculating(request: Request) -> str:
    """Calls the calculator with the input, then answers what it was told."""
    turns = request.prompt.turns
    return answer(turns[-1].text) if turns else call(request.prompt.input)


def told_expressions(task: Task) -> Task:
    """The task with each train row's calculation in its metadata."""
    train = [dataclasses.replace(e, metadata={"expression": e.input}) for e in task.train]
    return dataclasses.replace(task, train=tuple(train))


def fitted(script: Callable[[Request], str], task: Task = SUMS, **params: Any) -> FunctionCalling:
    return FunctionCalling(**params).fit(FakeModel(script), task)


def requests_of(strategy: FunctionCalling) -> list[Request]:
    assert isinstance(strategy.model_, FakeModel)
    return strategy.model_.requests


def test_a_call_is_run_and_its_result_goes_back_as_a_turn() -> None:
    strategy = fitted(calculating)
    found = strategy.generate("3 + 4")
    assert found.output == "7"
    assert [r.prompt.turns for r in requests_of(strategy)] == [
        (),
        (Turn(role="assistant", text=call("3 + 4")), Turn(role="tool", text="7")),
    ]
    (made,) = found.tool_calls
    assert {k: made[k] for k in ("name", "arguments", "result")} == {
        "name": "calculator",
        "arguments": {"expression": "3 + 4"},
        "result": "7",
    }
    assert isinstance(made["seconds"], float)
    json.dumps(found.tool_calls)


def test_usage_is_that_of_all_rounds_and_times_count_from_the_question() -> None:
    def slow(request: Request) -> str:
        time.sleep(0.03)
        return calculating(request)

    strategy = fitted(slow)
    found = strategy.generate("3 + 4")
    model = strategy.model_
    assert found.usage.tokens_in == sum(model.count_prompt_tokens(r.prompt) for r in requests_of(strategy))
    assert found.usage.tokens_out == model.count_tokens(call("3 + 4")) + model.count_tokens(answer("7"))
    # The first token is the answer's: the first round lies before it.
    assert found.first_token_s is not None
    assert found.latency_s is not None
    assert 0.06 <= found.first_token_s <= found.latency_s < 5
    batch = strategy.generate(["3 + 4", "1 + 1"])
    assert all(p.latency_s is p.first_token_s is p.retrieve_s is None for p in batch)


def test_all_inputs_advance_together_and_each_gets_its_own_answer() -> None:
    sizes = []

    class Counting(FakeModel):
        def complete(self, requests: Sequence[Request]) -> list[Completion]:
            sizes.append(len(requests))
            return super().complete(requests)

    def script(request: Request) -> str:
        at_once = request.prompt.input == "5" and not request.prompt.turns
        return answer("five") if at_once else calculating(request)

    strategy = FunctionCalling().fit(Counting(script), SUMS)
    found = strategy.generate(["1 + 1", "5", "2 * 3", "1 / 0"])
    assert sizes == [4, 3]
    assert [p.output for p in found[:3]] == ["2", "five", "6"]
    assert found[3].output == "Error: ZeroDivisionError: division by zero"
    assert found[3].tool_calls[0]["error"] == "ZeroDivisionError: division by zero"
    assert [len(p.tool_calls) for p in found] == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ('{"tool": "calculator", "arguments": {"expression": ', "This is no JSON object, or it was cut off."),
        ('{"thought": "hm"}', 'The object has neither "tool" nor "answer".'),
        (call("1", tool="calc"), "There is no tool 'calc'. Tools: calculator."),
        (json.dumps({"tool": "calculator", "arguments": {}}), "'expression' is a required property"),
        (json.dumps({"tool": "calculator", "arguments": {"expression": 3}}), "3 is not of type 'string'"),
        (call("x + 1"), "ValueError: 'x' is no arithmetic"),
    ],
)
def test_what_is_wrong_with_a_reply_is_told_to_the_model(reply: str, told: str) -> None:
    strategy = fitted(lambda r: answer("7") if r.prompt.turns else reply)
    found = strategy.generate("3 + 4")
    assert found.output == "7"
    assert found.error is None
    said = requests_of(strategy)[1].prompt.turns[1].text
    assert said.startswith("Error: ")
    assert told in said
    assert told in str(found.tool_calls[0]["error"])


def test_a_call_inside_other_words_and_under_usual_keys_is_understood() -> None:
    chat = 'Sure!\n```json\n{"name": "calculator", "parameters": {"expression": "3 + 4"}}\n```'
    strategy = fitted(lambda r: f"So: {answer('7')} I hope." if r.prompt.turns else chat)
    found = strategy.generate("3 + 4")
    assert (found.output, found.tool_calls[0]["result"]) == ("7", "7")


@pytest.mark.parametrize("reply", ["seven", '"seven"'])
def test_an_answer_without_json_is_an_answer(reply: str) -> None:
    strategy = fitted(lambda _: reply)
    assert strategy.generate("3 + 4").output == "seven"
    assert len(requests_of(strategy)) == 1


def test_an_answer_that_was_cut_off_is_given_as_far_as_it_goes() -> None:
    assert fitted(lambda _: '{"answer": "it is \\"sev').generate("3 + 4").output == 'it is "sev'


def test_calls_end_and_then_the_model_has_to_answer() -> None:
    counts: list[int] = []

    def script(request: Request) -> str:
        counts.append(len(request.prompt.turns))
        if request.prompt.turns and NOW_ANSWER in request.prompt.turns[-1].text:
            return answer("enough")
        return call(f"{len(request.prompt.turns)} + 1")

    found = fitted(script, max_calls=2).generate("3 + 4")
    assert counts == [0, 2, 4]
    assert found.output == "enough"
    assert [c["result"] for c in found.tool_calls] == ["1", "3"]


def test_a_model_that_never_answers_gets_its_last_result_as_the_answer() -> None:
    found = fitted(lambda r: call(f"{len(r.prompt.turns)} + 1"), max_calls=3).generate("3 + 4")
    assert (found.output, len(found.tool_calls)) == ("5", 3)
    assert fitted(lambda _: '{"a": 1}', max_calls=2).generate("3 + 4").output == '{"a": 1}'


def test_the_same_call_again_is_not_run_again_and_ends_the_calls() -> None:
    ran = []

    def look(x: int) -> str:
        """Look."""
        ran.append(x)
        return f"seen {x}"

    again = json.dumps({"tool": "look", "arguments": {"x": 1}})
    strategy = fitted(lambda r: answer("so be it") if len(r.prompt.turns) > 2 else again, tools=[look])
    found = strategy.generate("?")
    assert ran == [1]
    assert [c["result"] for c in found.tool_calls] == ["seen 1", "seen 1"]
    assert requests_of(strategy)[2].prompt.turns[3].text == f"seen 1\n{NOW_ANSWER}"
    assert found.output == "so be it"


def test_a_tool_that_loops_is_given_up_and_the_others_go_on() -> None:
    def spin(n: int) -> int:
        """Spin."""
        while n:
            pass
        return 0

    def script(request: Request) -> str:
        turns = request.prompt.turns
        if turns:
            return answer(turns[-1].text)
        return json.dumps({"tool": "spin", "arguments": {"n": int(request.prompt.input)}})

    strategy = fitted(script, tools=[spin], max_seconds=0.2)
    started = time.perf_counter()
    found = strategy.generate(["0", "1", "0"])
    assert time.perf_counter() - started < 5
    assert [p.output for p in found[::2]] == ["0", "0"]
    assert found[1].output.startswith("Error: It took longer than 0.2 s and was given up.")
    assert NOW_ANSWER in found[1].output  # its time is used up


def test_a_result_of_megabytes_is_cut() -> None:
    def flood(n: int) -> str:
        """Flood."""
        return "x" * n

    huge = json.dumps({"tool": "flood", "arguments": {"n": 10_000_000}})
    script = lambda r: answer("ok") if r.prompt.turns else huge  # noqa: E731
    strategy = fitted(script, tools=[flood], max_result_chars=20)
    found = strategy.generate("?")
    assert found.tool_calls[0]["result"] == "x" * 20 + "... (cut: 10000000 characters in all)"
    assert requests_of(strategy)[1].prompt.turns[1].text == found.tool_calls[0]["result"]


def test_a_failure_in_a_later_round_harms_no_other_row_and_runs_no_tool_twice() -> None:
    ran: list[int] = []

    def note(x: int) -> str:
        """Note."""
        ran.append(x)
        return str(x)

    class Failing(FakeModel):
        def complete(self, requests: Sequence[Request]) -> list[Completion]:
            if any(r.prompt.turns and r.prompt.input == "2" for r in requests):
                raise ContextLengthError(9, 8)
            return super().complete(requests)

    def script(request: Request) -> str:
        if request.prompt.turns:
            return answer(request.prompt.turns[-1].text)
        return json.dumps({"tool": "note", "arguments": {"x": int(request.prompt.input)}})

    strategy = FunctionCalling(tools=[note]).fit(Failing(script), SUMS)
    found = strategy.generate(["1", "2", "3"])
    assert [p.output for p in found] == ["1", "", "3"]
    assert found[1].error is not None
    assert found[1].error.type == "ContextLengthError"
    assert ran == [1, 2, 3]
    with pytest.raises(ContextLengthError):
        strategy.generate("2")


def test_the_oldest_calls_leave_a_prompt_that_grows_too_long() -> None:
    def lines(n: int) -> str:
        """Many words."""
        return f"{n} " * 30

    def script(request: Request) -> str:
        seen.append([t.text for t in request.prompt.turns])
        if len(seen) == 4:
            return answer("done")
        return json.dumps({"tool": "lines", "arguments": {"n": len(seen)}})

    seen: list[list[str]] = []
    strategy = FunctionCalling(tools=[lines], max_calls=5, max_call_tokens=10)
    first = strategy.fit(FakeModel({}), SUMS).prompts(["?"])[0]
    size = FakeModel({}).count_prompt_tokens(first) + strategy.format_.max_new_tokens
    # Two calls with results of thirty words have room, three have not.
    strategy.fit(FakeModel(script, context_tokens=size + 85), SUMS)
    found = strategy.generate("?")
    assert found.output == "done"
    assert [t[1].split()[0] for t in seen[1:]] == ["1", "1", "2"]
    assert [len(t) for t in seen] == [0, 2, 4, 4]
    assert len(found.tool_calls) == 3


def held(script: Callable[[Request], str], task: Task, **params: Any) -> tuple[FunctionCalling, HeldModel]:
    model = HeldModel(script)
    return FunctionCalling(**params).fit(model, task), model


def options(request: Request) -> list[list[str]]:
    """The keys of each object to which a reply is held."""
    assert request.schema is not None
    found: Any = request.schema.get("anyOf", [request.schema])
    return [list(o["properties"]) for o in found]


def test_a_model_that_can_be_held_is_held_to_calls_and_answers() -> None:
    strategy, model = held(calculating, SUMS)
    strategy.generate("3 + 4")
    assert [options(r) for r in model.requests] == [[["tool", "arguments"], ["answer"]]] * 2
    strategy, model = held(calculating, SUMS, call_first=True, max_calls=1)
    strategy.generate("3 + 4")
    assert [options(r) for r in model.requests] == [[["tool", "arguments"]], [["answer"]]]
    # It need not be told, since it cannot do otherwise.
    assert model.requests[1].prompt.turns[-1].text == "7"
    assert strategy.fit_notes_["call_first"] is True


def test_the_answer_has_the_form_of_the_tasks_answers() -> None:
    def answers(task: Task) -> Any:
        _, model = strategy_and_model = held(lambda _: answer("x"), task, tools=["calculator"])
        strategy_and_model[0].generate("?")
        schema: Any = model.requests[0].schema
        return schema["anyOf"][1]["properties"]["answer"]

    assert answers(qa_task()) == {"type": "string"}
    assert "pattern" in answers(SUMS)
    assert answers(classification_task()) == {"enum": ["music", "weather", "alarm"]}
    assert answers(structured_task()) == structured_task().schema


def test_the_answer_of_a_structured_task_is_its_record() -> None:
    record = {"city": "Lima", "day": "monday"}
    for reply in (json.dumps({"answer": record}), f"Here: {json.dumps(record)}"):
        found = fitted(lambda _, r=reply: r, structured_task(), tools=["calculator"]).generate("?")  # type: ignore[misc]
        assert json.loads(found.output) == record


def test_labels_are_scored_once_calls_are_over() -> None:
    task = classification_task()

    def script(request: Request) -> str:
        return request.choices[1] if request.choices else call("1 + 1")

    strategy, model = held(script, task, tools=["calculator"], max_calls=1)
    found = strategy.generate("play it")
    assert (found.output, found.finish_reason) == ("weather", "choice")
    assert model.requests[1].choices == tuple(answer(label) for label in task.labels)
    # An answer that is no label is told, and counts as a call.
    jazz = lambda r: r.choices[0] if r.choices else answer("jazz")  # noqa: E731
    strategy, model = held(jazz, task, tools=["calculator"])
    found = strategy.generate("play it")
    assert found.output == "music"
    assert [c["error"] for c in found.tool_calls] == ["The answer is not one of the labels."] * 3


TOOLS: tuple[Mapping[str, Any], ...] = (
    {
        "name": "fly",
        "description": "Books a flight.",
        "parameters": {"type": "dict", "properties": {"city": {"type": "str"}}, "required": ["city"]},
    },
    {"name": "stay", "description": "Books a room.", "parameters": {"type": "object", "properties": {}}},
)


def calls_task(*, in_inputs: bool = False) -> Task:
    """Requests whose answer is a call."""
    described = "\n".join(json.dumps(t) for t in TOOLS)
    rows = [
        Example(
            id=str(i),
            input=f"Functions:\n{described}\n\nRequest: to {city}" if in_inputs else f"to {city}",
            target=json.dumps({"function": "fly", "args": {"city": city}}),
        )
        for i, city in enumerate(("Lima", "Rome", "Oslo", "Bonn"))
    ]
    return Task(
        name="calls",
        kind="structured",
        instruction="Write the call.",
        metrics=("json_exact", "tool_choice"),
        train=tuple(rows[:2]),
        validation=(rows[2],),
        test=(rows[3],),
        tools=() if in_inputs else TOOLS,
    )


@pytest.mark.parametrize("in_inputs", [False, True])
def test_where_no_tool_can_be_run_the_call_is_the_answer(in_inputs: bool) -> None:
    task = calls_task(in_inputs=in_inputs)
    wanted = task.test[0].target
    strategy, model = held(lambda _: wanted, task)
    found = strategy.generate(task.test[0].input)
    assert found.output == wanted
    assert found.tool_calls == ({"name": "fly", "arguments": {"city": "Bonn"}, "seconds": 0.0},)
    assert [options(r) for r in model.requests] == [[["function", "args"]] * 2]
    schema: Any = model.requests[0].schema
    arguments = schema["anyOf"][0]["properties"]["args"]
    # No longer than half as long again as the longest of train: a small model ends no text by itself.
    assert arguments["properties"] == {"city": {"type": "string", "maxLength": 6}}
    assert strategy.fit_notes_["tools_from_inputs"] is in_inputs
    assert ("Books a flight." in strategy.instruction_) is not in_inputs
    assert strategy.alternatives(task) == [strategy]


def test_a_call_that_breaks_its_schema_is_told_and_the_last_one_stands() -> None:
    task = calls_task()
    strategy = fitted(lambda _: '{"function": "fly", "args": {}}', task, max_calls=2)
    found = strategy.generate("to Bonn")
    assert found.output == '{"function": "fly", "args": {}}'
    assert len(found.tool_calls) == 2
    assert "'city' is a required property" in requests_of(strategy)[1].prompt.turns[1].text


def test_the_schema_of_each_input_is_that_of_its_own_functions() -> None:
    task = calls_task(in_inputs=True)
    strategy, model = held(lambda r: answer("x"), task)
    other = 'Functions: {"name": "dive", "parameters": {"type": "object"}} Request: go'
    strategy.generate([task.test[0].input, other, "no functions here"])
    names = [_names(r) for r in model.requests[:3]]
    assert names == [["fly", "stay"], ["dive"], []]


def _names(request: Request) -> list[str]:
    schema: Any = request.schema
    if schema is None:
        return []
    return [o["properties"]["function"]["const"] for o in schema.get("anyOf", [schema])]


def test_real_decoding_is_held_to_calls() -> None:
    task = calls_task(in_inputs=True)
    strategy = FunctionCalling().fit(tiny_model("llama", context_tokens=4096), task)
    assert strategy.format_.decoded_freely is None
    for found in strategy.generate([e.input for e in (*task.test, *task.train)]):
        value = json.loads(found.output)
        assert value["function"] in ("fly", "stay")
        assert found.tool_calls[0]["name"] == value["function"]


def test_with_no_tools_given_those_that_suit_the_task_are_taken() -> None:
    fake = FakeModel({})
    assert FunctionCalling().fit(fake, SUMS).fit_notes_["tools"] == ["calculator"]
    assert FunctionCalling().fit(fake, qa_task()).fit_notes_["tools"] == ["lookup"]
    assert FunctionCalling().fit(fake, calls_task()).fit_notes_["tools"] == ["fly", "stay"]
    with pytest.raises(CapabilityError, match="needs tools, and the task 'commands' brings none"):
        FunctionCalling().fit(fake, classification_task())
    with pytest.raises(CapabilityError, match="'lookup' needs documents"):
        FunctionCalling(tools=["lookup"]).fit(fake, SUMS)


def test_passages_that_were_looked_up_are_contexts_of_the_answer(tmp_path: Path) -> None:
    task = qa_task()

    def script(request: Request) -> str:
        if request.prompt.turns:
            return answer(str("Lima" in request.prompt.turns[1].text))
        return json.dumps({"tool": "lookup", "arguments": {"query": "capital of Peru"}})

    strategy = FunctionCalling(tools="lookup=3").fit(FakeModel(script), task)
    for one in (strategy, load_strategy(strategy.save(tmp_path), FakeModel(script))):
        found = one.generate("What is the capital of Peru?")
        assert found.output == "True"
        assert len(found.contexts) == 3
        assert found.contexts[0].document_id == "peru"


def test_weights_are_to_write_the_call_that_a_train_row_tells() -> None:
    strategy = fitted(calculating)
    row = Example(id="1", input="?", target="7")

    def completion(**metadata: Any) -> str:
        return strategy.completion(dataclasses.replace(row, metadata=metadata))

    assert completion(expression="3 + 4") == call("3 + 4")
    named = {"name": "calculator", "arguments": {"expression": "4 + 3"}}
    assert completion(tool_calls=[named], expression="3 + 4") == call("4 + 3")
    assert completion() == completion(expression=7) == completion(other="3 + 4") == answer("7")
    assert completion(tool_calls=[{"name": "other", "arguments": {}}]) == answer("7")


def test_weights_are_to_write_targets_that_are_calls_with_arguments_in_order() -> None:
    two = {"name": "go", "parameters": {"type": "object", "properties": {"a": {}, "b": {}}}}
    target = '{"name": "go", "arguments": {"b": 1, "a": 2}}'
    rows = [Example(id=i, input=i, target=target) for i in "ab"]
    task = dataclasses.replace(calls_task(), train=(rows[0],), validation=(rows[1],), tools=(two,))
    strategy = fitted(lambda _: "{}", task)
    assert strategy.completion(rows[0]) == '{"name": "go", "arguments": {"a": 2, "b": 1}}'


def test_fine_tuning_after_it_trains_on_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    trained: list[str] = []
    encode = model.encode_completion

    def noting(text: str) -> list[int]:
        trained.append(text)
        return encode(text)

    monkeypatch.setattr(model, "encode_completion", noting)
    both = Compose((FunctionCalling(), LoRASFT(rank=2, epochs=1, max_tokens=2000)))
    both.fit(model, told_expressions(SUMS))
    assert {call(e.input) for e in SUMS.train} <= set(trained)
    found = both.generate([SUMS.test[0].input, SUMS.test[1].input])
    assert all(p.error is None for p in found)
    assert all(p.tool_calls[0]["name"] in ("calculator", "") for p in found)
    assert both.instruction_ == both.parts_[0].instruction_


def test_where_train_rows_tell_calls_they_come_first_and_their_results_are_the_answers() -> None:
    strategy, _ = held(calculating, told_expressions(SUMS))
    assert strategy.fit_notes_["call_first"] is True
    assert strategy.fit_notes_["answer_from"] == "result"
    found = strategy.generate("3 + 4")
    assert found.output == "7"
    assert found.first_token_s == found.latency_s
    strategy, _ = held(calculating, SUMS)
    assert (strategy.fit_notes_["call_first"], strategy.fit_notes_["answer_from"]) == (False, "model")
    wrong = [dataclasses.replace(e, metadata={"expression": "1 + 1"}) for e in SUMS.train]
    strategy, _ = held(calculating, dataclasses.replace(SUMS, train=tuple(wrong)))
    assert (strategy.fit_notes_["call_first"], strategy.fit_notes_["answer_from"]) == (True, "model")


def test_functions_of_the_user_are_not_run_while_fitting() -> None:
    ran = []

    def pay(amount: str) -> str:
        """Pay."""
        ran.append(amount)
        return amount

    rows = [dataclasses.replace(e, metadata={"amount": e.target}) for e in SUMS.train]
    strategy = fitted(lambda _: "x", dataclasses.replace(SUMS, train=tuple(rows)), tools=[pay])
    assert strategy.fit_notes_["call_first"] is True
    assert strategy.fit_notes_["answer_from"] == "model"
    assert ran == []


def test_a_result_is_the_answer_only_of_a_call_that_went_well() -> None:
    def script(request: Request) -> str:
        return call("1 / 0") if not request.prompt.turns else call("2 + 2")

    found = fitted(script, answer_from="result").generate("?")
    assert (found.output, len(found.tool_calls)) == ("4", 2)


def test_demonstrations_are_calls_of_the_models_own_that_lead_to_the_target() -> None:
    def script(request: Request) -> str:
        # Wrong for every row but those with a 5.
        turns = request.prompt.turns
        if turns:
            return answer(turns[-1].text)
        return call(request.prompt.input if "5" in request.prompt.input else "0 + 0")

    strategy = fitted(script, told_expressions(SUMS), k=2)
    right = [e for e in SUMS.train if "5" in e.input]
    assert 2 <= strategy.fit_notes_["n_demonstrations"] <= 3
    prompt = strategy.prompts(["9 + 9"])[0]
    assert len(prompt.demonstrations) == 2
    assert {(d.input, d.target) for d in prompt.demonstrations} <= {(e.input, call(e.input)) for e in right}
    own = prompt.demonstrations[0].input
    assert own not in [d.input for d in strategy.prompts([own])[0].demonstrations]


def test_demonstrations_of_others_show_answers_in_the_form_of_replies() -> None:
    both = Compose((FewShot(k=2), FunctionCalling())).fit(FakeModel(calculating), SUMS)
    shown = both.prompts(["3 + 9"])[0].demonstrations
    targets = {e.input: e.target for e in SUMS.train}
    assert len(shown) == 2
    assert all(d.target == answer(targets[d.input]) for d in shown)
    assert both.generate("3 + 9").output == "12"
    task = calls_task()
    calls = Compose((FewShot(k=2), FunctionCalling())).fit(FakeModel({}), task)
    assert {d.target for d in calls.prompts(["x"])[0].demonstrations} == {e.target for e in task.train}


def test_a_model_that_cannot_be_held_is_noted() -> None:
    strategy = fitted(calculating)
    assert "cannot hold its completions" in str(strategy.format_.decoded_freely)
    assert requests_of(strategy) == []
    strategy.generate("3 + 4")
    assert all(r.schema is None for r in requests_of(strategy))


def test_a_constraint_that_would_refuse_what_train_rows_tell_is_loosened() -> None:
    odd = [dataclasses.replace(e, metadata={"expression": f"sum of {e.input}"}) for e in SUMS.train]
    strategy = FunctionCalling().fit(tiny_model("llama"), dataclasses.replace(SUMS, train=tuple(odd)))
    assert strategy.format_.decoded_freely is None
    assert strategy.offer_.form.narrow is False
    assert FunctionCalling().fit(tiny_model("llama"), SUMS).offer_.form.narrow is True


def half(x: float) -> float:
    """Half as much."""
    return x / 2


def halving(request: Request) -> str:
    turns = request.prompt.turns
    return answer(turns[-1].text) if turns else json.dumps({"tool": "half", "arguments": {"x": 5}})


def test_a_saved_function_is_taken_up_only_if_this_program_passed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fitted(halving, tools=[half]).save(tmp_path)
    assert load_strategy(folder, FakeModel(halving)).generate("?").output == "2.5"
    monkeypatch.setattr(allowed, "_KNOWN", {})
    with pytest.raises(ConfigError, match="which this program has not passed"):
        load_strategy(folder, FakeModel(halving))
    allow(half)
    assert load_strategy(folder, FakeModel(halving)).generate("?").output == "2.5"


def test_a_saved_folder_is_read_only_if_this_program_named_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    spec = f"read_file={tmp_path / 'docs'}"
    folder = fitted(calculating, tools=[spec]).save(tmp_path / "saved")
    monkeypatch.setattr(allowed, "_KNOWN", {})
    with pytest.raises(ConfigError, match="uses the tool"):
        load_strategy(folder, FakeModel(calculating))
    allow(spec)
    assert load_strategy(folder, FakeModel(calculating)).params()["tools"] == (spec,)


@pytest.mark.parametrize("in_inputs", [False, True])
def test_a_saved_task_function_needs_no_task(tmp_path: Path, in_inputs: bool) -> None:
    task = calls_task(in_inputs=in_inputs)
    strategy, model = held(lambda _: task.test[0].target, task)
    loaded = load_strategy(strategy.save(tmp_path), model)
    assert isinstance(loaded, FunctionCalling)
    assert loaded.offer_ == strategy.offer_
    assert loaded.generate(task.test[0].input).tool_calls[0]["name"] == "fly"


def test_parameters_as_texts_lists_and_objects() -> None:
    assert FunctionCalling(tools="calculator") == FunctionCalling(tools=["calculator"])
    parsed = parse_strategy("function-calling:tools=calculator:max_calls=2")
    assert parsed == FunctionCalling(tools=("calculator",), max_calls=2)
    own = Tool(name="own", description="", run=lambda: "x")
    assert FunctionCalling(tools=[own]).tools == (own,)
    label = FunctionCalling(tools=[half, "calculator"]).changed_params()["tools"]
    assert label.startswith(f"{__name__}:half#")
    assert label.endswith(",calculator")
    described = FunctionCalling(tools=[half]).described_params()
    assert FunctionCalling.from_params(json.loads(json.dumps(described))).generate is not None


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"max_calls": 0}, "'max_calls' parameter of FunctionCalling must be an int >= 1"),
        ({"max_call_tokens": True}, "'max_call_tokens'"),
        ({"max_result_chars": "9"}, "'max_result_chars'"),
        ({"max_seconds": 0}, "'max_seconds' parameter of FunctionCalling must be above 0"),
        ({"max_seconds": float("inf")}, "'max_seconds'"),
        ({"call_first": 1}, "'call_first' parameter of FunctionCalling must be true, false or None"),
        ({"answer_from": "tool"}, "must be 'model', 'result' or None. Got 'tool'"),
        ({"k": -1}, "'k' parameter of FunctionCalling must be an int >= 0"),
        ({"tools": [3]}, "'tools' parameter of FunctionCalling must be names of built-in tools"),
    ],
)
def test_parameters_out_of_range_are_refused(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        FunctionCalling(**params).fit(FakeModel({}), SUMS)


def test_alternatives_are_valid_and_differ() -> None:
    found = FunctionCalling().alternatives(SUMS)
    assert found[0] == FunctionCalling()
    assert 3 <= len(found) <= 8
    assert all(found.count(f) == 1 for f in found)
    for one in found:
        one.check()
    assert FunctionCalling(max_calls=1, k=4).alternatives(qa_task())[0].k == 4


def test_warm_up_asks_for_a_few_tokens_and_runs_nothing() -> None:
    strategy, model = held(calculating, SUMS)
    strategy.warm_up(["3 + 4"])
    assert [r.max_new_tokens for r in model.requests] == [2]
    assert model.requests[0].schema is not None


def test_answers_do_not_depend_on_the_batch_with_a_real_decoder() -> None:
    strategy = FunctionCalling(max_calls=2, max_call_tokens=24, call_first=True)
    strategy.fit(tiny_model("qwen", stop_every=40), SUMS)
    inputs = [e.input for e in SUMS.test]

    def told(found: list[Prediction]) -> list[tuple[Any, ...]]:
        return [(p.output, p.usage.tokens_in, [c["arguments"] for c in p.tool_calls]) for p in found]

    together = told(strategy.generate(inputs))
    assert told([strategy.generate(text) for text in inputs]) == together
    assert any(calls for _, _, calls in together)


@pytest.mark.slow
def test_the_embedded_model_calls_the_calculator() -> None:
    from adaptkit.models.load import load_model

    inputs = [f"What is {a} plus {b}?" for a, b in ((3, 4), (12, 30), (250, 17), (8, 81), (64, 36), (5, 5))]
    strategy = FunctionCalling(call_first=True, answer_from="result", max_calls=1).fit(load_model(), SUMS)
    calls = [c for p in strategy.generate(inputs) for c in p.tool_calls]
    assert len(calls) == len(inputs)
    assert sum("result" in c for c in calls) >= 5
