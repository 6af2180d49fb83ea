"""The first metric decides, also where it is no mean over rows: differences, tests and picks are of it.

Fraud is rare. ``prompt`` always says ok and is right more often; ``few-shot`` finds every fraud and has false
alarms, and is far better by each of the metrics here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from planted import Shots, Tuned, Words

import adaptkit as ak
from adaptkit import metrics
from adaptkit.comparison import Comparison, compare
from adaptkit.comparison.verify import verify_folder
from adaptkit.core.errors import ConfigError
from adaptkit.core.types import Request
from adaptkit.metrics import Answer, OfSums
from adaptkit.stats import MARGIN
from adaptkit.studies.robustness.measure import measure_robustness

N = 200
LABELS = ("fraud", "ok")


def kappa(answers: Sequence[Answer], *, lenient: bool = False) -> float | None:
    """Cohen's kappa, as a third party may write it: one call for all answers, undefined for one label."""
    n, agreed = len(answers), sum(a.output == a.example.target for a in answers)
    targets, outputs = (
        Counter(a.example.target for a in answers),
        Counter(a.output for a in answers),
    )
    chance = sum(targets[label] * outputs[label] for label in targets) / n**2
    return None if chance == 1 else (agreed / n - chance) / (1 - chance)


def _recalls(answers: Sequence[Answer], lenient: bool) -> np.ndarray:
    hits = [[(a.example.target == label) * (a.output == label) for label in LABELS] for a in answers]
    return np.hstack([hits, [[a.example.target == label for label in LABELS] for a in answers]])


BALANCED = OfSums(
    parts=_recalls, value=lambda sums: (sums[..., :2] / np.maximum(1, sums[..., 2:])).mean(axis=-1)
)


@pytest.fixture(autouse=True, scope="module")
def _fewer_draws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adaptkit.comparison.scores.N_RESAMPLES", 1_000)
        patch.setattr("adaptkit.comparison.scores._PLAIN_DRAWS", 400)
        yield


@pytest.fixture(autouse=True, scope="module")
def _own_metrics() -> None:
    for name, metric in (("own_kappa", kappa), ("own_balanced", BALANCED)):
        metrics.METRICS.add(name, metrics.get_metric("accuracy"))
        metrics.CORPUS_METRICS.add(name, metric)


def make_task(metric: str, *, clusters: bool = False) -> ak.Task:
    rows = [
        ak.Example(
            id=f"r{i:03}",
            input=f"row {i}",
            target="fraud" if i % 10 == 0 else "ok",
            cluster=f"shop {i // 4}" if clusters else None,
        )
        for i in range(N)
    ]
    return ak.Task(
        name="payments",
        kind="classification",
        instruction="Is it fraud?",
        metrics=(metric, "accuracy"),
        train=(),
        test=tuple(rows),
        labels=LABELS,
    )


def answer(request: Request) -> str:
    name, seed = request.prompt.instruction.split("|")
    number = int(request.prompt.input.split()[1])
    if name == "prompt":
        return "ok"
    alarm = number % 6 == 1 or (name == "lora" and number % (11 + int(seed)) == 3)
    return "fraud" if number % 10 == 0 or alarm else "ok"


def run(folder: Path, task: ak.Task, **options: object) -> Comparison:
    strategies = options.pop("strategies", [Words(), Shots()])
    return compare(strategies, task, model=ak.FakeModel(answer), out=folder, **options)  # type: ignore[arg-type]


METRICS = ("macro_f1", "own_kappa", "own_balanced")


