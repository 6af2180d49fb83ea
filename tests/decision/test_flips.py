"""A difference, row by row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from recorded import ERROR, record

from adaptkit.core.results import Record
from adaptkit.decision import flips


def rows(strategy: str, scores: dict[str, float], *, seed: int = 0, repeat: int = 0) -> list[Record]:
    return [
        record(
            strategy=strategy, example_id=i, output=f"{strategy} {i} {seed}", scores={"m": s}, seed=seed,
            repeat=repeat,
        )
        for i, s in scores.items()
    ]  # fmt: skip


def test_gained_and_lost_rows_are_told_with_both_answers() -> None:
    records = rows("prompt", {"a": 0, "b": 1, "c": 1, "d": 0.5, "only": 1})
    records += rows("rag", {"a": 1, "b": 0.8, "c": 1, "d": 1, "other": 0})
    found = flips(records, "task", "m", "rag", "prompt")
    assert [f.example_id for f in found.gained] == ["a", "d"]  # the widest gap first
    assert [f.example_id for f in found.lost] == ["b"]
    assert (found.gained[0].strategy_output, found.gained[0].baseline_output) == ("rag a 0", "prompt a 0")
    assert (found.n_same, found.unpaired) == (1, ("only", "other"))


def test_seeds_are_averaged_and_second_runs_left_out() -> None:
    records = rows("prompt", {"a": 0.5}) + rows("lora", {"a": 1}) + rows("lora", {"a": 0}, seed=1)
    records += rows("lora", {"a": 1}, seed=2, repeat=1)
    assert flips(records, "task", "m", "lora", "prompt").n_same == 1


def test_an_error_stands_where_the_answer_would() -> None:
    records = [
        *rows("prompt", {"a": 1}),
        record(strategy="rag", example_id="a", scores={"m": 0}, error=ERROR),
    ]
    (lost,) = flips(records, "task", "m", "rag", "prompt").lost
    assert lost.strategy_output == "ModelError: no answer"


def test_other_tasks_do_not_count() -> None:
    records = rows("prompt", {"a": 1}) + rows("rag", {"a": 0})
    assert flips(records, "elsewhere", "m", "rag", "prompt").lost == ()


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.floats(0, 1), st.floats(0, 1))))
def test_turned_round_what_was_gained_is_lost(scores: dict[str, tuple[float, float]]) -> None:
    records = rows("x", {i: s[0] for i, s in scores.items()}) + rows(
        "y", {i: s[1] for i, s in scores.items()}
    )
    one, other = flips(records, "task", "m", "x", "y"), flips(records, "task", "m", "y", "x")
    assert [f.example_id for f in one.gained] == [f.example_id for f in other.lost]
    assert len(one.gained) + len(one.lost) + one.n_same == len(scores)
