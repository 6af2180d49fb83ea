from __future__ import annotations

import dataclasses
import itertools
import warnings
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import CONTEXT_TOKENS, tiny_model

from adaptkit.core.errors import ContextLengthError
from adaptkit.core.types import Completion, Demonstration, Prompt, Request
from adaptkit.models.local import decoding
from adaptkit.models.local.drafts import Lookup
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.memory import MemoryBudget
from adaptkit.models.local.model import LocalModel
from adaptkit.models.local.rows import RowState
from adaptkit.models.local.support import fits
from adaptkit.models.local.tree import MIN_SAVED_TOKENS
from adaptkit.models.render import Renderer

KINDS = ("llama", "qwen", "gemma", "base")
WINDOW = 24
INSTRUCTION = "Answer with one word. Which colour has the sky?"


@pytest.fixture(scope="module", params=[*KINDS, "gemma-window"])
def model(request: pytest.FixtureRequest) -> LocalModel:
    """Every family, and one whose window is shorter than any request; some tokens end a completion."""
    kind, _, sliding = request.param.partition("-")
    return tiny_model(kind, stop_every=40, window=WINDOW if sliding else None)


@pytest.fixture(autouse=True)
def cold(request: pytest.FixtureRequest) -> None:
    """Forget the prefixes of earlier tests."""
    if "model" in request.fixturenames:
        request.getfixturevalue("model")._engine.prefixes.clear()


def stop_ids(model: LocalModel) -> list[int]:
    return sorted(Renderer(model.tokenizer, model.module.generation_config.eos_token_id or []).stop_ids)


def generate(model: LocalModel, ids: list[int], n: int) -> list[int]:
    """What transformers generates after one row, the end token left out."""
    with torch.inference_mode():
        out = model.module.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=n,
            do_sample=False,
            eos_token_id=stop_ids(model),
            pad_token_id=model.pad_id,
        )
    found: list[int] = out[0, len(ids) :].tolist()
    return found[:-1] if found and found[-1] in stop_ids(model) else found


def request(text: str, n: int = 20, **fields: Any) -> Request:
    return Request(prompt=Prompt(instruction=INSTRUCTION, input=text), max_new_tokens=n, **fields)


def answer(model: LocalModel, asked: Request) -> tuple[str, int]:
    """Text and number of tokens that transformers gives for a request."""
    ids = generate(model, model.encode(asked.prompt), asked.max_new_tokens)
    return str(model.tokenizer.decode(ids, skip_special_tokens=True)).strip(), len(ids)


