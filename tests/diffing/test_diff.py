"""Two comparisons beside each other: what changed, what is not the same, and what is refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import Shots, Tuned, Words, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit import stats
from adaptkit.cli.main import main
from adaptkit.comparison import Comparison, compare
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.core.codec import to_json
from adaptkit.core.errors import ConfigError, StoreError, UnknownNameError
from adaptkit.studies.diff import StrategyDiff

N = 24
Right = Callable[[str, int, int], bool]


def run(folder: Path, right: Right, *, task: ak.Task | None = None, **options: Any) -> Comparison:
    strategies = options.pop("strategies", [Words(), Shots()])
    return compare(
        strategies,
        task or make_task(N),
        model=options.pop("model", None) or planted_model(right),
        out=folder,
        noise_floor=False,
        **options,
    )


def first_half(name: str, seed: int, row: int) -> bool:
    return row < N // 2


def shots_gain(name: str, seed: int, row: int) -> bool:
    """What ``first_half`` gets right, and of few-shot ten rows more but row 0."""
    if name == "few-shot":
        return 0 < row < N // 2 + 10
    return row < N // 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("a"), first_half).folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("b"), shots_gain).folder


def of(found: ak.Diff, strategy: str) -> StrategyDiff:
    return next(s for s in found.tasks[0].strategies if s.strategy == strategy)


# -- what changed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["itself", "run again"])
def test_the_same_answers_are_identical_and_not_undecided(folder: Path, tmp_path: Path, ending: str) -> None:
    second = folder if ending == "itself" else run(tmp_path / "again", first_half).folder
    found = ak.diff(folder, second)
    assert found.identical
    assert all(s.identical for s in found.tasks[0].strategies)
    for text in (found.to_text(), found.to_markdown(), found.to_csv()):
        assert "identical" in text
        assert "ndecided" not in text
    assert "Identical: both have the same answers to all shared rows." in found.to_text()
    assert all(s["identical"] for s in to_json(found)["tasks"][0]["strategies"])


def test_one_strategy_may_be_identical_and_another_not(folder: Path, other: Path) -> None:
    found = ak.diff(folder, other)
    assert (of(found, "prompt").identical, of(found, "few-shot").identical) == (True, False)
    assert not found.identical
    assert "Identical" not in found.to_text()


def test_gained_and_lost_rows_are_counted_and_named(folder: Path, other: Path) -> None:
    found = ak.diff(folder, other)
    shots = of(found, "few-shot")
    assert (shots.first, shots.second) == (12 / N, 21 / N)
    assert (shots.pair.gained, shots.pair.lost, shots.pair.n, shots.n_changed) == (10, 1, N, 11)
    assert shots.pair.delta == pytest.approx(9 / N)
    assert {f.example_id for f in shots.flips.gained} == {f"row{i}" for i in range(12, 22)}
    (lost,) = shots.flips.lost
    assert (lost.example_id, lost.baseline_output, lost.strategy_output) == ("row0", "answer 0", "no idea")
    prompt = of(found, "prompt")
    assert (prompt.pair.gained, prompt.pair.lost, prompt.n_changed, prompt.pair.delta) == (0, 0, 0, 0)


def test_tests_and_verdicts_are_those_of_the_library(folder: Path, other: Path) -> None:
    found = ak.diff(folder, other)
    before = {f"row{i}": float(i < 12) for i in range(N)}
    after = {f"row{i}": float(0 < i < 22) for i in range(N)}
    rng = np.random.default_rng(RESAMPLING_SEED)
    alone = stats.paired_difference(after, before, rng=rng, margin=0.02)
    pair = of(found, "few-shot").pair
    assert (pair.delta_low, pair.delta_high, pair.p_value) == (alone.low, alone.high, alone.p_value)
    assert pair.p_value == pytest.approx(0.01171875)  # 1 or fewer of 11 on one side, twice
    # Two strategies were looked at: the smaller p-value counts twice.
    assert pair.p_value_adjusted == pytest.approx(2 * 0.01171875)
    assert pair.verdict == "better"
    assert found.worse == ()
    turned = ak.diff(other, folder)
    assert of(turned, "few-shot").pair.verdict == "worse"
    assert of(turned, "few-shot").pair.delta == pytest.approx(-9 / N)
    assert turned.worse == ("questions/few-shot",)


def test_a_comparison_is_not_unlike_itself(folder: Path) -> None:
    found = ak.diff(ak.load_comparison(folder), folder)
    assert found.notes == ()
    assert found.tasks[0].notes == ()
    assert [s.notes for s in found.tasks[0].strategies] == [(), ()]
    assert {s.pair.delta for s in found.tasks[0].strategies} == {0.0}


def test_rows_are_paired_by_id_and_the_others_left_out(folder: Path, tmp_path: Path) -> None:
    fewer = run(tmp_path, shots_gain, limit=16).folder
    found = ak.diff(folder, fewer)
    assert found.tasks[0].n == 16
    shots = of(found, "few-shot")
    assert (shots.pair.n, shots.pair.n_unpaired) == (16, 8)
    both = {r.example_id for r in ak.load_comparison(fewer).records()}
    assert shots.first == pytest.approx(sum(int(i[3:]) < 12 for i in both) / 16)
    assert shots.second == pytest.approx(sum(0 < int(i[3:]) < 22 for i in both) / 16)
    assert any(n.startswith("The test rows differ: 8 only in the first (row") for n in found.tasks[0].notes)


def test_seeds_are_paired_and_clusters_stay_together(tmp_path: Path) -> None:
    task = make_task(N, rows_per_cluster=4)
    folders = [
        run(tmp_path / name, right, task=task, seeds=2, strategies=[Words(), Tuned()]).folder
        for name, right in (
            ("a", lambda name, seed, row: row % 4 == seed),
            ("b", lambda name, seed, row: row % 4 in (seed, 2)),
        )
    ]
    pair = of(ak.diff(*folders), "lora").pair
    assert pair.delta == pytest.approx(0.25)
    assert "t test over rows and seeds" in pair.test
    assert "6 clusters" in of(ak.diff(*folders), "prompt").pair.test


# -- what is not the same ----------------------------------------------------------------------------


def test_models_data_parameters_and_strategies_that_differ_are_told(folder: Path, tmp_path: Path) -> None:
    model = planted_model(first_half)
    model.info = replace(model.info, id="other", revision="r2")
    task = replace(make_task(N, n_train=6), instruction="Answer now.")
    found = ak.diff(
        folder, run(tmp_path, first_half, model=model, task=task, strategies=[Words(seed=3), Tuned()]).folder
    )
    (note,) = [n for n in found.notes if n.startswith("The models differ")]
    assert note.endswith("and other (r2).")
    notes = found.tasks[0].notes
    assert any(n.startswith("The data differ (content ") and n.endswith("8 and 6 train rows.") for n in notes)
    assert "Only in the first: few-shot." in notes
    assert "Only in the second: lora." in notes
    assert [s.strategy for s in found.tasks[0].strategies] == ["prompt"]
    assert of(found, "prompt").notes == ("Parameters differ: seed 0 and 3.",)


def test_margins_and_early_stops_are_told(folder: Path, tmp_path: Path) -> None:
    second = run(tmp_path, shots_gain, margin=0.6, until_decided=True).folder
    found = ak.diff(folder, second)
    assert "The margins differ: 0.02 and 0.6; the first is used." in found.notes
    assert of(found, "few-shot").pair.test.endswith("looks surer than it is")
    wide = ak.diff(folder, second, margin=0.9)
    assert wide.notes == ()
    assert {s.pair.verdict for s in wide.tasks[0].strategies} == {"equivalent"}


def change(folder: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit a JSON file of a run, or each record."""
    path = folder / name
    lines = path.read_text().splitlines() if name.endswith("l") else [path.read_text()]
    objects = [json.loads(line) for line in lines]
    for found in objects:
        edit(found)
    path.write_text("\n".join(map(json.dumps, objects)) + "\n")


