"""Adapters over weights packed into 4 bits: some without a GPU, the rest where there is one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny import tiny_llama

from adaptkit.strategies.training import lora, quantised, sft
from adaptkit.strategies.training.encode import EncodedRow

ROWS = [EncodedRow([100, 101, 102 + i], [150 + i, 0]) for i in range(8)]


@pytest.mark.parametrize(
    ("package", "device", "missing"),
    [
        (None, "cuda:0", "the package 'bitsandbytes' (pip install 'adaptkit-llm[gpu]')"),
        (None, None, "the package 'bitsandbytes' (pip install 'adaptkit-llm[gpu]')"),
        ("there", "cpu", "a CUDA device, and the model is on 'cpu'"),
        ("there", "cuda:1", None),
        ("there", None, None),
    ],
)
def test_what_is_missing_is_named(
    package: str | None, device: str | None, missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantised, "find_spec", lambda _: package)
    assert quantised.missing_for_four_bit(device) == missing


@pytest.mark.gpu
def test_adapter_trained_over_packed_weights_serves_the_weights_as_they_were() -> None:
    pytest.importorskip("bitsandbytes")
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    module: Any = tiny_llama().module.to("cuda", torch.bfloat16)
    settings = lora.LoraSettings(rank=4, alpha=8, dropout=0.0, target_modules="all-linear", quantised=True)
    adapted = lora.attach(module, settings, seed=0)
    packed = adapted.get_base_model().model.layers[0].mlp.up_proj.get_base_layer()
    assert type(packed).__name__ == "Linear4bit"
    assert packed.weight.dtype == torch.uint8
    how = sft.SftSettings(learning_rate=2e-2, n_steps=30, batch_size=4)
    report = sft.train(adapted, ROWS, [], how, pad_id=0)
    assert report.losses[-1][1] < 0.5 * report.losses[0][1]
    beside = lora.apply_adapter(module, lora.Adapter.of(adapted))
    assert lora.check_effect(beside, ROWS[0].prompt) > 0
    merged, difference = lora.merged(beside, ROWS[0].prompt)
    assert difference < lora.COARSE_MERGE_TOLERANCE
    assert merged.dtype == torch.bfloat16
