from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import Linear
from safetensors.torch import load_file, save_file
from tiny import tiny_module

from adaptkit.core.errors import CapabilityError, TrainingError
from adaptkit.strategies.training import lora
from adaptkit.strategies.training.encode import EncodedRow, collate
from adaptkit.strategies.training.loss import completion_loss

Weights = dict[str, torch.Tensor]
IDS = torch.tensor([[100, 101, 102, 150, 7, 30]])
PROBE = IDS[0].tolist()
BATCH = collate(
    [EncodedRow([100, 101, 102], [150, 0]), EncodedRow([100, 101], [7, 30, 0])], n_shared=1, pad_id=0
)


def settings(**changes: Any) -> lora.LoraSettings:
    values: dict[str, Any] = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": "all-linear"}
    return lora.LoraSettings(**{**values, **changes})


def adapted_module(
    kind: str = "llama", *, zero: bool = False, dtype: torch.dtype = torch.float32, **changes: Any
) -> Any:
    """A module with an adapter that does something, unless ``zero``."""
    adapted = lora.attach(tiny_module(kind).to(dtype), settings(**changes), seed=0)
    if not zero:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name:
                    parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return adapted.eval()


def logits(module: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = module(input_ids=IDS).logits.float()
    return found


def test_attaching_leaves_the_base_as_it_was() -> None:
    base = tiny_module("llama")
    before = {n: p.clone() for n, p in base.named_parameters()}
    expected = logits(base)
    adapted = lora.attach(base, settings(), seed=0)
    with torch.no_grad():
        for parameter in adapted.parameters():
            parameter.add_(1.0)
    after = dict(base.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[n], before[n]) for n in before)
    assert all(p.requires_grad for p in after.values())
    assert not any(isinstance(m, Linear) for m in base.modules())
    torch.testing.assert_close(logits(base), expected, rtol=0, atol=0)


def test_only_the_adapter_is_trained_and_it_starts_without_effect() -> None:
    adapted = adapted_module(zero=True)
    trainable = {n for n, p in adapted.named_parameters() if p.requires_grad}
    assert trainable
    assert all("lora_" in n for n in trainable)
    assert not any("lm_head" in n for n in trainable)
    torch.testing.assert_close(logits(adapted), logits(tiny_module("llama")), rtol=0, atol=0)


