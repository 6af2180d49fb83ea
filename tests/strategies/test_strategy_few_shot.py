from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from tiny import HashEmbedder, classification_task, qa_task, tiny_llama

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError
from adaptkit.core.types import Completion, Demonstration, Example, Prompt, Request
from adaptkit.metrics.normalise import fold
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot, Selection
from adaptkit.strategies.rag import RAG
from adaptkit.strategies.selection import Order
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = classification_task()
SELECTIONS = get_args(Selection)
ORDERS = get_args(Order)


def shown(strategy: FewShot, *inputs: str) -> list[tuple[Demonstration, ...]]:
    return [p.demonstrations for p in strategy.prompts(list(inputs))]


def fitted(task: Task = TASK, **params: Any) -> FewShot:
    return FewShot(**params).fit(FakeModel(lambda _: "music"), task)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_train_row_is_never_shown_to_itself(selection: str) -> None:
    strategy = fitted(k=len(TASK.train), selection=selection)
    inputs = [e.input for e in TASK.train]
    for text, demonstrations in zip(inputs, shown(strategy, *inputs), strict=True):
        assert len(demonstrations) == len(TASK.train) - 1
        assert text not in {d.input for d in demonstrations}


@pytest.mark.parametrize("selection", SELECTIONS)
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
    for selection in SELECTIONS:
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


@pytest.mark.parametrize("selection", SELECTIONS)
def test_k_larger_than_the_pool_shows_the_whole_pool(selection: str) -> None:
    (demonstrations,) = shown(fitted(k=500, selection=selection), "something new")
    assert {d.example_id for d in demonstrations} == {e.id for e in TASK.train}
    assert len(demonstrations) == len(TASK.train)


def test_validation_and_test_rows_are_never_shown() -> None:
    known = {e.id for e in TASK.train}
    for selection in SELECTIONS:
        strategy = fitted(k=20, selection=selection)
        for demonstrations in shown(strategy, *(e.input for e in TASK.test)):
            assert {d.example_id for d in demonstrations} <= known


def test_task_without_train_rows_is_refused() -> None:
    task = dataclasses.replace(TASK, train=(), validation=())
    assert FewShot().refusal(task) == "FewShot needs train examples, and the task 'commands' has none."
    with pytest.raises(CapabilityError, match="FewShot needs train examples"):
        fitted(task)


@pytest.mark.parametrize("k", [0, -1, 2.5, True, "8"])
def test_k_is_a_positive_int(k: Any) -> None:
    with pytest.raises(ConfigError, match=r"The 'k' parameter of FewShot must be an int >= 1. Got "):
        fitted(k=k)


def test_selection_and_order_are_known_and_go_together() -> None:
    with pytest.raises(
        ConfigError, match=r"'nearest', 'diverse', 'balanced' or 'random'. Got 'best' instead"
    ):
        fitted(selection="best")
    with pytest.raises(
        ConfigError, match=r"The 'order' parameter of FewShot must be 'nearest-last', .*'best'"
    ):
        fitted(order="best")
    for order in ("nearest-last", "nearest-first"):
        with pytest.raises(ConfigError, match=r"'shuffled' where the selection is random. Got 'nearest-"):
            fitted(selection="random", order=order)


@pytest.mark.parametrize("diversity", [-0.1, 1.1, "much", True, float("nan")])
def test_diversity_is_a_share(diversity: Any) -> None:
    with pytest.raises(ConfigError, match=r"'diversity' parameter of FewShot must be a number from 0 to 1"):
        fitted(diversity=diversity)


@pytest.mark.parametrize("calibrate", [1, 0, "yes", 0.5])
def test_calibrate_is_a_switch(calibrate: Any) -> None:
    with pytest.raises(ConfigError, match=r"'calibrate' parameter of FewShot must be True, False or None"):
        fitted(calibrate=calibrate)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_copy_that_differs_in_case_and_white_space_is_not_shown_to_its_input(selection: str) -> None:
    text, target = TASK.train[0].input, TASK.train[0].target
    copies = (Example(id="copy", input=f"  {text.upper()}\n", target=target),)
    strategy = fitted(dataclasses.replace(TASK, train=(*TASK.train, *copies)), k=500, selection=selection)
    for asked in (text, f"{text} ".title(), copies[0].input):
        (demonstrations,) = shown(strategy, asked)
        assert {fold(d.input) for d in demonstrations} == {fold(e.input) for e in TASK.train[1:]}
        assert len(demonstrations) == len(TASK.train) - 1


