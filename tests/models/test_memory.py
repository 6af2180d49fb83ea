from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest
import torch
from tiny import tiny_model

from adaptkit.core.errors import ModelError
from adaptkit.core.types import Prompt, Request
from adaptkit.models.local import plain
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.memory import MemoryBudget, bytes_per_token, ran_out
from adaptkit.models.local.model import LocalModel


def asked(n: int, **fields: Any) -> list[Request]:
    return [
        Request(
            prompt=Prompt(instruction="Answer with one word.", input="sky " * i), max_new_tokens=6, **fields
        )
        for i in range(1, n + 1)
    ]


def texts(model: LocalModel, requests: list[Request]) -> list[str]:
    return [c.text for c in model.complete(requests)]


@pytest.mark.parametrize("fields", [{}, {"choices": ("blue", "green")}])
@pytest.mark.parametrize(
    "error",
    [MemoryError(), torch.OutOfMemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_rows_are_done_with_half_the_budget_when_memory_runs_out(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, Any],
    error: Exception,
) -> None:
    model = tiny_model("llama")
    expected = texts(model, asked(9, **fields))
    run, n_failures = Engine.run, 0

    def scarce(self: Engine, ids: Any, *rest: Any) -> Any:
        nonlocal n_failures
        if len(ids) > 60:
            n_failures += 1
            raise error
        return run(self, ids, *rest)

    model._engine.budget = dataclasses.replace(model._engine.budget, pass_tokens=200, max_rows=8)
    monkeypatch.setattr(Engine, "run", scarce)
    with caplog.at_level(logging.WARNING):
        assert texts(model, asked(9, **fields)) == expected
    assert n_failures >= 1
    assert "Memory ran out; going on with" in caplog.text
    assert model._engine.budget.pass_tokens < 200


def test_a_request_that_never_fits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    texts(model, asked(1))

    def none_left(*_: Any) -> Any:
        raise MemoryError("none left")

    monkeypatch.setattr(Engine, "run", none_left)
    with pytest.raises(ModelError, match="does not suffice for a single request"):
        model.complete(asked(2))


def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    texts(model, asked(1))

    def broken(*_: Any) -> Any:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Engine, "run", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        model.complete(asked(2))
    assert not ran_out(KeyboardInterrupt())


def test_budget_halves_down_to_one_row() -> None:
    budget: MemoryBudget | None = MemoryBudget(pass_tokens=9, max_rows=4, slot_tokens=100, prefix_bytes=7)
    seen = []
    while budget is not None:
        seen.append((budget.max_rows, budget.pass_tokens, budget.slot_tokens))
        budget = budget.halved()
    assert seen == [(4, 9, 100), (2, 4, 50), (1, 2, 25), (1, 1, 12)]


def test_slots_fit_in_the_budget() -> None:
    budget = MemoryBudget(pass_tokens=9, max_rows=64, slot_tokens=1_000, prefix_bytes=0)
    assert budget.n_slots(500, 10) == 64
    assert budget.n_slots(3, 10) == 3
    assert budget.n_slots(500, 300) == 3
    assert budget.n_slots(500, 5_000) == 1, "one is always tried"


def test_bytes_of_a_token_are_those_of_its_keys_and_values() -> None:
    module = tiny_model("llama").module
    config = module.config
    with torch.inference_mode():
        cache = module(input_ids=torch.tensor([[1, 2, 3]]), use_cache=True).past_key_values
    held = sum(t.numel() * t.element_size() for layer in cache.layers for t in (layer.keys, layer.values))
    assert bytes_per_token(module) == held / 3
    assert config.num_key_value_heads < config.num_attention_heads, "or grouping is not seen"


def test_plain_path_cuts_batches_by_the_budget() -> None:
    model = tiny_model("llama")
    states = [model._state([1] * n, r) for n, r in zip((5, 9, 2, 7), asked(4), strict=True)]
    budget = MemoryBudget(pass_tokens=18, max_rows=3, slot_tokens=1, prefix_bytes=0)
    found = [[len(s.ids) for s in batch] for batch in plain.batches(states, budget)]
    assert found == [[9, 7], [5, 2]]
