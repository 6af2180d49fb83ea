from __future__ import annotations

import dataclasses

import pytest
from tiny import (
    TASKS,
    arithmetic_task,
    classification_task,
    qa_task,
    structured_task,
    tiny_model,
    tiny_tokenizer,
)

from adaptkit.core.errors import CapabilityError
from adaptkit.core.types import Demonstration, Passage, Prompt, Request
from adaptkit.models.fake import FakeModel
from adaptkit.models.render import Renderer
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.formats import FORMATS, Marks
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.strategies.prompt import PromptEngineering

pytestmark = pytest.mark.usefixtures("hash_embedder")

LABELS = ("music", "weather", "alarm")
PROMPT = Prompt(
    instruction="Name the intent.",
    input="will it {rain}?",
    demonstrations=(
        Demonstration(input="play {0}", target="music", example_id="1"),
        Demonstration(input="wake me", target="alarm", example_id="2"),
    ),
    context=(Passage(id="d#0", document_id="d", text="It rains.", score=1.0),),
)


def test_plain_leaves_everything_as_it_was() -> None:
    assert FORMATS["plain"].lay_out(PROMPT, labels=LABELS) == PROMPT


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "plain"])
def test_format_changes_the_setting_and_loses_nothing(name: str) -> None:
    made = FORMATS[name].lay_out(PROMPT, labels=LABELS)
    assert made != PROMPT
    assert made.context == PROMPT.context
    assert [d.target for d in made.demonstrations] == ["music", "alarm"]
    assert [d.example_id for d in made.demonstrations] == ["1", "2"]
    assert "will it {rain}?" in made.input
    assert "play {0}" in made.demonstrations[0].input
    assert PROMPT.instruction in made.instruction + made.input


@pytest.mark.parametrize("name", FORMATS)
def test_demonstrations_look_like_the_input(name: str) -> None:
    same = dataclasses.replace(PROMPT, input="wake me")
    made = FORMATS[name].lay_out(same, labels=LABELS)
    shown = made.demonstrations[1].input
    # Only what is said once more for the input alone may come after.
    extra = "Possible answers:" if name == "options" else PROMPT.instruction
    assert made.input.startswith(shown)
    assert made.input == shown or extra in made.input.removeprefix(shown)
    assert FORMATS[name].asked is not None or made.input == shown


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma", "base"])
@pytest.mark.parametrize("name", FORMATS)
def test_label_follows_where_it_follows_in_the_plain_format(name: str, kind: str) -> None:
    """What a model reads last is its own markup, so scored labels stand where it writes."""
    renderer = Renderer(tiny_tokenizer(kind))
    marker = "will it {rain}?"
    plain = renderer.text(PROMPT).rpartition(marker)[2]
    made = FORMATS[name].lay_out(PROMPT, labels=LABELS)
    assert renderer.text(made).endswith(plain.strip("\n") if kind == "base" else plain)


def test_labels_are_listed_for_the_input_only() -> None:
    made = FORMATS["options"].lay_out(PROMPT, labels=LABELS)
    assert made.input.endswith("Possible answers:\n- music\n- weather\n- alarm")
    assert made.demonstrations == PROMPT.demonstrations


def test_format_that_lists_labels_needs_some() -> None:
    with pytest.raises(CapabilityError, match="'options' lists labels, and the task 'sums' has none"):
        PromptEngineering(format="options").fit(FakeModel({}), arithmetic_task())


def test_marks_stand_around_answers_that_are_shown() -> None:
    marks = Marks(opening="<answer>", closing="</answer>")
    made = FORMATS["xml"].lay_out(PROMPT, marks=marks)
    assert [d.target for d in made.demonstrations] == ["<answer>music</answer>", "<answer>alarm</answer>"]


def test_cue_is_left_out_where_reasoning_comes_first() -> None:
    assert FORMATS["question-answer"].lay_out(PROMPT).input.endswith("\nAnswer:")
    assert FORMATS["question-answer"].lay_out(PROMPT, cued=False).input.endswith("will it {rain}?")


@pytest.mark.parametrize("kind", ["classification", "structured"])
def test_labels_and_json_are_never_wrapped(kind: str) -> None:
    task = TASKS[kind]()
    model = tiny_model("llama", stop_every=40)
    strategy = PromptEngineering(format="xml").fit(model, task)
    plain = PromptEngineering().fit(model, task)
    assert strategy.format_ == plain.format_
    assert strategy.instruction_ == plain.instruction_
    assert strategy.completion(task.train[0]) == task.train[0].target


