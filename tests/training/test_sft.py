from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import classification_task, tiny_model

from adaptkit.core.errors import TrainingError
from adaptkit.core.types import Prompt
from adaptkit.models.local.model import LocalModel
from adaptkit.training import lora, sft
from adaptkit.training.encode import EncodedRow, collate
from adaptkit.training.loss import completion_loss
from adaptkit.training.sft import LengthGroupedOrder, SftSettings, train

TASK = classification_task()
SHAPE = lora.LoraSettings(rank=4, alpha=8, dropout=0.0, target_modules="all-linear")


@pytest.fixture(scope="module")
def model() -> LocalModel:
    return tiny_model("llama")


def encoded(model: LocalModel, examples: Any, target: str | None = None) -> list[EncodedRow]:
    return [
        EncodedRow(
            model.encode(Prompt(instruction=TASK.instruction, input=e.input)),
            model.encode_completion(target or e.target),
        )
        for e in examples
    ]


def settings(**changes: Any) -> SftSettings:
    return SftSettings(**{"learning_rate": 5e-3, "n_steps": 8, "batch_size": 4, **changes})


def loss(module: Any, rows: list[EncodedRow], pad_id: int = 0) -> float:
    with torch.inference_mode():
        batches = [rows[i : i + 8] for i in range(0, len(rows), 8)]
        values = [float(completion_loss(module, collate(b, n_shared=0, pad_id=pad_id))) for b in batches]
    return float(np.average(values, weights=[len(b) for b in batches]))


