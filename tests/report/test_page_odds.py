"""How sure a choice is under other settings, as the page tells it from its share of the draws."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from random import Random
from typing import Any

import evidence_sets
import numpy as np
import pytest
from node import called
from test_page_what_if import Settings, drawn_settings, stated, under

from adaptkit.core.codec import to_json
from adaptkit.costs import CostAssumptions, fixed_usd_per_hour, strategy_costs
from adaptkit.decision import Evidence, recommend_for
from adaptkit.report.draws import N_DRAWS, cost_spread, draws_data
from adaptkit.report.findings import PageData
from adaptkit.report.parts import RULES, source
from adaptkit.report.what_if import what_if_data
from adaptkit.stats import Gaps

ODDS = "(task, settings) => oddsOf(task, settings, judge(task, settings))"
ERROR = """(task, settings) => task.measured.map((m) =>
  requestErrorUsd(m.spread, assumptionsUnder(task, settings), settings.usd_per_hour))"""
N_RESAMPLES = 10_000


def with_draws(evidence: Evidence, seed: int) -> Evidence:
    """The same with rows drawn again: differences as sums of rows, so that ties occur."""
    rng = np.random.default_rng(seed)
    rows = [r for r in evidence.rows if r.quality is not None and r.n]
    n = max(r.n for r in rows)
    right = np.column_stack([rng.binomial(n, r.quality or 0.0, size=N_RESAMPLES) for r in rows]) / n
    gaps = right - right[:, :1]
    if seed % 7 == 0:
        gaps[:, -1] = np.nan
    return replace(evidence, gaps=Gaps(tuple(r.strategy for r in rows), gaps))


def payload(evidence: Evidence) -> dict[str, Any]:
    found = what_if_data(PageData(evidence=evidence))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cases() -> list[tuple[Evidence, Settings]]:
    rng = Random(11)
    sets = [
        *(with_draws(evidence_sets.drawn(s), s) for s in range(40)),
        *map(with_draws, evidence_sets.worked(), (1, 2, 3)),
    ]
    worth = {"usd_per_success": 0.01, "usd_per_failure": 0.002}
    found = [(e, drawn_settings(e, rng)) for e in sets for _ in range(4)]
    return [*found, *((e, {**stated(e), **worth}) for e in sets)]


def test_the_page_is_as_sure_as_the_library(cases: list[tuple[Evidence, Settings]]) -> None:
    asked = [[payload(e), to_json(s)] for e, s in cases]
    found = called(source(*RULES), ODDS, asked)
    off, weighed = [], 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("adaptkit.decision.recommend"), "turning_points", lambda *_: ())
        for ours, (evidence, settings) in zip(found, cases, strict=True):
            theirs = recommend_for(*under(evidence, settings))
            assert (ours is None) == (theirs.p_near_best is None), settings
            if ours is None or theirs.p_near_best is None or theirs.p_best is None:
                continue
            off += [ours["near"] - theirs.p_near_best, ours["best"] - theirs.p_best]
            weighed += settings["usd_per_success"] is not None
    assert len(off) > 200
    assert weighed > 50
    # 2,000 of 10,000 draws: a standard error of 1.0 points at most.
    assert np.abs(off).max() < 0.045
    assert abs(np.mean(off)) < 0.003


def test_how_far_a_mean_cost_may_be_off_follows_the_price(cases: list[tuple[Evidence, Settings]]) -> None:
    found = called(source(*RULES), ERROR, [[payload(e), to_json(s)] for e, s in cases])
    n = 0
    for ours, (evidence, settings) in zip(found, cases, strict=True):
        asked, _ = under(evidence, settings)
        if asked.assumptions.by_strategy:
            continue
        for error, m in zip(ours, asked.measured, strict=True):
            samples = np.array(list((asked.costs[m.strategy].samples or {}).values()))
            if len(samples) > 1:
                assert error == pytest.approx(samples.std(ddof=1) / len(samples) ** 0.5, rel=1e-9)
                n += 1
    assert n > 200


def test_draws_take_few_bytes_and_say_where_nothing_was_drawn() -> None:
    values = np.full((N_DRAWS + 5, 3), 0.25)
    values[0] = [0.0, np.nan, -2.0]
    found = draws_data(Gaps(("a", "b", "c"), values))
    assert found is not None
    back = called(
        source(*RULES), "(task) => [...drawsOf(task)].map(([n, d]) => [n, [...d]])", [[{"draws": found}]]
    )
    drawn = dict(back[0])
    assert {name: len(d) for name, d in drawn.items()} == dict.fromkeys("abc", N_DRAWS)
    assert [drawn[s][0] for s in "abc"] == [0, -(2**15), -20_000]
    assert found["step"] * drawn["a"][1] == pytest.approx(0.25)
    assert len(found["values"]) == 4 * N_DRAWS * 2 * 3 / 3


def test_differences_beyond_what_two_bytes_hold_are_told_coarser() -> None:
    found = draws_data(Gaps(("a", "b"), np.array([[0.0, 65.0], [0.0, -65.0]])))
    assert found is not None
    assert found["step"] == pytest.approx(65 / (2**15 - 1))


def test_nothing_drawn_nothing_said() -> None:
    assert draws_data(None) is None
    assert draws_data(Gaps(("a",), np.zeros((0, 1)))) is None


def test_a_machine_paid_by_the_month_adds_no_spread() -> None:
    (m, *_) = (m for e in evidence_sets.worked() for m in e.measured if m.machine_s and len(m.machine_s) > 2)
    by_hour = cost_spread(m, CostAssumptions())
    assert by_hour is not None
    samples = strategy_costs(m, CostAssumptions(utilisation=1.0), machine=fixed_usd_per_hour(3600.0)).samples
    assert by_hour["machine"] == pytest.approx(np.var(list((samples or {}).values()), ddof=1))
    assert cost_spread(m, CostAssumptions(machine_hours_per_month=730.0)) is None