@pytest.mark.parametrize("selection", SELECTIONS)
def test_rows_that_are_the_same_are_shown_once(selection: str) -> None:
    doubled = tuple(dataclasses.replace(e, id=f"{e.id}-2", input=e.input.upper()) for e in TASK.train)
    strategy = fitted(dataclasses.replace(TASK, train=(*TASK.train, *doubled)), k=9, selection=selection)
    (demonstrations,) = shown(strategy, "play something")
    assert len({fold(d.input) for d in demonstrations}) == len(demonstrations) == 9


def test_what_a_strategy_before_shows_is_not_shown_again() -> None:
    model = FakeModel(lambda _: "music")
    first = FewShot(k=4, selection="random").fit(model, TASK)
    second = FewShot(k=4).fit(model, TASK, before=(first,))
    (demonstrations,) = shown(second, "play a song")
    assert len({d.example_id for d in demonstrations}) == len(demonstrations) == 8
    assert demonstrations[:4] == shown(first, "play a song")[0]
    assert second.fit_notes_["n_shown"] == {"min": 4, "mean": 4.0, "max": 4}


def test_balanced_demonstrations_are_the_nearest_of_each_label() -> None:
    strategy = fitted(k=7, selection="balanced", order="interleaved")
    everything = fitted(k=500, order="nearest-first")
    for text in [e.input for e in TASK.test]:
        (demonstrations,), (ranking,) = shown(strategy, text), shown(everything, text)
        counts = Counter(d.target for d in demonstrations)
        assert sorted(counts.values()) == [2, 2, 3]
        assert counts[ranking[0].target] == 3
        for label, n in counts.items():
            assert {d for d in demonstrations if d.target == label} == set(
                [d for d in ranking if d.target == label][:n]
            )
        assert all(a.target != b.target for a, b in pairwise(demonstrations))
        assert demonstrations[-1] == ranking[0]


def test_balanced_demonstrations_of_free_text_are_the_nearest() -> None:
    # Two rows share each target, which is no label.
    inputs = [e.input for e in qa_task().test]
    nearest, balanced = (
        shown(fitted(qa_task(), k=5, selection=s, order="nearest-last"), *inputs)
        for s in ("nearest", "balanced")
    )
    assert nearest == balanced
    assert shown(fitted(qa_task(), k=5, selection="balanced"), *inputs) == nearest


def test_diversity_moves_demonstrations_from_the_nearest_to_different_ones() -> None:
    embedder = HashEmbedder()

    def likeness(demonstrations: tuple[Demonstration, ...]) -> float:
        vectors = embedder.embed([d.input for d in demonstrations])
        return float(np.triu(vectors @ vectors.T, 1).sum())

    inputs = [e.input for e in TASK.test]
    nearest = shown(fitted(k=4), *inputs)
    assert shown(fitted(k=4, selection="diverse", diversity=0), *inputs) == nearest
    mixed = shown(fitted(k=4, selection="diverse", diversity=0.5), *inputs)
    assert mixed != nearest
    assert all(likeness(m) <= likeness(n) + 1e-5 for m, n in zip(mixed, nearest, strict=True))
    # The nearest of all stays, and stands last.
    assert [m[-1] for m in mixed] == [n[-1] for n in nearest]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_order_changes_places_and_nothing_else(selection: str) -> None:
    text = TASK.test[0].input
    orders = [o for o in ORDERS if selection != "random" or not o.startswith("nearest")]
    found = {o: shown(fitted(k=8, selection=selection, order=o), text)[0] for o in orders}
    assert len({frozenset(f) for f in found.values()}) == 1
    assert len(set(found.values())) == len(orders)
    targets = [d.target for d in found["sorted"]]
    assert targets == sorted(targets)
    if selection != "random":
        assert found["nearest-first"] == found["nearest-last"][::-1]


