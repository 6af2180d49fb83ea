from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.strategies.selection import (
    Order,
    arrange,
    balanced_nearest,
    balanced_sample,
    diverse,
    interleave,
    vote,
)

LABELS = st.lists(st.sampled_from("abcd"), max_size=30)
SEEDS = st.integers(0, 99)


def unit_vectors(seed: int, n: int, dimension: int = 4) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@given(labels=LABELS, k=st.integers(1, 12), seed=SEEDS)
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


def test_balanced_sample_draws_by_the_generator_it_is_given() -> None:
    draws = [tuple(balanced_sample("ab" * 20, 6, np.random.default_rng(seed))) for seed in (0, 0, 1, 2)]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


@given(labels=LABELS, k=st.integers(1, 12))
def test_balanced_nearest_takes_the_nearest_of_each_label_in_turn(labels: list[str], k: int) -> None:
    chosen = balanced_nearest(labels, k)
    assert len(chosen) == len(set(chosen)) == min(k, len(labels))
    n_labels = len(set(labels))
    # The first turn: every label once, labels by their nearest, so ranks rise.
    first = chosen[: min(k, n_labels)]
    assert first == sorted(labels.index(label) for label in set(labels))[:k]
    for label in set(labels):
        own = [r for r in chosen if labels[r] == label]
        assert own == [r for r, other in enumerate(labels) if other == label][: len(own)]
    counts = Counter(labels[r] for r in chosen)
    most = max(counts.values(), default=0)
    if len(chosen) >= n_labels:
        assert all(counts[c] >= min(most - 1, n) for c, n in Counter(labels).items())


def test_balanced_nearest_of_different_targets_are_the_nearest() -> None:
    assert balanced_nearest([str(i) for i in range(20)], 5) == [0, 1, 2, 3, 4]


@given(seed=SEEDS, n=st.integers(0, 12), k=st.integers(1, 8), diversity=st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_diverse_is_maximal_marginal_relevance(seed: int, n: int, k: int, diversity: float) -> None:
    vectors, query = unit_vectors(seed, n), unit_vectors(seed + 1000, 1)[0]
    similarities = vectors @ query
    chosen = diverse(similarities, vectors, k, diversity)
    assert len(chosen) == len(set(chosen)) == min(k, n)
    for at, this in enumerate(chosen):
        before, left = chosen[:at], set(range(n)) - set(chosen[:at])

        def gain(i: int, before: list[int] = before) -> float:
            if not before:
                return float(similarities[i])
            likeness = max(float(vectors[i] @ vectors[j]) for j in before)
            return (1 - diversity) * float(similarities[i]) - diversity * likeness

        assert gain(this) >= max(map(gain, left)) - 1e-5


def test_diversity_leaves_out_what_repeats_a_chosen_one() -> None:
    # Two that are nearly one another and near the query, one that is further and different.
    vectors = np.array([[1, 0], [0.999, 0.0447], [0.6, -0.8]], dtype=np.float32)
    similarities = np.array([0.9, 0.89, 0.7], dtype=np.float32)
    assert diverse(similarities, vectors, 2, 0.0) == [0, 1]
    assert diverse(similarities, vectors, 2, 0.5) == [0, 2]


@given(labels=LABELS)
def test_interleaved_labels_follow_themselves_as_little_as_can_be(labels: list[str]) -> None:
    order = interleave(tuple(labels))
    assert sorted(order) == list(range(len(labels)))
    n_equal = sum(labels[a] == labels[b] for a, b in pairwise(order))
    # Others can part at most as many of the most frequent label as they are, and one more.
    most = max(Counter(labels).values(), default=0)
    assert n_equal == max(0, most - 1 - (len(labels) - most))


def test_interleaving_leaves_in_place_what_needs_no_moving() -> None:
    assert interleave(("a", "b", "c", "a", "b")) == (0, 1, 2, 3, 4)
    assert interleave(tuple("abcdef")) == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("order", "best_last", "expected"),
    [
        ("nearest-last", True, [5, 4, 2, 1]),
        ("nearest-first", True, [1, 2, 4, 5]),
        ("interleaved", True, [5, 2, 4, 1]),
        ("interleaved", False, [1, 4, 2, 5]),
        ("sorted", True, [2, 1, 5, 4]),
    ],
)
def test_orders(order: Order, best_last: bool, expected: list[int]) -> None:
    # Ranks 1 and 2 are of label a, 4 and 5 of b; given in the order of their choice.
    found = arrange([4, 1, 5, 2], ["b", "a", "b", "a"], order, np.random.default_rng(0), best_last=best_last)
    assert found == expected


def test_shuffled_order_is_the_generator_s() -> None:
    ranks = list(range(10))
    draws = [
        arrange(ranks, ["a"] * 10, "shuffled", np.random.default_rng(seed), best_last=True)
        for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert all(sorted(d) == ranks for d in draws)


@given(labels=LABELS, seed=SEEDS)
def test_every_order_keeps_all_of_what_was_chosen(labels: list[str], seed: int) -> None:
    ranks = list(np.random.default_rng(seed).permutation(50)[: len(labels)])
    for order in get_args(Order):
        found = arrange(ranks, labels, order, np.random.default_rng(seed), best_last=True)
        assert sorted(found) == sorted(ranks)


def test_vote_counts_similarities_and_a_draw_goes_to_the_nearest() -> None:
    assert vote(["a", "b", "b"], [0.9, 0.5, 0.5]) == "b"
    assert vote(["a", "b", "b"], [0.9, 0.4, 0.4]) == "a"
    assert vote(["b", "a"], [0.5, 0.5]) == "b"
    assert vote(["a", "b", "b"], [0.1, -0.9, -0.9]) == "a"
