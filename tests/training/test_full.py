"""All weights trained: as in a plain loop, within memory, saved and read back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_loss import plain_loss
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import tiny_module

from adaptkit.core.errors import CapabilityError, TrainingError
from adaptkit.strategies.training import full, memory, sft
from adaptkit.strategies.training.encode import EncodedRow
from adaptkit.strategies.training.order import LengthGroupedOrder

PROBE = [100, 101, 102, 150]
ROWS = [EncodedRow([100, 101, 102 + i], [150 + i, 0]) for i in range(8)]
SETTINGS = sft.SftSettings(learning_rate=2e-3, n_steps=12, batch_size=4)


def trained(base: Any, **changes: Any) -> tuple[Any, list[float]]:
    module = full.trainable_copy(base)
    settings = sft.SftSettings(**{**vars(SETTINGS), **changes})
    report = sft.train(module, ROWS, [], settings, pad_id=0)
    return full.served(module, base.dtype), [loss for _, loss in report.losses]


def tied_module() -> Any:
    """Input and output embeddings are one weight, as in most small models."""
    module = tiny_module("llama")
    module.config.tie_word_embeddings = True
    module.tie_weights()
    assert module.lm_head.weight is module.model.embed_tokens.weight
    return module


def plain_losses(module: Any) -> list[float]:
    """A loop of its own over whole rows in float32."""
    optimizer = torch.optim.AdamW(module.parameters(), lr=SETTINGS.learning_rate, weight_decay=0.0)
    order = list(LengthGroupedOrder([5] * 8, batch_size=4, n_rows=4 * SETTINGS.n_steps, seed=0))
    losses = []
    for step in range(SETTINGS.n_steps):
        rate = step if step < 1 else (SETTINGS.n_steps - step) / (SETTINGS.n_steps - 1)
        optimizer.param_groups[0]["lr"] = SETTINGS.learning_rate * rate
        loss = plain_loss(module, [ROWS[i] for i in order[4 * step : 4 * step + 4]])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), SETTINGS.max_grad_norm)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 0.06), (torch.float16, 0.01)], ids=str
)
def test_loss_curve_is_that_of_a_plain_float32_loop(kind: str, dtype: torch.dtype, tolerance: float) -> None:
    expected = plain_losses(tiny_module(kind))
    assert expected[-1] < 0.7 * expected[0]
    module, losses = trained(tiny_module(kind).to(dtype))
    assert losses == pytest.approx(expected, rel=tolerance, abs=tolerance)
    assert module.dtype == dtype


def test_a_small_rate_moves_bfloat16_weights_about_as_far_as_float32_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Added to bfloat16 weights themselves, most steps of this size are rounded away."""

    def moved(dtype: torch.dtype) -> float:
        base = tiny_module("llama").to(torch.bfloat16).to(dtype)
        module, _ = trained(base, learning_rate=5e-5, n_steps=40)
        pairs = zip(base.parameters(), module.parameters(), strict=True)
        return sum(float((b.detach().float() - m.detach().float()).abs().sum()) for b, m in pairs)

    expected = moved(torch.float32)
    assert 0.5 * expected < moved(torch.bfloat16) < 1.2 * expected
    monkeypatch.setattr(sft, "optimizer_for", lambda *_: None)
    assert moved(torch.bfloat16) < 0.3 * expected


def test_checkpointing_changes_no_loss() -> None:
    assert trained(tiny_module("llama"), checkpointing=True)[1] == pytest.approx(
        trained(tiny_module("llama"))[1], rel=1e-4
    )


def test_tied_weights_stay_tied() -> None:
    base = tied_module()
    module, losses = trained(base)
    assert losses[-1] < losses[0]
    assert module.lm_head.weight is module.model.embed_tokens.weight
    assert base.lm_head.weight is base.model.embed_tokens.weight


def test_training_leaves_the_base_as_it_was_and_no_gradients() -> None:
    base = tiny_module("llama").to(torch.bfloat16)
    before = copy.deepcopy(base).state_dict()
    module, _ = trained(base)
    assert all(torch.equal(w, before[n]) for n, w in base.state_dict().items())
    assert all(p.grad is None for m in (base, module) for p in m.parameters())
    assert not module.training


def test_packed_weights_are_refused() -> None:
    module = tiny_module("llama")
    module.packed = torch.nn.Parameter(torch.zeros(4, dtype=torch.uint8), requires_grad=False)
    with pytest.raises(CapabilityError, match="quantised model cannot be trained"):
        full.trainable_copy(module)


def test_training_without_effect_is_found_out() -> None:
    base = tiny_module("llama")
    with pytest.raises(TrainingError, match="Training changed nothing"):
        full.check_effect(base, copy.deepcopy(base), PROBE)
    module, _ = trained(base)
    ids = torch.tensor([PROBE])
    with torch.inference_mode():
        expected = (module(input_ids=ids).logits - base(input_ids=ids).logits)[0, -1].abs().max()
    assert full.check_effect(base, module, PROBE) == pytest.approx(float(expected), rel=1e-4)
    with torch.no_grad():
        module.lm_head.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="no numbers any more"):
        full.check_effect(base, module, PROBE)


def save(base: Any, module: Any, path: Path) -> Path:
    full.save_weights(module, full.changed_names(base, module), path)
    return path