def test_defaults_of_the_order_follow_the_selection() -> None:
    orders = dict.fromkeys(("nearest", "diverse", "balanced"), "nearest-last") | {"random": "interleaved"}
    for selection, order in orders.items():
        assert shown(fitted(selection=selection), "play") == shown(
            fitted(selection=selection, order=order), "play"
        )


def test_shuffled_order_is_drawn_by_seed_and_input_and_by_no_batch() -> None:
    inputs = [e.input for e in TASK.test]
    first, again, other = (shown(fitted(order="shuffled", seed=s), *inputs) for s in (0, 0, 1))
    assert first == again != other
    assert [shown(fitted(order="shuffled"), text)[0] for text in inputs] == first
    sorted_rows = [tuple(sorted(d, key=str)) for d in first]
    assert sorted_rows == [tuple(sorted(d, key=str)) for d in other]
    # Random ones are shuffled alike for all inputs: a prefix is shared.
    one, two = shown(fitted(selection="random", order="shuffled"), "one", "two")
    assert one == two


def test_draws_at_random_says_whether_seeds_can_differ() -> None:
    for selection in SELECTIONS:
        for order in (None, *ORDERS):
            if selection == "random" and order in ("nearest-last", "nearest-first"):
                continue
            differ = (
                len({shown(fitted(k=6, selection=selection, order=order, seed=s), "x")[0] for s in range(3)})
                > 1
            )
            assert FewShot(k=6, selection=selection, order=order).draws_at_random is differ
            assert FewShot(k=6, selection=selection, order=order).takes_seed is differ


def test_seeds_of_a_comparison_give_random_demonstrations_a_spread(tmp_path: Path) -> None:
    model = FakeModel(lambda r: r.prompt.demonstrations[-1].input)
    strategies = [FewShot(k=2), FewShot(k=2, selection="random")]
    result = ak.compare(strategies, TASK, model=model, seeds=3, out=tmp_path, baselines=False)
    assert [row.seeds for row in result.rows] == [1, 3]
    outputs: dict[tuple[str, int], list[str]] = {}
    for record in result.records():
        outputs.setdefault((record.strategy, record.seed), []).append(record.output)
    assert len(outputs) == 4
    random = [found for (name, _), found in outputs.items() if "random" in name]
    assert len({tuple(found) for found in random}) == 3


@pytest.mark.parametrize("selection", SELECTIONS)
def test_without_k_the_window_is_filled(selection: Any) -> None:
    model = FakeModel(lambda _: "music", context_tokens=160)
    strategy = FewShot(k=None, selection=selection).fit(model, TASK)
    room = model.info.context_tokens - strategy.format_.max_new_tokens
    for prompt in strategy.prompts([e.input for e in TASK.test]):
        assert 8 < len(prompt.demonstrations) < len(TASK.train)
        assert room - 12 < model.count_prompt_tokens(prompt) <= room
    strategy.generate([e.input for e in TASK.test])
    assert [r.prompt for r in model.requests[-len(TASK.test) :]] == strategy.prompts(
        [e.input for e in TASK.test]
    )


def test_without_k_a_small_pool_is_shown_whole() -> None:
    for selection in SELECTIONS:
        (demonstrations,) = shown(fitted(k=None, selection=selection), "something new")
        assert {d.example_id for d in demonstrations} == {e.id for e in TASK.train}


def test_window_of_a_real_model_is_filled_and_not_overfilled() -> None:
    model = tiny_llama(context_tokens=500)
    strategy = FewShot(k=None).fit(model, TASK)
    (prompt,) = strategy.prompts(["will it rain in Rome"])
    n = len(prompt.demonstrations)
    assert n > 8
    assert model.count_prompt_tokens(prompt) + strategy.format_.max_new_tokens <= 500
    assert strategy.generate("will it rain in Rome").usage.tokens_in == model.count_prompt_tokens(prompt)


