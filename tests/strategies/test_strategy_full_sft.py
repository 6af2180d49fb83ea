from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import classification_task, qa_task, tiny_llama, tiny_model

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError, TrainingError
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.full_sft import FullSFT
from adaptkit.strategies.training import full, memory
from adaptkit.strategies.training.forgetting import general_loss
from adaptkit.tasks import Task

TASK = classification_task()


@pytest.fixture(scope="module")
def trained() -> FullSFT:
    return FullSFT(epochs=8, learning_rate=3e-3).fit(tiny_llama(), TASK)


def share_right(strategy: FullSFT, task: Task = TASK) -> float:
    predictions = strategy.generate([e.input for e in task.train])
    return sum(p.output == e.target for p, e in zip(predictions, task.train, strict=True)) / len(task.train)


def in_dtype(dtype: torch.dtype) -> LocalModel:
    model = tiny_llama()
    return LocalModel(model.module.to(dtype), model.tokenizer, model.info)


def test_weights_learn_what_the_train_rows_say(trained: FullSFT) -> None:
    assert share_right(trained) >= 0.75
    losses = [loss for _, loss in trained.loss_["losses"]]
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_16_bit_weights_learn_too_and_stay_what_they_are(dtype: torch.dtype) -> None:
    strategy = FullSFT(epochs=8, learning_rate=3e-3).fit(in_dtype(dtype), TASK)
    assert share_right(strategy) >= 0.75
    assert isinstance(strategy.model_, LocalModel)
    assert {p.dtype for p in strategy.model_.module.parameters()} == {dtype}


def test_free_text_is_learnt_with_its_end() -> None:
    task = dataclasses.replace(qa_task(), validation=())
    strategy = FullSFT(epochs=30, learning_rate=3e-3).fit(tiny_llama(), task)
    predictions = strategy.generate([e.input for e in task.train])
    assert share_right(strategy, task) >= 0.7
    assert sum(p.finish_reason == "stop" for p in predictions) >= 0.7 * len(predictions)


def test_notes_tell_steps_memory_and_what_was_forgotten(trained: FullSFT) -> None:
    notes = trained.fit_notes_
    assert notes["learning_rate"] == 3e-3
    assert notes["best_step"] <= notes["n_steps"] <= notes["n_steps_planned"] == 24
    assert len(notes["validation_losses"]) >= 2
    gb = notes["memory_gb"]
    parts = ("weights", "gradients", "optimizer", "activations")
    assert gb["total"] == pytest.approx(sum(gb[p] for p in parts), abs=2e-3)
    assert 0 < gb["total"] < gb["free"]
    assert notes["largest_logit_change"] > 0
    assert notes["general_loss_before"] == pytest.approx(general_loss(tiny_llama()), abs=1e-3)
    assert isinstance(trained.model_, LocalModel)
    assert notes["general_loss_after"] == pytest.approx(general_loss(trained.model_), abs=1e-3)


def test_memory_that_does_not_suffice_is_refused_with_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = FullSFT()
    monkeypatch.setattr(memory, "free_bytes", lambda _: 250_000)
    with pytest.raises(CapabilityError) as caught:
        strategy.fit(tiny_llama(), TASK)
    gb = strategy.fit_notes_["memory_gb"]
    assert str(caught.value) == (
        f"FullSFT of 'tiny-llama' needs {gb['total']} GB of memory (weights {gb['weights']}, "
        f"gradients {gb['gradients']}, optimizer {gb['optimizer']}, activations {gb['activations']}), "
        f"and {gb['free']} GB are free. Use LoRASFT, a smaller model, or a smaller batch_size."
    )
    assert gb["total"] > gb["free"] == 0.0
    assert getattr(strategy, "model_", None) is None