def test_versions_that_differ_are_told(folder: Path, tmp_path: Path) -> None:
    second = run(tmp_path, first_half).folder

    def older(manifest: dict[str, Any]) -> None:
        manifest["library"]["version"] = "0.0.1"
        manifest["packages"]["torch"] = "1.0"
        manifest["model"]["template_hash"] = "x"

    change(second, "manifest.json", older)
    notes = ak.diff(folder, second).notes
    assert notes[0] == "The model is the same, its chat template is not."
    assert notes[1].endswith(" and 0.0.1.")
    assert notes[2].startswith("Packages differ: torch ")


# -- what is refused ---------------------------------------------------------------------------------


def renamed(record: dict[str, Any]) -> None:
    record["example_id"] = f"x{record['example_id']}"


def other_target(record: dict[str, Any]) -> None:
    record["target"] = "answer 99"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (renamed, "No test row is in both, by example id: row0, row1, row10, ... in the first, xrow0"),
        (other_target, "24 of 24 test rows with the same id have another target (row0, row1, row10, ...)"),
    ],
)
def test_other_rows_are_refused(
    edit: Callable[[dict[str, Any]], None], said: str, folder: Path, tmp_path: Path
) -> None:
    second = run(tmp_path, first_half).folder
    change(second, "records.jsonl", edit)
    with pytest.raises(ConfigError) as caught:
        ak.diff(folder, second)
    assert said in str(caught.value)
    assert str(second) in str(caught.value)


