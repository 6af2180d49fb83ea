from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import arithmetic_task, classification_task, qa_task, structured_task, tiny_model

from adaptkit.core.errors import CapabilityError
from adaptkit.core.types import Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies.prompt import PromptEngineering
from adaptkit.strategies.voting import draw_seed, same_as, vote

LABELS = ("good", "bad")


@pytest.mark.parametrize(
    ("kind", "answers", "chosen"),
    [
        ("arithmetic", ["8", "12", "12.0 apples", "8", "$12"], 1),
        ("arithmetic", ["none", "none", "7"], 2),
        ("classification", ["GOOD", "bad", "bad", "good"], 0),
        ("classification", ["goodish", "goodish", "bad"], 2),
        ("structured", ['{"a": 1, "b": 2}', '{"a": 3}', '{"b": 2.0, "a": 1}'], 0),
        ("structured", ['{"a": 1', '{"a": 1', '{"a": 2}'], 2),
        ("qa", ["Rome", "The Hague", "hague."], 1),
        ("qa", ["", "", "Rome"], 2),
        ("qa", ["", ""], 0),
    ],
)
def test_answer_of_most_is_given_and_what_is_none_does_not_vote(
    kind: str, answers: list[str], chosen: int
) -> None:
    assert vote(answers, kind, LABELS) == chosen


@given(st.lists(st.sampled_from(["1", "2", "3", "no"]), min_size=1, max_size=9))
def test_winner_has_most_votes_and_is_the_first_of_its_kind(answers: list[str]) -> None:
    at = vote(answers, "arithmetic")
    numbers = [a for a in answers if a != "no"]
    if numbers:
        most = max(numbers.count(a) for a in numbers)
        assert numbers.count(answers[at]) == most
        assert answers.index(answers[at]) == at
        first = next(a for a in numbers if numbers.count(a) == most)
        assert answers[at] == first


def test_true_is_not_one_and_text_is_not_a_number() -> None:
    assert len({same_as(t, "structured") for t in ("[true]", "[1]", '["1"]')}) == 3


def test_draws_of_two_seeds_do_not_overlap() -> None:
    seeds = [draw_seed(seed, i) for seed in range(20) for i in range(20)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= s < 2**31 for s in seeds)


class Drawing(FakeModel):
    """Says a number by the request's seed."""

    def __init__(self, texts: Sequence[str]) -> None:
        super().__init__(lambda r: self.by_seed[r.seed])
        self.by_seed = {draw_seed(0, i): text for i, text in enumerate(texts)}


def test_most_frequent_answer_is_given_with_the_tokens_of_all_draws() -> None:
    model = Drawing(["5 it is", "so 7", "7"])
    strategy = PromptEngineering(samples=3, temperature=0.9, top_p=0.8).fit(model, arithmetic_task())
    (prediction,) = strategy.generate(["3 + 4"])
    assert prediction.output == "so 7"
    assert [(r.temperature, r.top_p) for r in model.requests] == [(0.9, 0.8)] * 3
    assert prediction.usage.tokens_out == 3 + 2 + 1
    assert prediction.usage.tokens_in == 3 * model.count_prompt_tokens(model.requests[0].prompt)
    assert prediction.latency_s is not None
    assert prediction.first_token_s == prediction.latency_s
    assert [p.latency_s for p in strategy.generate(["3 + 4", "1 + 1"])] == [None, None]


def test_answers_come_back_in_order() -> None:
    model = FakeModel(lambda r: r.prompt.input)
    strategy = PromptEngineering(samples=4).fit(model, qa_task())
    inputs = [f"text {i}" for i in range(5)]
    assert [p.output for p in strategy.generate(inputs)] == inputs


def test_votes_do_not_depend_on_the_batch() -> None:
    task = arithmetic_task()
    strategy = PromptEngineering(samples=3, temperature=1.5).fit(tiny_model("llama", stop_every=9), task)
    inputs = [e.input for e in task.test]
    together = [p.output for p in strategy.generate(inputs)]
    assert [strategy.generate(text).output for text in inputs] == together
    assert [p.output for p in strategy.generate(inputs[::-1])] == together[::-1]
    assert [p.output for p in strategy.with_seed(1).fit(strategy.model_, task).generate(inputs)] != together


def test_only_votes_draw_at_random_and_lead() -> None:
    one, many = PromptEngineering(), PromptEngineering(samples=2)
    assert (one.draws_at_random, one.takes_seed, one._leads) == (False, False, False)
    assert (many.draws_at_random, many.takes_seed, many._leads) == (True, True, True)


def test_scored_labels_are_not_voted_on() -> None:
    with pytest.raises(CapabilityError, match=r"scored, not drawn.*thinking=True"):
        PromptEngineering(samples=3).fit(FakeModel({}), classification_task())


def test_thinking_votes_on_labels() -> None:
    texts = ["Hm.\nAnswer: music", "It plays.\nAnswer: Alarm!", "Wake.\nAnswer: alarm"]
    model = Drawing(texts)
    strategy = PromptEngineering(samples=3, thinking=True, temperature=1.0)
    assert strategy.fit(model, classification_task()).generate("wake me").output == "alarm"


def test_structured_draws_stay_held_to_the_schema() -> None:
    def answer(request: Request) -> str:
        assert request.schema is not None
        return '{"city": "Rome", "day": "today"}'

    class Constraining(FakeModel):
        def refuses(self, schema: object, texts: Sequence[str]) -> str | None:
            return None

    strategy = PromptEngineering(samples=2).fit(Constraining(answer), structured_task())
    assert strategy.generate("fly").output == '{"city": "Rome", "day": "today"}'
