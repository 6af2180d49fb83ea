"""What other measurements left beside a run, and what a run of another age or place lacks."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from node import called
from planted import Shots, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, compare, load_comparison
from adaptkit.decision.curves import CurvePoint, LearningCurve
from adaptkit.studies.learning_curve import LearningCurves
from adaptkit.studies.robustness.result import ChoiceUnderChange, Effect, Robustness
from adaptkit.tasks.folder import write_task

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    model = planted_model(lambda name, _seed, row: row % 10 >= (2 if name == "few-shot" else 5))
    folder = tmp_path_factory.mktemp("runs") / "run"
    return compare([Words(), Shots()], make_task(40), model=model, out=folder)


def page_of(comparison: Comparison, folder: Path) -> str:
    return comparison.report(folder / "page.html").read_text(encoding="utf-8")


def data_of(page: str) -> list[dict[str, Any]]:
    found = re.search(r'id="page-data">(.*?)</script>', page, re.S)
    assert found is not None
    data: list[dict[str, Any]] = json.loads(found[1])
    return data


def test_the_inputs_are_those_of_the_run(comparison: Comparison, tmp_path: Path) -> None:
    (task,) = data_of((comparison.folder / "report.html").read_text(encoding="utf-8"))
    assert {r["id"]: r["input"] for r in task["rows"]["rows"]}["row7"] == "row 7"
    # A task made in memory is gone with the process that made it.
    (again,) = data_of(page_of(load_comparison(comparison.folder), tmp_path))
    assert {r["input"] for r in again["rows"]["rows"]} == {None}
    assert again["what_if"] == task["what_if"]


SAY = """(task, changed) => {
  const settings = { ...settingsOf(task), ...changed };
  const j = judge(task, settings);
  return { verdict: j.verdict, named: j.named, rows: j.choice && j.choice.rowsNeeded,
    totals: Object.fromEntries([...j.costs].map(([s, c]) => [s, totalUsd(c, settings.requests_per_month)])) };
}"""
ASKED: list[dict[str, Any]] = [
    {},
    {"requests_per_month": 5000.0},
    {"requests_per_month": 1e6, "usd_per_hour_of_labelling": 30.0, "minutes_per_label": 0.5},
    {"margin": 0.4},
    {"target_quality": 0.6},
    {"target_quality": 0.99},
    {"max_p95_s": 1e-9},
    {"usd_per_success": 0.5, "requests_per_month": 100.0, "utilisation": 0.9},
]


def test_the_page_of_a_run_says_what_the_comparison_recommends(comparison: Comparison) -> None:
    page = (comparison.folder / "report.html").read_text(encoding="utf-8")
    (task,) = data_of(page)
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    found = called(script, SAY, [[task["what_if"], changed] for changed in ASKED])
    assumed = {f.name for f in fields(ak.CostAssumptions)}
    for ours, changed in zip(found, ASKED, strict=True):
        assumptions = ak.CostAssumptions(**{k: v for k, v in changed.items() if k in assumed})
        required = ak.Requirements(**{k: v for k, v in changed.items() if k not in assumed})
        (theirs,) = comparison.recommend(required, assumptions=assumptions)
        assert (ours["verdict"], ours["named"]) == (theirs.verdict, theirs.named), changed
        assert ours["rows"] == theirs.rows_needed
        (rows,) = comparison.costs(assumptions).values()
        for row in rows:
            total = ours["totals"][row.strategy] if "requests_per_month" in changed else None
            assert (total is None) is (row.tco_low_usd is None)
            assert total is None or abs(total - (row.tco_low_usd or 0)) < 0.005
    assert {ours["named"] for ours in found} >= {None, "few-shot"}


def test_a_task_is_read_again_where_it_is_still_the_same(tmp_path: Path) -> None:

    write_task(make_task(12), tmp_path / "task")
    task = ak.load_task(tmp_path / "task")
    model = planted_model(lambda *_: True)
    comparison = compare([Words(), Shots()], task, model=model, out=tmp_path / "run")
    found = load_comparison(comparison.folder)
    (data,) = data_of(page_of(found, tmp_path))
    assert all(r["input"] == f"row {r['id'][3:]}" for r in data["rows"]["rows"])
    test = tmp_path / "task" / "test.jsonl"
    test.write_text(test.read_text(encoding="utf-8").replace('"row 3"', '"another input"'), encoding="utf-8")
    (data,) = data_of(page_of(found, tmp_path))
    assert {r["input"] for r in data["rows"]["rows"]} == {None}


def test_a_data_file_is_read_again_as_it_was_read(tmp_path: Path) -> None:
    rows = [f"row {i},answer {i}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["subject,reply", *rows]) + "\n", encoding="utf-8")
    task = ak.load_task(
        tmp_path / "t.csv",
        columns={"input": "subject", "target": "reply"},
        instruction="Answer.",
        kind="generation",
        metrics=("exact_match",),
    )
    model = planted_model(lambda *_: True)
    comparison = compare([Words(), Shots()], task, model=model, out=tmp_path / "run", leakage="off")
    (data,) = data_of(page_of(load_comparison(comparison.folder), tmp_path))
    inputs = {row.id: row.input for row in task.test}
    assert {r["id"]: r["input"] for r in data["rows"]["rows"]} == inputs


def test_a_learning_curve_beside_the_run_is_shown(comparison: Comparison, tmp_path: Path) -> None:
    points = tuple(
        CurvePoint(n_labels=n, quality=q, low=q - 0.1, high=q + 0.1, n_rows=40, n_seeds=1)
        for n, q in ((16, 0.4), (64, 0.6))
    )
    curve = LearningCurve(
        task="questions", strategy="lora", metric="exact_match", points=points, undetermined="two sizes"
    )
    folder = tmp_path / "run"
    shutil.copytree(comparison.folder, folder)
    LearningCurves(curves=(curve, replace(curve, task="another"))).save(tmp_path)
    page = page_of(load_comparison(folder), tmp_path)
    assert "<h3>Learning curve</h3>" in page
    assert "<td>60.0 % [50, 70.0]</td>" in page or "<td>60.0 % [50.0, 70.0]</td>" in page
    (task,) = data_of(page)
    assert [c["strategy"] for c in task["curves"]] == ["lora"]
    assert "Learning curve" not in page_of(comparison, tmp_path / "elsewhere")


def test_robustness_beside_the_run_is_shown(comparison: Comparison, tmp_path: Path) -> None:
    unchanged = ChoiceUnderChange(
        change="unchanged", what="as it is", n=40, named="few-shot", is_shown=True, tied=("few-shot",),
        reference="few-shot",
    )  # fmt: skip
    typos = replace(unchanged, change="typos", what="letters swapped", named="prompt")
    plain = Effect(strategy="few-shot", change="unchanged", n=40, quality=0.8)
    worse = replace(plain, change="typos", quality=0.6, delta=-0.2, low=-0.3, high=-0.1, p_value=0.001)
    found = Robustness(
        unchanged=unchanged,
        choices=(typos,),
        effects=(plain, replace(worse, p_adjusted=0.002)),
        skipped={"passages": "none are shown"},
        settings={"task": "questions"},
    )
    folder = tmp_path / "run"
    shutil.copytree(comparison.folder, folder)
    found.save(folder)
    page = page_of(load_comparison(folder), tmp_path)
    assert "<h3>Robustness</h3>" in page
    assert "60.0 % (\N{MINUS SIGN}20.0)*" in page
    assert "passages was not measured: none are shown." in page
    path = replace(found, schema_version=99).save(folder)
    assert json.loads(path.read_text(encoding="utf-8"))["schema_version"] == 99
    assert "<h3>Robustness</h3>" not in page_of(load_comparison(folder), tmp_path)
    replace(found, settings={"task": "another"}).save(folder)
    assert "<h3>Robustness</h3>" not in page_of(load_comparison(folder), tmp_path)


def test_a_table_without_records_decides_by_the_table(tmp_path: Path) -> None:
    found = load_comparison(RESULTS / "default")
    data = data_of(page_of(found, tmp_path))
    assert [task["rows"] for task in data] == [None] * len(data)
    assert all(task["what_if"]["measured"] == [] for task in data)