def test_wrapped_answer_is_asked_for_read_and_taught() -> None:
    task = qa_task()
    model = FakeModel(lambda r: f"<answer>{r.prompt.input[7:11]}")
    strategy = PromptEngineering(format="xml").fit(model, task)
    assert strategy.generate("Lima and Rome").output == "\nLim".strip()
    (request,) = model.requests
    assert request.stop == ("</answer>",)
    assert request.max_new_tokens > PromptEngineering().fit(model, task).format_.max_new_tokens
    assert "between <answer> and </answer>" in request.prompt.instruction
    assert "Reply with the answer only" not in request.prompt.instruction
    assert strategy.completion(task.train[0]) == f"<answer>{task.train[0].target}</answer>"


@pytest.mark.parametrize("name", FORMATS)
def test_demonstrations_of_a_part_before_are_set_out_too(name: str) -> None:
    task = classification_task()
    model = FakeModel(lambda r: (r.choices or ("x",))[0])
    strategy = Compose((FewShot(k=2), PromptEngineering(format=name))).fit(model, task)
    strategy.generate("play a song")
    prompt = model.requests[-1].prompt
    assert len(prompt.demonstrations) == 2
    bare = FewShot(k=2).fit(model, task).prompts(["play a song"])[0]
    instruction = PromptEngineering().instruction(task)
    expected = FORMATS[name].lay_out(dataclasses.replace(bare, instruction=instruction), labels=task.labels)
    assert prompt == expected


def test_part_that_only_adds_leaves_the_format_to_the_part_that_asks() -> None:
    task = classification_task()
    model = FakeModel(lambda r: (r.choices or ("x",))[0])
    strategy = Compose((PromptEngineering(format="xml"), FewShot(k=2))).fit(model, task)
    alone = FewShot(k=2).fit(model, task)
    assert strategy.prompts(["play a song"]) == alone.prompts(["play a song"])


def test_demonstrations_are_looked_up_by_the_input_as_it_was_given() -> None:
    """A format around the input would hide that a demonstration is the input itself."""
    task = classification_task()
    thinking = PromptEngineering(format="in-message", thinking=True)
    strategy = Compose((thinking, FewShot(k=3))).fit(FakeModel(lambda _: "x"), task)
    plain = FewShot(k=3).fit(FakeModel({}), task)
    for example in task.train[:4]:
        (made,) = strategy.prompts([example.input])
        assert made.input != example.input
        assert len(made.demonstrations) == 3
        assert made.input not in [d.input for d in made.demonstrations]
        (bare,) = plain.prompts([example.input])
        assert [d.example_id for d in made.demonstrations] == [d.example_id for d in bare.demonstrations]


def test_weights_are_trained_on_prompts_as_they_are_served() -> None:
    task = arithmetic_task()
    model = tiny_model("llama", stop_every=40)
    lead = PromptEngineering(format="question-answer", thinking=True, thinking_tokens=8)
    strategy = Compose((lead, LoRASFT(rank=2, epochs=1, learning_rate=0.02))).fit(model, task)
    lora = strategy.parts_[-1]
    inputs = [e.input for e in task.test]
    assert lora.prompts(inputs) == strategy.prompts(inputs)
    assert strategy.prompts(["1 + 1"])[0].input == "Question: 1 + 1"
    assert strategy.completion(task.train[0]) == f"Answer: {task.train[0].target}"


def test_prior_is_measured_on_prompts_in_the_format_with_demonstrations() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> str:
        seen.append(request)
        return (request.choices or ("x",))[0]

    strategy = Compose((FewShot(k=2, selection="random"), PromptEngineering(format="quoted", calibrate=True)))
    strategy.fit(FakeModel(answer), classification_task())
    asked = [r.prompt for r in seen if '"""\nN/A\n"""' in r.prompt.input]
    assert len(asked) == 1
    assert len(asked[0].demonstrations) == 2
    assert all(d.input.startswith('"""\n') for d in asked[0].demonstrations)


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_answers_every_kind_of_task_with_a_real_engine(name: str, kind: str) -> None:
    task = TASKS[kind]()
    strategy = PromptEngineering(format=name)
    if strategy.refusal(task):
        assert name == "options"
        return
    strategy.fit(tiny_model("llama", stop_every=40), task)
    predictions = strategy.generate([e.input for e in task.test[:2]])
    assert [p.error for p in predictions] == [None, None]
    if kind == "classification":
        assert {p.output for p in predictions} <= set(task.labels)


def test_structured_answers_stay_held_to_the_schema_in_every_format() -> None:
    strategy = PromptEngineering(format="markdown").fit(tiny_model("llama"), structured_task())
    assert strategy.format_.schema == structured_task().schema
