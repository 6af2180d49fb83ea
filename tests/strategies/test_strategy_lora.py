from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import classification_task, qa_task, tiny_llama, tiny_model

from adaptkit.core.codec import file_sha256
from adaptkit.core.errors import CapabilityError, ConfigError, TrainingError
from adaptkit.core.files import write_json_atomic
from adaptkit.core.sealed import sealed
from adaptkit.core.types import ModelInfo
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.lora_sft import LoRASFT
from adaptkit.strategies.seal import read_state
from adaptkit.strategies.training import quantised
from adaptkit.strategies.training.forgetting import general_loss
from adaptkit.tasks import Task

TASK = classification_task()


@pytest.fixture(scope="module")
def trained() -> LoRASFT:
    return LoRASFT(rank=8, epochs=12, learning_rate=1e-2).fit(tiny_llama(), TASK)


def share_right(strategy: LoRASFT, task: Task = TASK) -> float:
    predictions = strategy.generate([e.input for e in task.train])
    return sum(p.output == e.target for p, e in zip(predictions, task.train, strict=True)) / len(task.train)


def test_weights_learn_what_the_train_rows_say(trained: LoRASFT) -> None:
    assert share_right(trained) >= 0.75
    losses = [loss for _, loss in trained.loss_["losses"]]
    assert losses[-1] < 0.3 * losses[0]


def test_free_text_is_learnt_with_its_end() -> None:
    task = qa_task()
    strategy = LoRASFT(rank=8, epochs=40, learning_rate=1e-2).fit(
        tiny_llama(), dataclasses.replace(task, validation=())
    )
    predictions = strategy.generate([e.input for e in task.train])
    assert share_right(strategy, task) >= 0.7
    assert sum(p.finish_reason == "stop" for p in predictions) >= 0.7 * len(predictions)


def test_prompt_is_the_short_instruction_without_demonstrations(trained: LoRASFT) -> None:
    (prompt,) = trained.prompts(["play"])
    assert prompt.instruction == TASK.instruction
    assert not prompt.demonstrations
    assert not prompt.context


def test_model_that_answers_says_that_it_was_trained(trained: LoRASFT) -> None:
    assert trained.model_.info.notes == ("LoRA rank 8, merged",)
    assert trained.model_.info.revision == "seed-0"


def test_notes_tell_steps_tokens_and_effect(trained: LoRASFT) -> None:
    notes = trained.fit_notes_
    assert notes["learning_rate"] == 1e-2
    assert notes["n_steps"] <= notes["n_steps_planned"] == notes["n_steps_wanted"] == 36
    assert notes["best_step"] <= notes["n_steps"]
    assert notes["epochs"] == pytest.approx(notes["n_steps"] * 8 / 24)
    assert notes["train_tokens"] > 0
    assert notes["largest_logit_change"] > 0


def test_token_budget_bounds_the_steps() -> None:
    model = tiny_llama()
    strategy = LoRASFT(rank=2, epochs=10, max_tokens=1500).fit(model, TASK)
    assert strategy.fit_notes_["n_steps_wanted"] == 30
    assert 2 <= strategy.fit_notes_["n_steps_planned"] <= 5
    assert strategy.fit_notes_["train_tokens"] <= 1.1 * 1500
    assert strategy.fit_notes_["max_tokens"] == 1500