@pytest.mark.parametrize("clusters", [False, True])
@pytest.mark.parametrize("metric", METRICS)
def test_the_first_metric_makes_every_difference_test_and_pick(
    metric: str, clusters: bool, tmp_path: Path
) -> None:
    comparison = run(tmp_path, make_task(metric, clusters=clusters))
    prompt, shots = comparison.rows
    assert prompt.quality is not None
    assert shots.quality is not None
    assert (prompt.metrics["accuracy"] or 0) > (shots.metrics["accuracy"] or 0)
    (pair,) = comparison.pairs
    assert pair.delta == pytest.approx(shots.quality - prompt.quality)
    assert shots.delta == pytest.approx(pair.delta)
    assert 0 < (pair.delta_low or 0) < (pair.delta or 0) < (pair.delta_high or 0)
    assert (pair.verdict, pair.non_inferior) == ("better", True)
    assert (pair.p_value or 1) < 0.02
    assert "permutation test" in pair.test
    assert ("over 50 clusters" in pair.test) is clusters
    assert (pair.gained, pair.lost) == (20, 34)  # rows are counted as rows
    assert (shots.p_best or 0) > 0.99
    assert (shots.quality_low or 1) < shots.quality < (shots.quality_high or 0)
    (said,) = comparison.recommend()
    assert (said.strategy, said.verdict) == ("few-shot", "recommend")
    assert "few-shot" in comparison.report(tmp_path / "again.md").read_text(encoding="utf-8")
    assert verify_folder(tmp_path).differences == ()


@pytest.mark.parametrize("metric", METRICS)
def test_several_seeds_are_a_second_level_of_chance(metric: str, tmp_path: Path) -> None:
    comparison = run(tmp_path, make_task(metric), strategies=[Words(), Tuned()], seeds=3)
    (pair,) = comparison.pairs
    prompt, tuned = comparison.rows
    assert pair.delta == pytest.approx((tuned.quality or 0) - (prompt.quality or 0))
    assert pair.test.startswith("t test over rows and seeds, permutation test")
    assert pair.verdict == "better"
    alone = run(tmp_path / "one", make_task(metric), strategies=[Words(), Tuned()])
    assert alone.pairs[0].test.endswith("1 seed: the luck of training is not covered")


def test_equal_strategies_are_not_told_apart_and_order_changes_nothing(tmp_path: Path) -> None:
    task = make_task("macro_f1")
    one = run(tmp_path / "a", task, strategies=[Words(), Shots(), Tuned()])
    other = run(tmp_path / "b", task, strategies=[Tuned(), Shots(), Words()])
    found = {frozenset((p.strategy, p.baseline)): p for p in one.pairs}
    for pair in other.pairs:
        same = found[frozenset((pair.strategy, pair.baseline))]
        same = same if same.strategy == pair.strategy else same.turned()
        assert pair == replace(same, test=pair.test)
    again = run(tmp_path / "c", task, strategies=[Shots(), Shots(seed=1)])
    assert (again.pairs[0].delta, again.pairs[0].p_value) == (0.0, 1.0)
    assert again.pairs[0].verdict in ("equivalent", "undecided")


def test_a_label_with_next_to_no_rows_leaves_the_interval_blank_and_says_so(tmp_path: Path) -> None:
    task = make_task("macro_f1")
    rows = tuple(e for e in task.test if e.target == "ok" or e.id in ("r000", "r010"))
    comparison = run(tmp_path, replace(task, test=rows))
    (pair,) = comparison.pairs
    assert pair.delta is not None
    assert (pair.delta_low, pair.equivalence_low, pair.detectable, pair.verdict) == (None,) * 3 + (
        "undecided",
    )
    assert "no interval: fraud has 2 of the 3 rows" in pair.test
    assert "fraud has 2" in comparison.result.manifest["interval_method"]["payments"]


def test_diff_and_requirements_are_of_the_metric_that_they_name(tmp_path: Path) -> None:
    task = replace(make_task("macro_f1"), metrics=("accuracy", "macro_f1"))
    plain = run(tmp_path / "plain", task)
    (said,) = plain.recommend(ak.Requirements(metric="macro_f1"))
    assert said.strategy == "few-shot"
    first = run(tmp_path / "first", make_task("macro_f1"), strategies=[Words()])

    def better(request: Request) -> str:
        return answer(replace(request, prompt=replace(request.prompt, instruction="few-shot|0")))

    second = compare([Words()], make_task("macro_f1"), model=ak.FakeModel(better), out=tmp_path / "second")
    (found,) = ak.diff(first, second).tasks
    (row,) = found.strategies
    assert row.pair.delta == pytest.approx((row.second or 0) - (row.first or 0))
    assert row.pair.verdict == "better"


