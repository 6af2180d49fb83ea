from __future__ import annotations

import copy
import random
import time
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
from adaptkit.strategies.training import lora, memory, sft
from adaptkit.strategies.training.encode import EncodedRow, collate
from adaptkit.strategies.training.loss import completion_loss
from adaptkit.strategies.training.order import LengthGroupedOrder
from adaptkit.strategies.training.sft import SftSettings, train
from adaptkit.strategies.training.watch import Schedule

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


@pytest.mark.parametrize(("n_steps", "n_rows"), [(1, 16), (8, 32), (16, 48)])
def test_validation_takes_rows_within_bounds_and_a_share_of_those_trained_on(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch, n_steps: int, n_rows: int
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
    once = settings(n_steps=n_steps, evaluations=1, batch_size=32)
    monkeypatch.setattr(sft, "MIN_EVALUATIONS", 1)
    monkeypatch.setattr(sft, "MAX_VALIDATION_SHARE", 0.125)
    train(adapted, validation[:8], validation, once, pad_id=model.pad_id)
    assert sum(sizes) == n_rows


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


def plain_losses(adapted: Any, rows: list[EncodedRow], order: list[int], s: SftSettings) -> list[float]:
    """A loop of its own over whole, single rows: AdamW, warm-up, linear decay, clipped gradients."""
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=s.learning_rate, weight_decay=0.0)
    warmup = min(max(1, round(s.n_steps * s.warmup_share)), s.n_steps - 1)
    found = []
    for step in range(s.n_steps):
        rate = step / warmup if step < warmup else (s.n_steps - step) / (s.n_steps - warmup)
        optimiser.param_groups[0]["lr"] = s.learning_rate * rate
        batch = [rows[i] for i in order[step * s.batch_size : (step + 1) * s.batch_size]]
        total, n = torch.zeros(()), 0
        for row in batch:
            logits = adapted(input_ids=torch.tensor([[*row.prompt, *row.completion]])).logits[0]
            predicted = logits[len(row.prompt) - 1 : -1]
            total = total + torch.nn.functional.cross_entropy(
                predicted, torch.tensor(row.completion), reduction="sum"
            )
            n += len(row.completion)
        optimiser.zero_grad()
        (total / n).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, s.max_grad_norm)
        optimiser.step()
        found.append(float((total / n).detach()))
    return found


@pytest.mark.parametrize("changes", [{}, {"accumulation": 2}, {"checkpointing": True}], ids=str)
def test_loss_curve_is_that_of_a_plain_loop(model: LocalModel, changes: dict[str, Any]) -> None:
    rows = encoded(model, TASK.train)
    s = settings(n_steps=6, **changes)
    order = list(LengthGroupedOrder([len(r) for r in rows], batch_size=4, n_rows=24, seed=0))
    expected = plain_losses(lora.attach(model.module, SHAPE, seed=0), rows, order, s)
    adapted = lora.attach(model.module, SHAPE, seed=0)
    with lora.fast_forward(adapted):
        report = train(adapted, rows, [], s, pad_id=model.pad_id)
    assert [loss for _, loss in report.losses] == pytest.approx(expected, rel=1e-3)
    assert not any(getattr(m, "gradient_checkpointing", False) for m in adapted.modules())


def test_bfloat16_weights_under_a_float32_adapter_train_as_in_peft(model: LocalModel) -> None:
    rows = encoded(model, TASK.train)
    s = settings(n_steps=12)
    order = list(LengthGroupedOrder([len(r) for r in rows], batch_size=4, n_rows=48, seed=0))
    expected = plain_losses(lora.attach(model.module, SHAPE, seed=0), rows, order, s)
    adapted = lora.attach(copy.deepcopy(model.module).to(torch.bfloat16), SHAPE, seed=0)
    with lora.fast_forward(adapted):
        # Validated before, between and after: nothing of it may reach a training step.
        before = loss(adapted, rows)
        report = train(adapted, rows, rows[:8], s, pad_id=model.pad_id)
    assert [loss for _, loss in report.losses] == pytest.approx(expected, rel=0.05)
    assert loss(adapted, rows) < 0.8 * before


