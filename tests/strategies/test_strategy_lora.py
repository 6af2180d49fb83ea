from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tiny import classification_task, qa_task, tiny_llama, tiny_model

from adaptkit.core.errors import CapabilityError, ConfigError, TrainingError
from adaptkit.core.types import ModelInfo
from adaptkit.models.fake import FakeModel
from adaptkit.models.local.model import LocalModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.lora_sft import LoRASFT, default_learning_rate
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
    rates = [default_learning_rate(int(n)) for n in (135e6, 1.5e9, 7e9, 70e9)]
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
    with pytest.raises(ConfigError, match="was trained with another chat template"):
        load_strategy(tmp_path, changed)
    assert load_strategy(tmp_path, tiny_llama())


def test_adapter_whose_weights_are_zero_is_refused(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    save_file({n: w * 0 for n, w in load_file(path).items()}, path, metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="The adapter changes nothing"):
        load_strategy(tmp_path, tiny_llama())


def test_saved_adapter_needs_a_model_with_weights(trained: LoRASFT, tmp_path: Path) -> None:
    trained.save(tmp_path)
    fake = FakeModel(lambda _: "")
    fake.info = dataclasses.replace(fake.info, revision="seed-0")
    assert isinstance(fake.info, ModelInfo)
    with pytest.raises(CapabilityError, match="An adapter needs a model with weights"):
        load_strategy(tmp_path, fake)


def test_training_that_diverges_leaves_no_strategy() -> None:
    strategy = LoRASFT(rank=2, epochs=4, learning_rate=1e30)
    with pytest.raises(TrainingError, match="diverged"):
        strategy.fit(tiny_model("llama"), TASK)
    assert getattr(strategy, "model_", None) is None
