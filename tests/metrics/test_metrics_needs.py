"""What a metric cannot score: refused with the row, or counted, and never left out of a mean in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import adaptkit as ak
from adaptkit import metrics
from adaptkit.core.errors import DataError
from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score


def score(output: str, target: str, metric: str = "numeric_match", aliases: tuple[str, ...] = ()) -> Score:
    row = Example(id="1", input="?", target=target, aliases=aliases)
    return metrics.score(metric, Answer(output=output, example=row))


@pytest.mark.parametrize(
    ("output", "target", "strict", "lenient"),
    [
        ("12", "12 lamps", 1, 1),
        ("12 lamps", "12 lamps", 1, 1),
        ("12 Lamps.", "12 lamps", 1, 1),
        ("0", "12 lamps", 0, 0),
        ("12 crates", "12 lamps", 0, 1),
        ("1,200", "about 1200 km", 1, 1),
        ("$5", "5 dollars", 1, 1),
        ("-3", "-3 degrees", 1, 1),
        ("3", "-3 degrees", 0, 0),
        ("12 lamps in 3 crates", "12 lamps", 0, 0),
        ("12", "12 lamps, so 12", 1, 1),
        ("12 lamps", "12", 0, 1),
        ("no idea", "12 lamps", 0, 0),
    ],
)
def test_the_number_in_a_target_with_a_unit_is_compared(
    output: str, target: str, strict: float, lenient: float
) -> None:
    assert score(output, target) == Score(strict=strict, lenient=lenient)


def folder_of(path: Path, metric: str, targets: list[str], *, kind: str = "generation") -> Path:
    head = {"name": "t", "kind": kind, "instruction": "Answer.", "metrics": [metric]}
    (path / "task.json").write_text(json.dumps(head), encoding="utf-8")
    rows = [json.dumps({"id": f"r{i}", "input": f"row {i}", "target": t}) for i, t in enumerate(targets)]
    (path / "train.jsonl").write_text("", encoding="utf-8")
    (path / "test.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("metric", "good", "bad", "said"),
    [
        ("numeric_match", "12 lamps", "a dozen", "'a dozen' holds no number"),
        ("numeric_match", "12", "5 to 7 lamps", "'5 to 7 lamps' holds several numbers"),
        ("numeric_match", "12", "at 10:30", "holds no number that can be read"),
        ("json_exact", '{"a": 1}', "a: 1", "'a: 1' is not JSON, and json_exact compares JSON values"),
        ("slot_f1", "[1]", '{"a": 1', "is not JSON, and slot_f1"),
    ],
)
@pytest.mark.parametrize("kind", ["generation", "qa"])
def test_a_target_that_the_metric_cannot_read_is_refused_with_path_and_line(
    metric: str, good: str, bad: str, said: str, kind: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, metric, [good, good, bad], kind=kind)
    with pytest.raises(DataError, match=r"test.jsonl.*line 3") as caught:
        ak.load_task(folder)
    assert said in str(caught.value)
    assert f"take {metric} out of 'metrics'" in str(caught.value)
    assert caught.value.line == 3
    task = ak.load_task(folder_of(tmp_path, metric, [good, good], kind=kind))
    assert task.metrics == (metric,)


def test_a_row_is_readable_if_any_of_its_references_is() -> None:
    assert score("12", "a dozen", aliases=("12",)).strict == 1
    rows = (Example(id="1", input="?", target="a dozen", aliases=("12",)),)
    ak.Task(name="t", kind="qa", instruction="?", metrics=("numeric_match",), train=(), test=rows)


@pytest.mark.parametrize("kind", ["qa", "generation", "summarization", "arithmetic"])
def test_a_mean_over_labels_is_refused_where_there_are_none(kind: str) -> None:
    rows = tuple(Example(id=f"r{i}", input="?", target=str(i)) for i in range(9))
    make = {
        "name": "t",
        "kind": kind,
        "instruction": "?",
        "metrics": ("exact_match", "macro_f1"),
        "train": (),
    }
    with pytest.raises(DataError, match="macro_f1 is a mean over labels") as caught:
        ak.Task(**make, test=rows)  # type: ignore[arg-type]
    assert kind in str(caught.value)
    assert ak.Task(**make, test=rows, labels=tuple(r.target for r in rows)).labels  # type: ignore[arg-type]


def test_an_unknown_metric_is_refused_when_the_task_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"exact_macth.*Did you mean 'exact_match'"):
        ak.load_task(folder_of(tmp_path, "exact_macth", ["a"]))


def _half(answer: Answer) -> Score:
    """Someone else's metric: None for what it cannot read, be it the row or the answer."""
    if not answer.example.target.isdigit() or not answer.output.isdigit():
        return Score.same(None)
    return Score.same(float(answer.output == answer.example.target))


def test_an_answer_without_a_score_is_wrong_where_the_target_has_one() -> None:
    metrics.METRICS.add("own_half", _half)
    assert score("x", "3", "own_half") == Score.same(0.0)
    assert score("3", "3", "own_half") == Score.same(1.0)
    assert score("3", "x", "own_half") == Score.same(None)
    rows = [Answer(output=o, example=Example(id=str(i), input="?", target="3")) for i, o in enumerate("3x3x")]
    assert metrics.aggregate("own_half", rows) == 0.5
