from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import HashEmbedder, classification_task, qa_task

from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Demonstration, Example
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.selection import balanced_sample
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = classification_task()


def shown(strategy: FewShot, *inputs: str) -> list[tuple[Demonstration, ...]]:
    return [p.demonstrations for p in strategy.prompts(list(inputs))]


def fitted(task: Task = TASK, **params: Any) -> FewShot:
    return FewShot(**params).fit(FakeModel(lambda _: "music"), task)


@pytest.mark.parametrize("selection", ["nearest", "random"])
def test_train_row_is_never_shown_to_itself(selection: str) -> None:
    strategy = fitted(k=len(TASK.train), selection=selection)
    inputs = [e.input for e in TASK.train]
    for text, demonstrations in zip(inputs, shown(strategy, *inputs), strict=True):
        assert len(demonstrations) == len(TASK.train) - 1
        assert text not in {d.input for d in demonstrations}


@pytest.mark.parametrize("selection", ["nearest", "random"])
def test_input_that_was_drawn_leaves_room_for_another(selection: str) -> None:
    strategy = fitted(k=5, selection=selection)
    inputs = [e.input for e in TASK.train]
    assert {len(d) for d in shown(strategy, *inputs, "something else")} == {5}


def test_however_many_copies_the_input_has_k_others_are_shown() -> None:
    copies = tuple(Example(id=f"copy{i}", input="play it", target="music") for i in range(15))
    task = dataclasses.replace(TASK, train=(*copies, *TASK.train))
    (demonstrations,) = shown(fitted(task, k=8), "play it")
    assert len(demonstrations) == 8
    assert "play it" not in {d.input for d in demonstrations}


def test_nearest_demonstrations_are_shown_the_nearest_last() -> None:
    embedder = HashEmbedder()
    pool = [e.input for e in TASK.train]
    strategy = fitted(k=4)
    for text in [e.input for e in TASK.test]:
        (query,) = embedder.embed([text])
        nearest = np.argsort(-(embedder.embed(pool) @ query), kind="stable")[:4]
        (demonstrations,) = shown(strategy, text)
        assert [d.input for d in demonstrations] == [pool[int(i)] for i in nearest[::-1]]
    assert len({d[-1] for d in shown(strategy, *(e.input for e in TASK.test))}) > 1


def test_demonstration_is_the_train_row_that_it_names() -> None:
    rows = {e.id: (e.input, e.target) for e in TASK.train}
    for selection in ("nearest", "random"):
        for demonstration in shown(fitted(k=6, selection=selection), "will it rain")[0]:
            assert rows[str(demonstration.example_id)] == (demonstration.input, demonstration.target)


def test_random_demonstrations_are_the_same_for_all_inputs_and_hold_every_label_as_often() -> None:
    strategy = fitted(k=6, selection="random")
    first, second = shown(strategy, "one", "two")
    assert first == second
    assert Counter(d.target for d in first) == dict.fromkeys(TASK.labels, 2)
    targets = [d.target for d in first]
    assert all(a != b for a, b in pairwise(targets))


def test_seed_decides_random_demonstrations_and_not_the_nearest_ones() -> None:
    draws = [shown(fitted(k=6, selection="random", seed=seed), "x") for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert shown(fitted(k=6, seed=0), "play") == shown(fitted(k=6, seed=1), "play")
    assert FewShot(selection="random").draws_at_random
    assert not FewShot().draws_at_random


@pytest.mark.parametrize("selection", ["nearest", "random"])
def test_k_larger_than_the_pool_shows_the_whole_pool(selection: str) -> None:
    (demonstrations,) = shown(fitted(k=500, selection=selection), "something new")
    assert {d.example_id for d in demonstrations} == {e.id for e in TASK.train}
    assert len(demonstrations) == len(TASK.train)


def test_validation_and_test_rows_are_never_shown() -> None:
    known = {e.id for e in TASK.train}
    for selection in ("nearest", "random"):
        strategy = fitted(k=20, selection=selection)
        for demonstrations in shown(strategy, *(e.input for e in TASK.test)):
            assert {d.example_id for d in demonstrations} <= known


def test_demonstrations_that_do_not_fit_are_left_out_the_furthest_first() -> None:
    model = FakeModel(lambda _: "Lima", context_tokens=90)
    strategy = FewShot(k=8).fit(model, qa_task())
    whole = strategy.prompts(["What is the capital of Peru?"])[0].demonstrations
    prediction = strategy.generate("What is the capital of Peru?")
    sent = model.requests[-1].prompt.demonstrations
    assert 0 < len(sent) < len(whole)
    assert sent == whole[-len(sent) :]
    assert prediction.retrieve_s is not None
    assert prediction.contexts == ()


def test_task_without_train_rows_is_refused() -> None:
    task = dataclasses.replace(TASK, train=(), validation=())
    assert FewShot().refusal(task) == "FewShot needs train examples, and the task 'commands' has none."
    with pytest.raises(CapabilityError, match="FewShot needs train examples"):
        fitted(task)


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "8"])
def test_k_is_a_positive_int(k: Any) -> None:
    with pytest.raises(ConfigError, match=r"The 'k' parameter of FewShot must be an int >= 1. Got "):
        fitted(k=k)


def test_selection_is_a_known_one() -> None:
    with pytest.raises(ConfigError, match=r"must be 'nearest' or 'random'. Got 'best' instead"):
        fitted(selection="best")


@given(labels=st.lists(st.sampled_from("abc"), max_size=30), k=st.integers(1, 12), seed=st.integers(0, 99))
def test_balanced_sample_takes_labels_in_turn(labels: list[str], k: int, seed: int) -> None:
    chosen = balanced_sample(labels, k, np.random.default_rng(seed))
    assert len(chosen) == len(set(chosen)) == min(k, len(labels))
    counts, available = Counter(labels[i] for i in chosen), Counter(labels)
    most = max(counts.values(), default=0)
    # A label that has fewer than another has no rows left, or was only next in turn.
    assert all(counts[label] >= min(most - 1, n) for label, n in available.items())
    for a, b in pairwise(chosen):
        left = {labels[i] for i in range(len(labels)) if i not in chosen[: chosen.index(b)]}
        assert labels[a] != labels[b] or left == {labels[b]}
