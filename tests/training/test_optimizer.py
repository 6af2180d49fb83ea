"""AdamW that keeps float32 copies of 16-bit weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny import tiny_module

from adaptkit.strategies.training.optimizer import MasterAdamW, optimizer_for

RATE = 1e-4


def stepped(optimizer: Any, weight: torch.nn.Parameter, n_steps: int) -> torch.Tensor:
    """The weight after so many steps along a gradient that points the same way each time."""
    for _ in range(n_steps):
        weight.grad = torch.full_like(weight, 0.5)
        optimizer.step()
        optimizer.zero_grad()
    return weight.detach().float()


def weight_of(dtype: torch.dtype) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.75], dtype=dtype))


def test_steps_that_16_bits_cannot_hold_add_up() -> None:
    weight = weight_of(torch.bfloat16)
    found = stepped(MasterAdamW([weight], lr=RATE, weight_decay=0.0), weight, 200)
    # 200 steps of 1e-4, to the 8 bits that the weight has.
    torch.testing.assert_close(found, torch.tensor([0.98, -2.02, 0.73]), rtol=4e-3, atol=0)
    lost = weight_of(torch.bfloat16)
    stepped(torch.optim.AdamW([lost], lr=RATE, weight_decay=0.0), lost, 200)
    assert torch.equal(lost, weight_of(torch.bfloat16))


@pytest.mark.parametrize("fused", [False, True])
def test_float32_weights_are_stepped_as_by_adamw(fused: bool) -> None:
    ours, plain = weight_of(torch.float32), weight_of(torch.float32)
    options: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.0, "fused": fused}
    found = stepped(MasterAdamW([ours], **options), ours, 7)
    torch.testing.assert_close(found, stepped(torch.optim.AdamW([plain], **options), plain, 7))


def test_gradients_are_gone_after_a_step() -> None:
    weight = weight_of(torch.bfloat16)
    optimizer = MasterAdamW([weight], lr=RATE)
    for forget in (optimizer.step, optimizer.zero_grad):
        weight.grad = torch.ones_like(weight)
        forget()
        assert [w.grad for w in (weight, *optimizer.masters)] == [None, None]


def test_weight_without_a_gradient_is_left_alone() -> None:
    weight, idle = weight_of(torch.bfloat16), weight_of(torch.bfloat16)
    optimizer = MasterAdamW([weight, idle], lr=0.1)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert not torch.equal(weight, weight_of(torch.bfloat16))
    assert torch.equal(idle, weight_of(torch.bfloat16))


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda m: m, False),
        (lambda m: m.to(torch.bfloat16), True),
        (lambda m: m.to(torch.bfloat16).requires_grad_(False), False),
    ],
    ids=["float32", "bfloat16", "frozen bfloat16"],
)
def test_copies_are_kept_only_where_16_bit_weights_are_trained(
    change: Callable[[Any], Any], wanted: bool
) -> None:
    module = change(copy.deepcopy(tiny_module("llama")))
    assert (optimizer_for(module, RATE) is not None) == wanted