def outcome(completion: Completion) -> tuple[str, int]:
    return completion.text, completion.usage.tokens_out


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Token rows of ragged lengths behind nested prefixes of any length, and their bounds on new tokens."""
    token = st.integers(150, 250)
    rng = draw(st.randoms(use_true_random=False))

    def tokens(*lengths: int) -> list[int]:
        return [rng.randint(150, 250) for _ in range(draw(st.sampled_from(lengths)))]

    shared = tokens(0, 5, 30)
    middles = [tokens(0, 20, 70) for _ in range(draw(st.integers(1, 3)))]
    own = draw(st.lists(st.lists(token, min_size=1, max_size=25), min_size=1, max_size=9))
    bounds = draw(st.lists(st.integers(1, 16), min_size=len(own), max_size=len(own)))
    return [shared + rng.choice(middles) + row for row in own], bounds


BUDGETS = st.builds(
    MemoryBudget,
    pass_tokens=st.sampled_from([1, 40, 2_000]),
    max_rows=st.sampled_from([1, 3, 64]),
    slot_tokens=st.just(10_000),
    prefix_bytes=st.sampled_from([0, 10_000_000]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=batches(), budget=BUDGETS, warm=st.booleans())
def test_engine_gives_the_tokens_of_generate(
    model: LocalModel, batch: tuple[list[list[int]], list[int]], budget: MemoryBudget, warm: bool
) -> None:
    if not fits(model.module, CONTEXT_TOKENS):
        pytest.skip("takes the plain path")
    rows, bounds = batch
    engine = Engine(model.module, stop_ids=frozenset(stop_ids(model)), budget=budget)
    if warm:
        decoding.generate(engine, [RowState([*row, 99], 1, lambda _: False) for row in rows])
    states = [RowState(row, n, lambda _: False) for row, n in zip(rows, bounds, strict=True)]
    decoding.generate(engine, states)
    for state in states:
        assert 0 <= state.n_cached < len(state.ids)
        assert 0 < state.first_token_s <= state.latency_s
        expected = generate(model, state.ids, state.max_new_tokens)
        assert state.generated == expected
        assert state.finish_reason == ("length" if len(expected) == state.max_new_tokens else "stop")


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(st.text("abc 19+?\u00e9\n", min_size=1, max_size=40), min_size=1, max_size=7),
    bounds=st.lists(st.integers(1, 20), min_size=7, max_size=7),
)
def test_complete_gives_the_answers_of_generate_in_input_order(
    model: LocalModel, texts: list[str], bounds: list[int]
) -> None:
    asked = [request(text, n) for text, n in zip(texts, bounds, strict=False)]
    assert [outcome(c) for c in model.complete(asked)] == [answer(model, r) for r in asked]


def test_answers_depend_neither_on_the_batch_nor_on_its_order(model: LocalModel) -> None:
    asked = [request("sky " * n + str(n), 4 + n) for n in (1, 9, 2, 30, 2, 17)]
    together = [outcome(c) for c in model.complete(asked)]
    assert [outcome(model.complete([r])[0]) for r in asked] == together
    assert [outcome(c) for c in model.complete(asked[::-1])] == together[::-1]
    pairs = [outcome(c) for i in range(0, 6, 2) for c in model.complete(asked[i : i + 2])]
    assert pairs == together


def test_rows_that_end_early_leave_the_others_alone(model: LocalModel) -> None:
    asked = [request(f"What is {i}?", 40 if i % 4 == 3 else 1 + i) for i in range(12)]
    completions = model.complete(asked)
    assert [outcome(c) for c in completions] == [answer(model, r) for r in asked]
    assert len({c.usage.tokens_out for c in completions}) > 4


def test_finish_reason_tells_an_end_from_a_cut(model: LocalModel) -> None:
    asked = [request(f"Say {i}", 30) for i in range(10)]
    completions = model.complete(asked)
    for completion in completions:
        expected = "length" if completion.usage.tokens_out == 30 else "stop"
        assert completion.finish_reason == expected
    assert {c.finish_reason for c in completions} == {"stop", "length"}


def test_completion_ends_before_the_first_stop_string(model: LocalModel) -> None:
    asked = [request(f"Which city is {i}?", 30) for i in range(6)]
    n_cut = 0
    for one, (text, n_tokens) in zip(asked, [answer(model, r) for r in asked], strict=True):
        marks = [c for c in text[3:] if c.isascii() and c.isprintable() and c != " "]
        if not marks:
            continue
        n_cut += 1
        stopped = dataclasses.replace(one, stop=("never", marks[0]))
        filler = request("Another row, that goes on.", 30)
        for completion in (model.complete([stopped])[0], model.complete([filler, stopped])[1]):
            assert completion.text == text[: text.index(marks[0])].strip()
            assert completion.finish_reason == "stop"
            assert completion.usage.tokens_out <= n_tokens
    assert n_cut >= 3


def test_model_without_template_stops_where_it_starts_another_input() -> None:
    model = tiny_model("base")
    state = model._state([1, 2], request("x"))
    ids = model.tokenizer.encode(" blue\n\nInput: y", add_special_tokens=False)
    complete = [state.is_complete(ids[:n]) for n in range(1, len(ids) + 1)]
    assert any(complete)
    assert not any(complete[:2])


def test_first_row_pays_for_the_prefix_and_later_calls_find_it(model: LocalModel) -> None:
    if not fits(model.module, CONTEXT_TOKENS):
        pytest.skip("takes the plain path")
    asked = [request(f"{i} apples", 2) for i in range(4)]
    rows = [model.encode(r.prompt) for r in asked]
    shared = next(i for i, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1)
    assert shared >= MIN_SAVED_TOKENS
    for expected in ([0, shared, shared, shared], [shared] * 4):
        usages = [c.usage for c in model.complete(asked)]
        assert [u.tokens_in for u in usages] == [len(r) for r in rows]
        assert [u.tokens_cached for u in usages] == expected
    assert model.complete(asked[2:3])[0].usage.tokens_cached == shared


def test_stored_prefix_serves_prompts_that_share_only_its_beginning(model: LocalModel) -> None:
    shown = (Demonstration(input="grass", target="green"),)

    def asked(demonstrations: tuple[Demonstration, ...]) -> list[Request]:
        prompts = [
            Prompt(instruction=INSTRUCTION, input=f"{i} skies", demonstrations=demonstrations)
            for i in range(3)
        ]
        return [Request(prompt=p, max_new_tokens=12) for p in prompts]

    for requests in (asked(shown), asked(()), asked(shown)):
        completions = model.complete(requests)
        assert [outcome(c) for c in completions] == [answer(model, r) for r in requests]
        assert all(c.usage.tokens_cached < c.usage.tokens_in for c in completions)


def test_identical_requests_get_identical_answers(model: LocalModel) -> None:
    found = {outcome(c) for c in model.complete([request("the same", 10)] * 5)}
    assert found == {answer(model, request("the same", 10))}


def test_rows_come_and_go_within_the_budget_and_give_the_same_answers(
    model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [request("blue " * n, 1 + n) for n in (1, 12, 3, 25, 7, 2, 18)]
    expected = [outcome(c) for c in model.complete(asked)]
    sizes: list[tuple[int, int]] = []
    run = Engine.run

    def counted(self: Engine, ids: Any, positions: Any, *rest: Any) -> Any:
        sizes.append((len(ids), len({int(p) for p in positions})))
        return run(self, ids, positions, *rest)

    monkeypatch.setattr(Engine, "run", counted)
    # Without guesses a step has as many tokens as rows.
    monkeypatch.setattr(Lookup, "guess", lambda *_: [])
    tight = dataclasses.replace(model._engine.budget, pass_tokens=40, max_rows=3)
    monkeypatch.setattr(model._engine, "budget", tight)
    assert [outcome(c) for c in model.complete(asked)] == expected
    if model.obstacle is None and fits(model.module, CONTEXT_TOKENS):
        # Never more than three rows a step, nor more than 40 tokens a pass but for a longer row alone.
        assert all(n <= 40 or n == spread for n, spread in sizes)
        steps = [n for n, _ in sizes if n <= 3]
        assert max(steps) == 3
        # A slot that comes free is taken at once: fewer steps than three rows after three rows would take.
        assert len(steps) < sum(sorted((c[1] for c in expected), reverse=True)[::3])


def test_no_request_gives_no_completion(model: LocalModel) -> None:
    assert model.complete([]) == []


def test_single_request_is_timed_and_a_batch_is_not() -> None:
    model = tiny_model("llama")
    (alone,) = model.complete([request("sky", 12)])
    assert alone.first_token_s is not None
    assert alone.latency_s is not None
    assert 0 < alone.first_token_s < alone.latency_s < 60
    (choice,) = model.complete([request("sky", choices=("a", "b"))])
    assert choice.latency_s is not None
    for completion in model.complete([request("sky", 3), request("sea", 3, choices=("a", "b"))]):
        assert completion.first_token_s is None
        assert completion.latency_s is None


def test_request_that_just_fits_is_answered_and_one_token_more_is_refused() -> None:
    model = tiny_model("llama")
    n_prompt = len(model.encode(request("sky").prompt))
    limit = n_prompt + 5
    small = LocalModel(model.module, model.tokenizer, dataclasses.replace(model.info, context_tokens=limit))
    assert small.complete([request("sky", 5)])[0].usage.tokens_in == n_prompt
    with pytest.raises(ContextLengthError, match=f"needs {limit + 1} tokens .* holds {limit}") as caught:
        small.complete([request("sky", 6)])
    assert (caught.value.tokens, caught.value.limit) == (limit + 1, limit)
    with pytest.raises(ContextLengthError):
        small.complete([request("sky", 1, choices=("blue", "one two three four five six"))])


def test_window_shorter_than_the_request_takes_the_plain_path() -> None:
    model = tiny_model("gemma", window=100)
    module = model.module
    assert fits(module, 100)
    assert not fits(module, 101)
    asked = [request("sky " * n, 30) for n in (1, 2)]
    lengths = [len(model.encode(r.prompt)) for r in asked]
    assert max(lengths) + 30 <= 100
    assert model.complete(asked)[1].usage.tokens_cached + model.complete(asked)[0].usage.tokens_cached > 0
    # The completion, too, has to fit in the window.
    longer = [dataclasses.replace(r, max_new_tokens=101 - min(lengths)) for r in asked]
    completions = model.complete(longer)
    assert [c.usage.tokens_cached for c in completions] == [0, 0]
    assert [outcome(c) for c in completions] == [answer(model, r) for r in longer]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"layer_types": ["full_attention"] * 2, "sliding_window": 4}, True),
        ({"layer_types": ["sliding_attention"] * 2, "sliding_window": 4}, False),
        ({"layer_types": ["chunked_attention"] * 2, "attention_chunk_size": 4}, False),
        ({"layer_types": ["linear_attention", "full_attention"]}, False),
        ({"layer_types": None, "sliding_window": 4}, False),
        ({"layer_types": None, "sliding_window": None}, True),
        ({"layer_types": None, "is_encoder_decoder": True}, False),
    ],
)
def test_only_plain_keys_and_values_go_through_the_engine(fields: dict[str, Any], expected: bool) -> None:
    from types import SimpleNamespace

    config = SimpleNamespace(**fields)
    config.get_text_config = lambda: config
    assert fits(SimpleNamespace(config=config), 10) is expected
    assert not fits(SimpleNamespace(config=config, _is_stateful=True), 1)


def test_settings_of_the_checkpoint_do_not_change_greedy_answers() -> None:
    """Qwen's checkpoints bring a repetition penalty and a temperature."""
    for window in (None, WINDOW):
        model = tiny_model("gemma", window=window)
        asked = [request(f"{i} suns", 25) for i in range(3)]
        expected = [answer(model, r) for r in asked]
        model.module.generation_config.repetition_penalty = 3.0
        model.module.generation_config.temperature = 0.5
        before = model.module.generation_config.to_dict()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [outcome(c) for c in model.complete(asked)] == expected
        assert model.module.generation_config.to_dict() == before


def test_left_padding_is_invisible_whatever_the_filler() -> None:
    asked = [request("sky " * n, 10) for n in (1, 20, 5)]
    expected = None
    for pad in itertools.chain(("<|im_end|>",), ("a", "<|endoftext|>")):
        model = tiny_model("llama", stop_every=40)
        model.tokenizer.pad_token = pad
        found = [outcome(c) for c in model.complete(asked)]
        assert expected is None or found == expected
        expected = found