def test_another_metric_is_refused_unless_one_is_named_that_both_have(folder: Path, tmp_path: Path) -> None:
    task = replace(make_task(N), metrics=("contains", "exact_match"))
    second = run(tmp_path, shots_gain, task=task).folder
    with pytest.raises(ConfigError, match=r"judged by exact_match, the second by contains\. Both have"):
        ak.diff(folder, second)
    assert of(ak.diff(folder, second, metric="exact_match"), "few-shot").pair.gained == 10
    with pytest.raises(UnknownNameError, match="Did you mean 'exact_match'"):
        ak.diff(folder, second, metric="exact_mtch")


def test_other_kinds_strategies_and_missing_records_are_refused(folder: Path, tmp_path: Path) -> None:
    qa = run(tmp_path / "qa", first_half, task=replace(make_task(N), kind="qa")).folder
    with pytest.raises(ConfigError, match="generation in the first and qa in the second"):
        ak.diff(folder, qa)
    lora = run(tmp_path / "lora", first_half, strategies=[Tuned()]).folder
    with pytest.raises(
        ConfigError, match="no strategy in common: prompt, few-shot in the first, lora in the"
    ):
        ak.diff(folder, lora)
    (lora / "records.jsonl").unlink()
    with pytest.raises(StoreError, match="without it rows cannot be paired"):
        ak.diff(folder, lora)


def test_of_several_tasks_those_of_one_name_are_paired(tmp_path: Path) -> None:
    def two(folder: str, *names: str, kind: Any = "generation") -> Path:
        tasks = [replace(make_task(6), name=name, instruction=name) for name in names[:-1]]
        last: Any = replace(make_task(6), name=names[-1], instruction=names[-1], kind=kind)
        model = planted_model(first_half)
        return compare(
            [Words()], [*tasks, last], model=model, out=tmp_path / folder, noise_floor=False
        ).folder

    first, second = two("a", "t1", "t2", "t3"), two("b", "t2", "t4", "t3", kind="qa")
    found = ak.diff(first, second)
    assert [t.task for t in found.tasks] == ["t2", "t3"]
    assert found.tasks[0].refused is None
    assert found.tasks[1].refused == "The task is generation in the first and qa in the second."
    assert {"Only in the first: t1.", "Only in the second: t4."} <= set(found.notes)
    assert "t3: not compared. The task is" in found.to_text()
    with pytest.raises(ConfigError, match="no task in common: t1, t2, t3 there, t8, t9 here"):
        ak.diff(first, two("c", "t8", "t9"))


# -- what is printed ---------------------------------------------------------------------------------


def printed(
    folder: Path, other: Path, capsys: pytest.CaptureFixture[str], *options: str, code: int = 0
) -> str:
    assert main(["diff", str(folder), str(other), *options]) == code
    out, err = capsys.readouterr()
    assert err == ("" if code == 0 else "Worse: questions/few-shot.\n")
    return out


def test_the_table_and_its_rows(folder: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(folder, other, capsys, "--rows", "2")
    assert "questions: exact_match, 24 rows in both\n" in out
    line = next(line for line in out.splitlines() if line.startswith("few-shot"))
    assert line.split("  ")[:3] == ["few-shot", "50.0 %", "87.5 %"]
    assert line.endswith("▲ better")
    assert "- few-shot gained row12 (target answer 12): no idea → answer 12\n" in out
    assert "- few-shot gained 8 more rows.\n" in out
    assert "- few-shot lost row0 (target answer 0): answer 0 → no idea" in out
    assert "gained" not in printed(folder, other, capsys, "--rows", "0").partition("\n\n- ")[2]


def test_other_forms_hold_the_same(folder: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = of(ak.diff(folder, other), "few-shot").pair
    found = json.loads(printed(folder, other, capsys, "--format", "json"))
    assert found["tasks"][0]["strategies"][1]["pair"]["p_value"] == pair.p_value
    assert len(found["tasks"][0]["strategies"][1]["flips"]["gained"]) == 10
    lines = list(csv.DictReader(io.StringIO(printed(folder, other, capsys, "--format", "csv"))))
    assert [line["strategy"] for line in lines] == ["prompt", "few-shot"]
    assert float(lines[1]["delta_low"]) == pair.delta_low
    assert (lines[1]["n_changed"], lines[1]["gained"], lines[1]["lost"]) == ("11", "10", "1")
    shown = printed(folder, other, capsys, "--format", "markdown")
    assert "| few-shot | 50.0 % | 87.5 % | +38 [" in shown
    frame = ak.diff(folder, other).to_frame()
    assert frame.loc[1, "delta"] == pair.delta


def test_a_pipeline_can_fail_where_something_got_worse(
    folder: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed(folder, other, capsys, "--fail-if-worse")
    printed(other, folder, capsys, "--fail-if-worse", code=1)
    printed(other, folder, capsys)
