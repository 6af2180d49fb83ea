"""The loss on general text, which training is not about."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tiny import tiny_model

from adaptkit.core.types import Prompt
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies.training.forgetting import general_loss, general_text
from adaptkit.strategies.training.loss import completion_loss


def by_hand(model: LocalModel) -> float:
    """Each answer alone, all its tokens with the same weight."""
    total, n = 0.0, 0
    for request, answer in general_text():
        prompt = model.encode(Prompt(instruction="", input=request))
        completion = model.encode_completion(answer)
        with torch.inference_mode():
            logits = model.module(input_ids=torch.tensor([[*prompt, *completion]])).logits[0]
        predicted = logits[len(prompt) - 1 : -1].float()
        total += float(
            torch.nn.functional.cross_entropy(predicted, torch.tensor(completion), reduction="sum")
        )
        n += len(completion)
    return total / n


def test_text_is_a_few_dozen_short_requests_with_answers() -> None:
    pairs = general_text()
    assert 20 <= len(pairs) <= 40
    assert len({request for request, _ in pairs}) == len(pairs)
    assert all(request.strip() == request and 5 < len(request) < 100 for request, _ in pairs)
    assert all(answer.strip() == answer and 5 < len(answer) < 300 for _, answer in pairs)


@pytest.mark.parametrize("kind", ["llama", "gemma", "base"])
def test_loss_is_the_mean_over_the_tokens_of_the_answers(kind: str) -> None:
    model = tiny_model(kind)
    assert general_loss(model) == pytest.approx(by_hand(model), rel=1e-4)


def test_loss_of_a_model_whose_window_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("gemma", window=16)
    assert general_loss(model) == pytest.approx(by_hand(model), rel=1e-4)


def test_model_is_left_as_it_was() -> None:
    model = tiny_model("llama")
    attention = model.module.config._attn_implementation
    before = copy.deepcopy(model.module.state_dict())
    assert general_loss(model) == general_loss(model)
    assert model.module.config._attn_implementation == attention
    assert all(torch.equal(w, before[n]) for n, w in model.module.state_dict().items())
    assert all(p.grad is None for p in model.module.parameters())


def test_the_same_weights_are_measured_once_and_changed_ones_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    n = 0

    def counted(*arguments: Any) -> Any:
        nonlocal n
        n += 1
        return completion_loss(*arguments)

    monkeypatch.setattr("adaptkit.strategies.training.forgetting.completion_loss", counted)
    first = general_loss(model)
    n_once = n
    assert (general_loss(model), n) == (first, n_once)
    with torch.no_grad():
        model.module.lm_head.weight[3] += 5
    assert general_loss(model) != first
    assert n == 2 * n_once


def test_weights_that_know_nothing_any_more_have_a_higher_loss() -> None:
    model = tiny_model("llama")

    def trained_on(token: int) -> Any:
        module = copy.deepcopy(model.module)
        with torch.no_grad():
            module.lm_head.weight[token] += module.lm_head.weight.std() * 20
        return model.derive(module, note="spoilt")

    assert general_loss(trained_on(3)) > general_loss(model) + 0.1