@pytest.mark.parametrize("make", [lambda: tiny_module("llama"), tied_module], ids=["untied", "tied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_saved_weights_are_read_back_bit_by_bit(make: Any, dtype: torch.dtype, tmp_path: Path) -> None:
    base = make().to(dtype)
    module, _ = trained(base)
    path = save(base, module, tmp_path / "new" / "w.safetensors")
    loaded = full.load_weights(base, path)
    assert all(torch.equal(w, module.state_dict()[n]) for n, w in loaded.state_dict().items())
    assert full.changed_names(base, loaded) == full.changed_names(base, module)
    assert (loaded.lm_head.weight is loaded.model.embed_tokens.weight) == (make is tied_module)
    if make is tied_module:
        assert "lm_head.weight" not in load_file(path)


def test_weights_that_did_not_change_are_not_in_the_file(tmp_path: Path) -> None:
    base = tiny_module("llama")
    module = copy.deepcopy(base)
    with torch.no_grad():
        module.model.norm.weight.add_(1)
    path = save(base, module, tmp_path / "w.safetensors")
    assert list(load_file(path)) == ["model.norm.weight"]
    assert full.changed_names(base, full.load_weights(base, path)) == ["model.norm.weight"]


def test_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    base = tiny_module("llama")
    path = save(base, trained(base)[0], tmp_path / "w.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TrainingError, match="cannot be read"):
        full.load_weights(base, path)
    path.unlink()
    with pytest.raises(TrainingError, match="cannot be read"):
        full.load_weights(base, path)


@pytest.mark.parametrize(
    ("foreign", "sentence"),
    [
        ({"model.norm.weight": torch.zeros(31)}, r"'model.norm.weight' is \(31,\) there, and .* has \(32,\)"),
        ({"no.such": torch.zeros(2)}, r"'no.such' is \(2,\) there, and the model has no weight of that name"),
    ],
    ids=["shape", "name"],
)
def test_file_of_another_model_is_refused(
    foreign: dict[str, torch.Tensor], sentence: str, tmp_path: Path
) -> None:
    save_file(foreign, tmp_path / "w.safetensors")
    with pytest.raises(TrainingError, match=sentence):
        full.load_weights(tiny_module("llama"), tmp_path / "w.safetensors")


def need(module: Any, monkeypatch: pytest.MonkeyPatch, free: int) -> memory.MemoryNeed:
    monkeypatch.setattr(memory, "free_bytes", lambda _: free)
    return memory.full_training_need(module, n_tokens=100, n_targets=20)


@pytest.mark.parametrize(("dtype", "bytes_a_weight"), [(torch.float32, 20), (torch.bfloat16, 20)], ids=str)
def test_memory_is_that_of_weights_gradients_and_moments(
    dtype: torch.dtype, bytes_a_weight: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tied_module().to(dtype)
    n = sum(p.numel() for p in module.parameters())
    found = need(module, monkeypatch, free=10**9)
    assert found.weights + found.gradients + found.optimizer == bytes_a_weight * n
    assert found.activations == memory.activation_bytes(module, n_tokens=100, n_targets=20)
    assert found.total == bytes_a_weight * n + found.activations
    assert found.fits
    assert not found.checkpointing
    gb = found.in_gb()
    assert gb["free"] == 1.0
    assert gb["total"] == round(found.total / 1e9, 3)


def test_memory_that_is_short_asks_for_checkpointing_before_it_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = tiny_module("llama")
    roomy = need(module, monkeypatch, free=10**9)
    fixed = roomy.total - roomy.activations
    tight = need(module, monkeypatch, free=fixed + int(1.5 * roomy.activations))
    assert tight.checkpointing
    assert tight.fits
    assert tight.activations < roomy.activations
    assert not need(module, monkeypatch, free=fixed).fits


def test_what_the_optimizer_takes_is_within_the_estimate() -> None:
    """Counted in the tensors that it holds after a step."""
    from adaptkit.strategies.training.optimizer import MasterAdamW

    module = tiny_module("llama").to(torch.bfloat16)
    optimizer = MasterAdamW(module.parameters(), lr=1e-4)
    plain_loss(module, ROWS[:2]).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    moments = [t for state in optimizer.state.values() for t in state.values() if t.ndim]
    held = sum(t.numel() * t.element_size() for t in [*moments, *optimizer.masters])
    estimate = memory.full_training_need(module, n_tokens=10, n_targets=2).optimizer
    assert held <= estimate <= 1.3 * held


def test_weights_that_are_not_all_there_or_no_numbers_are_refused(tmp_path: Path) -> None:
    base, path = tiny_module("llama"), tmp_path / "weights.safetensors"
    names = [n for n, _ in base.named_parameters()]
    full.save_weights(base, names, path)
    full.load_weights(base, path)
    with safe_open(path, framework="pt") as f:
        head = f.metadata()
    weights = load_file(path)
    save_file({n: weights[n] for n in names[:-1]}, path, metadata=head)
    with pytest.raises(TrainingError, match=f"{len(names) - 1} of {len(names)} tensors are there"):
        full.load_weights(base, path)
    save_file({**weights, names[0]: weights[names[0]] * float("nan")}, path, metadata=head)
    with pytest.raises(TrainingError, match=f"no numbers: {names[0]}"):
        full.load_weights(base, path)
