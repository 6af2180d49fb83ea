"""The what-if of the page says what the library says: the page's own functions, run under Node."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from importlib import import_module
from random import Random
from typing import Any

import evidence_sets
import numpy as np
import pytest
from node import called

from adaptkit.comparison.page import every_saving, saving_bands
from adaptkit.comparison.pairs import RESAMPLING_SEED
from adaptkit.core.codec import to_json
from adaptkit.costs import cost_rows, fixed_usd_per_hour
from adaptkit.decision import Evidence, Recommendation, Requirements, recommend_for
from adaptkit.decision.decide import judge
from adaptkit.decision.limits import usd_per_1k, usd_per_month
from adaptkit.decision.turning_points import TurningPoint, _grid
from adaptkit.report.findings import PageData
from adaptkit.report.parts import RULES, source
from adaptkit.report.what_if import what_if_data

N_SETTINGS = 1000
ASSUMED = (
    "requests_per_month", "horizon_months", "utilisation", "minutes_per_label", "usd_per_hour_of_labelling",
    "n_retrain_per_month", "usd_per_success", "usd_per_failure",
)  # fmt: skip
REQUIRED = (
    "max_p95_s",
    "max_first_token_s",
    "max_usd_per_1k",
    "max_usd_per_month",
    "target_quality",
    "margin",
)
Settings = dict[str, Any]

SAY = """(given, settings, reference) => {
  const task = { ...given, baseline: reference };
  const j = judge(task, settings);
  const costs = [...j.costs.values()].map((c) => ({
    strategy: c.strategy, fixed: c.fixed, monthly: c.monthly, once: c.once, each_month: c.eachMonth,
    request: c.request, marginal: c.marginal, per_correct: usdPerCorrect(c), utility: utilityUsd(c),
    totals: (volumesOf(c.assumptions).length ? volumesOf(c.assumptions) : [null]).map((v) => totalUsd(c, v)),
    per_month: usdPerMonth(c), per_1k: usdPer1k({}, c),
  }));
  return {
    verdict: j.verdict, strategy: j.strategy, named: j.named, margin: j.margin,
    tied: j.choice ? j.choice.tied.map((c) => c.strategy) : [],
    front: j.choice ? j.choice.front.map((c) => c.strategy) : [],
    rows_needed: j.choice ? j.choice.rowsNeeded : null,
    excluded: j.excluded.map((e) => [e.strategy, e.requirement]),
    costs,
    break_even: Object.fromEntries(breakEvens(task, settings, j.costs)),
  };
}"""


def stated(evidence: Evidence) -> Settings:
    """The settings of the run, as the page starts with."""
    a = evidence.assumptions
    price = None if evidence.machine is None else evidence.machine.usd_per_hour
    return {**{n: getattr(a, n) for n in ASSUMED}, **dict.fromkeys(REQUIRED), "usd_per_hour": price}


def drawn_settings(evidence: Evidence, rng: Random) -> Settings:
    found = stated(evidence)
    choices: dict[str, Any] = {
        "requests_per_month": [None, (100.0, 1e6), *(10 ** rng.uniform(0, 8) for _ in range(6))],
        "horizon_months": [None, 1.0, 12.0, 36.0],
        "utilisation": [0.1, 0.3, 1.0, rng.uniform(0.01, 1)],
        "minutes_per_label": [None, 0.0, 0.5, 3.0],
        "usd_per_hour_of_labelling": [None, 10.0, rng.uniform(1, 200)],
        "n_retrain_per_month": [0.0, 1.0, rng.uniform(0, 10)],
        "usd_per_success": [None, 0.0, 10 ** rng.uniform(-5, 2)],
        "usd_per_failure": [None, 10 ** rng.uniform(-5, 2)],
        "usd_per_hour": [10 ** rng.uniform(-3, 2)] if found["usd_per_hour"] is not None else [None],
        "max_p95_s": [None, None, rng.random(), 0.5],
        "max_first_token_s": [None, None, None, rng.random()],
        "max_usd_per_1k": [None, None, None, 10 ** rng.uniform(-2, 2)],
        "max_usd_per_month": [None, None, None, 10 ** rng.uniform(0, 4)],
        "target_quality": [None, None, rng.uniform(0.2, 1)],
        "margin": [None, None, 0.02, rng.uniform(0.001, 0.3)],
    }
    for name, values in choices.items():
        if rng.random() < 0.6:
            found[name] = rng.choice(values)
    return found


def under(evidence: Evidence, settings: Settings) -> tuple[Evidence, Requirements]:
    """The library's arguments for the same settings."""
    assumed = replace(evidence.assumptions, **{n: settings[n] for n in ASSUMED})
    price = settings["usd_per_hour"]
    machine = None if price is None else fixed_usd_per_hour(price)
    required = Requirements(**{n: settings[n] for n in REQUIRED})
    return replace(evidence, assumptions=assumed, machine=machine), required