def adapter_weights(adapted: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in adapted.parameters() if p.requires_grad])


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=60),
    batch_size=st.integers(1, 9),
    n_epochs=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_order_goes_through_all_rows_before_it_repeats_one(
    lengths: list[int], batch_size: int, n_epochs: int, seed: int
) -> None:
    n = len(lengths)
    order = list(LengthGroupedOrder(lengths, batch_size=batch_size, n_rows=n * n_epochs + n // 2, seed=seed))
    for epoch in range(n_epochs):
        assert sorted(order[epoch * n : (epoch + 1) * n]) == list(range(n))
    assert max(Counter(order[n_epochs * n :]).values(), default=1) == 1
    again = LengthGroupedOrder(lengths, batch_size=batch_size, n_rows=len(order), seed=seed)
    assert list(again) == order
    assert len(again) == n * n_epochs + n // 2


def test_rows_of_a_batch_have_similar_lengths_but_batches_come_in_no_order_of_length() -> None:
    lengths = list(np.random.default_rng(0).integers(5, 200, size=256))
    order = list(LengthGroupedOrder(lengths, batch_size=8, n_rows=256, seed=0))
    batches = [[lengths[i] for i in order[at : at + 8]] for at in range(0, 256, 8)]
    padding = sum(max(b) * 8 - sum(b) for b in batches) / sum(lengths)
    assert padding < 0.2
    means = [float(np.mean(b)) for b in batches]
    assert abs(float(np.corrcoef(means, range(len(means)))[0, 1])) < 0.5
    other = list(LengthGroupedOrder(lengths, batch_size=8, n_rows=256, seed=1))
    assert other != order


def test_training_lowers_the_loss_on_rows_seen_and_unseen(model: LocalModel) -> None:
    rows, unseen = encoded(model, TASK.train), encoded(model, TASK.test)
    adapted = lora.attach(model.module, SHAPE, seed=0)
    before, before_unseen = loss(adapted, rows), loss(adapted, unseen)
    steps: list[tuple[int, int]] = []
    report = train(
        adapted,
        rows,
        [],
        settings(n_steps=40, batch_size=8),
        pad_id=model.pad_id,
        progress=lambda done, planned: steps.append((done, planned)),
    )
    assert loss(adapted, rows) < 0.3 * before
    assert loss(adapted, unseen) < 0.8 * before_unseen
    assert report.losses[-1][1] < report.losses[0][1]
    assert steps == [(i, 40) for i in range(1, 41)]
    assert (report.n_steps, report.best_step) == (40, 40)
    assert report.validation_losses == []
    assert not adapted.training


def test_training_of_a_single_step_changes_the_adapter(model: LocalModel) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    train(adapted, encoded(model, TASK.train), [], settings(n_steps=1), pad_id=model.pad_id)
    assert lora.adapter_norm(adapted) > 0


def test_tokens_trained_on_are_counted_row_by_row(model: LocalModel) -> None:
    rows = encoded(model, TASK.train)[:6]
    adapted = lora.attach(model.module, SHAPE, seed=0)
    report = train(adapted, rows, [], settings(n_steps=4, batch_size=3), pad_id=model.pad_id)
    # Two passes over six rows.
    assert report.n_tokens == 2 * sum(len(r) for r in rows)
    assert report.seconds > 0


def test_weights_with_the_best_validation_loss_are_kept(model: LocalModel) -> None:
    """The validation rows want what the train rows forbid, so training makes it worse in the end."""
    rows = encoded(model, TASK.train)
    validation = encoded(model, TASK.validation, target="weather")
    adapted = lora.attach(model.module, SHAPE, seed=0)
    report = train(
        adapted,
        rows,
        validation,
        settings(n_steps=40, batch_size=8, learning_rate=1e-2, evaluations=10, patience=20),
        pad_id=model.pad_id,
    )
    by_step = dict(report.validation_losses)
    best = min(by_step.values())
    assert by_step[report.best_step] == best
    assert report.best_step < report.n_steps == 40
    assert by_step[40] > best
    assert loss(adapted, validation) == pytest.approx(best, rel=1e-3)


def test_training_stops_when_the_validation_loss_stops_falling(model: LocalModel) -> None:
    validation = encoded(model, TASK.validation, target="no answer that any train row has")
    adapted = lora.attach(model.module, SHAPE, seed=0)
    report = train(
        adapted,
        encoded(model, TASK.train),
        validation,
        settings(n_steps=60, learning_rate=3e-2, evaluations=30, patience=2),
        pad_id=model.pad_id,
    )
    assert report.n_steps < 60
    assert report.n_steps == report.validation_losses[-1][0]
    assert report.best_step <= report.n_steps


def test_validation_takes_a_bounded_number_of_rows(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    kept = sft.SftTrainer.prediction_step

    def counted(self: Any, module: Any, inputs: Any, *rest: Any, **options: Any) -> Any:
        sizes.append(len(inputs["input_ids"]))
        return kept(self, module, inputs, *rest, **options)

    monkeypatch.setattr(sft.SftTrainer, "prediction_step", counted)
    validation = encoded(model, TASK.train) * 4
    assert len(validation) > sft.MAX_VALIDATION_ROWS
    adapted = lora.attach(model.module, SHAPE, seed=0)
    train(adapted, validation[:8], validation, settings(n_steps=1, evaluations=1), pad_id=model.pad_id)
    assert sum(sizes) == sft.MAX_VALIDATION_ROWS


def test_batches_follow_the_order_and_one_seed_gives_the_same_weights_twice(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []

    def watched(module: Any, batch: Any) -> torch.Tensor:
        seen.append(batch["labels"][:, 0].tolist())
        return completion_loss(module, batch)

    monkeypatch.setattr(sft, "completion_loss", watched)
    rows = [EncodedRow([100, 101, 102 + i], [150 + i, 0]) for i in range(10)]
    weights = []
    for seed in (0, 0, 1):
        adapted = lora.attach(model.module, SHAPE, seed=0)
        train(adapted, rows, [], settings(n_steps=5, batch_size=2, seed=seed), pad_id=model.pad_id)
        weights.append(adapter_weights(adapted))
    order = list(LengthGroupedOrder([5] * 10, batch_size=2, n_rows=10, seed=0))
    assert [[t - 150 for t in batch] for batch in seen[:5]] == [order[i : i + 2] for i in range(0, 10, 2)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_training_that_diverges_is_told(model: LocalModel) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    with pytest.raises(TrainingError, match="Training diverged: the loss at step") as caught:
        train(
            adapted,
            encoded(model, TASK.train),
            encoded(model, TASK.validation),
            settings(learning_rate=1e30, n_steps=12),
            pad_id=model.pad_id,
        )
    assert caught.value.step is not None


def test_memory_that_runs_out_says_what_to_lower(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(sft, "completion_loss", full)
    adapted = lora.attach(model.module, SHAPE, seed=0)
    with pytest.raises(TrainingError, match="Lower batch_size"):
        train(adapted, encoded(model, TASK.train), [], settings(), pad_id=model.pad_id)


def generators() -> tuple[object, ...]:
    """The state of every global generator."""
    return random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002


def test_generators_of_the_process_are_left_alone(model: LocalModel) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what is looked at
    torch.manual_seed(1)
    before = generators()
    train(adapted, encoded(model, TASK.train)[:4], [], settings(n_steps=1), pad_id=model.pad_id)
    assert generators() == before


def test_training_prints_nothing(model: LocalModel, capfd: pytest.CaptureFixture[str]) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    rows = encoded(model, TASK.train)
    train(adapted, rows, rows[:4], settings(n_steps=2), pad_id=model.pad_id)
    assert capfd.readouterr() == ("", "")