def test_what_a_change_of_inputs_costs_is_of_the_first_metric(tmp_path: Path) -> None:
    task = make_task("macro_f1")
    task = replace(task, test=tuple(replace(e, input=f"Row {e.input[4:]}") for e in task.test))

    def half_without_capitals(request: Request) -> str:
        found = int(request.prompt.input.split()[1])
        return "fraud" if found % (10 if "Row" in request.prompt.input else 20) == 0 else "ok"

    model = ak.FakeModel(half_without_capitals)
    options = {"changes": ("case",), "seeds": 1, "baselines": False, "out": tmp_path}
    plain, changed = measure_robustness(task, [Words()], model, **options).effects  # type: ignore[arg-type]
    assert plain.quality == 1
    assert changed.delta == pytest.approx((changed.quality or 0) - 1)
    assert (changed.high or 0) < 0
    assert "permutation test" in changed.test


@pytest.mark.parametrize("metric", METRICS)
def test_early_stopping_is_refused_before_anything_is_asked(metric: str, tmp_path: Path) -> None:
    asked: list[Request] = []

    def spy(request: Request) -> str:
        asked.append(request)
        return "ok"

    with pytest.raises(ConfigError, match=f"{metric}.*until_decided"):
        compare(
            [Words(), Shots()],
            make_task(metric),
            model=ak.FakeModel(spy),
            out=tmp_path / "run",
            until_decided=True,
        )
    assert not asked
    assert not (tmp_path / "run").exists()


def test_draws_and_costs_rest_on_the_same_metric(tmp_path: Path) -> None:
    comparison = run(tmp_path, make_task("macro_f1"))
    prompt, shots = comparison.rows
    assert [c["quality"] for c in comparison.result.costs] == [prompt.quality, shots.quality]
    assert (shots.quality or 0) - (prompt.quality or 0) > MARGIN


def fails_without_fraud(answers: Sequence[Answer], *, lenient: bool = False) -> float:
    """As a third party may write it: a draw without any fraud divides by nothing."""
    fraud = [a for a in answers if a.example.target == "fraud"]
    return sum(a.output == "fraud" for a in fraud) / len(fraud)


def test_a_metric_that_fails_on_some_draws_loses_no_table(tmp_path: Path) -> None:
    metrics.METRICS.add("own_recall", metrics.get_metric("accuracy"))
    metrics.CORPUS_METRICS.add("own_recall", fails_without_fraud)
    task = make_task("own_recall")
    rare = replace(task, test=(*task.test[:1], *(row for row in task.test[1:] if row.target == "ok")))
    prompt, shots = run(tmp_path, rare).rows
    assert (prompt.quality, shots.quality) == (0.0, 1.0)


def test_a_metric_that_always_fails_is_blank(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(answers: Sequence[Answer], *, lenient: bool = False) -> float:
        raise ZeroDivisionError("no rows")

    metrics.METRICS.add("own_broken", metrics.get_metric("accuracy"))
    metrics.CORPUS_METRICS.add("own_broken", broken)
    task = replace(make_task("macro_f1"), metrics=("macro_f1", "own_broken"))
    comparison = run(tmp_path, task)
    assert [r.metrics["own_broken"] for r in comparison.rows] == [None, None]
    assert None not in [r.quality for r in comparison.rows]
    assert "The metric 'broken' fails on some of the rows ('ZeroDivisionError: no rows')" in caplog.text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "0.5", True])
def test_a_metric_without_a_finite_value_is_undefined(value: float | None, tmp_path: Path) -> None:
    name = f"own_{value}"
    metrics.METRICS.add(name, metrics.get_metric("accuracy"))
    metrics.CORPUS_METRICS.add(name, lambda answers, lenient=False: value)
    comparison = run(tmp_path, make_task(name))
    assert [r.quality for r in comparison.rows] == [None, None]
    assert comparison.pairs[0].delta is None
    assert comparison.recommend()[0].strategy is None