def payload(evidence: Evidence) -> dict[str, Any]:
    found = what_if_data(PageData(evidence=evidence, baseline=baseline(evidence), savings=bands(evidence)))
    assert found is not None
    return found


def baseline(evidence: Evidence) -> str | None:
    return next((m.strategy for m in evidence.measured), None)


def bands(evidence: Evidence) -> dict[str, Any]:
    return {m.strategy: saving_bands(evidence.measured, m.strategy) for m in evidence.measured}


def reference(evidence: Evidence, n: int) -> str | None:
    """Each of the strategies in turn as the one that break-evens refer to."""
    return evidence.measured[n % len(evidence.measured)].strategy if evidence.measured else None


def same(a: float | None, b: float | None) -> bool:
    """Equal to a billionth, and to the cent however large."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) and abs(a - b) < 0.005


SETS = evidence_sets.every()


@pytest.fixture(scope="module")
def payloads() -> list[dict[str, Any]]:
    return [payload(e) for e in SETS]


@pytest.fixture(scope="module")
def cases() -> list[tuple[Evidence, Settings]]:
    rng = Random(20_260_101)
    return [(e, drawn_settings(e, rng)) for e in (SETS[i % len(SETS)] for i in range(N_SETTINGS))]


@pytest.fixture(scope="module")
def said(payloads: list[dict[str, Any]], cases: list[tuple[Evidence, Settings]]) -> list[dict[str, Any]]:
    asked = [
        [payloads[i % len(SETS)], to_json(s), reference(e, i // len(SETS))] for i, (e, s) in enumerate(cases)
    ]
    return called(source(*RULES), SAY, asked)


@pytest.fixture(scope="module")
def recommended(cases: list[tuple[Evidence, Settings]]) -> list[Recommendation]:
    with pytest.MonkeyPatch.context() as patch:
        # They have a test of their own, and each asks for some hundred choices.
        patch.setattr(import_module("adaptkit.decision.recommend"), "turning_points", lambda *_: ())
        return [recommend_for(*under(e, s)) for e, s in cases]


def test_the_same_strategy_and_verdict(said: list[dict[str, Any]], recommended: list[Recommendation]) -> None:
    for ours, theirs in zip(said, recommended, strict=True):
        assert (ours["verdict"], ours["strategy"], ours["named"]) == (
            theirs.verdict, theirs.strategy, theirs.named,
        )  # fmt: skip
        assert ours["rows_needed"] == theirs.rows_needed
        assert tuple(ours["front"]) == theirs.front
        assert ours["excluded"] == [[e.strategy, e.requirement] for e in theirs.excluded]
        if theirs.named is not None:
            assert tuple(ours["tied"]) == theirs.tied


def test_the_settings_are_of_every_kind(recommended: list[Recommendation]) -> None:
    """A parity of one verdict on one strategy would show nothing."""
    assert {r.verdict for r in recommended} == {"recommend", "equivalent", "undecided", "none"}
    assert len({r.named for r in recommended}) >= 7
    assert sum(bool(r.excluded) for r in recommended) > 100
    for requirement in ("target_quality", *REQUIRED[:4]):
        assert any(e.requirement == requirement for r in recommended for e in r.excluded)


def test_the_same_costs_to_the_cent(
    cases: list[tuple[Evidence, Settings]], said: list[dict[str, Any]]
) -> None:
    n_known = 0
    for (evidence, settings), ours in zip(cases, said, strict=True):
        asked, _ = under(evidence, settings)
        assert [c["strategy"] for c in ours["costs"]] == list(asked.costs)
        for found, cost in zip(ours["costs"], asked.costs.values(), strict=True):
            volumes = cost.assumptions.volumes or (None,)
            figures = {
                "once": cost.once.usd,
                "each_month": cost.each_month.usd,
                "request": cost.request.usd,
                "marginal": cost.marginal.usd,
                "per_correct": cost.per_correct.usd,
                "utility": cost.utility.usd,
                "per_1k": usd_per_1k(evidence.rows[0], cost),
                "per_month": usd_per_month(evidence.rows[0], cost),
            }
            for name, usd in figures.items():
                assert same(found[name], usd), (name, found[name], usd)
            totals = [cost.total(v).usd for v in volumes]
            assert all(map(same, found["totals"], totals)), (found["totals"], totals)
            assert all(map(same, found["fixed"].values(), [t.usd for t in cost.fixed]))
            assert all(map(same, found["monthly"].values(), [t.usd for t in cost.monthly]))
            n_known += totals[0] is not None
    assert n_known > 500


def test_the_same_break_evens_with_their_intervals(
    cases: list[tuple[Evidence, Settings]], said: list[dict[str, Any]]
) -> None:
    n_numbers = n_intervals = 0
    referred = set()
    for i, ((evidence, settings), ours) in list(enumerate(zip(cases, said, strict=True)))[::2]:
        asked, _ = under(evidence, settings)
        rows = cost_rows(
            asked.measured,
            asked.assumptions,
            baseline=reference(evidence, i // len(SETS)),
            machine=asked.machine,
            rng=np.random.default_rng(RESAMPLING_SEED),
        )
        known = all(r.break_even is None or r.break_even.kind != "unknown" for r in rows)
        for row in rows:
            if row.break_even is None:
                assert row.strategy not in ours["break_even"]
                continue
            found, theirs = ours["break_even"][row.strategy], row.break_even
            assert (found["kind"], found["monthly"]) == (
                theirs.kind,
                theirs.monthly,
            ) or theirs.kind == "unknown"
            assert same(found["requests"], theirs.requests)
            n_numbers += theirs.requests is not None
            # Draws follow each other: one that is not made, because a cost is unknown, moves the next ones.
            if known and found["certain"] is not None:
                assert found["certain"] == theirs.certain
                assert same(found["low"], theirs.low), (found, theirs)
                assert same(found["high"], theirs.high)
                n_intervals += theirs.certain is not None
                referred.add(reference(evidence, i // len(SETS)))
    assert n_numbers > 50
    assert n_intervals > 50
    assert len(referred) > 4


def test_bands_against_any_strategy_are_nearly_those_of_the_cost_table() -> None:
    off = []
    for evidence in SETS:
        found = every_saving(evidence.measured, baseline(evidence))
        exact = bands(evidence)
        assert found.keys() == exact.keys()
        if found:
            assert found[baseline(evidence) or ""] == exact[baseline(evidence) or ""]
        for other, own in exact.items():
            assert found[other].keys() == own.keys()
            for strategy, band in own.items():
                near = found[other][strategy]
                assert near.unit == band.unit
                off += [near.low / band.low - 1, near.high / band.high - 1]
    assert len(off) > 200
    # A quantile of 2,000 draws; a few are of requests of which one is far out.
    assert np.mean(np.abs(off)) < 0.05
    assert np.abs(off).max() < 0.3


# What would change it.

TURNS = "(task, settings) => turningPoints(task, settings)"
NAMED = "(task, settings) => judge(task, settings).named"
# Worked ones whose costs decide, a few drawn ones, and a stored table.
TURNING_SETS = [*range(-3, 0), *range(0, 20, 4), 60]


def turning_cases() -> list[tuple[int, Settings]]:
    rng = Random(7)
    run = [(i, stated(SETS[i])) for i in TURNING_SETS]
    # Little more and little less than the number from which training pays.
    busy = [(-3, {**stated(SETS[-3]), "requests_per_month": v}) for v in (500.0, 5000.0)]
    valued = [(i, {**stated(SETS[i]), "usd_per_success": 0.05}) for i in TURNING_SETS[:3]]
    target = [(-2, {**stated(SETS[-2]), "target_quality": 0.8, "max_p95_s": 0.5, "usd_per_failure": 0.01})]
    return [*run, *busy, *valued, *target, *((i, drawn_settings(SETS[i], rng)) for i in (1, 3, 5))]


@pytest.fixture(scope="module")
def turns() -> list[tuple[int, Settings, tuple[TurningPoint, ...]]]:
    return [(i, s, recommend_for(*under(SETS[i], s)).would_change) for i, s in turning_cases()]


def test_the_same_turning_points(
    payloads: list[dict[str, Any]], turns: list[tuple[int, Settings, tuple[TurningPoint, ...]]]
) -> None:
    found = called(source(*RULES), TURNS, [[payloads[i], to_json(s)] for i, s, _ in turns])
    for ours, (_, _, theirs) in zip(found, turns, strict=True):
        assert [(p["name"], p["above"], p["strategy"]) for p in ours] == [
            (p.name, p.above, p.strategy) for p in theirs
        ]
        for mine, other in zip(ours, theirs, strict=True):
            for name in ("now", "at", "low", "high"):
                assert same(mine[name], getattr(other, name)), (mine, other)
            assert mine["words"] == other.words


@pytest.mark.parametrize(("start", "end"), [(0.0, 1e4), (0.003, 1e4), (5.0, 1e4), (5.0, 0.013), (0.0, 0.0)])
def test_looking_for_a_turn_ends_wherever_it_begins(start: float, end: float) -> None:
    """Equal ratios lead nowhere from 0, such as from labels that cost nothing."""
    steps = list(itertools.islice(_grid(start, end, 0.013), 5000))
    assert len(steps) < 5000
    assert steps[-1:] == ([end] if start != end else [])
    (ours,) = called(source(*RULES), "grid", [[start, end, 0.013]])
    assert ours == pytest.approx(steps)


def test_the_page_changes_where_the_library_does(
    payloads: list[dict[str, Any]], turns: list[tuple[int, Settings, tuple[TurningPoint, ...]]]
) -> None:
    asked = [
        (i, {**settings, p.name: p.at * (1 + side * 1e-6)}, p, side)
        for i, settings, points in turns
        for p in points
        if p.at is not None
        for side in (-1, 1)
        if not (p.name in ("utilisation", "target_quality") and p.at * (1 + side * 1e-6) > 1)
    ]
    named = called(source(*RULES), NAMED, [[payloads[i], to_json(s)] for i, s, _, _ in asked])
    beyond = 0
    for ours, (i, settings, point, side) in zip(named, asked, strict=True):
        theirs = judge(*under(SETS[i], settings)).named
        assert ours == theirs, point
        if (side > 0) is point.above:
            assert ours == point.strategy
            beyond += 1
        else:
            assert ours != point.strategy
    assert beyond > 30
    names = {p.name for _, _, p, _ in asked}
    assert len(names) >= 8, names
