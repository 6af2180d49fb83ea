from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from tiny import tiny_model

from adaptkit.models.local import decoding, plain
from adaptkit.models.local.rows import RowState, Sampling, next_tokens
from adaptkit.models.local.support import fits


def state(*ids: int, n: int = 8, sampling: Sampling | None = None) -> RowState:
    return RowState(list(ids), n, lambda _: False, sampling=sampling)


class Only:
    """Allows some tokens, and ends after a number of them."""

    def __init__(self, *tokens: int, n: int) -> None:
        self._tokens, self._n = tokens, n

    def allowed(self) -> torch.Tensor:
        found = torch.zeros(6, dtype=torch.bool)
        found[list(self._tokens)] = True
        return found

    def accept(self, token: int) -> None:
        assert token in self._tokens
        self._n -= 1

    @property
    def is_finished(self) -> bool:
        return self._n <= 0

    def forced(self) -> list[int]:
        return []


def test_greedy_takes_the_likeliest() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [2.0, 1.0, 0.0]])
    assert next_tokens(logits, [state(1), state(2)]) == [1, 0]


def test_draws_follow_the_probabilities() -> None:
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    logits = torch.tensor(np.log(probabilities))
    drawn: Counter[int] = Counter()
    for seed in range(4_000):
        drawn[state(1, sampling=Sampling(temperature=1.0, top_p=1.0, seed=seed)).pick(logits) or 0] += 1
    for token, p in enumerate(probabilities):
        assert drawn[token] / 4_000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 4_000))


@pytest.mark.parametrize(("top_p", "kept"), [(0.01, {0}), (0.5, {0}), (0.51, {0, 1}), (0.81, {0, 1, 2})])
def test_nucleus_keeps_the_likeliest_that_reach_top_p(top_p: float, kept: set[int]) -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).double().log()
    settings = [Sampling(temperature=1.0, top_p=top_p, seed=s) for s in range(300)]
    assert {state(1, sampling=s).pick(logits) for s in settings} == kept


@pytest.mark.parametrize("top_p", [0.9, 1.0])
def test_rounding_does_not_change_a_draw(top_p: float) -> None:
    """As many tokens as a vocabulary has are close to each other: which of two comes first may not decide."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=50_000)
    noisy = logits + rng.normal(scale=1e-5, size=len(logits))
    for seed in range(100):
        sampling = Sampling(temperature=1.5, top_p=top_p, seed=seed)
        one, other = (state(1, sampling=sampling).pick(torch.tensor(x)) for x in (logits, noisy))
        assert one == other


def test_low_temperature_is_nearly_greedy() -> None:
    logits = torch.tensor([1.0, 1.2, 0.5])
    settings = [Sampling(temperature=0.01, top_p=1.0, seed=s) for s in range(50)]
    assert {state(1, sampling=s).pick(logits) for s in settings} == {1}


@pytest.mark.parametrize("kind", ["llama", "gemma-window"])
def test_a_sample_depends_on_its_seed_and_not_on_its_batch(kind: str) -> None:
    family, _, sliding = kind.partition("-")
    model = tiny_model(family, window=24 if sliding else None)
    engine = model._engine
    ids = [[*range(150, 180), n] for n in range(5)]

    def drawn(order: list[int], seed: int) -> dict[int, list[int]]:
        rows = {i: state(*ids[i], sampling=Sampling(temperature=1.5, top_p=0.95, seed=seed)) for i in order}
        if fits(model.module, 50):
            decoding.generate(engine, list(rows.values()))
        else:
            for batch in plain.batches(list(rows.values()), engine.budget):
                plain.generate(model.module, batch, pad_id=model.pad_id, stop_ids=frozenset())
        return {i: row.generated for i, row in rows.items()}

    together = drawn([0, 1, 2, 3, 4], 7)
    assert drawn([4, 2, 0], 7) == {i: together[i] for i in (4, 2, 0)}
    assert drawn([3], 7)[3] == together[3]
    assert drawn([0, 1, 2, 3, 4], 8) != together
    assert len({tuple(t) for t in together.values()}) > 1


def test_constraint_decides_what_may_come_and_when_it_ends() -> None:
    row = RowState([1], 9, lambda _: False, constraint=lambda: Only(2, 4, n=2))
    logits = torch.tensor([0.0, 9.0, 1.0, 8.0, 2.0, 7.0, 99.0])  # the last is filler beyond the tokenizer's
    assert row.pick(logits) == 4
    assert row.take(4, frozenset([0]), 0.1)
    assert row.pick(logits) == 4
    assert not row.take(4, frozenset([0]), 0.2)
    assert (row.finish_reason, row.generated) == ("stop", [4, 4])
    row.reset()
    assert (row.finish_reason, row.generated, row.latency_s) == ("", [], 0.0)
    assert row.take(2, frozenset([0]), 0.1), "a reset row has a fresh constraint"


def test_row_ends_at_a_stop_token_its_limit_or_when_it_is_complete() -> None:
    assert not state(1).take(5, frozenset([5]), 1.0)
    short = state(1, n=2)
    assert [short.take(t, frozenset([5]), 0.5 * t) for t in (1, 2)] == [True, False]
    assert (short.finish_reason, short.first_token_s, short.latency_s) == ("length", 0.5, 1.0)
    complete = RowState([1], 9, lambda found: found[-1] == 3)
    assert complete.take(1, frozenset(), 1.0)
    assert not complete.take(3, frozenset(), 2.0)
    assert (complete.finish_reason, complete.generated) == ("stop", [1, 3])
