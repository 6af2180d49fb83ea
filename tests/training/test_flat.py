"""The flat layout and the layers with a hand-written backward pass give plain PEFT's numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import Linear
from plain_loss import plain_loss
from tiny import tiny_module

from adaptkit.strategies.training import attention, lora
from adaptkit.strategies.training.encode import EncodedRow, collate
from adaptkit.strategies.training.fast import fast_norms
from adaptkit.strategies.training.flat import flat_layout, is_flat
from adaptkit.strategies.training.loss import completion_loss

KINDS = ["llama", "qwen", "gemma"]
SHARED = list(range(100, 112))
ROWS = [
    EncodedRow([*SHARED, *own], completion)
    for own, completion in (
        ([150, 151, 152], [160, 161, 0]),
        ([170], [171, 0]),
        ([180, 181, 182, 183, 184, 185], [190, 191, 192, 193, 0]),
        ([112], [0]),
    )
]


def adapted_module(kind: str, *, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """Plain PEFT's module, with an adapter that does something."""
    options: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", **changes}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers by an old name
        adapted = get_peft_model(tiny_module(kind).to(dtype), LoraConfig(task_type="CAUSAL_LM", **options))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    return adapted.train()


@contextmanager
def fast(adapted: Any) -> Iterator[None]:
    """All that training switches on."""
    with flat_layout(adapted, 64) as flat, lora.fast_forward(adapted), fast_norms(adapted) as n_norms:
        assert flat
        assert n_norms > 0
        yield