def test_random_demonstrations_leave_room_for_long_inputs_so_that_all_prompts_begin_alike() -> None:
    def rows(n: int, n_words: int) -> list[Example]:
        texts = [f"{'please ' * (n_words - 1)}{n_words}-{i}" for i in range(n)]
        return [Example(id=text[-5:], input=text, target="alarm") for text in texts]

    task = dataclasses.replace(TASK, train=(*TASK.train, *rows(3, 30), *rows(1, 500)))
    model = FakeModel(lambda _: "music", context_tokens=120)
    strategy = FewShot(k=None, selection="random").fit(model, task)
    found = shown(strategy, "short", "please " * 29, "please " * 30)
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == strategy.fit_notes_["n_shown"] > 4
    # One that is longer than nearly all that were known gets fewer, of the same.
    (fewer,) = shown(strategy, "please " * 60)
    assert 0 < len(fewer) < len(found[0])
    assert set(fewer) < set(found[0])


@pytest.mark.parametrize("seed", [-1, 0.5, "x", True])
def test_seed_is_a_count(seed: Any) -> None:
    with pytest.raises(ConfigError, match=r"The 'seed' parameter of FewShot must be an int >= 0. Got "):
        fitted(selection="random", seed=seed)


def test_window_is_shared_with_what_comes_before() -> None:
    model = FakeModel(lambda _: "Lima", context_tokens=100)
    rag = RAG(k=3, chunk_tokens=24, overlap_tokens=4).fit(model, qa_task())
    alone = FewShot(k=None).fit(model, qa_task())
    after = FewShot(k=None).fit(model, qa_task(), before=(rag,))
    for strategy in (alone, after):
        (prompt,) = strategy.prompts(["What is the capital of Peru?"])
        assert model.count_prompt_tokens(prompt) <= 100 - strategy.format_.max_new_tokens
    n_alone, n_after = (len(shown(s, "What is the capital of Peru?")[0]) for s in (alone, after))
    assert 0 < n_after < n_alone


@pytest.mark.parametrize("order", ["nearest-last", "nearest-first", "interleaved", "shuffled"])
def test_where_not_all_fit_the_furthest_are_left_out_whatever_the_order(order: str) -> None:
    model = FakeModel(lambda _: "music", context_tokens=70)
    (ranking,) = shown(fitted(k=20, order="nearest-first"), "play a song in Rome")
    strategy = FewShot(k=20, order=order).fit(model, TASK)  # type: ignore[arg-type]
    prediction = strategy.generate("play a song in Rome")
    sent = model.requests[-1].prompt.demonstrations
    assert 0 < len(sent) < 20
    assert set(sent) == set(ranking[: len(sent)])
    assert prediction.retrieve_s is not None
    assert prediction.contexts == ()


def test_notes_tell_how_many_are_shown() -> None:
    assert fitted(k=5, selection="random").fit_notes_["n_shown"] == 5
    assert fitted(k=5).fit_notes_["n_shown"] == {"min": 5, "mean": 5.0, "max": 5}
    assert fitted(k=500, selection="random").fit_notes_["n_shown"] == len(TASK.train)
    # Inputs of different lengths leave room for different numbers.
    rows = (Example(id="v0", input="hi", target="music"), Example(id="v1", input="ho " * 30, target="music"))
    task = dataclasses.replace(TASK, validation=rows)
    notes = FewShot(k=None).fit(FakeModel(lambda _: "", context_tokens=110), task).fit_notes_["n_shown"]
    assert notes["min"] < notes["mean"] < notes["max"]
    assert notes["mean"] == (notes["min"] + notes["max"]) / 2


def test_vote_of_the_nearest_is_told_for_a_classification() -> None:
    assert TASK.validation
    # Rows whose neighbours are all of another label: the vote must be wrong there.
    odd = [Example(id=e.id + "-odd", input="now " + e.input, target="other") for e in TASK.validation[:2]]
    task = dataclasses.replace(TASK, labels=(*TASK.labels, "other"), validation=(*TASK.validation, *odd))
    embedder, right = HashEmbedder(), 0
    train = embedder.embed([e.input for e in TASK.train])
    for row in TASK.validation:
        similarities = train @ embedder.embed([row.input])[0]
        votes = dict.fromkeys(TASK.labels, 0.0)
        for i in np.argsort(-similarities, kind="stable")[:3]:
            votes[TASK.train[int(i)].target] += max(0.0, float(similarities[int(i)]))
        right += max(votes, key=votes.__getitem__) == row.target
    notes = fitted(task, k=3).fit_notes_
    assert right > 0
    assert notes["knn_vote"] == pytest.approx(right / (len(TASK.validation) + 2), abs=1e-4)
    assert notes["knn_vote_n_rows"] == len(TASK.validation) + 2


