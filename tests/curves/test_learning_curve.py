"""Learning curves run: nested rows, seeds, resume; and read off comparisons that others ran."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from counted import LAW, Counts, Fixed, NeedsMany, counting_model, make_task, measured
from hypothesis import given
from hypothesis import strategies as st
from interrupting import interrupted_after, rows_stored
from tiny import classification_task, tiny_llama

import adaptkit as ak
from adaptkit.core.errors import CapabilityError, ConfigError, UnknownNameError
from adaptkit.costs import CostAssumptions
from adaptkit.studies.learning_curve import LearningCurves
from adaptkit.tasks import Cut, read_cut

ROOT = Path(__file__).parents[2]
SIZES = (5, 10, 20, 40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("curve")


@pytest.fixture(scope="module")
def curves(folder: Path) -> LearningCurves:
    return measured(folder, settings=ak.RunSettings(assumptions=WAGES))


WAGES = CostAssumptions(minutes_per_label=3, usd_per_hour_of_labelling=20)


def test_each_size_is_measured_under_each_seed(curves: LearningCurves) -> None:
    curve = curves["counts"]
    assert curve.sizes == SIZES
    assert [p.quality for p in curve.points] == pytest.approx([LAW.at(n) for n in SIZES], abs=0.02)
    assert {(p.n_rows, p.n_seeds) for p in curve.points} == {(40, 3)}
    assert curve.fit is not None
    assert curves.gaps == ()


def test_what_learns_from_no_labels_runs_once_and_is_flat(curves: LearningCurves, folder: Path) -> None:
    curve = curves["fixed"]
    assert not curve.learns
    assert [(p.n_labels, p.quality) for p in curve.points] == [(0, 0.5)]
    runs = sorted(path.name for path in folder.iterdir())
    assert runs == ["draw0", "draw1", "draw2", "without-labels"]
    assert len(ak.load_comparison(folder / "without-labels").records()) == 40


def test_smaller_sets_lie_in_larger_ones_and_seeds_draw_others(folder: Path) -> None:
    for seed in range(3):
        manifest = ak.load_comparison(folder / f"draw{seed}").result.manifest
        names = [Cut(task="questions", n_train=n, seed=seed).name for n in SIZES]
        assert [t["name"] for t in manifest["tasks"]] == names
        assert {t["seed"] for t in manifest["trials"]} == {seed}
    hashes = {
        t["hash"] for s in range(3) for t in ak.load_comparison(folder / f"draw{s}").result.manifest["tasks"]
    }
    assert len(hashes) == 12


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 5))
def test_rows_are_nested_for_any_two_sizes(a: int, b: int, seed: int) -> None:
    task = make_task()
    few, many = ({e.id for e in task.with_train(n, seed=seed).train} for n in sorted((a, b)))
    assert few <= many
    assert len(few) == min(a, b)


@given(st.text(min_size=1), st.integers(1, 10**6), st.integers(0, 10**4))
def test_the_name_of_a_cut_says_what_it_is(task: str, n: int, seed: int) -> None:
    cut = Cut(task=task, n_train=n, seed=seed)
    assert read_cut(cut.name) == cut


def test_a_finished_run_asks_no_model_again(folder: Path, curves: LearningCurves) -> None:
    model = counting_model()
    again = measured(folder, model=model, settings=ak.RunSettings(assumptions=WAGES))
    assert model.requests == []
    assert again.to_text() == curves.to_text()


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, curves: LearningCurves) -> None:
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path, model=interrupted_after(counting_model(), 70))
    stored = rows_stored(tmp_path)
    assert stored > 40
    rest = counting_model()
    again = measured(tmp_path, model=rest)
    asked = [r for r in rest.requests if r.prompt.input.startswith("row")]
    assert len(asked) == 40 * (3 * len(SIZES) + 1) - stored
    assert [c.points for c in again.curves] == [c.points for c in curves.curves]


def test_more_sizes_and_seeds_add_to_what_is_there(tmp_path: Path) -> None:
    measured(tmp_path, Counts(), sizes=(5, 10), seeds=1)
    model = counting_model()
    more = measured(tmp_path, Counts(), sizes=(5, 10, 20), seeds=2, model=model)
    asked = [r for r in model.requests if r.prompt.input.startswith("row")]
    assert len(asked) == 40 * (1 + 3)
    assert more["counts"].sizes == (5, 10, 20)
    assert more["counts"].points[0].n_seeds == 2


def test_sizes_that_the_task_has_not_become_all_of_its_rows(tmp_path: Path) -> None:
    found = measured(tmp_path, Counts(), sizes=(200, 40, 100), seeds=1, limit=5)
    assert found["counts"].sizes == (40, 80)
    said = "100 labels were asked for and questions has 80: the point at 80 is all of them."
    assert found.notes == (said,)
    assert said in found.to_text()
    assert LearningCurves.of(ak.load_comparison(tmp_path / "draw0")).notes == (said,)
    enough = measured(tmp_path / "enough", Counts(), sizes=(40, 80), seeds=1, limit=5)
    assert enough.notes == ()
    run = ak.load_comparison(tmp_path / "draw0")
    assert "100 train rows were asked for; there are 80, and all of them are used." in str(run)


def test_a_size_that_failed_is_told_and_left_out(tmp_path: Path) -> None:
    found = measured(tmp_path, NeedsMany(), Counts(), seeds=2)
    assert found["needs-many"].sizes == (20, 40)
    assert found["needs-many"].undetermined == "a power law takes 4 numbers of labels, and 2 were measured"
    assert len(found.gaps) == 4
    assert found.gaps[0] == "needs-many on questions with 5 labels, seed 0: failed: too few rows"
    assert found.gaps[0] in found.to_text()


def test_where_nothing_could_be_measured_only_gaps_are_left(tmp_path: Path) -> None:
    found = measured(tmp_path, NeedsMany(), sizes=(5, 10), seeds=1)
    assert (found.curves, found.tasks, found.worth(), found.crossovers()) == ((), (), (), ())
    assert len(found.gaps) == 2
    assert all(gap in found.to_text() for gap in found.gaps)
    assert len(found.to_frame()) == 0
    assert found.plot().axes == []


def test_two_strategies_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = measured(tmp_path, Counts(), Counts(seed=10), sizes=(5, 10), seeds=2)
    assert [c.strategy for c in found.curves] == ["counts", "counts:seed=10"]
    assert all(p.n_seeds == 2 for c in found.curves for p in c.points)
    assert "Two seeds tell little of how seeds differ" in found.to_text()


def test_labels_are_priced_by_the_assumptions_of_the_run(curves: LearningCurves) -> None:
    counts, fixed = curves.worth(20)
    assert counts.usd == pytest.approx(20)
    assert (counts.n_labels, counts.gain is not None) == (40, True)
    assert (fixed.n_labels, fixed.gain) == (40, 0)
    assert curves.worth(20, price_usd=3)[0].usd == 60
    assert curves.worth(41)[0].gain is None


def test_a_price_that_is_not_known_is_blank(tmp_path: Path) -> None:
    found = measured(tmp_path, Counts(), sizes=(5, 10, 20), seeds=1, limit=10)
    assert found.worth(5)[0].usd is None
    assert "No USD: minutes a label and wage are not known." in found.to_text()
    assert "One seed for counts: intervals do not cover which labels were drawn." in found.to_text()


def test_crossovers_are_found_between_all_pairs(curves: LearningCurves) -> None:
    (found,) = curves.crossovers()
    assert (found.strategy, found.other, found.kind) == ("counts", "fixed", "crosses")
    truth = next(n for n in range(1, 100) if LAW.at(n) > 0.5)
    assert found.low is None or found.low <= truth
    assert found.high is None or truth <= found.high


def test_text_frame_page_and_file_say_the_same(curves: LearningCurves, tmp_path: Path) -> None:
    text = curves.to_text(more=20)
    for part in ("questions: exact_match by number of labels (40 test rows)", "Power laws", "Crossings"):
        assert part in text
    assert "fixed: 20 more labels are worth nothing and cost $20: it learns from no labels." in text
    frame = curves.to_frame()
    assert len(frame) == 5
    assert frame["n_labels"].tolist() == [*SIZES, 0]
    assert frame["fitted"].isna().sum() == 1
    html = curves._repr_html_()
    assert html.count("<tr>") == 3
    assert "counts beats fixed from" in html
    saved = json.loads(curves.save(tmp_path / "new").read_text(encoding="utf-8"))
    assert [c["strategy"] for c in saved["curves"]] == ["counts", "fixed"]
    assert saved["curves"][0]["law"]["rate"] > 0
    assert saved["settings"] == {"model": "fake", "usd_per_label": 1.0}


def test_the_plot_has_a_line_for_each_strategy(curves: LearningCurves) -> None:
    figure = curves.plot()
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["counts", "fixed"]
    assert LearningCurves(curves=()).plot().axes == []


def test_a_suite_with_train_rows_is_read_from_its_records(tmp_path: Path) -> None:
    task = make_task()
    made = ak.compare(
        [Counts(), Fixed()],
        [task.with_train(n) for n in SIZES],
        model=counting_model(),
        seeds=3,
        out=tmp_path,
    )
    for comparison in (made, ak.load_comparison(tmp_path)):
        found = LearningCurves.of(comparison)
        assert found["counts"].sizes == SIZES
        assert found["counts"].points[0].n_seeds == 3
        # It uses as many labels at every size: none.
        assert [p.n_labels for p in found["fixed"].points] == [0]


def test_strategies_of_two_comparisons_share_one_table(tmp_path: Path) -> None:
    tasks = [make_task().with_train(n) for n in (5, 10, 20)]
    one = ak.compare([Counts()], tasks, model=counting_model(), out=tmp_path / "a")
    two = ak.compare([Counts(seed=2)], tasks, model=counting_model(), out=tmp_path / "b")
    assert len(LearningCurves.of(one, two).curves) == 1  # one name, so one strategy: seeds are pooled
    other = ak.compare([Fixed()], make_task(), model=counting_model(), out=tmp_path / "c")
    assert [c.strategy for c in LearningCurves.of(one, other).curves] == ["counts", "fixed"]


def test_comparisons_that_say_nothing_of_labels_are_refused(tmp_path: Path) -> None:
    whole = ak.compare([Fixed()], make_task(), model=counting_model(), out=tmp_path / "a")
    with pytest.raises(ConfigError, match=r"Compare task.with_train\(n\) for several n"):
        LearningCurves.of(whole)
    with pytest.raises(ConfigError, match="at least one comparison"):
        LearningCurves.of()
    other = ak.compare([Fixed()], make_task(), model=ak.FakeModel({}, id="b"), out=tmp_path / "b")
    with pytest.raises(ConfigError, match=r"One curve is of one model, and these are of b.* and fake"):
        LearningCurves.of(whole, other)


def test_an_unknown_strategy_is_told_with_the_known(curves: LearningCurves) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'counts'"):
        curves["count"]


def test_a_metric_that_is_no_mean_over_rows_has_points_and_no_curve(tmp_path: Path) -> None:
    rows = tuple(ak.Example(id=f"r{i}", input=f"row {i}", target="ab"[i % 2]) for i in range(80))
    task = ak.Task(
        name="letters", kind="classification", instruction="?", metrics=("macro_f1",), train=rows[:40],
        validation=(), test=rows[40:],
    )  # fmt: skip
    model = ak.FakeModel(
        lambda r: "a" if "|5|" in r.prompt.instruction else "ab"[int(r.prompt.input[4:]) % 2]
    )
    found = ak.learning_curve(task, [Counts(), Fixed()], model=model, sizes=(5, 10, 20), out=tmp_path)
    curve = found["counts"]
    assert [p.quality for p in curve.points] == [pytest.approx(1 / 3), 1, 1]
    assert curve.points[0].low is None  # of three draws of labels
    assert curve.undetermined == "macro_f1 is no mean over rows, and no curve is fitted to such a metric"
    assert found.worth(5)[0].gain is None
    assert "beats" in str(found.crossovers()[0]) or "never" in str(found.crossovers()[0])


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"sizes": ()}, ConfigError, "'sizes' parameter of learning_curve must be a list of ints >= 1"),
        ({"sizes": (16, 0)}, ConfigError, "a list of ints >= 1"),
        ({"seeds": 0}, ConfigError, "'seeds' parameter of compare must be an int >= 1"),
        ({"task": "questions"}, ConfigError, "'task' parameter of learning_curve"),
        ({"task": make_task(n_train=0)}, CapabilityError, "needs train examples, and 'questions' has none"),
    ],
)
def test_what_cannot_be_run_is_refused_first(
    options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        measured(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_curve_needs_something_that_learns(tmp_path: Path) -> None:
    with pytest.raises(CapabilityError, match="None of fixed learns from labels"):
        measured(tmp_path, Fixed())
    for nothing in ([], ["lora"]):
        with pytest.raises(ConfigError, match="a list of strategies such as"):
            ak.learning_curve(make_task(), nothing, model=counting_model(), out=tmp_path)  # type: ignore[arg-type]


def test_stored_curves_are_read_without_torch(folder: Path, curves: LearningCurves) -> None:
    code = """
import sys
import adaptkit as ak
runs = ("draw0", "draw1", "draw2", "without-labels")
found = ak.LearningCurves.of(*(ak.load_comparison(f"{sys.argv[1]}/{run}") for run in runs))
found.to_text(), found.worth(), found.crossovers()
print(*[name for name in ("torch", "transformers", "peft", "faiss") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.usefixtures("hash_embedder")
def test_built_in_strategies_run_on_a_model_with_weights(tmp_path: Path) -> None:
    strategies = [ak.PromptEngineering(), ak.FewShot(k=2), ak.LoRASFT(rank=2, epochs=1)]
    found = ak.learning_curve(
        classification_task(), strategies, model=tiny_llama(), sizes=(4, 8), seeds=2, limit=4, out=tmp_path,
        leakage="off",
    )  # fmt: skip
    assert {c.strategy for c in found.curves} == {"prompt", "few-shot", "lora"}
    assert not found["prompt"].learns
    assert found.gaps == ()
    again = ak.learning_curve(
        classification_task(), strategies, model=tiny_llama(), sizes=(4, 8), seeds=2, limit=4, out=tmp_path,
        leakage="off",
    )  # fmt: skip
    assert [c.points for c in again.curves] == [c.points for c in found.curves]
