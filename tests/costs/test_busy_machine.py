"""How busy others keep the machine while latency is measured: recorded, carried into rows, and said."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from measurements import pairs_of, row
from questions import make_task

import adaptkit as ak
from adaptkit.core.results import Row
from adaptkit.costs import OtherLoad, mean_load
from adaptkit.decision import Evidence, Requirements, recommend_for

SAID = "The machine was busy while latency was measured"


def forged(
    monkeypatch: pytest.MonkeyPatch, *, cores: float, own: float, n_cores: int = 2, **kinds: float
) -> None:
    """A machine on which so many cores are busy, of which this process has ``own``, as time goes on."""
    others = kinds or {"user": 1.0}
    monkeypatch.setattr("os.cpu_count", lambda: n_cores)
    monkeypatch.setattr("time.process_time", lambda: own * time.perf_counter())
    monkeypatch.setattr(
        psutil,
        "cpu_times",
        lambda: SimpleNamespace(**{k: v * cores * time.perf_counter() for k, v in others.items()}),
    )


@pytest.mark.parametrize(
    ("cores", "own", "kinds"),
    [
        (1.8, 0.5, {}),
        (1.8, 0.5, {"user": 0.5, "system": 0.3, "nice": 0.2}),
        (1.8, 0.5, {"user": 0.5, "steal": 0.5}),
    ],
)
def test_what_is_busy_and_not_this_process_is_others(
    monkeypatch: pytest.MonkeyPatch, cores: float, own: float, kinds: dict[str, float]
) -> None:
    forged(monkeypatch, cores=cores, own=own, **kinds)  # type: ignore[arg-type]
    load = OtherLoad()
    time.sleep(0.01)
    assert load.share() == pytest.approx((cores - own) / 2, rel=0.02)


def test_a_system_that_does_not_count_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    forged(monkeypatch, cores=0.0, own=1.0)
    assert OtherLoad().share() is None


def test_too_short_a_time_says_nothing_and_ticks_make_no_negative_load() -> None:
    assert mean_load([(0.9, 0.001)] * 20) is None
    assert mean_load([]) is None
    assert mean_load([(-0.01, 1.0), (0.0, 1.0)]) == 0.0
    assert mean_load([(0.9, 3.0), (0.1, 1.0)]) == pytest.approx(0.7)


@pytest.fixture
def spinning() -> Iterator[None]:
    """Another process at full load."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    other.kill()
    other.wait()


@pytest.mark.usefixtures("spinning")
def test_other_processes_are_seen() -> None:
    time.sleep(0.3)
    load = OtherLoad()
    time.sleep(0.5)
    share = load.share()
    assert share is not None
    assert share > 0.3 / (psutil.cpu_count() or 1)


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: float) -> ak.Comparison:
    """A comparison whose requests take 30 ms, on a machine of two cores with so many busy."""
    forged(monkeypatch, cores=cores, own=0.4)

    def answer(_: object) -> str:
        time.sleep(0.03)
        return "answer"

    model = ak.FakeModel(answer)
    settings = ak.RunSettings(latency_rows=12, usd_per_hour=1.0)
    strategies: list[Any] = [ak.PromptEngineering()]
    return ak.compare(
        strategies,
        make_task(24),
        model=model,
        out=tmp_path,
        settings=settings,
        baselines=False,
        noise_floor=False,
    )


def test_a_busy_machine_is_recorded_and_said_beside_latency_and_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run(tmp_path, monkeypatch, cores=1.7)
    loads = [r.other_load for r in found.records()]
    assert sum(x is not None for x in loads) == 12  # those sent alone
    (measured,) = found.rows
    assert measured.other_load == pytest.approx(0.65, abs=0.02)
    assert (
        json.loads((tmp_path / "comparison.json").read_text())["rows"][0]["other_load"] == measured.other_load
    )
    assert "up to 65 % of its cores occupied (prompt)" in " ".join(str(found).split())
    assert SAID in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count(SAID) >= 2  # at speed and at cost
    again = ak.load_comparison(tmp_path)
    assert again.rows[0].other_load == measured.other_load


def test_an_idle_machine_is_not_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(tmp_path, monkeypatch, cores=0.5)
    assert found.rows[0].other_load == pytest.approx(0.05, abs=0.02)
    assert SAID not in str(found)
    assert SAID not in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("load", "said"), [(None, False), (0.0, False), (0.19, False), (0.2, True), (0.9, True)]
)
def test_a_recommendation_warns_of_it(load: float | None, said: bool) -> None:
    quality = {"prompt": 0.5, "lora": 0.9}
    rows: list[Row] = [row(name, q, other_load=load) for name, q in quality.items()]
    found = recommend_for(
        Evidence(task="intents", rows=tuple(rows), pairs=tuple(pairs_of(quality))), Requirements()
    )
    assert any(SAID in text for text in found.cautions) is said
