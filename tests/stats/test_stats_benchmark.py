"""The benchmark of the statistics: its lines, its planted data, and a short run of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adaptkit.stats import mean_estimate
from benchmarks.stats import __main__ as report
from benchmarks.stats import planted
from benchmarks.stats.line import Effort, Line
from benchmarks.stats.planted import Plant
from benchmarks.stats.simulations import SIMULATIONS


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("low", "high", "passed", "target"),
    [
        (0.93, 0.97, True, "93 % to 97 %"),
        (0.96, None, False, "at least 96 %"),
        (None, 0.94, False, "at most 94 %"),
        (0.95, 0.95, True, "95 % to 95 %"),
        (None, None, None, ""),
    ],
)
def test_a_line_passes_within_its_bounds(
    low: float | None, high: float | None, passed: bool | None, target: str
) -> None:
    line = Line(what="coverage", setting="20 rows", measured=0.95, low=low, high=high, runs=400)
    assert line.passed is passed
    assert line.target == target
    assert line.figure() == "95.0 %"
    assert line.error == pytest.approx((0.95 * 0.05 / 400) ** 0.5)
    assert line.to_json()["passed"] is passed


def test_a_measurement_has_a_unit_and_no_error() -> None:
    line = Line(what="time", setting="", measured=1.234, high=2.0, unit="s")
    assert (line.figure(), line.target, line.error, line.passed) == ("1.23 s", "at most 2 s", None, True)


@pytest.mark.parametrize(
    "plant",
    [
        planted.right_or_wrong,
        planted.token_f1,
        planted.similarity,
        planted.repeats(3),
        planted.graded_repeats(3),
        planted.clusters(uneven=False),
        planted.clusters(uneven=True),
        planted.seeds(4, luck=0.2, graded=False),
        planted.seeds(4, luck=0.2, graded=True),
    ],
)
def test_planted_truths_are_true(plant: Plant) -> None:
    """The mean of many test sets is the mean of their truths, which each draws anew."""
    generator = rng(1)
    drawn = [plant(400, generator) for _ in range(150)]
    gaps = [float(d.scores.row_means.mean()) - d.truth for d in drawn]
    assert abs(np.mean(gaps)) < 4 * np.std(gaps) / len(gaps) ** 0.5
    assert np.std([d.truth for d in drawn]) > 0.02


def test_planted_pairs_differ_by_what_they_say() -> None:
    values = planted.discordant(100_000, 0.05, 0.2, rng())
    assert np.mean(values[:, 0] - values[:, 1]) == pytest.approx(0.05, abs=0.006)
    assert np.mean(values[:, 0] != values[:, 1]) == pytest.approx(0.2, abs=0.006)
    shares = planted.alike_on_most((0.8, 0.6), 100_000, rng()).mean(axis=0)
    assert shares.tolist() == pytest.approx([0.8, 0.6], abs=0.006)


def test_a_bad_method_would_be_seen() -> None:
    """Wilson's interval of all answers, as if repeats were rows, misses the truth in one set of six."""
    generator, held = rng(2), 0
    for _ in range(300):
        drawn = planted.repeats(5)(100, generator)
        e = mean_estimate(drawn.scores.values.ravel().tolist(), rng=generator)
        held += e.low is not None and e.high is not None and e.low <= drawn.truth <= e.high
    assert held / 300 < 0.84


def test_a_short_run_of_all_simulations_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def small(effort: Effort) -> Iterator[Line]:
        yield Line(what="a", setting="b", measured=effort.runs(1000) / 100, low=0.05, runs=effort.runs(1000))
        yield Line(what="c", setting="d", measured=2.0, high=1.0, unit="s", note="slow")

    monkeypatch.setattr(report, "SIMULATIONS", {"small": small})
    path = tmp_path / "results.json"
    assert report.main(["--share", "0.005", "--json", str(path)]) == 1
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [line["passed"] for line in content["lines"]] == [True, False]
    assert content["share_of_runs"] == 0.005
    printed = capsys.readouterr().out
    assert "2 figures, 1 out of bounds" in printed
    assert "FAIL" in printed


def test_an_unknown_simulation_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["--only", "weather"]) == 2
    assert "No simulation 'weather'. Known: coverage" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["coverage", "ties", "early", "break-even", "corpus"])
def test_simulations_run_and_repeat_themselves(name: str) -> None:
    effort = Effort(share=0.0005)
    first = [line.measured for line in SIMULATIONS[name](effort)]
    assert first == [line.measured for line in SIMULATIONS[name](effort)]
    assert len(first) >= 8
    assert first != [line.measured for line in SIMULATIONS[name](Effort(share=0.0005, seed=1))]
