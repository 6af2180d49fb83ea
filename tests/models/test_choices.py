from __future__ import annotations

import math

import pytest
import torch
from tiny import CONTEXT_TOKENS, tiny_model

from adaptkit.core.types import Completion, Demonstration, Prompt, Request
from adaptkit.models.local import plain
from adaptkit.models.local.choices import ChoiceTree
from adaptkit.models.local.engine import Engine
from adaptkit.models.local.model import LocalModel
from adaptkit.models.local.support import fits

CHOICES = ("play", "play music", "play musical chairs", "stop", "s", "a rather long label: é")
INSTRUCTION = "Which command is it? Reply with one label and nothing else."


@pytest.fixture(scope="module", params=["llama", "qwen", "gemma", "base", "gemma-window"])
def model(request: pytest.FixtureRequest) -> LocalModel:
    kind, _, sliding = request.param.partition("-")
    return tiny_model(kind, window=20 if sliding else None)


def requests(choices: tuple[str, ...], n: int = 5) -> list[Request]:
    return [
        Request(prompt=Prompt(instruction=INSTRUCTION, input="play it " * i + str(i)), choices=choices)
        for i in range(n)
    ]


def log_probability(model: LocalModel, prompt: list[int], completion: list[int]) -> float:
    """Of a completion's tokens, from one pass over prompt and completion."""
    with torch.inference_mode():
        logits = model.module(input_ids=torch.tensor([[*prompt, *completion]])).logits[0].double()
    logprobs = torch.log_softmax(logits, -1)
    return sum(float(logprobs[len(prompt) + j - 1, token]) for j, token in enumerate(completion))


def expected(model: LocalModel, request: Request) -> dict[str, float]:
    prompt = model.encode(request.prompt)
    return {c: log_probability(model, prompt, model.encode_completion(c)) for c in request.choices or ()}


def scores(completion: Completion) -> dict[str, float]:
    assert completion.choice_logprobs is not None
    return dict(completion.choice_logprobs)


@pytest.mark.parametrize("choices", [CHOICES, CHOICES[::-1], ("play", "play music"), ("s",)])
def test_scores_are_the_log_probabilities_of_label_and_end_token(
    model: LocalModel, choices: tuple[str, ...]
) -> None:
    asked = requests(choices)
    for request, completion in zip(asked, model.complete(asked), strict=True):
        brute = expected(model, request)
        assert scores(completion) == pytest.approx(brute, abs=1e-4, rel=1e-4)
        assert completion.text == max(brute, key=lambda c: brute[c])
        assert completion.finish_reason == "choice"


def test_scores_do_not_depend_on_batch_order_or_prefix_store(model: LocalModel) -> None:
    asked = requests(CHOICES)
    together = [scores(c) for c in model.complete(asked)]
    for found in (
        [scores(model.complete([r])[0]) for r in asked],
        [scores(c) for c in model.complete(asked[::-1])][::-1],
    ):
        for a, b in zip(found, together, strict=True):
            assert a == pytest.approx(b, abs=1e-4)


def test_plain_path_scores_as_the_engine_does() -> None:
    for kind in ("llama", "gemma", "base"):
        model = tiny_model(kind)
        asked = requests(CHOICES)
        rows = [model.encode(r.prompt) for r in asked]
        ids = [model.encode_completion(c) for c in CHOICES]
        slow = plain.score_choices(model.module, rows, ids, pad_id=model.pad_id)
        assert fits(model.module, CONTEXT_TOKENS)
        fast = torch.tensor([list(scores(c).values()) for c in model.complete(asked)])
        torch.testing.assert_close(fast, slow, atol=1e-4, rtol=1e-4)


def test_choices_of_a_single_token_need_no_second_pass() -> None:
    model = tiny_model("llama")
    engine = Engine(model.module, stop_ids=frozenset())
    tree = ChoiceTree([[150], [160]])
    assert tree.nodes == []
    rows = [[100, 101, 102], [110]]
    found, n_cached = engine.score_choices(rows, tree)
    assert n_cached == [0, 0]
    for row, (a, b) in zip(rows, found.tolist(), strict=True):
        assert a == pytest.approx(log_probability(model, row, [150]), abs=1e-4)
        assert b == pytest.approx(log_probability(model, row, [160]), abs=1e-4)


def test_one_call_may_mix_choices_and_free_text_in_any_order(model: LocalModel) -> None:
    texts = [Request(prompt=r.prompt, max_new_tokens=4) for r in requests(())]
    first, second = requests(("a", "b")), requests(("c", "d", "e"))
    mixed = [r for group in zip(texts, first, second, strict=True) for r in group]
    completions = model.complete(mixed)
    assert [c.finish_reason == "choice" for c in completions] == [False, True, True] * 5
    for asked, found in ((texts, completions[::3]), (first, completions[1::3]), (second, completions[2::3])):
        assert [c.text for c in found] == [c.text for c in model.complete(asked)]
        if asked[0].choices:
            assert all(set(scores(c)) == set(r.choices or ()) for r, c in zip(asked, found, strict=True))


def test_usage_counts_the_prompt_once_and_the_chosen_label() -> None:
    model = tiny_model("llama")
    asked = requests(CHOICES)
    cold = [c.usage for c in model.complete(asked)]
    warm = [c.usage for c in model.complete(asked)]
    n_shared = warm[0].tokens_cached
    assert n_shared > 0
    assert sorted(u.tokens_cached for u in cold) == [0] + [n_shared] * 4
    assert [u.tokens_cached for u in warm] == [n_shared] * 5
    for request, completion in zip(asked, model.complete(asked), strict=True):
        assert completion.usage.tokens_in == model.count_prompt_tokens(request.prompt)
        assert completion.usage.tokens_cached < completion.usage.tokens_in
        assert completion.usage.tokens_out == len(model.encode_completion(completion.text))


def test_demonstrations_reach_the_scores() -> None:
    model = tiny_model("llama")
    (bare,) = requests(("a", "b"), 1)
    prompt = Prompt(
        instruction=INSTRUCTION, input="0", demonstrations=(Demonstration(input="1", target="a"),)
    )
    shown = Request(prompt=prompt, choices=("a", "b"))
    assert scores(model.complete([shown])[0]) == pytest.approx(expected(model, shown), abs=1e-4)
    assert not math.isclose(
        scores(model.complete([shown])[0])["a"], scores(model.complete([bare])[0])["a"], abs_tol=1e-3
    )


def test_tree_shares_beginnings_and_shows_each_node_its_own_ancestors_only() -> None:
    tree = ChoiceTree([[1, 2, 0], [1, 3, 0], [1, 0], [4, 2, 0]])
    # Fed are 1, 2 (after 1), 3 (after 1), 4, 2 (after 4); the end token never is.
    assert tree.nodes == [1, 2, 3, 4, 2]
    assert tree.depths == [0, 1, 1, 0, 1]
    seen = tree.ancestors(torch.device("cpu"))
    assert seen.int().tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, 1, 1],
    ]