def test_vote_is_told_where_it_means_something() -> None:
    assert "knn_vote" not in fitted(qa_task()).fit_notes_
    assert "knn_vote" not in fitted(selection="random").fit_notes_
    assert "knn_vote" not in fitted(dataclasses.replace(TASK, validation=())).fit_notes_


class LikesModel(FakeModel):
    """Gives each label the log-probability that a function says."""

    def __init__(self, likes: Callable[[Prompt, str], float]) -> None:
        super().__init__(lambda _: "unused")
        self._likes = likes

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        found = []
        for request, plain in zip(requests, super().complete(requests), strict=True):
            scores = {c: self._likes(request.prompt, c) for c in request.choices or ()}
            if not scores:
                found.append(plain)
                continue
            found.append(
                dataclasses.replace(plain, text=max(scores, key=scores.__getitem__), choice_logprobs=scores)
            )
        return found


def biased(prompt: Prompt, label: str) -> float:
    """A strong liking for alarms, and a weaker one for the input's own kind."""
    kinds = {"song": "music", "rain": "weather", "wake": "alarm"}
    own = next((kind for word, kind in kinds.items() if word in prompt.input), None)
    return -3.0 + 2.0 * (label == "alarm") + 1.0 * (label == own)


INPUTS = ["a song", "some rain", "wake up"]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_calibration_takes_away_what_a_label_gets_in_the_mean(selection: Any) -> None:
    outputs = {}
    for calibrate in (True, False):
        strategy = FewShot(k=3, selection=selection, calibrate=calibrate).fit(LikesModel(biased), TASK)
        outputs[calibrate] = [p.output for p in strategy.generate(INPUTS)]
        assert strategy.fit_notes_["labels_by"]["way"] == ("calibrated" if calibrate else "sum")
    assert outputs[True] == ["music", "weather", "alarm"]
    assert outputs[False] == ["alarm"] * 3


def test_without_validation_rows_calibration_is_off_behind_similar_demonstrations() -> None:
    for selection in SELECTIONS:
        task = dataclasses.replace(TASK, validation=())
        notes = FewShot(selection=selection).fit(LikesModel(biased), task).fit_notes_
        assert notes["labels_by"]["way"] == ("calibrated" if selection == "random" else "sum")


@pytest.mark.parametrize("selection", SELECTIONS)
def test_calibration_is_taken_where_validation_rows_are_for_it(selection: Any) -> None:
    strategy = FewShot(k=3, selection=selection).fit(LikesModel(biased), TASK)
    assert strategy.fit_notes_["labels_by"]["way"] == "calibrated"
    assert [p.output for p in strategy.generate(INPUTS)] == ["music", "weather", "alarm"]


@pytest.mark.parametrize("selection", SELECTIONS)
def test_calibration_is_measured_on_train_inputs_of_each_label_behind_their_demonstrations(
    selection: Any,
) -> None:
    model = LikesModel(biased)
    strategy = FewShot(k=3, selection=selection, calibrate=True).fit(model, TASK)
    asked = [r.prompt for r in model.requests]
    label_of = {e.input: e.target for e in TASK.train}
    # Half of the train rows are alarms: those of other labels are asked twice.
    assert Counter(label_of[p.input] for p in asked) == dict.fromkeys(TASK.labels, 8)
    assert len({p.input for p in asked}) == 6 + 6 + 8
    assert asked == strategy.prompts([p.input for p in asked])


def test_calibration_rather_takes_inputs_that_are_not_drawn() -> None:
    rows = [
        dataclasses.replace(e, id=f"{e.id}-{i}", input=f"{e.input} {i}") for i in range(4) for e in TASK.train
    ]
    model = LikesModel(biased)
    FewShot(k=6, selection="random", calibrate=True).fit(model, dataclasses.replace(TASK, train=tuple(rows)))
    asked = [r.prompt for r in model.requests]
    assert len({p.demonstrations for p in asked}) == 1
    assert len({p.input for p in asked}) == 24