def test_memory_that_just_suffices_is_made_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    kept = memory.full_training_need

    def need(*arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(memory, "free_bytes", lambda _: 10**12)
        roomy = kept(*arguments, **options)
        fixed = roomy.total - roomy.activations
        monkeypatch.setattr(memory, "free_bytes", lambda _: fixed + roomy.activations)
        seen.append(kept(*arguments, **options))
        return seen[0]

    monkeypatch.setattr(memory, "full_training_need", need)
    strategy = FullSFT(epochs=1).fit(tiny_llama(), TASK)
    assert seen[0].checkpointing
    assert strategy.fit_notes_["memory_gb"] == seen[0].in_gb()
    assert strategy.fit_notes_["n_steps"] == 3


def test_model_without_weights_and_task_without_rows_are_refused() -> None:
    sentence = "FullSFT needs a model whose weights are at hand, and 'fake' is not one."
    assert FullSFT().refusal(TASK, FakeModel(lambda _: "music")) == sentence
    task = dataclasses.replace(TASK, train=(), validation=())
    assert FullSFT().refusal(task) == "FullSFT needs train examples, and the task 'commands' has none."


def test_default_learning_rate_falls_with_the_size_of_the_model() -> None:
    rates = [FullSFT().default_learning_rate(int(n)) for n in (135e6, 1.5e9, 7e9, 70e9)]
    assert rates == sorted(rates, reverse=True)
    assert len(set(rates)) == 4
    lora = [ak.LoRASFT().default_learning_rate(int(n)) for n in (135e6, 1.5e9, 7e9, 70e9)]
    assert all(r < other for r, other in zip(rates, lora, strict=True))


def test_seed_decides_the_weights() -> None:
    def weights(seed: int) -> list[float]:
        model = FullSFT(epochs=1, learning_rate=1e-3, seed=seed).fit(tiny_llama(), TASK).model_
        assert isinstance(model, LocalModel)
        found: list[float] = model.module.lm_head.weight.flatten().tolist()
        return found

    first = weights(0)
    assert first == weights(0)
    assert first != weights(1)
    assert FullSFT().draws_at_random


def test_progress_is_told_step_by_step() -> None:
    steps: list[tuple[int, int]] = []
    FullSFT(epochs=1).fit(tiny_llama(), TASK, progress=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_training_that_diverges_leaves_no_strategy() -> None:
    strategy = FullSFT(epochs=4, learning_rate=1e30)
    with pytest.raises(TrainingError, match="diverged"):
        strategy.fit(tiny_model("llama"), TASK)
    assert getattr(strategy, "model_", None) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_saved_weights_answer_as_before(dtype: torch.dtype, tmp_path: Path) -> None:
    strategy = FullSFT(epochs=2, learning_rate=3e-3).fit(in_dtype(dtype), TASK)
    strategy.save(tmp_path)
    saved = load_file(tmp_path / "weights.safetensors")
    assert {w.dtype for w in saved.values()} == {dtype}
    loaded = load_strategy(tmp_path, in_dtype(dtype))
    assert isinstance(loaded.model_, LocalModel)
    assert isinstance(strategy.model_, LocalModel)
    weights = strategy.model_.module.state_dict()
    assert all(torch.equal(w, weights[n]) for n, w in loaded.model_.module.state_dict().items())
    assert loaded.model_.info.notes == ("all weights trained",)


@pytest.mark.parametrize("damage", ["flipped", "cut off", "foreign", "missing"])
def test_damaged_weights_are_refused_in_one_sentence(damage: str, trained: FullSFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    path = tmp_path / "weights.safetensors"
    content = path.read_bytes()
    if damage == "flipped":
        path.write_bytes(content[:-9] + bytes([content[-9] ^ 64]) + content[-8:])
    elif damage == "cut off":
        path.write_bytes(content[:-1000])
    elif damage == "foreign":
        other = FullSFT(epochs=1, learning_rate=3e-3, seed=1).fit(tiny_llama(), TASK)
        other.save(tmp_path / "other")
        path.write_bytes((tmp_path / "other" / "weights.safetensors").read_bytes())
    else:
        path.unlink()
    with pytest.raises(ConfigError, match=r"weights\.safetensors is (not as saved|missing)") as caught:
        load_strategy(tmp_path, tiny_llama())
    assert "\n" not in str(caught.value)


def test_weights_trained_under_another_chat_template_are_refused(trained: FullSFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    model = tiny_llama()
    model.tokenizer.chat_template += " "
    with pytest.raises(ConfigError, match="were trained with another chat template"):
        load_strategy(tmp_path, LocalModel(model.module, model.tokenizer, model.info))


def test_file_holds_what_changed_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vision tower that no text row reaches has no gradient, and is not in the file."""
    kept = full.trainable_copy

    def frozen(module: Any) -> Any:
        made = kept(module)
        made.model.embed_tokens.weight.requires_grad_(False)
        return made

    monkeypatch.setattr(full, "trainable_copy", frozen)
    FullSFT(epochs=1, learning_rate=3e-3).fit(tiny_llama(), TASK).save(tmp_path)
    names = set(load_file(tmp_path / "weights.safetensors"))
    assert "model.embed_tokens.weight" not in names
    assert {n for n, _ in tiny_llama().module.named_parameters()} - names == {"model.embed_tokens.weight"}


@pytest.mark.slow
def test_embedded_model_is_trained_in_bfloat16_saved_and_read_back(tmp_path: Path) -> None:
    model = ak.load_model(dtype="bfloat16", device="cpu")
    task = ak.load_task(Path(__file__).parents[2] / "data" / "request_routing")
    task = dataclasses.replace(task, train=task.train[:16], validation=(task.validation or ())[:4])
    strategy = FullSFT(learning_rate=3e-4, batch_size=4, max_tokens=1600).fit(model, task)
    notes = strategy.fit_notes_
    assert strategy.loss_["losses"][-1][1] < 0.8 * strategy.loss_["losses"][0][1]
    # 135 million weights, 20 bytes each, beside the activations.
    assert notes["memory_gb"]["total"] - notes["memory_gb"]["activations"] == pytest.approx(2.69, abs=0.02)
    assert isinstance(strategy.model_, LocalModel)
    module = strategy.model_.module
    assert module.lm_head.weight is module.model.embed_tokens.weight
    strategy.save(tmp_path)
    loaded = load_strategy(tmp_path, model)
    assert isinstance(loaded.model_, LocalModel)
    weights = loaded.model_.module.state_dict()
    assert all(torch.equal(w, weights[n]) for n, w in module.state_dict().items())
    inputs = [e.input for e in task.test[:2]]
    assert [p.output for p in loaded.generate(inputs)] == [p.output for p in strategy.generate(inputs)]
