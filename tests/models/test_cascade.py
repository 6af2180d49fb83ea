from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch
from tiny import tiny_model, tiny_module

from adaptkit.models.local import cascade, packed
from adaptkit.models.local.cascade import Layout, Reader, _in_plain_steps, attention_part
from adaptkit.models.local.drafts import WEIGHT_TOKENS
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.packed import Gains, PackedLinears
from adaptkit.models.local.slots import Extension, Prefill, Slots, Stored
from adaptkit.models.local.support import find_obstacle
from adaptkit.models.local.tree import Segment

G, R, D = 2, 3, 8
SCALE = 0.3


def tensors(*sizes: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries [T, G, R, D], keys and values [T, G, D]."""
    rng = torch.Generator().manual_seed(seed)
    n = sum(sizes)
    return (
        torch.randn(n, G, R, D, generator=rng),
        torch.randn(n, G, D, generator=rng),
        torch.randn(n, G, D, generator=rng),
    )


def brute(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """Softmax over what each query sees: ``seen`` is boolean [n queries, n keys]."""
    scores = torch.einsum("tgrd,sgd->tgrs", q, k) * SCALE
    scores = scores.masked_fill(~seen[:, None, None, :], float("-inf"))
    return torch.einsum("tgrs,sgd->tgrd", scores.softmax(-1), v)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_kernel_and_plain_steps_agree(causal: bool, masked: bool) -> None:
    rng = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 3, 7, D, generator=rng) for _ in range(3))
    mask = torch.zeros(2, 1, 7, 7).masked_fill(torch.rand(2, 1, 7, 7, generator=rng) < 0.4, float("-inf"))
    mask[..., 0] = 0
    options: dict[str, Any] = {"mask": mask if masked and not causal else None, "causal": causal}
    for a, b in zip(
        attention_part(q, k, v, SCALE, **options), _in_plain_steps(q, k, v, SCALE, **options), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_values_of_another_size_than_keys_take_the_plain_steps() -> None:
    q, k = torch.randn(1, 2, 5, 8), torch.randn(1, 2, 5, 8)
    out, lse = attention_part(q, k, torch.randn(1, 2, 5, 4), SCALE)
    assert out.shape == (1, 2, 5, 4)
    assert lse.shape == (1, 2, 5)


@pytest.mark.parametrize("sizes", [(6,), (3, 4, 4, 9), (1, 1, 1), (5, 20)])
def test_rows_behind_shared_segments_see_those_and_themselves(sizes: tuple[int, ...]) -> None:
    q, k, v = tensors(*sizes)
    _, shared_k, shared_v = tensors(11, 5, seed=1)
    stored = [
        Stored(
            Segment(torch.arange(11).numpy(), None, 0),
            [(shared_k[:11].transpose(0, 1), shared_v[:11].transpose(0, 1))],
        ),
        Stored(
            Segment(torch.arange(5).numpy(), None, 0),
            [(shared_k[11:].transpose(0, 1), shared_v[11:].transpose(0, 1))],
        ),
    ]
    ends = torch.tensor(sizes).cumsum(0).tolist()
    spans = [slice(e - n, e) for e, n in zip(ends, sizes, strict=True)]
    # All read the first segment, the first row the second one as well.
    layout = Layout(Prefill(spans, device=q.device), [Reader(stored[0]), Reader(stored[1], spans[0])])
    found = layout.attend(0, q, k, v, SCALE)
    every_k, every_v = torch.cat([shared_k, k]), torch.cat([shared_v, v])
    seen = torch.zeros(len(q), len(every_k), dtype=torch.bool)
    seen[:, :11] = True
    seen[spans[0], 11:16] = True
    for span in spans:
        n = span.stop - span.start
        seen[span, 16 + span.start : 16 + span.stop] = torch.ones(n, n, dtype=torch.bool).tril()
    torch.testing.assert_close(found, brute(q, every_k, every_v, seen))


@pytest.mark.parametrize("lengths", [(4, 4, 4), (2, 7, 1)])
@pytest.mark.parametrize("tree", [False, True])
def test_new_tokens_see_their_slot_and_their_ancestors(lengths: tuple[int, ...], tree: bool) -> None:
    among = (
        torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
        if tree
        else torch.ones(1, 1, dtype=torch.bool)
    )
    n_new, n_rows = len(among), len(lengths)
    slots = Slots(n_rows + 1, max(lengths) + n_new + 2)
    _, old_k, old_v = tensors(*lengths, seed=2)
    starts = [sum(lengths[:i]) for i in range(n_rows)]
    for i, (start, n) in enumerate(zip(starts, lengths, strict=True)):
        places = torch.arange(n) + i * slots.capacity
        slots.write(0, places, old_k[start : start + n], old_v[start : start + n])
    q, k, v = tensors(n_rows * n_new, seed=3)
    own = Extension(slots, lengths, among, q.dtype)
    out, _ = own.attend(0, q, k, v, SCALE)
    for i, (start, n) in enumerate(zip(starts, lengths, strict=True)):
        new = slice(i * n_new, (i + 1) * n_new)
        every_k, every_v = (
            torch.cat([old_k[start : start + n], k[new]]),
            torch.cat([old_v[start : start + n], v[new]]),
        )
        seen = torch.cat([torch.ones(n_new, n, dtype=torch.bool), among], 1)
        torch.testing.assert_close(out[new], brute(q[new], every_k, every_v, seen))


@pytest.mark.parametrize("counts", [(1, 3, 2), (3, 1, 1), (2, 2, 2)])
def test_rows_may_have_unlike_numbers_of_new_tokens(counts: tuple[int, ...]) -> None:
    lengths = (5, 1, 3)
    slots = Slots(3, 9)
    _, old_k, old_v = tensors(*lengths, seed=2)
    olds = [slice(0, 5), slice(5, 6), slice(6, 9)]
    for i, old in enumerate(olds):
        slots.write(0, torch.arange(lengths[i]) + i * slots.capacity, old_k[old], old_v[old])
    q, k, v = tensors(*counts, seed=3)
    among = torch.ones(max(counts), max(counts), dtype=torch.bool).tril()
    out, lse = Extension(slots, lengths, among, q.dtype, counts).attend(0, q, k, v, SCALE)
    assert lse.shape == q.shape[:3]
    end = 0
    for i, (old, n) in enumerate(zip(olds, counts, strict=True)):
        new = slice(end, end := end + n)
        every_k, every_v = torch.cat([old_k[old], k[new]]), torch.cat([old_v[old], v[new]])
        seen = torch.cat([torch.ones(n, lengths[i], dtype=torch.bool), among[:n, :n]], 1)
        torch.testing.assert_close(out[new], brute(q[new], every_k, every_v, seen))
        keys, _ = slots.read(0, 3, slots.capacity, G)
        torch.testing.assert_close(keys[i].transpose(0, 1)[: lengths[i] + n], every_k)


def test_a_slot_is_moved_whole() -> None:
    slots = Slots(3, 4)
    _, k, v = tensors(4)
    slots.write(0, torch.arange(4) + 8, k, v)
    slots.move(2, 0, 3)
    keys, values = slots.read(0, 1, 4, G)
    torch.testing.assert_close(keys[0].transpose(0, 1)[:3], k[:3])
    torch.testing.assert_close(values[0].transpose(0, 1)[:3], v[:3])
    assert not keys[0, :, 3].any(), "no more than was asked for"


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma", "base"])
def test_known_families_run_in_the_engine(kind: str) -> None:
    model = tiny_model(kind)
    assert model.obstacle is None
    assert model.module.config._attn_implementation != "adaptkit_cascade", "put back after use"


def test_rounding_of_bfloat16_is_no_obstacle_but_a_part_left_out_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def obstacle() -> str | None:
        return find_obstacle(Engine(tiny_module("llama").to(torch.bfloat16), stop_ids=frozenset()))

    assert obstacle() is None
    monkeypatch.setattr(cascade, "_merge", lambda own, shared: own)
    assert "logits differ" in (obstacle() or "")


def test_models_whose_attention_is_another_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def obstacle(module: Any) -> str:
        found = find_obstacle(Engine(module, stop_ids=frozenset()))
        assert found is not None
        return found

    capped = tiny_module("llama")
    capped.config.attn_logit_softcapping = 30.0
    assert "caps the scores" in obstacle(capped)
    own = tiny_module("llama")
    monkeypatch.setattr(type(own), "_supports_attention_backend", False)
    assert "cannot be replaced" in obstacle(own)
    monkeypatch.undo()
    # A term that nothing in the configuration tells of.
    biased = tiny_module("llama")
    layer = biased.model.layers[1].self_attn
    forward = layer.forward

    def shifted(*args: Any, **kwargs: Any) -> Any:
        out, weights = forward(*args, **kwargs)
        return (out if "cascade" in kwargs else out + 0.5), weights

    layer.forward = shifted
    assert "logits differ" in obstacle(biased)
    layer.forward = lambda *_, **__: 1 / 0
    assert "fails in the engine (ZeroDivisionError" in obstacle(biased)


def test_plain_path_answers_what_the_engine_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from adaptkit.core.types import Prompt, Request

    asked = [Request(prompt=Prompt(instruction="Say", input=f"{i}"), max_new_tokens=5) for i in range(3)]
    expected = [c.text for c in tiny_model("qwen").complete(asked)]
    model = tiny_model("qwen")
    monkeypatch.setattr(type(model.module), "_supports_attention_backend", False)
    assert [c.text for c in model.complete(asked)] == expected
    assert model.paths == {"generate": 3}
    assert model.derive(tiny_module("qwen"), note="x").obstacle == model.obstacle


def gains_for_8_rows(shape: tuple[int, ...], dtype: torch.dtype, n_layers: int) -> Gains:
    assert (dtype, n_layers) == (torch.float32, 1)
    return Gains(arranged=2.0 if shape[0] == 8 else 1.0, widened=1.0, seconds=(3.0, 9.3))


class TestPackedLinears:
    def module(self) -> Any:
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8, bias=False)
        ).requires_grad_(False)

    @pytest.mark.parametrize("n_rows", [1, 2, 5, 16, 17, 32, 33, 512, 513])
    @pytest.mark.parametrize("min_gain_widened", [0.0, 1e9])
    def test_products_stay_the_same(
        self, monkeypatch: pytest.MonkeyPatch, n_rows: int, min_gain_widened: float
    ) -> None:
        monkeypatch.setattr("adaptkit.models.local.packed.MIN_GAIN", 0.0)
        monkeypatch.setattr("adaptkit.models.local.packed.MIN_GAIN_WIDENED", min_gain_widened)
        module = self.module()
        linears = PackedLinears(module, free_bytes=10**9)
        x = torch.randn(1, n_rows, 16)
        with torch.inference_mode():
            expected = module(x)
            with linears.in_use():
                assert "forward" in vars(module[0])
                torch.testing.assert_close(module(x), expected)
            assert "forward" not in vars(module[0])

    def test_changed_weights_are_arranged_anew(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("adaptkit.models.local.packed.MIN_GAIN", 0.0)
        module = self.module()
        linears = PackedLinears(module, free_bytes=10**9)
        x = torch.randn(4, 16)
        with torch.no_grad(), linears.in_use():
            before = module(x)
        with torch.no_grad():
            module[0].weight.mul_(2)
        with torch.no_grad(), linears.in_use():
            after = module(x)
        torch.testing.assert_close(after, module(x))
        assert not torch.allclose(after, before)

    @pytest.mark.parametrize(("gain", "free"), [(1e9, 10**9), (0.0, 100)])
    def test_where_it_does_not_pay_or_memory_is_short_nothing_changes(
        self, monkeypatch: pytest.MonkeyPatch, gain: float, free: int
    ) -> None:
        monkeypatch.setattr("adaptkit.models.local.packed.MIN_GAIN", gain)
        module = self.module()
        with PackedLinears(module, free_bytes=free).in_use():
            assert "forward" not in vars(module[0])

    def test_each_shape_is_judged_by_its_own_products(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("adaptkit.models.local.packed._gains", gains_for_8_rows)
        module = self.module()
        with PackedLinears(module, free_bytes=10**9).in_use():
            assert ["forward" in vars(layer) for layer in module] == [False, False, True]

    def test_the_probe_times_both_products_on_the_same_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Rows of input stand for seconds; the arranged product takes half of them.
        def fastest(products: Sequence[partial[None]]) -> list[float]:
            return [
                len(p.args[0])
                * (1.0 if p.func.__name__ == "plain" else 0.5 if len(p.args[0]) != 33 else 0.25)
                for p in products
            ]

        monkeypatch.setattr("adaptkit.models.local.packed._fastest", fastest)
        gains = packed._gains.__wrapped__((8, 16), torch.float32, 2)
        assert gains.arranged == 2.0
        assert gains.widened == pytest.approx(16 / 8.25)
        assert gains.seconds == (0.25, 16), "of one layer"

    def test_the_probe_tells_how_many_tokens_cost_as_much_as_the_weights(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = self.module()
        monkeypatch.setattr("adaptkit.models.local.packed._gains", gains_for_8_rows)
        # Of 3 seconds for one row and 9.3 for 64, the weights are 2.9 and each row 0.1.
        assert PackedLinears(module, free_bytes=10**9).weight_tokens == pytest.approx(29)
        assert PackedLinears(module, free_bytes=100).weight_tokens is None
        engine = Engine(tiny_module("llama"), stop_ids=frozenset())
        assert engine.weight_tokens == WEIGHT_TOKENS, "nothing is measured yet"
        for measured, used in ((29.0, 29.0), (500.0, 64), (None, WEIGHT_TOKENS)):
            monkeypatch.setattr(PackedLinears, "weight_tokens", measured)
            engine._linears = PackedLinears(module, free_bytes=100)
            assert engine.weight_tokens == used
