"""Rows that a metric cannot score are counted beside the mean that they are left out of."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Words

import adaptkit as ak
from adaptkit import metrics
from adaptkit.cli.readiness import check_source
from adaptkit.comparison import compare
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.errors import DataError
from adaptkit.core.types import Request
from adaptkit.metrics import Answer, Score

DOCUMENT = ak.Document(id="d", text="Nothing that matters.")


def _if_digit(answer: Answer) -> Score:
    return Score.same(float(answer.output == "1") if answer.example.target.isdigit() else None)


@pytest.fixture(autouse=True, scope="module")
def _own_metric() -> None:
    metrics.METRICS.add("own_if_digit", _if_digit)


def make_task(*names: str, n_scored: int) -> ak.Task:
    """40 rows, of which some name a gold document, a call and a digit."""
    rows = [
        ak.Example(
            id=f"r{i}",
            input=f"row {i}",
            target="1" if i < n_scored else "one",
            gold_documents=("d",) if i < n_scored else (),
            metadata={"tool_calls": [{"name": "add", "arguments": {}}]} if i < n_scored else {},
        )
        for i in range(40)
    ]
    return ak.Task(
        name="asked",
        kind="qa",
        instruction="?",
        metrics=names,
        train=(),
        test=tuple(rows),
        documents=(DOCUMENT,),
    )


PARTIAL = ("recall_at_k", "recall_at_5", "mrr", "ndcg_at_3", "tool_choice", "tool_arguments", "own_if_digit")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("metric", PARTIAL)
def test_the_number_of_scored_rows_stands_wherever_the_mean_does(
    metric: str, first: bool, tmp_path: Path
) -> None:
    names = (metric, "exact_match") if first else ("exact_match", metric)
    task = make_task(*names, n_scored=10)
    comparison = compare([Words()], task, model=ak.FakeModel(lambda r: "1"), out=tmp_path)
    (row,) = comparison.rows
    assert (row.n, row.metrics_n[metric], row.metrics_n["exact_match"]) == (40, 10, 40)
    assert row.n_scored == (10 if first else 40)
    (line,) = csv.DictReader(io.StringIO((tmp_path / "comparison.csv").read_text(encoding="utf-8")))
    assert (line["n"], line["n_scored"]) == ("40", str(row.n_scored))
    said = f"{metric} is of 10 of the 40 rows"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    texts = (str(comparison), (tmp_path / "report.md").read_text(encoding="utf-8"), page)
    for text in texts:
        assert said in " ".join(text.split())
        assert ("scored" in text.replace(said, "").split("rows; 95")[0]) or not first
    assert verify_folder(tmp_path).differences == ()


@pytest.mark.parametrize("metric", PARTIAL)
def test_a_metric_that_can_score_no_row_is_refused_before_anything_is_asked(
    metric: str, tmp_path: Path
) -> None:
    asked: list[Request] = []

    def spy(request: Request) -> str:
        asked.append(request)
        return "1"

    task = make_task("exact_match", metric, n_scored=0)
    with pytest.raises(DataError, match=f"{metric} can score none of the 40 test rows"):
        compare([Words()], task, model=ak.FakeModel(spy), out=tmp_path / "run")
    assert not asked
    assert not (tmp_path / "run").exists()


def test_a_task_whose_rows_are_all_scored_has_no_such_column(tmp_path: Path) -> None:
    task = replace(make_task("exact_match", n_scored=40), documents=(DOCUMENT,))
    comparison = compare([Words()], task, model=ak.FakeModel(lambda r: "1"), out=tmp_path)
    assert comparison.rows[0].n_scored == 40
    assert "scored" not in str(comparison)


def test_tasks_check_counts_them_too(tmp_path: Path) -> None:
    rows = ['{"id": "a", "input": "?", "target": "x", "gold_documents": ["d"]}']
    rows += [f'{{"id": "b{i}", "input": "?{i}", "target": "y"}}' for i in range(3)]
    head = '{"name": "t", "kind": "qa", "instruction": "?", "metrics": ["exact_match", "recall_at_3"]}'
    texts = {"task.json": head, "test.jsonl": "\n".join(rows), "train.jsonl": ""}
    texts["documents.jsonl"] = '{"id": "d", "text": "Nothing."}'
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert "recall_at_3 can score 1 of the 4 test rows." in check_source(str(tmp_path)).notes
