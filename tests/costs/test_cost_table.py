"""The cost table: figures where they are known, names of what is missing where they are not."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from accounts import MACHINE, billed, measured

from adaptkit.core.codec import canonical_json
from adaptkit.costs import (
    CostAssumptions,
    CostRow,
    MachinePrice,
    MeasuredCost,
    ModelPrice,
    Spent,
    cost_notes,
    cost_rows,
    fixed_usd_per_hour,
)

SLOW = {str(i): 1.0 + 0.1 * (i % 10) for i in range(40)}
QUICK = {i: s / 2 for i, s in SLOW.items()}


def rows(
    *facts: MeasuredCost,
    baseline: str | None = "plain",
    machine: MachinePrice | None = MACHINE,
    **assumed: Any,
) -> list[CostRow]:
    rng = np.random.default_rng(0)
    return cost_rows(facts, CostAssumptions(**assumed), baseline=baseline, machine=machine, rng=rng)


PLAIN = measured(machine_s=SLOW)
LORA = measured(strategy="lora", quality=0.8, n_labels=100, machine_s=QUICK, training=Spent(seconds=3600))


def test_every_figure_of_a_row() -> None:
    plain, lora = rows(
        PLAIN,
        LORA,
        requests_per_month=(1000, 2000),
        minutes_per_label=1,
        usd_per_hour_of_labelling=30,
        usd_per_success=0.1,
        usd_per_failure=0.2,
        n_retrain_per_month=0.5,
        utilisation=0.5,
        utilisations=(0.5, 1),
    )
    assert (plain.strategy, lora.strategy) == ("plain", "lora")
    assert lora.fixed_usd == pytest.approx(50 + 3.6)
    assert lora.monthly_usd == pytest.approx(1.8)
    assert list(lora.utilisations) == [0.5, 1.0]
    assert lora.usd_per_1k_requests == pytest.approx((1.45, 0.725))
    assert plain.usd_per_1k_requests == pytest.approx((2.9, 1.45))
    assert lora.usd_per_1k_uncached == pytest.approx(1.45)
    assert lora.tco_low_usd == pytest.approx(53.6 + 12 * (1.8 + 1.45))
    assert lora.tco_high_usd == pytest.approx(53.6 + 12 * (1.8 + 2.9))
    assert lora.usd_per_correct == pytest.approx(0.00145 / 0.8)
    assert lora.utility_usd == pytest.approx(0.08 - 0.04 - 0.00145)
    assert (lora.quality, lora.blank, plain.blank) == (0.8, {}, {})
    assert {t.name: t.usd for t in lora.fixed}["labels"] == 50
    assert [t.name for t in lora.monthly] == ["hosting", "retraining", "re-indexing", "maintenance"]
    assert plain.break_even is None
    assert lora.break_even is not None
    assert lora.break_even.kind == "from"
    assert lora.break_even.requests == pytest.approx((53.6 / 12 + 1.8) / 0.00145)
    assert lora.break_even.certain


def test_one_number_of_requests_gives_one_total() -> None:
    (plain,) = rows(PLAIN, requests_per_month=500)
    assert plain.tco_low_usd == plain.tco_high_usd == pytest.approx(12 * 500 * 0.00145 / 0.3)


def test_a_blank_figure_says_which_term_is_unknown() -> None:
    plain, lora = rows(PLAIN, LORA)
    labels = "labels: minutes_per_label and usd_per_hour_of_labelling are not given"
    volume = "volume: requests_per_month is not given"
    assert lora.fixed_usd is None
    assert lora.blank == {
        "fixed_usd": labels,
        "tco_low_usd": f"{labels}; {volume}",
        "tco_high_usd": f"{labels}; {volume}",
        "utility_usd": "usd_per_success and usd_per_failure are not given",
        "break_even": f"lora: {labels}",
    }
    assert lora.break_even is not None
    assert lora.break_even.kind == "unknown"
    assert plain.blank.keys() == {"tco_low_usd", "tco_high_usd", "utility_usd"}
    assert lora.monthly_usd == 0.0
    assert lora.usd_per_correct == pytest.approx(0.000725 / 0.3 / 0.8)


def test_an_unknown_price_is_blank_everywhere_and_never_0() -> None:
    both = rows(
        PLAIN,
        LORA,
        machine=None,
        n_labels=0,
        requests_per_month=5,
        usd_per_success=1,
        usd_per_failure=1,
        machine_hours_per_month=1,
    )
    why = "no price is known for the machine"
    for row in both:
        figures = (row.monthly_usd, row.usd_per_1k_uncached, row.tco_low_usd, row.tco_high_usd)
        assert (*figures, row.usd_per_correct, row.utility_usd) == (None,) * 6
        assert row.usd_per_1k_requests == (None,) * 3
        assert all(why in reason for reason in row.blank.values())
        assert row.blank.keys() >= {
            "monthly_usd",
            "usd_per_1k_requests",
            "usd_per_1k_uncached",
            "usd_per_correct",
        }
    assert both[1].fixed_usd is None
    assert json.loads(canonical_json(both[1]))["fixed_usd"] is None


def test_rows_without_a_baseline_have_no_break_even() -> None:
    assert [r.break_even for r in rows(PLAIN, LORA, baseline=None)] == [None, None]
    assert [r.break_even for r in rows(PLAIN, LORA, baseline="rag")] == [None, None]


def test_a_known_break_even_of_any_kind_leaves_nothing_to_explain() -> None:
    dear = {str(i): 0.002 + 0.0001 * i for i in range(9)}
    cheap = {i: c / 2 for i, c in dear.items()}
    hosted = Spent(seconds=0, billed_usd=5.0)
    low, high = billed(dear, strategy="dear"), billed(cheap, strategy="cheap", training=hosted)
    for first, second, kind in ((low, high, "from"), (high, low, "up to")):
        row = rows(first, second, baseline=first.strategy, machine=None)[1]
        assert row.break_even is not None
        assert row.break_even.kind == kind
        assert "break_even" not in row.blank


def test_a_providers_cache_is_shown_with_and_without() -> None:
    (row,) = rows(billed({"a": 0.002, "b": 0.004}), machine=None)
    assert row.usd_per_1k_requests == pytest.approx((3, 3, 3))
    assert row.usd_per_1k_uncached == pytest.approx(6)


def test_the_order_of_strategies_changes_nothing_but_resampling() -> None:
    forth, back = rows(PLAIN, LORA, n_labels=0), rows(LORA, PLAIN, n_labels=0)
    assert forth[0] == back[1]
    assert forth[1] == back[0]


def test_notes() -> None:
    model = ModelPrice(input=1.0, label="m (example price)", source="a page", date="2026-01")
    machine = fixed_usd_per_hour(2.0)
    notes = cost_notes(CostAssumptions(), machine=machine, model=model, today=date(2026, 12, 1))
    assert set(CostAssumptions().described()) <= set(notes)
    assert "Price of fixed price. Source: given by the user." in notes
    assert "Price of m (example price), as of 2026-01. Source: a page." in notes
    assert "The price of m (example price) is 334 days old: check it before relying on USD." in notes
    assert any("taken as exact" in n for n in notes)
    assert not any("Answering pays" in n for n in notes)
    fresh = cost_notes(CostAssumptions(), machine=machine, model=model, today=date(2026, 2, 1))
    assert not any("days old" in n for n in fresh)
    bare = cost_notes(
        CostAssumptions(usd_per_success=20, usd_per_failure=88),
        machine=None,
        model=None,
        today=date(2026, 2, 1),
    )
    assert not any(n.startswith("Price of") for n in bare)
    assert bare[-1] == "Answering pays from 81.5 % right answers on, what requests cost not counted."
    for stakes in (
        {"usd_per_success": 0, "usd_per_failure": 0},
        {"usd_per_success": 1},
        {"usd_per_failure": 1},
    ):
        silent = CostAssumptions(**stakes)  # type: ignore[arg-type]
        assert not any(
            "Answering" in n for n in cost_notes(silent, machine=None, model=None, today=date(2026, 2, 1))
        )