def gradients(adapted: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    adapted.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {n: p.grad.clone() for n, p in adapted.named_parameters() if p.requires_grad}


def assert_same(adapted: Any, rows: Sequence[EncodedRow], n_shared: int, tolerance: float = 1e-4) -> None:
    loss = plain_loss(adapted, rows)
    expected = gradients(adapted, loss)
    with fast(adapted):
        fast_loss = completion_loss(adapted, collate(rows, n_shared=n_shared, pad_id=5))
        found = gradients(adapted, fast_loss)
    assert float(fast_loss.detach()) == pytest.approx(float(loss.detach()), rel=tolerance / 10)
    # Some gradients are zero up to rounding: of queries, where there is one key only.
    rounding = tolerance / 100 * max(float(g.norm()) for g in expected.values())
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= tolerance * gradient.norm() + rounding, name
        assert found[name].dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_shared", [0, 1, 12])
def test_gradients_are_those_of_plain_peft(kind: str, n_shared: int) -> None:
    assert_same(adapted_module(kind), ROWS, n_shared)


@st.composite
def row_sets(draw: st.DrawFn) -> tuple[list[EncodedRow], int]:
    """Ragged rows behind a shared beginning, and how much of it is taken as shared."""
    token = st.integers(100, 250)
    shared = draw(st.lists(token, max_size=12))
    prompts = draw(st.lists(st.lists(token, min_size=1, max_size=9), min_size=1, max_size=5))
    rows = [EncodedRow(shared + own, draw(st.lists(token, min_size=1, max_size=5))) for own in prompts]
    return rows, draw(st.integers(0, len(shared)))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(rows_and_shared=row_sets())
def test_gradients_are_those_of_plain_peft_for_rows_of_any_length(
    kind: str, rows_and_shared: tuple[list[EncodedRow], int]
) -> None:
    assert_same(adapted_module(kind), *rows_and_shared)


def test_gradients_with_a_bias_in_the_base_layers() -> None:
    def biased() -> Any:
        adapted = adapted_module("llama")
        generator = torch.Generator().manual_seed(1)
        for module in adapted.modules():
            if type(module) is Linear:
                base = module.get_base_layer()
                base.bias = torch.nn.Parameter(
                    torch.randn(base.out_features, generator=generator), requires_grad=False
                )
        return adapted

    assert_same(biased(), ROWS, 12)


def test_bfloat16_weights_give_float32_gradients_near_those_of_plain_peft() -> None:
    assert_same(adapted_module("llama", dtype=torch.bfloat16), ROWS, 12, tolerance=0.1)


def test_cast_adapter_follows_the_optimiser() -> None:
    adapted = adapted_module("llama", dtype=torch.bfloat16)
    batch = collate(ROWS, n_shared=12, pad_id=5)
    with fast(adapted), torch.no_grad():
        before = float(completion_loss(adapted, batch))
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.zero_()
        assert float(completion_loss(adapted, batch)) != before
        with adapted.disable_adapter():
            pass
    expected = float(plain_loss(adapted, ROWS).detach())
    with fast(adapted), torch.no_grad():
        assert float(completion_loss(adapted, batch)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    "changes",
    [{"lora_dropout": 0.5}, {"use_dora": True}, {"lora_bias": True}],
    ids=["dropout", "dora", "bias"],
)
def test_adapters_of_another_kind_keep_the_forward_of_peft(changes: dict[str, Any]) -> None:
    adapted = adapted_module("llama", **changes)
    with lora.fast_forward(adapted):
        assert not any("forward" in vars(m) for m in adapted.modules() if isinstance(m, Linear))


@pytest.mark.parametrize("changes", [{"use_dora": True}, {"lora_bias": True}], ids=["dora", "bias"])
def test_adapters_of_another_kind_have_the_gradients_of_plain_peft(changes: dict[str, Any]) -> None:
    assert_same(adapted_module("llama", **changes), ROWS, 12)


def test_everything_is_put_back() -> None:
    adapted = adapted_module("gemma")
    before = adapted.config._attn_implementation
    with fast(adapted):
        assert is_flat(adapted)
    assert adapted.config._attn_implementation == before
    assert not any("forward" in vars(m) for m in adapted.modules() if m is not adapted)


def test_layout_stays_off_where_a_window_is_shorter_than_the_rows() -> None:
    module = tiny_module("gemma", window=8)
    with flat_layout(module, 9) as flat:
        assert not flat
    with flat_layout(module, 8) as flat:
        assert flat


def test_layout_stays_off_where_a_model_attends_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    module = tiny_module("llama")
    kept = attention.attend

    def shifted(*arguments: Any, **options: Any) -> Any:
        out, weights = kept(*arguments, **options)
        return out.roll(1, dims=1) * 3, weights

    monkeypatch.setattr(attention, "attend", shifted)
    with flat_layout(module, 20) as flat:
        assert not flat
        assert module.config._attn_implementation == "eager"


def test_norms_that_are_trained_keep_their_own_forward() -> None:
    module = tiny_module("llama")
    with fast_norms(module) as n_norms:
        assert n_norms == 0


@pytest.mark.parametrize("kind", KINDS)
def test_norms_of_each_family_are_recognised(kind: str) -> None:
    module = tiny_module(kind).requires_grad_(False)
    n_expected = sum(type(m).__name__.endswith("RMSNorm") for m in module.modules())
    with fast_norms(module) as n_norms:
        assert n_norms == n_expected > 0


def test_norm_of_an_unknown_family_keeps_its_own_forward() -> None:
    class OddRMSNorm(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(8), requires_grad=False)
            self.eps = 1e-6

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / x.abs().mean(-1, keepdim=True) * self.weight

    with fast_norms(OddRMSNorm()) as n_norms:
        assert n_norms == 0


def test_filler_costs_no_work() -> None:
    adapted = adapted_module("llama")
    seen: list[int] = []
    layer = next(m for m in adapted.modules() if type(m).__name__ == "LlamaMLP")
    layer.register_forward_hook(lambda _m, args, _out: seen.append(args[0].shape[:-1].numel()))
    with fast(adapted):
        completion_loss(adapted, collate(ROWS, n_shared=12, pad_id=5))
    # The shared tokens once, and each row's own.
    assert seen[-1:] == [12 + sum(len(r) - 12 for r in ROWS)]


def test_layers_that_are_called_with_other_inputs_than_their_siblings_answer_for_their_own() -> None:
    adapted = adapted_module("llama")
    attention_layer = next(m for m in adapted.modules() if type(m).__name__ == "LlamaAttention")
    one, other = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0)).unbind()
    calls = [("k_proj", one), ("q_proj", other), ("q_proj", one), ("v_proj", one), ("v_proj", one)]
    expected = [getattr(attention_layer, name)(x).detach() for name, x in calls]
    with lora.fast_forward(adapted):
        for (name, x), answer in zip(calls, expected, strict=True):
            found = getattr(attention_layer, name)(x)
            torch.testing.assert_close(found.detach(), answer, rtol=1e-5, atol=1e-5)
