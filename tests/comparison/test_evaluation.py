"""Rows are sent alone or in batches, scored, and made records; records become estimates."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import record

import adaptkit as ak
from adaptkit.comparison.evaluate import EvalSpec, EvaluationSettings, evaluate, warm_up
from adaptkit.comparison.scoring import aggregate, per_example, scores_of
from adaptkit.core.errors import ModelError
from adaptkit.core.results import Record
from adaptkit.core.types import Prediction, Request, Usage
from adaptkit.costs import Prices, fixed_usd_per_hour

ROWS = tuple(ak.Example(id=f"r{i}", input=f"row {i}", target=f"answer {i}") for i in range(50))
TASK = ak.Task(
    name="t",
    kind="generation",
    instruction="Answer.",
    metrics=("exact_match", "contains"),
    train=(
        ak.Example(id="t0", input="train 0", target="x"),
        ak.Example(id="t1", input="train 1", target="y"),
    ),
    validation=(),
    test=ROWS,
)


@dataclass(kw_only=True)
class Recorder(ak.Strategy):
    """Notes how many inputs come at once; answers each, or fails on one."""

    name: ClassVar[str] = "recorder"

    failing: str = ""

    def __post_init__(self) -> None:
        self.calls: list[list[str]] = []

    def instruction(self, task: ak.Task) -> str:
        return "x"

    def prompts(self, inputs: Sequence[str]) -> list[ak.Prompt]:  # type: ignore[misc]
        self.calls.append(list(inputs))
        if self.failing and self.failing in inputs:
            raise ModelError("no room")
        return super().prompts(inputs)


def fitted(failing: str = "") -> Recorder:
    model = ak.FakeModel(lambda r: r.prompt.input.replace("row", "answer"))
    return Recorder(failing=failing).fit(model, TASK)


def _at(usd_per_s: float | None) -> Prices | None:
    return None if usd_per_s is None else Prices(machine=fixed_usd_per_hour(usd_per_s * 3600))


def run(
    strategy: ak.Strategy,
    *,
    n: int = 50,
    latency_rows: int = 3,
    usd_per_s: float | None = None,
    done: Sequence[str] = (),
) -> list[list[Record]]:
    batches: list[list[Record]] = []
    assignment = EvalSpec(key="k", strategy="s", seed=7, task=TASK, examples=ROWS[:n])
    settings = EvaluationSettings(latency_rows=latency_rows, batch_rows=20, prices=_at(usd_per_s))
    evaluate(strategy, assignment, settings, sink=lambda r: batches.append(list(r)), done=done)
    return batches


def test_first_rows_go_alone_and_the_others_in_batches() -> None:
    strategy = fitted()
    batches = run(strategy)
    assert [len(b) for b in batches] == [1, 1, 1, 20, 20, 7]
    assert [r.example_id for b in batches for r in b] == [e.id for e in ROWS]
    assert strategy.calls[0] == ["train 0", "train 1"]
    assert [len(c) for c in strategy.calls[1:]] == [1, 1, 1, 20, 20, 7]


def test_a_record_says_what_was_asked_and_answered() -> None:
    record = run(fitted(), usd_per_s=2.0)[1][0]
    assert (record.trial, record.strategy, record.task, record.seed) == ("k", "s", "t", 7)
    assert (record.example_id, record.output, record.target) == ("r1", "answer 1", "answer 1")
    assert record.scores == {
        "exact_match": 1.0, "exact_match_lenient": 1.0, "contains": 1.0, "contains_lenient": 1.0,
    }  # fmt: skip
    assert record.latency_s is not None
    assert record.cost_usd == pytest.approx(2.0 * record.latency_s)
    assert set(record.tokens) == {"in", "cached", "written", "out", "reasoning"}


def test_rows_of_a_batch_have_no_latency_of_their_own() -> None:
    *alone, batch, _, _ = run(fitted(), usd_per_s=2.0)
    assert all(r.latency_s is not None and r.batch_size == 1 for b in alone for r in b)
    assert all(
        (r.latency_s, r.first_token_s, r.cost_usd, r.batch_size) == (None, None, None, 20) for r in batch
    )
    assert len({r.batch_s for r in batch}) == 1


def test_an_unknown_price_is_no_cost() -> None:
    assert all(r.cost_usd is None for b in run(fitted()) for r in b)


@pytest.mark.parametrize(("row", "batch"), [(1, 1), (30, 4)])
def test_a_row_that_fails_harms_no_other_and_scores_nothing(row: int, batch: int) -> None:
    batches = run(fitted(f"row {row}"))
    failed = [r for b in batches for r in b if r.error]
    assert [r.example_id for r in failed] == [f"r{row}"]
    assert failed[0].error == {"type": "ModelError", "message": "no room"}
    assert set(failed[0].scores.values()) == {0.0}
    assert (failed[0].output, failed[0].finish_reason, failed[0].latency_s) == ("", "error", None)
    others = [r for r in batches[batch] if not r.error]
    assert all(r.scores["exact_match"] == 1.0 for r in others)


def test_rows_sent_again_one_by_one_after_an_error_have_no_latency() -> None:
    batch = run(fitted("row 30"), usd_per_s=1.0)[4]
    assert len(batch) == 20
    assert all((r.latency_s, r.first_token_s, r.cost_usd) == (None, None, None) for r in batch)


def test_rows_that_are_done_are_not_sent_again() -> None:
    strategy = fitted()
    done = ["r1", "r3", "r4", *(f"r{i}" for i in range(23, 43))]
    batches = run(strategy, done=done)
    assert [r.example_id for b in batches for r in b] == [e.id for e in ROWS if e.id not in done]
    assert [len(b) for b in batches] == [1, 1, 18, 7]


def test_when_all_rows_are_done_not_even_the_warm_up_runs() -> None:
    strategy = fitted()
    assert run(strategy, done=[e.id for e in ROWS]) == []
    assert strategy.calls == []


def test_a_resumed_run_sends_the_batches_of_an_undisturbed_one() -> None:
    def later(n_done: int) -> list[list[str]]:
        return [[r.example_id for r in b] for b in run(fitted(), done=[e.id for e in ROWS[:n_done]])]

    undisturbed = later(0)
    for n_batches in range(len(undisturbed)):
        n_done = sum(len(b) for b in undisturbed[:n_batches])
        assert later(n_done) == undisturbed[n_batches:]


def test_the_warm_up_takes_a_test_row_only_where_there_is_no_other() -> None:
    strategy = fitted()
    warm_up(strategy, replace(TASK, train=(), test=ROWS[:3]))
    assert strategy.calls == [["row 0"]]


def test_the_warm_up_is_short_and_tries_rows_alone_where_they_fail_together() -> None:
    asked: list[Request] = []

    def reply(request: Request) -> str:
        asked.append(request)
        return "x"

    strategy = Recorder(failing="train 0").fit(ak.FakeModel(reply), TASK)
    warm_up(strategy, TASK)
    assert strategy.calls == [["train 0", "train 1"], ["train 0"], ["train 1"]]
    assert [(r.prompt.input, r.max_new_tokens) for r in asked] == [("train 1", 2)]


def prediction(output: str, *, failed: bool = False) -> Prediction:
    error = Prediction.failed(ModelError("x"))
    usage = Usage(tokens_in=1, tokens_out=1)
    return error if failed else Prediction(output=output, finish_reason="stop", usage=usage)


def test_strict_and_lenient_stand_side_by_side() -> None:
    task = replace(
        TASK, kind="classification", metrics=("accuracy",), labels=("yes", "no"), test=(YES,), train=()
    )
    scores = scores_of(prediction("It is yes."), YES, task)
    assert scores == {"accuracy": 0.0, "accuracy_lenient": 1.0}


YES = ak.Example(id="y", input="?", target="yes")


def test_a_failed_row_scores_nothing_even_where_emptiness_would_be_right() -> None:
    empty = ak.Example(id="e", input="?", target="")
    task = replace(TASK, metrics=("exact_match",))
    assert scores_of(prediction(""), empty, task)["exact_match"] == 1.0
    assert scores_of(prediction("", failed=True), empty, task) == {
        "exact_match": 0.0, "exact_match_lenient": 0.0,
    }  # fmt: skip


def test_an_undefined_score_stays_undefined_when_the_row_fails() -> None:
    task = replace(TASK, metrics=("recall_at_2",), test=ROWS[:1])
    scores = scores_of(prediction("", failed=True), ROWS[0], task)
    assert scores == {"recall_at_2": None, "recall_at_2_lenient": None}


RECORD = record(trial="k", strategy="s", task="t", output="answer 0", target="answer 0")
Scored = list[tuple[int, int, float | None]]


def records(scored: Scored) -> list[Record]:
    return [
        replace(RECORD, example_id=f"r{row}", seed=seed, scores={"exact_match": score})
        for row, seed, score in scored
    ]


def test_seeds_of_an_example_are_averaged_and_undefined_scores_left_out() -> None:
    scored: Scored = [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 1.0), (1, 1, None), (2, 0, None)]
    assert per_example(records(scored), "exact_match") == {"r0": 0.5, "r1": 1.0}
    assert per_example(records(scored), "contains") == {}


scored_rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2), st.none() | st.floats(0, 1)), max_size=20
)


@settings(deadline=None)
@given(scored_rows, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(scored: Scored, rng: random.Random) -> None:
    made = records(scored)
    before = (per_example(made, "exact_match"), aggregate(made, TASK.facts, "exact_match"))
    rng.shuffle(made)
    assert (per_example(made, "exact_match"), aggregate(made, TASK.facts, "exact_match")) == before


def test_the_aggregate_of_no_rows_is_undefined() -> None:
    assert aggregate([], TASK.facts, "exact_match") is None
    assert aggregate([], replace(TASK.facts, metrics=("macro_f1",)), "macro_f1") is None


def test_a_corpus_metric_is_taken_by_seed_and_then_averaged() -> None:
    rows = tuple(ak.Example(id=f"r{i}", input=f"{i}", target="yes" if i < 2 else "no") for i in range(4))
    task = replace(
        TASK, kind="classification", metrics=("macro_f1",), labels=("yes", "no"), test=rows, train=()
    )
    perfect = [replace(RECORD, example_id=e.id, output=e.target, target=e.target) for e in rows]
    all_yes = [replace(RECORD, example_id=e.id, output="yes", target=e.target, seed=1) for e in rows]
    assert aggregate(perfect, task.facts, "macro_f1") == 1.0
    assert aggregate(all_yes, task.facts, "macro_f1") == pytest.approx(1 / 3)
    assert aggregate([*perfect, *all_yes], task.facts, "macro_f1") == pytest.approx(2 / 3)
    failed = [replace(r, error={"type": "ModelError", "message": "x"}) for r in perfect]
    assert aggregate(failed, task.facts, "macro_f1") == 0.0
