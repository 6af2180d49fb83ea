"""The arithmetic of pilots: spans, batches, fits, and what is shortened."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import adaptkit as ak
from adaptkit.strategies.shortened import PILOT_TOKENS, Tuning, shortened, trained_parts, tuning_of
from adaptkit.studies.pilot.answers import Batch, Throughput
from adaptkit.studies.pilot.fits import fit_span, trainings_of
from adaptkit.studies.pilot.pilot_line import figure
from adaptkit.studies.pilot.predict import times_tuned
from adaptkit.studies.pilot.sample import pilot_task
from adaptkit.studies.pilot.span import Range, of_rows, total

SECONDS = st.floats(0.001, 1000)
NOTES: dict[str, Any] = {
    "train_tokens": 6_000,
    "train_tokens_per_s": 300.0,
    "n_steps": 10,
    "train_rows_too_long": 2,
    "validation_losses": [[5, 1.0], [10, 0.9]],
}


@given(st.lists(SECONDS, min_size=2, max_size=12), st.integers(0, 500))
def test_rows_to_come_are_predicted_with_a_range(values: list[float], n: int) -> None:
    span = of_rows(values, n)
    assert 0 <= span.low <= span.value * (1 + 1e-9)
    assert span.value <= span.high * (1 + 1e-9)
    assert span.value == pytest.approx(n * math.fsum(values) / len(values))


@given(
    st.lists(SECONDS, min_size=2, max_size=6), st.integers(2, 20), SECONDS, st.integers(0, 300),
    st.integers(0, 40), st.booleans(),
)  # fmt: skip
def test_answers_lie_within_their_range_and_more_rows_take_no_less(
    alone: list[float], m: int, seconds: float, n: int, n_alone: int, has_batch: bool
) -> None:
    batch = Batch(n_rows=m, seconds=seconds) if has_batch else None
    answers = Throughput(alone_s=tuple(alone), batch=batch, tokens=(1.0, 2.0))
    span, more = answers.rows_s(n, n_alone), answers.rows_s(n + 64, n_alone)
    slack = 1 + 1e-9
    assert 0 <= span.low <= span.value * slack
    assert span.value <= span.high * slack
    assert span.value <= more.value * slack


def test_a_larger_batch_follows_the_line_through_one_row_and_a_small_batch() -> None:
    answers = Throughput(alone_s=(1.0, 1.0), batch=Batch(n_rows=5, seconds=3.0), tokens=(1.0, 1.0))
    assert answers.batch_s(5).value == 3
    assert answers.batch_s(64) == Range(low=32.5, value=32.5, high=38.4)
    assert answers.batch_s(3).value == 2


def test_spans_add_up() -> None:
    a, b = Range(low=1, value=2, high=3), Range.within(4, 2)
    assert total([a, b]) == Range(low=3, value=6, high=11)
    assert a.times(b) == Range(low=2, value=8, high=24)
    assert total([]).bounds == (0, 0)


def test_a_fit_without_training_is_taken_as_it_was() -> None:
    assert fit_span(3.0, {}, []) == Range(low=2.0, value=3.0, high=4.5)


def test_a_training_grows_to_its_bound() -> None:
    (training,) = trainings_of(ak.LoRASFT(max_tokens=60_000), NOTES, n_train=500)
    assert (training.whole_tokens, training.least_share) == (60_000, 0.6)
    span = fit_span(30.0, {**NOTES, "embed_s_uncached": 4.0}, [training])
    # 10 s are fixed, 4 of them the index; 20 s of training become 200.
    assert span.value == pytest.approx(10 + 200)
    assert span.low == pytest.approx(10 / 1.5 + 120)
    assert span.high == pytest.approx(4 + 26 * 10)


@pytest.mark.parametrize(
    ("strategy", "tokens", "most"),
    [
        (ak.LoRASFT(max_tokens=12_100), 12_000, 12_000),
        (ak.LoRASFT(epochs=3), 120_600, 120_600),
        # 20 passes where the validation loss falls to the end.
        (ak.LoRASFT(), 120_600, 804_000),
        (ak.FullSFT(patience=None), 120_600, 120_600),
    ],
)
def test_a_training_goes_as_far_as_the_strategy_lets_it(
    strategy: ak.Strategy, tokens: int, most: int
) -> None:
    (training,) = trainings_of(strategy, NOTES, n_train=534)
    assert (training.whole_tokens, training.most_tokens) == (tokens, most)
    if isinstance(strategy, ak.FullSFT):
        assert training.least_share == 1


def test_two_trainings_of_a_composition_are_told_apart() -> None:
    both = ak.Compose((ak.LoRASFT(max_tokens=60_000), ak.FullSFT(max_tokens=9_000)))
    notes = {**NOTES, **{f"full-sft_{name}": value for name, value in NOTES.items()}}
    assert [t.whole_tokens for t in trainings_of(both, notes, n_train=534)] == [60_000, 9_000]


def test_training_is_shortened_wherever_it_stands() -> None:
    given = ak.Tuned(ak.Compose((ak.RAG(k=2), ak.LoRASFT(rank=4))))
    made = shortened(given)
    assert isinstance(made, ak.Compose)
    assert made.parts[0] == ak.RAG(k=2)
    assert made.parts[1] == ak.LoRASFT(rank=4, max_tokens=PILOT_TOKENS)
    assert shortened(ak.LoRASFT(max_tokens=500)) == ak.LoRASFT(max_tokens=500)
    assert [p.max_tokens for p in trained_parts(given)] == [None]
    assert given == ak.Tuned(ak.Compose((ak.RAG(k=2), ak.LoRASFT(rank=4))))


def task_of(n_train: int, n_validation: int) -> ak.Task:
    n = n_train + n_validation + 3
    rows = tuple(ak.Example(id=f"r{i}", input=f"row {i}", target="x") for i in range(n))
    return ak.Task(
        name="t",
        kind="generation",
        instruction="?",
        metrics=("exact_match",),
        test=rows[:3],
        train=rows[3 : 3 + n_train],
        validation=rows[3 + n_train :],
    )


def test_configurations_are_those_of_the_budget() -> None:
    task = task_of(20, 10)
    grid = ak.Tuned(
        ak.FewShot(), grid={"k": [1, 2], "seed": [0, 1, 2]}, budget=ak.Budget(trials=None, tokens=9)
    )
    assert tuning_of(grid, task) == Tuning(n_configurations=7, n_rows=10, bounded=True)
    assert times_tuned(tuning_of(grid, task)).bounds == (1, 13)
    assert times_tuned(tuning_of(ak.FewShot(), task)) == Range.exactly(1)
    part = ak.Compose((ak.RAG(), ak.Tuned(ak.FewShot(), grid={"k": [1, 2, 3, 4]}, n_rows=5)))
    assert tuning_of(part, task) == Tuning(n_configurations=4, n_rows=5)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(4, 20))
def test_pilot_rows_come_out_of_the_larger_split(n_train: int, n_validation: int, n: int) -> None:
    task = task_of(n_train, n_validation)
    made = pilot_task(task, n)
    if made is None:
        assert max(n_train, n_validation) < 8
        return
    taken = {e.id for e in made.test}
    assert 4 <= len(taken) <= n
    assert not taken & {e.id for e in (*made.train, *(made.validation or ()), *task.test)}
    assert len(made.train) + len(made.validation or ()) + len(taken) == n_train + n_validation


def test_figures_have_as_many_digits_as_mean_something() -> None:
    assert [figure(v) for v in (12_345.6, 10, 3.14, 0.0312, 0)] == ["12,346", "10", "3.1", "0.031", "0"]