def test_calibration_takes_as_many_turns_of_labels_as_it_needs() -> None:
    labels = [f"label{i}" for i in range(9)]
    rows = tuple(Example(id=f"{y}-{i}", input=f"{y} {i}", target=y) for y in labels for i in range(5))
    model = LikesModel(biased)
    task = dataclasses.replace(TASK, train=rows, validation=(), labels=(*TASK.labels, *labels))
    FewShot(k=2, selection="random").fit(model, task)
    assert Counter(r.prompt.input.split()[0] for r in model.requests) == dict.fromkeys(labels, 3)


def test_calibration_in_a_composition_is_measured_behind_the_passages_too() -> None:
    model = LikesModel(biased)
    task = dataclasses.replace(TASK, documents=qa_task().documents)
    rag = RAG(k=2, chunk_tokens=24, overlap_tokens=4)
    for selection in ("random", "nearest"):
        model.requests.clear()
        Compose((rag, FewShot(k=2, selection=selection, calibrate=True))).fit(model, task)
        assert model.requests
        assert {(len(r.prompt.context), len(r.prompt.demonstrations)) for r in model.requests} == {(2, 2)}


def test_calibration_is_left_out_where_it_would_not_be_used() -> None:
    model = LikesModel(biased)
    FewShot(selection="random").fit(model, qa_task())
    assert model.requests == []
    silent = FakeModel(lambda _: "music")
    strategy = FewShot(selection="random").fit(silent, TASK)
    assert strategy.fit_notes_["labels_by"]["way"] == "the model's own pick"
    assert strategy.generate("a song").output == "music"


def test_alternatives_differ_and_can_all_be_fitted() -> None:
    for given in (
        FewShot(),
        FewShot(k=None),
        FewShot(k=1),
        FewShot(selection="random", order="sorted", calibrate=True),
        FewShot(selection="diverse", order="nearest-first", calibrate=False),
        FewShot(selection="balanced", seed=3),
    ):
        for task in (TASK, qa_task()):
            tried = given.alternatives(task)
            assert tried[0] is given
            assert len(tried) == len({repr(c) for c in tried}) <= 9
            for candidate in tried:
                candidate.check()
                assert (candidate.seed, candidate.embedder) == (given.seed, given.embedder)
            settings = [(c.k, c.selection) for c in tried[1:4]]
            assert len(set(settings)) > 1


def test_alternatives_of_the_default() -> None:
    tried = FewShot().alternatives(TASK)
    assert [c.changed_params() for c in tried] == [
        {},
        {"k": 16},
        {"selection": "diverse"},
        {"k": 4},
        {"selection": "balanced", "order": "nearest-last"},
        {"k": 16, "selection": "random"},
        {"order": "interleaved"},
    ]
    assert FewShot(selection="random").alternatives(TASK)[2] == FewShot()
    # Free text has no labels to balance or score.
    for candidate in FewShot().alternatives(qa_task()):
        assert candidate.selection != "balanced"
        assert candidate.calibrate is None
        assert candidate.order is None


@pytest.mark.parametrize("selection", SELECTIONS)
def test_saved_strategy_shows_and_decides_as_before(selection: Any, tmp_path: Path) -> None:
    for order in ("interleaved", "shuffled"):
        model = LikesModel(biased)
        strategy = FewShot(
            k=5, selection=selection, order=order, diversity=0.6, calibrate=True, seed=2
        ).fit(model, TASK)  # fmt: skip
        folder = strategy.save(tmp_path / order)
        assert {p.suffix for p in folder.rglob("*") if p.is_file()} <= {".json", ".faiss"}
        loaded = load_strategy(folder, model)
        assert loaded == strategy
        inputs = [e.input for e in (*TASK.train, *TASK.test)]
        assert loaded.prompts(inputs) == strategy.prompts(inputs)
        assert [p.output for p in loaded.generate(INPUTS)] == ["music", "weather", "alarm"]


def test_saved_strategy_without_k_fills_the_window_as_before(tmp_path: Path) -> None:
    model = FakeModel(lambda _: "music", context_tokens=160)
    for selection in SELECTIONS:
        strategy = FewShot(k=None, selection=selection).fit(model, TASK)
        loaded = load_strategy(strategy.save(tmp_path / selection), model)
        assert loaded.prompts(["play", "rain " * 30]) == strategy.prompts(["play", "rain " * 30])
