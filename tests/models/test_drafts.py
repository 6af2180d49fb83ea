from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import tiny_model

from adaptkit.core.types import Prompt, Request
from adaptkit.models.local import decoding
from adaptkit.models.local.constrain import Matcher
from adaptkit.models.local.drafts import (
    FIRST_CHANCE,
    MOST,
    DraftSource,
    Guessed,
    Lookup,
    RowAnswerLookup,
    least_chance,
)
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.rows import RowState, Sampling

Rows = list[tuple[list[int], int, Sampling | None]]


def lookup(*tokens: int, chance: float = FIRST_CHANCE) -> Lookup:
    found = Lookup(tokens)
    found.source.chance = chance
    return found


def answers(*texts: list[int]) -> RowAnswerLookup:
    found = RowAnswerLookup()
    for text in texts:
        found.add(text, len(text))
    return found


def fed(
    found: Lookup, least: float, others: RowAnswerLookup | None = None, forced: tuple[int, ...] = ()
) -> list[int]:
    return [g.token for g in found.guess(least, others or RowAnswerLookup(), forced) if g.is_fed]


def test_text_is_guessed_to_go_on_as_it_did_before() -> None:
    assert fed(lookup(1, 2, 3, 4, 5, 9, 1, 2, chance=0.9), 0.5) == [3, 4, 5, 9, 1, 2]
    assert fed(lookup(1, 2, 3, 4, 5), 0.0) == []
    assert fed(lookup(7), 0.0) == []
    assert fed(lookup(), 0.0) == []


def test_latest_occurrence_and_longest_context_decide() -> None:
    assert fed(lookup(1, 2, 3, 0, 1, 2, 4, 0, 1, 2), 0.5) == [4]
    assert fed(lookup(8, 9, 1, 2, 3, 0, 1, 2, 4, 8, 9, 1, 2), 0.5) == [3]


def test_what_repeats_is_guessed_to_go_on_repeating() -> None:
    assert fed(lookup(5, 1, 2, 1, 2, chance=1.0), 0.0) == [1, 2] * (MOST // 2)
    assert fed(lookup(5, 1, 2, 9, 1, chance=1.0), 0.0, forced=(2,)) == [2, 9, 1] * 5 + [2]


def test_tokens_that_came_are_looked_up_too() -> None:
    found = lookup(1, 2, 3)
    for token in (4, 1, 2):
        found.add(token)
    assert fed(found, 0.5) == [3]


def test_where_the_own_text_knows_nothing_other_rows_answers_are_asked() -> None:
    others = answers([1, 2, 3, 4], [9, 2, 5], [7, 1, 2, 6])
    assert fed(lookup(1, 2), 0.0, others) == [6], "the latest answer, by two tokens"
    assert fed(lookup(8, 2), 0.5, others) == [6], "by one where two are unknown"
    assert fed(lookup(3, 8), 0.0, others) == [], "nobody went on after 8"
    assert fed(lookup(1, 2, 8, 1, 2), 0.5, others) == [8], "the row's own text first"
    assert fed(lookup(3, 8), 0.0, others, forced=(9,)) == [9, 2, 5], "on from what is forced"


def test_an_answer_is_added_in_steps_or_at_once() -> None:
    steps = RowAnswerLookup()
    for tokens, n_new in (([5], 1), ([5, 6, 7], 2), ([5, 6, 7, 8], 1)):
        steps.add(tokens, n_new)
    assert steps._after == answers([5, 6, 7, 8])._after


def test_other_rows_answers_are_forgotten_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adaptkit.models.local.drafts.MOST_KNOWN", 50)
    found = answers(*([i, i + 1, i + 2] for i in range(0, 600, 3)))
    assert len(found._after) < 60
    assert found.next([598]) is not None


def test_the_chance_of_a_guess_is_that_of_all_its_tokens() -> None:
    others = answers([4, 7, 8])
    for source in others._sources.values():
        source.chance = 0.6
    found = lookup(1, 2, 3, 1, 2, chance=0.5).guess(0.45, others, forced=(2, 4))
    assert [(g.token, g.is_fed) for g in found] == [(2, True), (4, True), (7, True), (8, False)]
    assert [g.source for g in found] == [None, None, others._sources[1], others._sources[2]]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 40))