def test_checkpointing_is_switched_on_where_memory_asks(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = encoded(model, TASK.train)
    asked: dict[str, Any] = {"n_tokens": sum(map(len, rows)), "n_targets": 9}
    needed = memory.activation_bytes(model.module, **asked)
    monkeypatch.setattr(memory, "free_bytes", lambda _: needed)
    assert memory.asks_for_checkpointing(model.module, **asked)
    monkeypatch.setattr(memory, "free_bytes", lambda _: 3 * needed)
    assert not memory.asks_for_checkpointing(model.module, **asked)


def test_estimate_of_memory_is_above_what_autograd_keeps(model: LocalModel) -> None:
    rows = encoded(model, TASK.train)[:4]
    adapted = lora.attach(model.module, SHAPE, seed=0)
    kept: dict[int, int] = {}

    def note(t: torch.Tensor) -> torch.Tensor:
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
        loss = completion_loss(adapted, collate(rows, n_shared=0, pad_id=0))
    weights = {p.untyped_storage().data_ptr() for p in adapted.parameters()}
    n_bytes = sum(n for where, n in kept.items() if where not in weights)
    estimate = memory.activation_bytes(
        adapted, n_tokens=sum(map(len, rows)), n_targets=sum(len(r.completion) for r in rows)
    )
    assert loss.requires_grad
    assert 0.5 * n_bytes < estimate < 20 * n_bytes


@pytest.mark.parametrize(
    ("n_validation", "n_steps", "between"),
    [(48, 50, 25), (48, 150, 30), (8, 50, 10), (0, 50, 10), (48, 1, 1)],
)
def test_validation_is_taken_as_often_as_it_costs_little(
    n_validation: int, n_steps: int, between: int
) -> None:
    given = settings(n_steps=n_steps, batch_size=8)
    assert sft._steps_between_evaluations(given, 400, n_validation) == between


@given(
    n_steps=st.integers(2, 400), share=st.floats(0.01, 1.0), warmup=st.integers(1, 40), at=st.integers(1, 400)
)
def test_the_rate_rises_stays_and_falls_to_nothing(n_steps: int, share: float, warmup: int, at: int) -> None:
    warmup = min(warmup, n_steps - 1)
    schedule = Schedule(warmup=warmup, n_steps=n_steps, cooldown=max(1, round(share * n_steps)))
    if at < n_steps:
        schedule.end_soon(at, at)
    factors = [schedule.factor(step) for step in range(n_steps + 1)]
    assert all(0 <= f <= 1 for f in factors)
    assert factors[schedule.n_steps] == 0
    assert schedule.n_steps <= n_steps
    falling = factors[max(warmup, schedule.falls_from) : schedule.n_steps + 1]
    assert falling == sorted(falling, reverse=True)


def open_ended(**changes: Any) -> SftSettings:
    return settings(
        **{"n_steps": 240, "batch_size": 4, "until_flat": True, "expected_steps": 30, "seed": 1, **changes}
    )


def test_training_goes_on_until_the_loss_is_flat_and_the_rate_falls_at_last(model: LocalModel) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    rows, validation = encoded(model, TASK.train), encoded(model, TASK.validation)
    told: list[tuple[int, int]] = []
    report = train(
        adapted,
        rows,
        validation,
        open_ended(),
        pad_id=model.pad_id,
        progress=lambda done, planned: told.append((done, planned)),
    )
    assert (report.ended, report.improving) == ("flat", False)
    assert 30 < report.n_steps < 240
    losses = [loss for _, loss in report.validation_losses]
    assert losses[0] > 2 * min(losses)
    # The last weights are judged, too, and the best are kept.
    assert report.validation_losses[-1][0] == report.n_steps
    assert loss(adapted, validation) == pytest.approx(min(losses), rel=0.01)
    # What was told as planned was never below what was done, and right at the end.
    assert all(done <= planned for done, planned in told)
    assert told[-1] == (report.n_steps, report.n_steps)


@pytest.mark.parametrize(
    ("changes", "ended"),
    [({"n_steps": 16}, "steps"), ({"max_seconds": 1.5, "patience": 50}, "seconds")],
)
def test_a_bound_ends_it_earlier_and_says_that_it_still_improved(
    model: LocalModel, changes: dict[str, Any], ended: str
) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    rows, validation = encoded(model, TASK.train), encoded(model, TASK.validation)[:4]
    began = time.perf_counter()
    report = train(adapted, rows, validation, open_ended(**changes), pad_id=model.pad_id)
    assert report.ended == ended
    assert report.improving is not False
    assert report.n_steps < 240
    if ended == "seconds":
        assert time.perf_counter() - began < 6


def test_without_validation_rows_it_ends_where_it_was_expected_to(model: LocalModel) -> None:
    adapted = lora.attach(model.module, SHAPE, seed=0)
    report = train(adapted, encoded(model, TASK.train), [], open_ended(), pad_id=model.pad_id)
    assert (report.n_steps, report.improving) == (30, None)
