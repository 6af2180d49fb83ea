from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_loss import plain_loss
from tiny import CONTEXT_TOKENS, classification_task, tiny_model, tiny_module

from adaptkit.core.types import Prompt
from adaptkit.strategies.training.encode import IGNORED, EncodedRow, collate
from adaptkit.strategies.training.loss import completion_loss
from adaptkit.strategies.training.sft import n_shared_in

PAD = 5


@st.composite
def row_sets(draw: st.DrawFn) -> tuple[list[EncodedRow], int]:
    """Rows behind a shared beginning, and how much of it is taken as shared."""
    token = st.integers(100, 250)
    shared = draw(st.lists(token, max_size=12))
    prompts = draw(st.lists(st.lists(token, min_size=1, max_size=9), min_size=1, max_size=5))
    rows = [EncodedRow(shared + own, draw(st.lists(token, min_size=1, max_size=5))) for own in prompts]
    return rows, draw(st.integers(0, len(shared)))


@given(rows_and_shared=row_sets())
def test_batch_holds_every_token_once_and_labels_the_completion_only(
    rows_and_shared: tuple[list[EncodedRow], int],
) -> None:
    rows, n_shared = rows_and_shared
    batch = collate(rows, n_shared=n_shared, pad_id=PAD)
    prefix = batch["prefix"][0].tolist()
    for i, row in enumerate(rows):
        real = batch["mask"][i, n_shared:].bool()
        assert batch["mask"][i, :n_shared].all()
        assert prefix + batch["input_ids"][i][real].tolist() == [*row.prompt, *row.completion]
        assert batch["positions"][i][real].tolist() == list(range(n_shared, len(row)))
        labels = batch["labels"][i].tolist()
        n = len(labels) - len(row.completion)
        assert labels == [IGNORED] * n + row.completion


def test_end_token_stays_a_label_when_it_is_also_the_filler() -> None:
    model = tiny_model("llama")
    assert model.pad_id == model.tokenizer.eos_token_id
    rows = [
        EncodedRow(model.encode(Prompt(instruction="Answer.", input=text)), model.encode_completion(target))
        for text, target in (("sky", "blue"), ("a longer question", "a rather longer answer"))
    ]
    batch = collate(rows, n_shared=3, pad_id=model.pad_id)
    assert batch["labels"][:, -1].tolist() == [model.pad_id] * 2
    assert int((batch["labels"] != IGNORED).sum()) == sum(len(r.completion) for r in rows)


def loss_and_gradients(module: Any, loss: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
    module.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), {n: p.grad.clone() for n, p in module.named_parameters()}


def assert_same(
    found: tuple[float, dict[str, torch.Tensor]], expected: tuple[float, dict[str, torch.Tensor]]
) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    # Some gradients are zero up to rounding: of queries, where there is one key only.
    rounding = 1e-6 * max(float(g.norm()) for g in expected[1].values())
    for name, gradient in expected[1].items():
        difference = (found[1][name] - gradient).norm()
        assert difference <= 1e-4 * gradient.norm() + rounding, name


def batch_loss(module: Any, rows: Sequence[EncodedRow], n_shared: int, pad_id: int = PAD) -> torch.Tensor:
    return completion_loss(module, collate(rows, n_shared=n_shared, pad_id=pad_id))


ROWS = [
    EncodedRow([*range(100, 112), *own], completion)
    for own, completion in (
        ([150, 151, 152], [160, 161, 0]),
        ([170], [171, 0]),
        ([180, 181, 182, 183, 184, 185], [190, 191, 192, 193, 0]),
        ([112], [0]),
    )
]


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma"])
@pytest.mark.parametrize("n_shared", [0, 1, 12])
def test_gradients_with_a_shared_prefix_are_those_of_whole_sequences(kind: str, n_shared: int) -> None:
    module = tiny_module(kind)
    expected = loss_and_gradients(module, plain_loss(module, ROWS))
    assert_same(loss_and_gradients(module, batch_loss(module, ROWS, n_shared)), expected)
    assert sum(float(g.norm()) for g in expected[1].values()) > 1


@settings(max_examples=10, deadline=None)
@given(rows_and_shared=row_sets())
def test_gradients_are_those_of_whole_sequences_for_rows_of_any_length(
    rows_and_shared: tuple[list[EncodedRow], int],
) -> None:
    rows, n_shared = rows_and_shared
    module = tiny_module("llama")
    expected = loss_and_gradients(module, plain_loss(module, rows))
    assert_same(loss_and_gradients(module, batch_loss(module, rows, n_shared)), expected)


def test_gradients_of_a_model_whose_window_is_shorter_than_the_rows_without_sharing() -> None:
    module = tiny_module("gemma", window=8)
    expected = loss_and_gradients(module, plain_loss(module, ROWS))
    assert_same(loss_and_gradients(module, batch_loss(module, ROWS, 0)), expected)


def test_training_shares_nothing_where_a_window_is_shorter_than_the_rows() -> None:
    module, roomy = tiny_module("gemma", window=8), tiny_module("gemma", window=512)
    assert n_shared_in(module, ROWS) == 0
    assert n_shared_in(roomy, ROWS) > 0


def test_loss_depends_neither_on_the_order_of_rows_nor_on_the_filler() -> None:
    module = tiny_module("llama")
    expected = loss_and_gradients(module, batch_loss(module, ROWS, 12))
    assert_same(loss_and_gradients(module, batch_loss(module, ROWS[::-1], 12)), expected)
    assert_same(loss_and_gradients(module, batch_loss(module, ROWS, 12, pad_id=0)), expected)


def test_loss_counts_the_end_token_and_nothing_of_the_prompt() -> None:
    module = tiny_module("llama")
    row = ROWS[0]
    without_end = EncodedRow(row.prompt, row.completion[:-1])
    n = len(row.completion)
    end = EncodedRow([*row.prompt, *row.completion[:-1]], row.completion[-1:])
    with torch.inference_mode():
        whole, before, last = (float(batch_loss(module, [r], 12)) for r in (row, without_end, end))
    assert whole * n == pytest.approx((n - 1) * before + last, rel=1e-5)


def test_head_is_asked_for_completion_positions_only() -> None:
    module = tiny_module("llama")
    seen: list[int] = []
    head = module.get_output_embeddings()
    handle = head.register_forward_hook(lambda _m, args, _out: seen.append(args[0].shape[0]))
    batch_loss(module, ROWS, 0)
    handle.remove()
    assert seen == [sum(len(r.completion) for r in ROWS)]
    assert not head._forward_pre_hooks


def test_head_is_given_back_after_an_error() -> None:
    module = tiny_module("llama")
    batch = collate(ROWS, n_shared=0, pad_id=PAD)
    batch["input_ids"] = batch["input_ids"] + 10_000
    with pytest.raises(IndexError):
        completion_loss(module, batch)
    assert not module.get_output_embeddings()._forward_pre_hooks


def test_training_prompt_is_the_prompt_that_is_served() -> None:
    model = tiny_model("gemma")
    assert model.info.context_tokens == CONTEXT_TOKENS
    example = classification_task().train[0]
    prompt = Prompt(instruction="Which kind?", input=example.input)
    row = EncodedRow(model.encode(prompt), model.encode_completion(example.target))
    assert model.count_prompt_tokens(prompt) == len(row.prompt)
    assert len(row) == len(row.prompt) + len(row.completion)
    assert row.completion[-1] in model._renderer.stop_ids
