from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tiny import HashEmbedder

from adaptkit.core.types import Demonstration, Prompt
from adaptkit.retrieval import index_texts
from adaptkit.strategies.demonstrations import DemonstrationPool, distinct

ROWS = [
    Demonstration(input=text, target=target, example_id=str(i))
    for i, (text, target) in enumerate(
        [
            ("play a song", "music"),
            ("rain in Rome", "weather"),
            ("play an album", "music"),
            ("wake me", "alarm"),
        ]
    )
]


def pool(*, indexed: bool, labelled: bool = True) -> DemonstrationPool:
    index = index_texts([d.input for d in ROWS], HashEmbedder())[0] if indexed else None
    return DemonstrationPool(ROWS, labelled=labelled, index=index)


def asks(text: str, *shown: Demonstration) -> Prompt:
    return Prompt(instruction="", input=text, demonstrations=shown)


def test_copies_of_an_input_are_one_demonstration_with_the_most_frequent_target() -> None:
    rows = [("Play IT", "a"), ("stop", "x"), ("play  it ", "b"), ("play it", "B"), ("Stop", "y")]
    found = distinct(
        Demonstration(input=text, target=target, example_id=str(i)) for i, (text, target) in enumerate(rows)
    )
    assert [(d.input, d.target, d.example_id) for d in found] == [("play  it ", "b", "2"), ("stop", "x", "1")]


def test_candidates_are_the_nearest_with_their_similarities() -> None:
    embedder = HashEmbedder()
    (found,) = pool(indexed=True).candidates([asks("play some song")], 3)
    wanted = embedder.embed([d.input for d in ROWS]) @ embedder.embed(["play some song"])[0]
    assert found.positions == list(np.argsort(-wanted, kind="stable")[:3])
    assert np.allclose(found.similarities, np.sort(wanted)[::-1][:3], atol=1e-6)
    assert found.demonstrations == [ROWS[i] for i in found.positions]
    assert found.labels == [ROWS[i].target for i in found.positions]


def test_candidates_repeat_neither_the_input_nor_what_the_prompt_shows() -> None:
    shown = Demonstration(input="WAKE  me", target="other")
    for indexed in (True, False):
        (found,) = pool(indexed=indexed).candidates([asks(" Play a SONG", shown)], 2)
        assert {d.input for d in found.demonstrations} == {"rain in Rome", "play an album"}
        # As many as asked for, although two were passed over.
        assert len(found.demonstrations) == len(found.similarities) == 2


def test_candidates_of_a_prompt_do_not_depend_on_its_batch() -> None:
    prompts = [asks("play"), asks("rain today"), asks("wake me at six")]
    together = pool(indexed=True).candidates(prompts, 4)
    for prompt, found in zip(prompts, together, strict=True):
        (alone,) = pool(indexed=True).candidates([prompt], 4)
        assert alone.positions == found.positions
        assert np.array_equal(alone.similarities, found.similarities)


def test_targets_that_are_no_labels_are_all_different_labels() -> None:
    assert pool(indexed=False).labels == ["music", "weather", "music", "alarm"]
    assert len(set(pool(indexed=False, labelled=False).labels)) == len(ROWS)


def test_pool_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    for indexed in (True, False):
        before = pool(indexed=indexed, labelled=indexed)
        folder = tmp_path / str(indexed)
        saved = json.loads(json.dumps(before.save(folder)))
        after = DemonstrationPool.load(folder, saved, HashEmbedder() if saved["indexed"] else None)
        assert after.demonstrations == before.demonstrations
        assert after.labels == before.labels
        (a,), (b,) = (p.candidates([asks("play a tune")], 3) for p in (before, after))
        assert a.positions == b.positions
