"""Plots of a comparison that really ran, from its folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from planted import Shots, Words, chance, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, RunSettings, compare
from adaptkit.costs import CostAssumptions
from adaptkit.report.plots import PLOTS

HOSTED = CostAssumptions(hosting_usd_per_month=50, requests_per_month=1000, horizon_months=6)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    model = planted_model(lambda name, seed, row: chance(name, row) < 0.6)
    return compare(
        [Words(), Shots()],
        make_task(12),
        model=model,
        out=tmp_path_factory.mktemp("run"),
        settings=RunSettings(usd_per_hour=1.0, latency_rows=8),
    )


@pytest.mark.parametrize("kind", PLOTS.names())
def test_every_kind_is_drawn_and_written(kind: str, comparison: Comparison, tmp_path: Path) -> None:
    figure = comparison.plot(kind, path=tmp_path / f"{kind}.svg", assumptions=HOSTED)
    assert (tmp_path / f"{kind}.svg").stat().st_size > 2000
    assert bool(figure.axes) == (kind != "learning-curve")


def test_the_plain_call_draws_quality(comparison: Comparison) -> None:
    assert [a.get_xlabel() for a in comparison.plot().axes] == [
        a.get_xlabel() for a in comparison.plot("quality").axes
    ]


def test_costs_follow_the_assumptions_that_are_given(comparison: Comparison) -> None:
    (axes,) = comparison.plot("cost", assumptions=HOSTED).axes
    assert {"prompt", "few-shot"} <= {str(line.get_label()) for line in axes.lines}
    assert axes.get_ylabel() == "USD in 6 months (log)"
    assert cheapest(axes) >= 300
    (axes,) = comparison.plot("cost").axes
    assert cheapest(axes) < 300


def cheapest(axes: Axes) -> float:
    return min(float(np.asarray(line.get_ydata())[0]) for line in axes.lines)


def test_answers_and_latencies_are_those_of_the_records(comparison: Comparison) -> None:
    (axes,) = comparison.plot("latency").axes
    records = comparison.records()
    alone = sorted(r.latency_s for r in records if r.latency_s is not None and r.strategy == "prompt")
    assert sorted(np.asarray(axes.lines[0].get_xdata())) == alone
    (axes,) = comparison.plot("breakdown").axes
    right = [bar.get_width() for bar in axes.patches if bar.get_x() == 0]  # type: ignore[attr-defined]
    assert right == pytest.approx([row.quality for row in comparison.rows])


def test_without_several_sizes_the_learning_curve_says_how_to_get_one(comparison: Comparison) -> None:
    figure = comparison.plot("learning-curve")
    (text,) = figure.texts
    assert "No task was run with a number of train rows" in text.get_text()


def test_a_comparison_of_several_sizes_has_a_learning_curve(tmp_path: Path) -> None:
    task = make_task(12, n_train=16)
    cut = [task.with_train(n, seed=0) for n in (4, 8, 16)]
    made = ak.compare([Shots()], cut, model=planted_model(lambda *_: True), out=tmp_path)
    (axes,) = made.plot("learning-curve").axes
    assert axes.get_xscale() == "log"
    assert axes.get_title(loc="left") == "questions"


def test_a_wrong_name_writes_nothing(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(ak.errors.UnknownNameError, match="kind of plot 'qualty'"):
        comparison.plot("qualty")
    with pytest.raises(ak.errors.ConfigError, match=r"ends in \.png"):
        comparison.plot(path=tmp_path / "plot.gif")
    assert not list(tmp_path.iterdir())
