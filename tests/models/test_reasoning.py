"""Reasoning is parted from the answer, whatever a model's vendor marks it with, for every strategy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

import adaptkit as ak
from adaptkit.core.types import Request
from adaptkit.models.local.stops import StopStrings
from adaptkit.models.reasoning import answer_start, part
from adaptkit.models.render import Renderer, decode

WRITTEN = {
    "qwen": "<think>\n{r}\n</think>\n\n{a}",
    "opened by the prompt": "{r}\n</think>\n\n{a}",
    "anthropic": "<thinking>{r}</thinking>\n{a}",
    "nested": "<thinking>{r}<reflection>{r}</reflection>{r}</thinking>\n<output>{a}</output>",
    "grpo": "<reasoning>\n{r}\n</reasoning>\n<answer>\n{a}\n</answer>",
    "r1-zero": "<think>{r}</think> <answer>{a}</answer>",
    "gpt-oss": "<|channel|>analysis<|message|>{r}<|end|><|start|>assistant"
    "<|channel|>final<|message|>{a}<|return|>",
    "gpt-oss with commentary": "<|channel|>analysis<|message|>{r}<|end|><|start|>assistant"
    "<|channel|>commentary<|message|>{r}<|end|><|start|>assistant"
    "<|channel|>final <|constrain|>json<|message|>{a}",
    "gpt-oss without marks": "analysisWe see: {r}assistantfinal{a}",
    "magistral": "[THINK]{r}[/THINK]{a}",
    "seed": "<seed:think>{r}</seed:think>{a}",
    "open thoughts": "<|begin_of_thought|>\n{r}\n<|end_of_thought|>\n"
    "<|begin_of_solution|>\n{a}\n<|end_of_solution|>",
    "kimi": "\u25c1think\u25b7{r}\u25c1/think\u25b7{a}",
    "cohere": "<|START_THINKING|>{r}<|END_THINKING|><|START_RESPONSE|>{a}<|END_RESPONSE|>",
    "short tag": "<reason>{r}</reason>{a}",
    "exaone": "<thought>\n{r}\n</thought>\n\n{a}",
    "gemma": "<|channel>thought\n{r}<channel|>{a}",
    "medgemma": "<unused94>thought\n{r}<unused95>{a}",
    "granite": "Here is my thought process: {r}\nHere is my response: {a}",
    "upper case": "<THINK>{r}</THINK>{a}",
    "twice": "<think>{r}</think><think>{r}</think>{a}",
    "longcat": "<longcat_think>\n{r}\n</longcat_think>\n{a}",
    "glm with a box": "<think>{r}</think><|begin_of_box|>{a}<|end_of_box|>",
    "apertus": "<|inner_prefix|>{r}<|inner_suffix|>{a}",
    "open webui": '<details type="reasoning" done="true">\n<summary>Thought</summary>\n{r}\n</details>\n{a}',
    "with a space": "<think >{r}</think >{a}",
    "with an attribute": '<thinking depth="2">{r}</thinking>{a}',
    "escaped": "&lt;think&gt;{r}&lt;/think&gt;{a}",
    "with hyphens": "<chain-of-thought>{r}</chain-of-thought>{a}",
    "monologue": "<inner-monologue>{r}</inner-monologue>{a}",
    "content": "<reasoning_content>{r}</reasoning_content>{a}",
    "ant": "<ant_thinking>{r}</ant_thinking>{a}",
    "begin and end": "<begin_of_thought>{r}<end_of_thought>{a}",
    "deep": "<deep_think>{r}</deep_think>{a}",
    "gpt-oss without marks and spaces": "analysiswe see: {r}assistantfinal{a}",
    "a word in camel case": "<InnerThoughts>{r}</InnerThoughts>\n{a}",
    "a word that stands with others": "<pre_thinking_process>{r}</pre_thinking_process>{a}",
    "bars and gaps of another kind": "<\uff5cbegin\u2581of\u2581thinking\uff5c>{r}"
    "<\uff5cend\u2581of\u2581thinking\uff5c>{a}",
    "no gaps": "<|beginofthought|>{r}<|endofthought|>{a}",
    "spaces inside": "< think >{r}</ think >{a}",
    "escaped by number": "&#60;think&#62;{r}&#60;/think&#62;{a}",
    "escaped as JSON": "\\u003cthink\\u003e{r}\\u003c/think\\u003e{a}",
    "a slash escaped": "<think>{r}<\\/think>{a}",
    "full-width": "\uff1cthink\uff1e{r}\uff1c/think\uff1e{a}",
    "a fenced block": "```thinking\n{r}\n```\n{a}",
    "a fold by its summary": "<details>\n<summary>Reasoning process</summary>\n{r}\n</details>\n{a}",
    "gpt-oss with spaces": "<|channel|> analysis <|message|>{r}<|end|><|start|>assistant"
    "<|channel|> final <|message|>{a}",
    "gpt-oss as some servers write it": "assistantanalysisWe see: {r}assistantfinal{a}",
    "in the middle": "\n<analysis>{r}</analysis>\n<think>{r}</think>\n<final>{a}</final>",
    "empty": "<think>\n\n</think>\n\n{a}",
}
OPEN = [
    "<think>\nRome? No, ",
    "<thinking>a<reflection>b</reflection>",
    "[THINK]so",
    "<|channel|>analysis<|message|>We need",
    "<|begin_of_thought|>x",
    '<details type="reasoning">so',
    "<longcat_think>so",
    "<|inner_prefix|>so",
    "```thinking\nso",
    "<InnerThoughts>so",
]
KINDS: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "qa": ("exact_match", (), "Lima", "Rome? No, it is in Peru."),
    "structured": ("json_exact", (), '{"a": 1}', 'Perhaps {"a": 0}?'),
    "classification": ("accuracy", ("billing", "shipping"), "shipping", "billing? no"),
    "arithmetic": ("numeric_match", (), "12", "3 times 4 and 5"),
    "generation": ("rouge_l", (), "Line one\nand two", "Hm.\n\nWell."),
}


def task(kind: str, target: str | None = None) -> ak.Task:
    metric, labels, right, _ = KINDS[kind]
    rows = tuple(ak.Example(id=f"r{i}", input=f"Question {i}?", target=target or right) for i in range(8))
    return ak.Task(
        name="t", kind=kind, instruction="Answer.", metrics=(metric,), labels=labels,  # type: ignore[arg-type]
        train=rows[:4], validation=(), test=rows[4:],
    )  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("kind", KINDS)
def test_the_answer_after_reasoning_is_the_answer(written: str, kind: str) -> None:
    _, _, answer, reasoning = KINDS[kind]
    text = written.format(r=reasoning, a=answer)
    found = part(text)
    assert found.answer == answer
    assert not found.is_open
    assert found.reasoning
    if written is not WRITTEN["empty"]:
        assert reasoning in found.reasoning
    strategies: Sequence[ak.Strategy] = [ak.PromptEngineering(), ak.FunctionCalling(tools=["calculator"])]
    for strategy in strategies:
        prediction = strategy.fit(ak.FakeModel(lambda _: text), task(kind)).generate("Question 9?")
        assert prediction.output == answer
        assert 0 < prediction.usage.tokens_reasoning <= prediction.usage.tokens_out


@pytest.mark.parametrize("text", OPEN)
def test_reasoning_that_never_ends_is_no_answer_and_cut_off(text: str) -> None:
    prediction = ak.PromptEngineering().fit(ak.FakeModel(lambda _: text), task("qa")).generate("?")
    assert (prediction.output, prediction.finish_reason) == ("", "length")
    assert prediction.usage.tokens_reasoning > 0


@pytest.mark.parametrize("text", [*OPEN, "<think>I know."])
def test_where_a_strategy_lets_it_reason_the_answer_is_asked_for_once_more(text: str) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> str:
        asked.append(request)
        return "Lima" if len(asked) > 1 else text

    fitted = ak.PromptEngineering(thinking=True).fit(ak.FakeModel(answer), task("qa"))
    assert fitted.generate("?").output == "Lima"
    assert text.strip() in asked[1].prompt.input


@pytest.mark.parametrize(
    "text",
    [
        "Lima",
        "I think </b> so",
        "a < think > b",
        "<b>Lima</b>",
        "<details>Lima</details>",
        "<details><summary>Trip</summary>Lima</details>",
        "<reason_code>7</reason_code>",
        "<thought_leader>Ann</thought_leader>",
        "[1] Lima",
        "thinking is hard",
        "analysis of variance",
        "",
        "<order><reason>late</reason><status>open</status></order>",
        "<paper>\n<analysis>a</analysis>\n<analysis>b</analysis>\n</paper>",
        "The <analysis> shows it",
        "Write <think> and </b> so",
        "[analysis] done",
        "if a <reason and b> c",
        "{thought}",
        "```json\n{}\n```",
    ],
)
def test_texts_without_marks_stay(text: str) -> None:
    assert part(text).answer == text
    assert not part(text).reasoning


@pytest.mark.parametrize("text", ["<think/>Lima", "Lima<think>so</think>", "<think></think>\\nLima"])
def test_marks_that_hold_nothing_or_follow_the_answer_are_none_of_it(text: str) -> None:
    assert part(text.replace("\\n", "\n")).answer == "Lima"


def test_nothing_is_parted_where_right_answers_hold_the_marks() -> None:
    text = "<think>so</think> closes"
    fitted = ak.PromptEngineering().fit(
        ak.FakeModel(lambda _: text), task("generation", target="<think>a</think> b")
    )
    assert fitted.generate("?").output == text


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "[THINK]", "<|channel|>", "<|message|>", "final", "a", "\n"])
    )
)
def test_parting_comes_to_an_end_and_keeps_no_marks(parts: list[str]) -> None:
    found = part("".join(parts))
    assert not part(found.answer).reasoning or "<|channel|>" in "".join(parts)


def test_a_long_text_is_parted_in_linear_time() -> None:
    for unit in (
        "<think>", "</think>", "analysis", "<|channel|>", " ", "<", "a<reason>", "a<think></think>",
        "<details>", "<details reasoning>", "```thinking\n", "<think ", "a_", "&lt;",
    ):  # fmt: skip
        part(unit * 20_000)


R1 = tiny.CHATML.replace("<|im_start|>assistant\n' }}", "<|im_start|>assistant\n<think>\n' }}")


def test_reasoning_that_a_template_opens_is_closed_in_the_prompt() -> None:
    tokenizer = tiny.tiny_tokenizer("llama")
    tokenizer.chat_template = R1
    text = Renderer(tokenizer).text(ak.Prompt(instruction="x", input="y"))
    assert text.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    plain = Renderer(tiny.tiny_tokenizer("llama"))
    assert "think" not in plain.text(ak.Prompt(instruction="x", input="y"))
    assert Renderer(tokenizer).template_hash != plain.template_hash


def with_special(*marks: str) -> Any:
    tokenizer = tiny.tiny_tokenizer("llama")
    tokenizer.add_special_tokens({"additional_special_tokens": list(marks)})
    return tokenizer


def test_marks_that_are_special_tokens_are_not_lost() -> None:
    tokenizer = with_special("[THINK]", "[/THINK]")
    ids = tokenizer.encode("[THINK]so[/THINK]Lima<|im_end|>", add_special_tokens=False)
    assert decode(tokenizer, ids) == "[THINK]so[/THINK]Lima"


def test_a_stop_string_within_reasoning_does_not_end_the_answer() -> None:
    tokenizer = with_special("[THINK]", "[/THINK]")
    stops = StopStrings(tokenizer, ["\n"])
    text = "[THINK]one\ntwo[/THINK]\nLima\nPeru"
    ids = tokenizer.encode(text, add_special_tokens=False)
    reached = next(i for i in range(1, len(ids) + 1) if stops.reached(ids[:i]))
    assert stops.cut(ids[:reached]) == "[THINK]one\ntwo[/THINK]\nLima"


@pytest.mark.parametrize("text", OPEN)
def test_no_answer_starts_within_reasoning(text: str) -> None:
    assert answer_start(text) is None
    assert answer_start("Lima") == 0


def test_marks_around_an_answer_alone_are_none_of_it() -> None:
    assert part("It is <|begin_of_box|>Lima<|end_of_box|>.").answer == "It is Lima."
