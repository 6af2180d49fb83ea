from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import tiny_llama, tiny_model, tiny_module

from adaptkit.core.types import Demonstration, Passage, Prompt, Request
from adaptkit.models.base import Model, Trainable
from adaptkit.models.fake import FakeModel
from adaptkit.models.load import load_model
from adaptkit.models.local.model import LocalModel

PROMPT = Prompt(
    instruction="Answer with one word.",
    input="Which colour has the sky?",
    demonstrations=(Demonstration(input="grass", target="green"),),
    context=(Passage(id="a#0", document_id="a", text="The sky is blue.", score=1.0),),
)


@pytest.fixture(params=["llama", "qwen", "gemma", "base"])
def model(request: pytest.FixtureRequest) -> LocalModel:
    return tiny_model(request.param)


def test_local_model_can_answer_and_be_trained(model: LocalModel) -> None:
    assert isinstance(model, Model)
    assert isinstance(model, Trainable)


def test_tokens_are_counted_as_the_model_sees_them(model: LocalModel) -> None:
    (completion,) = model.complete([Request(prompt=PROMPT, max_new_tokens=3)])
    assert model.count_prompt_tokens(PROMPT) == len(model.encode(PROMPT)) == completion.usage.tokens_in
    assert model.count_tokens("") == 0
    assert 0 < model.count_tokens("blue") < model.count_tokens("blue blue")


def test_derived_model_has_other_weights_and_the_same_template(model: LocalModel) -> None:
    requests = [Request(prompt=PROMPT, max_new_tokens=8)]
    before = model.complete(requests)[0].text
    kind = model.info.id.removeprefix("tiny-")
    derived = model.derive(tiny_module(kind, seed=1), note="other weights")
    assert derived.template_hash == model.template_hash
    assert derived.encode(PROMPT) == model.encode(PROMPT)
    assert derived.info.notes == ("other weights",)
    assert model.info.notes == ()
    # No prefix of one model may serve the other.
    assert derived.complete(requests)[0].text == tiny_model(kind, seed=1).complete(requests)[0].text != before
    assert model.complete(requests)[0].text == before


def test_missing_filler_falls_back_to_the_end_token() -> None:
    assert tiny_model("base").tokenizer.pad_token_id is None
    assert tiny_model("base").pad_id == tiny_model("base").tokenizer.eos_token_id


@pytest.mark.parametrize("stops", [0, [0], [0, 150]])
def test_one_stop_token_or_several_may_come_with_the_weights(stops: Any) -> None:
    module = tiny_module("llama")
    module.generation_config.eos_token_id = stops
    made = LocalModel(module, tiny_llama().tokenizer, tiny_llama().info)
    assert made._renderer.stop_ids == {0, *([stops] if isinstance(stops, int) else stops)}


def test_head_is_wrapped_once_however_often_a_module_is_used() -> None:
    module = tiny_module("llama")
    for _ in range(3):
        LocalModel(module, tiny_llama().tokenizer, tiny_llama().info)
    assert len(module.get_output_embeddings()._forward_pre_hooks) == 1


def test_completing_computes_no_gradients(model: LocalModel) -> None:
    model.complete([Request(prompt=PROMPT, max_new_tokens=2), Request(prompt=PROMPT, choices=("a", "b"))])
    assert all(p.grad is None for p in model.module.parameters())
    assert not model.module.training


def test_fake_model_answers_from_a_table_or_a_function() -> None:
    table = FakeModel({"a": "1", "b": "2"})
    asked = [Request(prompt=Prompt(instruction="", input=text)) for text in ("b", "a", "c")]
    assert [c.text for c in table.complete(asked)] == ["2", "1", ""]
    assert table.requests == asked
    upper = FakeModel(lambda request: request.prompt.input.upper(), id="upper", context_tokens=7)
    assert [c.text for c in upper.complete(asked)] == ["B", "A", "C"]
    assert (upper.info.id, upper.info.context_tokens) == ("upper", 7)
    assert isinstance(upper, Model)
    assert not isinstance(upper, Trainable)


def test_fake_model_counts_words_and_times_single_requests() -> None:
    fake = FakeModel({PROMPT.input: "light blue"})
    (alone,) = fake.complete([Request(prompt=PROMPT)])
    # 4 of the instruction, 5 of the input, 2 of the demonstration, 4 of the passage.
    assert (alone.usage.tokens_in, alone.usage.tokens_out) == (15, 2)
    assert alone.latency_s is not None
    assert alone.finish_reason == "stop"
    pair = fake.complete([Request(prompt=PROMPT), Request(prompt=PROMPT, choices=("x",))])
    assert [c.latency_s for c in pair] == [None, None]
    assert [c.finish_reason for c in pair] == ["stop", "choice"]


@pytest.mark.slow
def test_embedded_model_gives_the_tokens_of_generate_in_float32() -> None:
    model = load_model(dtype="float32", device="cpu")
    instruction = "Answer the question in a few words. Do not explain, and do not repeat the question."
    texts = [
        "Capital of Peru?",
        "12 + 7?",
        "Name three primary colours.",
        "Translate 'good morning' to French.",
    ]
    asked = [Request(prompt=Prompt(instruction=instruction, input=t), max_new_tokens=16) for t in texts]
    completions = model.complete(asked)
    assert sum(c.usage.tokens_cached > 0 for c in completions) == 3
    for request, completion in zip(asked, completions, strict=True):
        ids = model.encode(request.prompt)
        with torch.inference_mode():
            out = model.module.generate(
                input_ids=torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=16,
                do_sample=False,
            )[0, len(ids) :]
        assert completion.text == model.tokenizer.decode(out, skip_special_tokens=True).strip()


@pytest.mark.slow
def test_embedded_model_scores_choices_as_a_full_pass_does() -> None:
    model = load_model(dtype="float32", device="cpu")
    choices = ("positive", "negative", "neutral", "not sure")
    asked = [
        Request(prompt=Prompt(instruction="What is the mood of this review?", input=t), choices=choices)
        for t in ("I loved it.", "A waste of two hours, and the sound was bad.")
    ]
    for request, completion in zip(asked, model.complete(asked), strict=True):
        prompt = model.encode(request.prompt)
        for choice in choices:
            ids = model.encode_completion(choice)
            with torch.inference_mode():
                logits = model.module(input_ids=torch.tensor([[*prompt, *ids]])).logits[0]
            logprobs = torch.log_softmax(logits[len(prompt) - 1 : -1].double(), -1)
            brute = float(logprobs[range(len(ids)), ids].sum())
            assert completion.choice_logprobs is not None
            assert completion.choice_logprobs[choice] == pytest.approx(brute, abs=2e-3)