def test_a_guess_is_the_same_whether_tokens_were_given_or_came(tokens: list[int], n_given: int) -> None:
    whole, grown = Lookup(tokens), Lookup(tokens[:n_given])
    for token in tokens[n_given:]:
        fed(grown, 0.1)
        grown.add(token)
    assert fed(grown, 0.1) == fed(whole, 0.1)


def test_guesses_grow_where_they_come_true_and_shrink_where_not() -> None:
    found = lookup(*range(20), 0, 1)
    n_before = len(fed(found, 0.3))
    for _ in range(10):
        found.source.learn(right=True)
    assert len(fed(found, 0.3)) > n_before
    for _ in range(20):
        found.source.learn(right=False)
    assert fed(found, 0.3) == []
    assert found.source.chance < 0.05


def test_the_more_rows_the_surer_a_guess_has_to_be() -> None:
    chances = [least_chance(n, 16) for n in (1, 2, 8, 64)]
    assert chances == sorted(chances)
    assert chances[0] < 0.1 < 0.7 < chances[-1] < 1
    assert least_chance(16, 64) == 0.2 < least_chance(16, 4), "and the dearer a token is beside the weights"
    assert least_chance(1, 0.0) == 1


@st.composite
def row_sets(draw: st.DrawFn) -> Rows:
    rng = draw(st.randoms(use_true_random=False))
    shared = [rng.randint(150, 250) for _ in range(draw(st.sampled_from([0, 30])))]
    sampling = st.none() | st.builds(
        Sampling, temperature=st.just(1.3), top_p=st.just(0.9), seed=st.integers(0, 9)
    )
    return [
        (
            shared + [rng.randint(150, 250) for _ in range(rng.randint(1, 12))],
            rng.randint(1, 14),
            draw(sampling),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


class Oracle:
    """Guesses that are sometimes right: the row's answer with some tokens changed, or too long."""

    def __init__(self, answer: list[int], rng: random.Random) -> None:
        self._answer, self._rng, self._n = answer, rng, 0

    def add(self, _: int) -> None:
        self._n += 1

    def guess(self, *_: Any) -> list[Guessed]:
        coming = [*self._answer[self._n :], *[199] * 3][: self._rng.randint(0, MOST)]
        source = DraftSource(0.5)
        return [Guessed(t if self._rng.random() < 0.8 else 150, source, True) for t in coming]


@pytest.mark.parametrize("kind", ["llama", "qwen", "gemma"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=row_sets(), seed=st.integers(0, 99))
def test_guesses_right_or_wrong_change_no_token(kind: str, rows: Rows, seed: int) -> None:
    engine = Engine(tiny_model(kind, stop_every=40).module, stop_ids=frozenset(range(0, 260, 40)))

    def run(guess: Any) -> list[RowState]:
        states = [RowState(ids, n, lambda _: False, sampling=s) for ids, n, s in rows]
        for i, state in enumerate(states):
            state._lookup = guess(i)
        decoding.generate(engine, states)
        return states

    class Nothing(Oracle):
        def guess(self, *_: Any) -> list[Guessed]:
            return []

    rng = random.Random(seed)
    plain = run(lambda i: Nothing([], rng))
    guessed = run(lambda i: Oracle(plain[i].generated, rng))
    assert [(s.generated, s.finish_reason) for s in guessed] == [
        (s.generated, s.finish_reason) for s in plain
    ]


def passes(model: Any, monkeypatch: pytest.MonkeyPatch, requests: list[Request]) -> tuple[list[str], int]:
    """Answers, and the passes they took."""
    n = 0
    run = Engine.run

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal n
        n += 1
        return run(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "run", counted)
        return [c.text for c in model.complete(requests)], n


def test_right_guesses_save_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    assert model.obstacle is None
    request = Request(prompt=Prompt(instruction="Say", input="x"), max_new_tokens=60)
    monkeypatch.setattr(Lookup, "guess", lambda *_: [])
    plain, n_plain = passes(model, monkeypatch, [request])
    state = RowState(model.encode(request.prompt), 60, lambda _: False)
    decoding.generate(model._engine, [state])

    def right(lookup: Lookup, *_: Any) -> list[Guessed]:
        coming = state.generated[len(lookup._tokens) - len(state.ids) :][:MOST]
        return [Guessed(token, lookup.source, True) for token in coming]

    monkeypatch.setattr(Lookup, "guess", right)
    text, n_passes = passes(model, monkeypatch, [request])
    assert text == plain
    # The first token comes with the prompt; a pass gives one and what was guessed.
    assert (n_plain, n_passes) == (60, 1 + math.ceil(59 / (1 + MOST)))


def test_a_row_guesses_from_its_prompt_and_within_its_limit() -> None:
    row = RowState([1, 2, 3, 4, 5, 9, 1], 4, lambda _: False)
    row.take(2, frozenset(), 0.1)
    source = row._lookup.source
    source.chance = 1.0
    assert row.guess(0.1, RowAnswerLookup()) == [3, 4], "the last token of four is never fed"
    source.chance = 0.05
    assert row.guess(0.1, RowAnswerLookup()) == [], "not worth it"
    assert row.take_fed(torch.zeros(1, 8), [3], [], frozenset(), 0.2) == 0
    assert source.chance > 0.05, "but learned from"


def test_rows_of_a_call_save_passes_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    request = Request(prompt=Prompt(instruction="Say", input="x"), max_new_tokens=40)
    monkeypatch.setattr(model._engine, "budget", dataclasses.replace(model._engine.budget, max_rows=1))
    (text,), n_alone = passes(model, monkeypatch, [request])
    texts, n_both = passes(model, monkeypatch, [request, request])
    assert texts == [text, text]
    assert n_alone < n_both < 2 * n_alone


def test_a_call_is_no_faster_for_what_an_earlier_one_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    request = Request(prompt=Prompt(instruction="Say", input="x"), max_new_tokens=40)
    model.complete([request])  # its prefix is kept
    first = passes(model, monkeypatch, [request])
    assert passes(model, monkeypatch, [request]) == first


def test_text_that_a_schema_forces_takes_fewer_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llama")
    schema = {
        "type": "object",
        "properties": {"a_rather_long_name": {"enum": ["forced"]}},
        "required": ["a_rather_long_name"],
    }
    request = Request(prompt=Prompt(instruction="Say", input="x"), max_new_tokens=90, schema=schema)
    monkeypatch.setattr(
        Lookup, "guess", lambda _, __, ___, forced=(): [Guessed(token, None, True) for token in forced]
    )
    text, n_passes = passes(model, monkeypatch, [request])
    monkeypatch.setattr(Matcher, "forced", lambda _: [])
    plain, n_plain = passes(model, monkeypatch, [request])
    assert text == plain
    assert n_passes < n_plain


def test_taking_stops_at_the_first_wrong_guess_and_at_the_end() -> None:
    def state(n: int = 9) -> RowState:
        return RowState([1, 2], n, lambda _: False)

    logits = torch.zeros(4, 8)
    row = state()
    assert row.take_fed(logits, [3, 4, 6, 7], [3, 4, 5], frozenset(), 0.5) == 2
    assert (row.generated, row.finish_reason) == ([3, 4, 6], "")
    row = state()
    assert row.take_fed(logits, [3, 4, 5, 7], [3, 4, 5], frozenset([4]), 0.5) == 1
    assert (row.generated, row.finish_reason) == ([3], "stop")
    row = state(2)
    assert row.take_fed(logits, [3, 4, 5, 7], [3, 4, 5], frozenset(), 0.5) == 1
    assert (row.generated, row.finish_reason) == ([3, 4], "length")
    row = state()
    assert row.take_fed(logits[:1], [3], [], frozenset(), 0.5) == 0
    assert row.generated == [3]