def test_adapter_is_float32_over_bfloat16_weights() -> None:
    adapted = lora.attach(tiny_module("llama").to(torch.bfloat16), settings(), seed=0)
    kinds = {("lora_" in n, p.dtype) for n, p in adapted.named_parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


def test_seed_decides_the_initial_adapter_and_nothing_else_is_drawn() -> None:
    def drawn(seed: int) -> torch.Tensor:
        adapted = lora.attach(tiny_module("llama"), settings(), seed=seed)
        return torch.cat([p.flatten() for n, p in adapted.named_parameters() if "lora_A" in n])

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = drawn(0)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    assert torch.equal(first, drawn(0))
    assert not torch.equal(first, drawn(1))


def test_layers_that_the_model_does_not_have_are_refused() -> None:
    with pytest.raises(CapabilityError, match="LoRA cannot be put on this model"):
        lora.attach(tiny_module("llama"), settings(target_modules=("no_such_layer",)), seed=0)


def test_named_layers_only_get_an_adapter() -> None:
    adapted = lora.attach(tiny_module("llama"), settings(target_modules=("q_proj",)), seed=0)
    assert {n.split(".")[-4] for n, _ in adapted.named_parameters() if "lora_" in n} == {"q_proj"}


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma"])
@pytest.mark.parametrize("changes", [{}, {"dora": True}, {"rslora": True}], ids=["lora", "dora", "rslora"])
def test_merged_adapter_gives_the_logits_of_the_unmerged_one(kind: str, changes: dict[str, Any]) -> None:
    adapted = adapted_module(kind, **changes)
    expected = logits(adapted)
    assert float((expected - logits(tiny_module(kind))).abs().max()) > 0.1
    merged, difference = lora.merged(adapted, PROBE)
    torch.testing.assert_close(logits(merged), expected, rtol=1e-4, atol=1e-4)
    assert not any("lora" in n for n, _ in merged.named_parameters())
    assert difference < 1e-5


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma"])
def test_merging_into_bfloat16_weights_costs_rounding_only_and_tells_how_much(kind: str) -> None:
    adapted = adapted_module(kind, dtype=torch.bfloat16)
    expected = logits(adapted)
    effect = (expected - logits(tiny_module(kind).to(torch.bfloat16))).square().mean().sqrt()
    merged, difference = lora.merged(adapted, PROBE)
    lost = (logits(merged) - expected).square().mean().sqrt()
    assert difference == pytest.approx(float(lost / expected.std()), rel=1e-3)
    assert 0 < lost < 0.2 * effect


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_merging_that_loses_the_adapter_is_found_out(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted = adapted_module(dtype=dtype)
    monkeypatch.setattr(type(adapted.base_model), "merge_and_unload", lambda self, **_: self.unload())
    with pytest.raises(TrainingError, match="the adapter answers otherwise than beside them"):
        lora.merged(adapted, PROBE)


def test_rslora_scales_by_the_root_of_the_rank() -> None:
    adapted = adapted_module(rank=16, alpha=8, rslora=True)
    scalings = {m.scaling["default"] for m in adapted.modules() if isinstance(m, Linear)}
    assert scalings == {2.0}


def test_dora_learns_lengths_too() -> None:
    adapted = adapted_module(dora=True)
    lengths = [p for n, p in adapted.named_parameters() if "magnitude" in n]
    assert lengths
    assert all(p.requires_grad and p.dtype == torch.float32 for p in lengths)


def test_adapter_is_put_on_weights_that_it_was_not_trained_over(tmp_path: Path) -> None:
    adapted = adapted_module()
    put = lora.apply_adapter(tiny_module("llama"), lora.Adapter.of(adapted))
    torch.testing.assert_close(logits(put), logits(adapted), rtol=0, atol=0)


def test_adapter_without_effect_is_found_out() -> None:
    with pytest.raises(TrainingError, match="The adapter changes nothing"):
        lora.check_effect(adapted_module(zero=True), PROBE)
    adapted = adapted_module()
    change = lora.check_effect(adapted, PROBE)
    expected = (logits(adapted) - logits(tiny_module("llama")))[0, -1].abs().max()
    assert change == pytest.approx(float(expected), rel=1e-4)


def test_adapter_that_is_switched_off_is_found_out() -> None:
    adapted = adapted_module()
    for layer in adapted.modules():
        if isinstance(layer, Linear):
            layer.scaling["default"] = 0.0
    assert lora.adapter_norm(adapted) > 0
    with pytest.raises(TrainingError, match="The adapter changes nothing"):
        lora.check_effect(adapted, PROBE)


def test_saved_adapter_does_what_it_did(tmp_path: Path) -> None:
    adapted = adapted_module()
    lora.Adapter.of(adapted).save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    loaded = lora.load_adapter(tiny_module("llama"), tmp_path)
    torch.testing.assert_close(logits(loaded), logits(adapted), rtol=0, atol=0)
    assert lora.adapter_norm(loaded) == pytest.approx(lora.adapter_norm(adapted))


def test_adapter_that_is_loaded_and_saved_again_is_the_same_file(tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path / "first")
    loaded = lora.load_adapter(tiny_module("llama"), tmp_path / "first")
    lora.Adapter.of(loaded).save(tmp_path / "second")
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_loading_an_adapter_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    base = tiny_module("llama")
    expected = logits(base)
    lora.merged(lora.load_adapter(base, tmp_path), PROBE)
    torch.testing.assert_close(logits(base), expected, rtol=0, atol=0)


def test_adapter_taken_out_is_a_copy() -> None:
    adapted = adapted_module()
    adapter = lora.Adapter.of(adapted)
    before = {n: w.clone() for n, w in adapter.weights.items()}
    lora.merged(adapted, PROBE)
    assert adapter.weights.keys() == before.keys()
    assert all(torch.equal(adapter.weights[n], before[n]) for n in before)


def test_adapter_with_missing_weights_is_refused(tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path)
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(tiny_module("llama"), tmp_path)


ADAPTER_FAULTS: dict[str, tuple[Callable[[Weights], Weights], str]] = {
    "renamed": (
        lambda w: {f"_orig_mod.{n}": t for n, t in w.items()},
        r"28 are missing .*; 28 have no place",
    ),
    "a layer missing": (lambda w: {n: t for n, t in w.items() if "layers.1." not in n}, "14 are missing"),
    "one too many": (
        lambda w: {**w, "base_model.model.lm_head.lora_A.weight": torch.ones(4, 32)},
        "1 have no",
    ),
    "empty": (lambda w: {}, "of rank \\[\\]"),
    "NaN": (lambda w: {n: t * float("nan") for n, t in w.items()}, "28 are no numbers"),
}


@pytest.mark.parametrize("fault", ADAPTER_FAULTS)
def test_adapter_whose_file_does_not_fill_it_is_refused_with_the_names(fault: str, tmp_path: Path) -> None:
    change, said = ADAPTER_FAULTS[fault]
    lora.Adapter.of(adapted_module()).save(tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(TrainingError, match=said):
        lora.load_adapter(tiny_module("llama"), tmp_path)


def test_adapter_of_a_wider_base_is_refused(tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    base = tiny_module("llama")
    config = copy.deepcopy(base.config)
    config.intermediate_size *= 2
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(type(base)(config), tmp_path)


ADAPTER_CONFIGS: dict[str, Any] = {
    "another kind": {"peft_type": "PROMPT_TUNING", "tokenizer_kwargs": {"trust_remote_code": True}},
    "a module to import": {"megatron_config": {"a": 1}, "megatron_core": "evil"},
    "layers repeated": {"layer_replication": [[0, 1], [0, 2]]},
    "further modules": {"modules_to_save": ["lm_head"]},
    "other ranks": {"rank_pattern": {"q_proj": 3}},
    "a setting to come": {"loader": "evil.load"},
    "a rank that no machine holds": {"r": 10**12},
    "a rank in words": {"r": "many"},
    "targets that are none": {"target_modules": 7},
    "targets elsewhere": {"target_modules": ["no_such_layer"]},
}


@pytest.mark.parametrize("how", ADAPTER_CONFIGS)
def test_adapter_that_asks_for_more_than_an_adapter_is_refused(how: str, tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | ADAPTER_CONFIGS[how]))
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(tiny_module("llama"), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 5000, '{"peft_type": "LORA", "r": 1e999}'])
def test_adapter_whose_configuration_is_damaged_is_refused(text: str, tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    (tmp_path / "adapter_config.json").write_text(text)
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(tiny_module("llama"), tmp_path)


def test_adapter_of_another_shape_is_refused(tmp_path: Path) -> None:
    lora.Adapter.of(adapted_module()).save(tmp_path)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    save_file({n: w[:, :3].clone() for n, w in weights.items()}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(tiny_module("llama"), tmp_path)


def test_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="does not fit this model"):
        lora.load_adapter(tiny_module("llama"), tmp_path)


def gradients(adapted: Any) -> list[torch.Tensor]:
    adapted.zero_grad()
    completion_loss(adapted, BATCH).backward()  # type: ignore[no-untyped-call]
    return [p.grad.clone() for p in adapted.parameters() if p.requires_grad]


@pytest.mark.parametrize("kind", ["llama", "gemma"])
def test_fast_forward_gives_the_same_gradients_and_is_undone(kind: str) -> None:
    adapted = adapted_module(kind)
    base = adapted.get_base_model()
    attention = base.config._attn_implementation
    expected = gradients(adapted)
    with lora.fast_forward(adapted):
        found = gradients(adapted)
        assert any("forward" in vars(m) for m in adapted.modules())
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert base.config._attn_implementation == attention
    assert not any("forward" in vars(m) for m in adapted.modules() if isinstance(m, Linear))
    for a, b in zip(gradients(adapted), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_dropout_keeps_the_forward_of_peft() -> None:
    adapted = adapted_module(dropout=0.5)
    with lora.fast_forward(adapted):
        assert not any("forward" in vars(m) for m in adapted.modules() if isinstance(m, Linear))