def test_progress_is_told_step_by_step() -> None:
    steps: list[tuple[int, int]] = []
    LoRASFT(rank=2, epochs=1).fit(tiny_llama(), TASK, progress=lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_task_without_validation_rows_keeps_the_last_weights() -> None:
    strategy = LoRASFT(rank=2, epochs=1).fit(tiny_llama(), dataclasses.replace(TASK, validation=()))
    assert strategy.fit_notes_["validation_losses"] == []
    assert strategy.fit_notes_["best_step"] == strategy.fit_notes_["n_steps"] == 3


def test_fewer_rows_than_a_batch_are_trained_on_all_the_same() -> None:
    task = dataclasses.replace(TASK, train=TASK.train[:3], validation=())
    assert LoRASFT(rank=2, epochs=2).fit(tiny_llama(), task).fit_notes_["n_steps"] == 2


def test_seed_decides_the_weights() -> None:
    def adapter(seed: int) -> Any:
        weights = LoRASFT(rank=2, epochs=1, seed=seed).fit(tiny_llama(), TASK).adapter_.weights
        return {n: w.tolist() for n, w in weights.items()}

    first = adapter(0)
    assert first == adapter(0)
    assert first != adapter(1)
    assert LoRASFT().draws_at_random


def test_model_without_weights_is_refused() -> None:
    model = FakeModel(lambda _: "music")
    sentence = "LoRASFT needs a model whose weights are at hand, and 'fake' is not one."
    assert LoRASFT().refusal(TASK, model) == sentence
    assert LoRASFT().refusal(TASK) is None
    with pytest.raises(CapabilityError, match=sentence):
        LoRASFT().fit(model, TASK)


def test_task_without_train_rows_is_refused() -> None:
    task = dataclasses.replace(TASK, train=(), validation=())
    with pytest.raises(
        CapabilityError, match="LoRASFT needs train examples, and the task 'commands' has none"
    ):
        LoRASFT().fit(tiny_llama(), task)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rank": 0}, "The 'rank' parameter of LoRASFT must be an int >= 1. Got 0 instead."),
        ({"batch_size": 1.0}, "The 'batch_size' parameter of LoRASFT must be an int >= 1. Got 1.0 instead."),
        (
            {"learning_rate": 0},
            "The 'learning_rate' parameter of LoRASFT must be above 0, or None. Got 0 instead.",
        ),
        ({"epochs": -1}, "The 'epochs' parameter of LoRASFT must be above 0, or None. Got -1 instead."),
        ({"dropout": 1.0}, "The 'dropout' parameter of LoRASFT must be in [0, 1). Got 1.0 instead."),
        ({"dora": 1}, "The 'dora' parameter of LoRASFT must be True or False. Got 1 instead."),
        ({"rslora": "yes"}, "The 'rslora' parameter of LoRASFT must be True or False. Got 'yes' instead."),
        (
            {"quantise": "8bit"},
            "The 'quantise' parameter of LoRASFT must be '4bit' or None. Got '8bit' instead.",
        ),
    ],
)
def test_bad_parameter_is_told(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LoRASFT(**params).fit(tiny_llama(), TASK)
    assert str(caught.value) == message


def test_layers_that_do_not_exist_are_a_capability_error() -> None:
    with pytest.raises(CapabilityError, match="LoRA cannot be put on this model"):
        LoRASFT(target_modules=("no_such_layer",), epochs=1).fit(tiny_llama(), TASK)


def test_default_learning_rate_falls_with_the_size_of_the_model() -> None:
    rates = [LoRASFT().default_learning_rate(int(n)) for n in (135e6, 1.5e9, 7e9, 70e9)]
    assert rates == [1e-3, 3e-4, 2e-4, 1e-4]
    notes = LoRASFT(rank=2, epochs=1).fit(tiny_llama(), TASK).fit_notes_
    assert notes["learning_rate"] == 1e-3


def test_saved_adapter_is_in_the_layout_of_peft(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 8, 16)
    names = load_file(tmp_path / "adapter" / "adapter_model.safetensors").keys()
    assert all(n.startswith("base_model.model.model.layers.") for n in names)


def test_adapter_trained_under_another_chat_template_is_refused(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    model = tiny_llama()
    model.tokenizer.chat_template += " "
    changed = LocalModel(model.module, model.tokenizer, model.info)
    with pytest.raises(ConfigError, match="were trained with another chat template"):
        load_strategy(tmp_path, changed)
    assert load_strategy(tmp_path, tiny_llama())


def test_adapter_whose_weights_are_zero_is_refused(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({n: w * 0 for n, w in load_file(path).items()}, path, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match=r"adapter_model\.safetensors is not as saved"):
        load_strategy(tmp_path, tiny_llama())
    # Saved so in the first place, it is still refused: it would answer as the model alone does.
    saved = read_state(tmp_path)
    del saved["content_hash"]
    saved["files"]["adapter/adapter_model.safetensors"] = file_sha256(path)
    write_json_atomic(tmp_path / "strategy.json", sealed(saved))
    with pytest.raises(TrainingError, match="The adapter changes nothing"):
        load_strategy(tmp_path, tiny_llama())


def test_saved_adapter_needs_a_model_with_weights(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    fake = FakeModel(lambda _: "")
    fake.info = dataclasses.replace(fake.info, revision="seed-0")
    assert isinstance(fake.info, ModelInfo)
    with pytest.raises(CapabilityError, match="Trained weights need a model with weights"):
        load_strategy(tmp_path, fake)


def test_training_that_diverges_leaves_no_strategy() -> None:
    strategy = LoRASFT(rank=2, epochs=4, learning_rate=1e30)
    with pytest.raises(TrainingError, match="diverged"):
        strategy.fit(tiny_model("llama"), TASK)
    assert getattr(strategy, "model_", None) is None


@pytest.mark.parametrize("variant", [{}, {"dora": True}, {"rslora": True}], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_each_kind_of_adapter_learns_in_each_dtype(dtype: torch.dtype, variant: dict[str, Any]) -> None:
    strategy = LoRASFT(rank=8, epochs=12, learning_rate=1e-2, **variant).fit(model_in(dtype), TASK)
    assert share_right(strategy) >= 0.75
    losses = [loss for _, loss in strategy.loss_["losses"]]
    assert losses[-1] < 0.4 * losses[0]
    lost = strategy.fit_notes_["merging_changed_logits_by"]
    assert lost < (1e-4 if dtype == torch.float32 else 0.2)


def model_in(dtype: torch.dtype) -> LocalModel:
    model = tiny_llama()
    return LocalModel(model.module.to(dtype), model.tokenizer, model.info)


def test_alpha_follows_the_rank_unless_it_is_given() -> None:
    def scale(**params: Any) -> float:
        shape = LoRASFT(**params)._shape
        return shape.alpha / (shape.rank**0.5 if shape.rslora else shape.rank)

    assert scale(rank=16) == scale(rank=64) == scale(rank=16, rslora=True) == 2
    assert scale(rank=64, rslora=True) == 1
    assert scale(rank=8, alpha=4) == 0.5


def test_variant_is_saved_with_the_adapter(tmp_path: Path) -> None:
    strategy = LoRASFT(rank=4, epochs=2, learning_rate=1e-2, dora=True, rslora=True).fit(tiny_llama(), TASK)
    strategy.save(tmp_path)
    loaded = load_strategy(tmp_path, tiny_llama())
    inputs = [e.input for e in TASK.test]
    assert [p.output for p in loaded.generate(inputs)] == [p.output for p in strategy.generate(inputs)]
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["use_dora"], config["use_rslora"]) == (True, True)


def test_packed_weights_are_refused_where_they_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = LoRASFT(quantise="4bit")
    monkeypatch.setattr(quantised, "find_spec", lambda _: None)
    sentence = (
        "LoRASFT with quantise='4bit' needs the package 'bitsandbytes' (pip install 'adaptkit-llm[gpu]')."
    )
    assert strategy.refusal(TASK) == strategy.refusal(TASK, tiny_llama()) == sentence
    monkeypatch.setattr(quantised, "find_spec", lambda _: "there")
    assert strategy.refusal(TASK) is None
    sentence = "LoRASFT with quantise='4bit' needs a CUDA device, and the model is on 'cpu'."
    with pytest.raises(CapabilityError) as caught:
        strategy.fit(tiny_llama(), TASK)
    assert str(caught.value) == sentence


def test_effect_on_general_text_is_told(trained: LoRASFT) -> None:
    notes = trained.fit_notes_
    assert notes["general_loss_before"] == pytest.approx(general_loss(tiny_llama()), abs=1e-3)
    assert isinstance(trained.model_, LocalModel)
    assert notes["general_loss_after"] == pytest.approx(general_loss(trained.model_), abs=1e-3)
    assert notes["general_loss_after"] != notes["general_loss_before"]


def test_adapter_with_a_flipped_byte_is_refused(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        path = tmp_path / "adapter" / name
        content = path.read_bytes()
        path.write_bytes(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:])
        with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
            load_strategy(tmp_path, tiny_llama())
        path.write_bytes(content)
    assert load_strategy(tmp_path, tiny_llama())
