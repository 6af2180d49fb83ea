"""The account of one strategy: every term, their sums, and what is told where one is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from accounts import MACHINE, billed, measured
from hypothesis import given
from hypothesis import strategies as st

from adaptkit.core.errors import ConfigError
from adaptkit.costs import (
    NOTHING,
    CostAssumptions,
    MeasuredCost,
    Spent,
    StrategyCosts,
    Term,
    TokenBills,
    fixed_usd_per_hour,
    hosting_usd_per_month,
    machine_s_per_request,
    machine_usd_per_request,
    mean_by_example,
    spared_s,
    split_fit,
    strategy_costs,
    total_usd,
)
from adaptkit.costs.cost.terms import total

ACTIVITIES = ("training", "tuning", "failed", "index", "evaluation")


def costs(m: MeasuredCost, machine: Any = MACHINE, **assumed: Any) -> StrategyCosts:
    return strategy_costs(m, CostAssumptions(**assumed), machine=machine)


def named(terms: tuple[Term, ...]) -> dict[str, float | None]:
    return {t.name: t.usd for t in terms}


def approx(usd: float) -> Any:
    return pytest.approx(usd, rel=1e-12)


def test_a_machine_is_paid_for_its_idle_time_too() -> None:
    price = fixed_usd_per_hour(3.6)
    assert machine_usd_per_request(2.0, price) == approx(0.002)
    assert machine_usd_per_request(2.0, price, 0.1) == approx(0.02)
    assert machine_usd_per_request(None, price, 0.1) is None
    assert machine_usd_per_request(2.0, None, 0.1) is None
    assert machine_usd_per_request(2.0, fixed_usd_per_hour(0.0)) == 0.0
    for bad in (0.0, -0.1, 1.1):
        with pytest.raises(ConfigError) as caught:
            machine_usd_per_request(2.0, price, bad)
        assert str(caught.value) == (
            "The 'utilisation' parameter of machine_usd_per_request() must be above 0 and at most 1. "
            f"Got {bad} instead."
        )


def test_batched_runs_tell_more_of_a_machine_than_requests_sent_alone() -> None:
    assert machine_s_per_request([1.0, 3.0], 5.0) == 0.2
    assert machine_s_per_request([1.0, 3.0], None) == 2.0
    assert machine_s_per_request([], 5.0) == 0.2
    assert machine_s_per_request([], None) is None


def test_hosting_a_machine() -> None:
    assert hosting_usd_per_month(fixed_usd_per_hour(2.0)) == approx(1460)
    assert hosting_usd_per_month(fixed_usd_per_hour(2.0), 100) == approx(200)
    assert hosting_usd_per_month(None) is None


def test_what_is_paid_once() -> None:
    m = measured(
        n_labels=60,
        tuning=Spent(seconds=1000),
        failed=Spent(seconds=500),
        training=Spent(seconds=2000, billed_usd=1.35),
        index=Spent(seconds=100),
        evaluation=Spent(seconds=0, billed_usd=0.5),
    )
    found = costs(m, minutes_per_label=2, usd_per_hour_of_labelling=30)
    assert named(found.fixed) == {
        "labels": approx(60),
        "tuning": approx(1.0),
        "failed trials": approx(0.5),
        "training": approx(3.35),
        "index": approx(0.1),
        "evaluation": approx(0.5),
    }
    assert found.once == Term(name="once", usd=approx(65.45))


@pytest.mark.parametrize(
    ("used", "assumed", "usd"),
    [
        (10, None, 20.0),
        (10, 3, 6.0),
        (10, 0, 0.0),
        (0, 3, 0.0),
        (0, None, 0.0),
        (None, 3, 6.0),
        (None, None, None),
    ],
)
def test_labels(used: int | None, assumed: int | None, usd: float | None) -> None:
    found = costs(
        measured(n_labels=used), n_labels=assumed, minutes_per_label=4, usd_per_hour_of_labelling=30
    )
    why = None if usd is not None else "their number is not known"
    assert found.fixed[0] == Term(name="labels", usd=usd, unknown=why)


def test_labels_of_unknown_price() -> None:
    def unknown(**assumed: float) -> str | None:
        return costs(measured(n_labels=1), **assumed).fixed[0].unknown

    assert unknown() == "minutes_per_label and usd_per_hour_of_labelling are not given"
    assert unknown(minutes_per_label=1) == "usd_per_hour_of_labelling is not given"
    assert unknown(usd_per_hour_of_labelling=1) == "minutes_per_label is not given"


def test_what_is_paid_each_month() -> None:
    m = measured(training=Spent(seconds=2000), index=Spent(seconds=1000))
    found = costs(
        m,
        hosting_usd_per_month=50,
        n_retrain_per_month=2,
        n_reindex_per_month=4,
        changed_share=0.1,
        maintenance_usd_per_month=7,
    )
    assert named(found.monthly) == {
        "hosting": 50.0,
        "retraining": approx(4.0),
        "re-indexing": approx(0.4),
        "maintenance": 7.0,
    }
    assert found.each_month == Term(name="each month", usd=approx(61.4))


def test_what_never_happens_costs_nothing_also_where_its_price_is_unknown() -> None:
    m = measured(training=Spent(seconds=None), index=Spent(seconds=None))
    assert costs(m).each_month.usd == 0.0
    retrained = costs(m, n_retrain_per_month=1, n_reindex_per_month=1)
    assert retrained.each_month.usd is None
    assert retrained.each_month.unknown == (
        "retraining: its seconds were not measured; re-indexing: its seconds were not measured"
    )
    assert costs(m, n_reindex_per_month=1, changed_share=0).each_month.usd == 0.0


def test_spent_time_and_bills() -> None:
    assert Spent(seconds=3600, billed_usd=1).term("x", fixed_usd_per_hour(2)) == Term(name="x", usd=3.0)
    assert NOTHING.term("x", None) == Term(name="x", usd=0.0)
    assert Spent(seconds=1).term("x", None).unknown == "no price is known for the machine"
    assert Spent(seconds=0, billed_usd=2).term("x", None).usd == 2.0
    assert Spent(seconds=None).term("x", MACHINE).unknown == "its seconds were not measured"
    assert Spent(seconds=0, billed_usd=None).term("x", None).unknown == "its bill is not known"
    both = Spent(seconds=None, billed_usd=None, reason="no price").term("x", MACHINE)
    assert (both.usd, both.unknown) == (None, "its seconds were not measured and no price")


def test_a_request_on_an_own_machine_at_each_utilisation() -> None:
    found = costs(measured())
    assert [t.usd for t in found.requests_at] == [approx(0.02), approx(0.002 / 0.3), approx(0.002)]
    assert found.request.usd == approx(0.002 / 0.3)
    assert found.marginal == found.request == found.uncached
    assert costs(measured(rows_per_s=5.0), utilisation=1).request.usd == approx(0.0002)
    free = costs(measured(), fixed_usd_per_hour(0.0)).request
    assert free == Term(name="request", usd=0.0)


def test_a_request_that_a_provider_bills_costs_the_same_at_each_utilisation() -> None:
    found = costs(billed({"a": 0.001, "b": 0.003}), machine=None)
    assert [t.usd for t in found.requests_at] == [approx(0.002)] * 3
    assert found.uncached.usd == approx(0.004)


def test_a_bill_and_the_own_machine_add_up() -> None:
    m = billed({"a": 0.001, "b": 0.003}, machine_s={"a": 1.0, "b": 3.0})
    assert costs(m, utilisation=0.5).request.usd == approx(0.002 + 0.004)
    assert costs(m, machine=None).request.unknown == "no price is known for the machine"


def test_why_a_request_has_no_price() -> None:
    def why(m: MeasuredCost, machine: Any = MACHINE) -> str | None:
        found = costs(m, machine)
        assert (found.request.name, found.request.usd) == ("request", None)
        assert all(t.usd is None for t in found.requests_at)
        assert found.per_correct.usd is None
        return found.request.unknown

    assert why(measured(machine_s=None)) == "neither its tokens nor its seconds were measured"
    assert why(measured(machine_s={})) == "no request was timed"
    assert why(measured(), None) == "no price is known for the machine"
    unpriced = measured(machine_s=None, bills=TokenBills(reason="no price is known for this model"))
    assert why(unpriced) == "no price is known for this model"
    assert why(measured(machine_s=None, bills=TokenBills())) == "no request was answered"
    both = measured(bills=TokenBills(reason="no price"))
    assert why(both, None) == "no price and no price is known for the machine"


def test_a_machine_that_is_kept_on_is_paid_by_the_month_and_not_twice() -> None:
    found = costs(measured(rows_per_s=0.5), machine_hours_per_month=730, hosting_usd_per_month=1)
    assert named(found.monthly)["hosting"] == approx(730 * 3.6 + 1)
    assert found.marginal == Term(name="request", usd=0.0)
    # What it would cost by the hour stays in the table.
    assert found.request.usd == approx(0.002 / 0.3)
    assert found.capacity == approx(730 * 3600 / 2)
    assert costs(measured(rows_per_s=0.0007), machine_hours_per_month=1).capacity == approx(2.52)
    assert found.samples is None
    assert found.total(1000).usd == approx(12 * (730 * 3.6 + 1))
    most = found.total(730 * 3600 / 2)
    assert most.usd is not None
    beyond = found.total(1_314_001)
    assert beyond.usd is None
    assert beyond.unknown == (
        "volume: machine_hours_per_month suffice for 1,314,000 requests a month, and 1,314,001 are assumed"
    )


def test_a_machine_that_is_kept_on_costs_nothing_for_those_who_do_not_use_it() -> None:
    found = costs(billed({"a": 0.001}), machine_hours_per_month=730)
    assert named(found.monthly)["hosting"] == 0.0
    assert found.capacity is None
    assert found.marginal.usd == 0.001
    why = "no price is known for the machine"
    unpriced = costs(measured(), None, machine_hours_per_month=1)
    assert unpriced.monthly[0] == Term(name="hosting", unknown=why)
    mixed = costs(billed({"a": 0.001}, machine_s={"a": 2.0}), machine_hours_per_month=1)
    assert mixed.marginal.usd == 0.001
    assert mixed.samples == {"a": 0.001}


def test_samples_have_the_mean_that_is_charged() -> None:
    found = costs(measured(rows_per_s=5.0), utilisation=0.5)
    assert found.samples == pytest.approx({"a": 0.0002, "b": 0.0006})
    assert found.request.usd == approx(0.0004)
    # Seconds of one of two requests: the other is given the mean.
    m = billed({"a": 0.001, "b": 0.003}, machine_s={"a": 2.0})
    assert costs(m, utilisation=1).samples == pytest.approx({"a": 0.003, "b": 0.005})
    halves = billed({"a": 0.001, "b": 0.003, "c": 0.004}, machine_s={"a": 1.0, "b": 2.0})
    assert costs(halves, utilisation=1).samples == pytest.approx({"a": 0.002, "b": 0.005, "c": 0.0055})
    # Requests that took no time at all cost what the provider bills.
    at_once = billed({"a": 0.001, "b": 0.003}, machine_s={"a": 0.0})
    assert costs(at_once, utilisation=1).samples == {"a": 0.001, "b": 0.003}
    assert costs(measured(machine_s={}, rows_per_s=5.0)).samples == {}
    assert costs(measured(), None).samples == {}
    assert costs(billed({"a": 1.0}), None).samples == {"a": 1.0}


def test_the_total_over_the_horizon() -> None:
    m = measured(training=Spent(seconds=5000))
    found = costs(m, horizon_months=10, utilisation=1, maintenance_usd_per_month=3)
    assert found.total(1000) == Term(name="total", usd=approx(5 + 10 * (3 + 1000 * 0.002)))
    assert found.total(None).name == "total"
    assert total_usd(5, 3, 0.002, 1000, 10) == approx(55)


def test_a_total_names_every_term_that_is_unknown() -> None:
    m = measured(n_labels=3, failed=Spent(seconds=None), machine_s={})
    found = costs(m, horizon_months=None).total(None)
    assert found.usd is None
    assert found.unknown == (
        "labels: minutes_per_label and usd_per_hour_of_labelling are not given; "
        "failed trials: its seconds were not measured; request: no request was timed; "
        "volume: requests_per_month is not given; horizon: horizon_months is not given"
    )
    assert costs(measured(), horizon_months=None).total(5).unknown == "horizon: horizon_months is not given"


def test_right_answers_and_utility() -> None:
    found = costs(measured(quality=0.8), utilisation=1, usd_per_success=0.1, usd_per_failure=0.05)
    assert found.per_correct == Term(name="right answer", usd=approx(0.0025))
    assert found.utility == Term(name="utility", usd=approx(0.8 * 0.1 - 0.2 * 0.05 - 0.002))
    assert costs(measured(quality=0.0)).per_correct == Term(name="right answer", unknown="no answer is right")
    assert costs(measured(), None).per_correct.name == "right answer"
    assert costs(measured(quality=None)).per_correct.unknown == "the quality is not known"
    assert costs(measured(), None).per_correct.unknown == "request: no price is known for the machine"


def test_a_utility_names_every_term_that_is_unknown() -> None:
    unknown = costs(measured(quality=None), None, usd_per_failure=1).utility
    assert unknown.usd is None
    assert unknown.unknown == (
        "usd_per_success is not given; the quality is not known; request: no price is known for the machine"
    )
    assert costs(measured()).utility == Term(
        name="utility", unknown="usd_per_success and usd_per_failure are not given"
    )


def test_what_differs_for_one_strategy_counts_for_it_alone() -> None:
    assumed = CostAssumptions(by_strategy={"lora": {"hosting_usd_per_month": 9.0}})
    assert strategy_costs(measured(strategy="lora"), assumed, machine=MACHINE).each_month.usd == 9.0
    assert strategy_costs(measured(), assumed, machine=MACHINE).each_month.usd == 0.0


def test_the_seconds_of_a_fit_by_what_they_went_to() -> None:
    plain = split_fit(100.0, {"embed_s": 1.0, "embed_s_uncached": 30.0})
    assert (plain.training, plain.tuning, plain.index) == (70.0, 0.0, 30.0)
    composed = split_fit(100.0, {"embed_s_uncached": 30.0, "rag_embed_s_uncached": 20.0})
    assert (composed.training, composed.index) == (50.0, 50.0)
    tried = [{"config": {"k": k}, "seconds": float(k)} for k in (10, 20, 40)]
    tuned = split_fit(100.0, {"tuning": {"tried": tried, "chosen": {"k": 20}}, "embed_s_uncached": 5.0})
    assert (tuned.training, tuned.tuning, tuned.index) == (45.0, 50.0, 5.0)
    # The same configuration twice: one was kept, the other was a trial.
    twice = split_fit(100.0, {"tuning": {"tried": [tried[0], tried[0]], "chosen": {"k": 10}}})
    assert twice.tuning == 10.0
    # The kept one is not among them: all were trials.
    lost = split_fit(100.0, {"tuning": {"tried": tried, "chosen": {"k": 1}}})
    assert (lost.training, lost.tuning) == (30.0, 70.0)
    unknown = split_fit(None, {"embed_s_uncached": 5.0})
    assert (unknown.training, unknown.tuning, unknown.index) == (None, None, None)
    assert split_fit(1.0, {"embed_s_uncached": 1.5}).training == 0.0
    assert split_fit(1.0, {"embed_s_uncached": None}).index == 0.0


def test_a_strategy_uses_a_machine_where_its_requests_take_time_of_one() -> None:
    facts = {name: getattr(measured(), name) for name in ("strategy", "quality", "n_labels", *ACTIVITIES)}
    assert not MeasuredCost(**facts).uses_machine
    assert MeasuredCost(**facts, rows_per_s=1.0).uses_machine
    assert MeasuredCost(**facts, machine_s={}).uses_machine


def test_means_by_example() -> None:
    values = [("a", 1.0), ("b", None), ("a", 3.0), ("c", None), ("c", 5.0)]
    assert mean_by_example(values) == {"a": 2.0, "c": 5.0}


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert total("t", [Term(name="a", usd=1.0), Term(name="b", usd=2.0)]) == Term(name="t", usd=3.0)
    assert total("t", []) == Term(name="t", usd=0.0)
    parts = [Term(name="a", unknown="x"), Term(name="b", usd=2.0), Term(name="c", unknown="y")]
    assert total("t", parts) == Term(name="t", unknown="a: x; c: y")
    assert Term(name="a", usd=2.0).times(3, "b") == Term(name="b", usd=6.0)
    assert Term(name="a", unknown="x").times(3, "b") == Term(name="b", unknown="x")
    assert Term(name="a", unknown="x").times(0, "b") == Term(name="b", usd=0.0)


seconds = st.floats(0, 1e6)
volumes = st.floats(1, 1e7)


@st.composite
def facts(draw: st.DrawFn) -> MeasuredCost:
    spent = {a: Spent(seconds=draw(seconds), billed_usd=draw(st.floats(0, 1e3))) for a in ACTIVITIES}
    requests = draw(st.dictionaries(st.sampled_from("abcdef"), st.floats(1e-3, 1e3), min_size=1))
    return measured(n_labels=draw(st.integers(0, 10_000)), machine_s=requests, **spent)


ASSUMED = CostAssumptions(
    minutes_per_label=2,
    usd_per_hour_of_labelling=30,
    n_retrain_per_month=1,
    n_reindex_per_month=2,
    changed_share=0.25,
    hosting_usd_per_month=5,
    maintenance_usd_per_month=11,
)


def changed(m: MeasuredCost, values: dict[str, Any]) -> MeasuredCost:
    return replace(m, **values)


def whole(
    m: MeasuredCost, volume: float, assumed: CostAssumptions = ASSUMED, usd_per_hour: float = 3.6
) -> float:
    found = strategy_costs(m, assumed, machine=fixed_usd_per_hour(usd_per_hour)).total(volume).usd
    assert found is not None
    return found


@given(facts(), volumes, volumes)
def test_totals_grow_with_volume_horizon_and_seconds(m: MeasuredCost, a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    assert whole(m, low) <= whole(m, high)
    assert whole(m, low) <= whole(m, low, replace(ASSUMED, horizon_months=13))
    for activity in ACTIVITIES:
        more = Spent(
            seconds=(getattr(m, activity).seconds or 0) + 1000, billed_usd=getattr(m, activity).billed_usd
        )
        assert whole(m, low) < whole(changed(m, {activity: more}), low)


@given(facts(), volumes)
def test_totals_are_the_sum_of_all_terms(m: MeasuredCost, volume: float) -> None:
    found = strategy_costs(m, ASSUMED, machine=MACHINE)
    once = sum(t.usd or 0 for t in found.fixed)
    monthly = sum(t.usd or 0 for t in found.monthly)
    assert found.once.usd == pytest.approx(once)
    assert found.each_month.usd == pytest.approx(monthly)
    assert whole(m, volume) == pytest.approx(once + 12 * (monthly + volume * (found.marginal.usd or 0)))


@given(facts(), volumes, st.floats(0.01, 100))
def test_totals_scale_with_all_prices(m: MeasuredCost, volume: float, factor: float) -> None:
    spent = {
        a: replace(getattr(m, a), billed_usd=factor * (getattr(m, a).billed_usd or 0)) for a in ACTIVITIES
    }
    dearer = replace(
        ASSUMED,
        usd_per_hour_of_labelling=factor * 30,
        hosting_usd_per_month=factor * 5,
        maintenance_usd_per_month=factor * 11,
    )
    scaled = whole(changed(m, spent), volume, dearer, factor * 3.6)
    assert scaled == pytest.approx(factor * whole(m, volume), rel=1e-9)


@given(facts(), st.sets(st.sampled_from(ACTIVITIES), min_size=1))
def test_one_unknown_term_makes_the_total_unknown_and_is_named(m: MeasuredCost, unmeasured: set[str]) -> None:
    unknown = changed(m, dict.fromkeys(unmeasured, Spent(seconds=None)))
    found = strategy_costs(unknown, ASSUMED, machine=MACHINE)
    assert found.once.usd is None
    assert found.total(1.0).usd is None
    for activity in ACTIVITIES:
        name = "failed trials" if activity == "failed" else activity
        assert (f"{name}: its seconds" in (found.once.unknown or "")) == (activity in unmeasured)


def test_vectors_that_were_kept_spare_what_they_cost_at_first() -> None:
    assert spared_s({"embed_s": 1.0, "embed_s_uncached": 30.0}) == 29.0
    assert spared_s({"rag_embed_s": 0.5, "rag_embed_s_uncached": 20.0, "embed_s_uncached": None}) == 19.5
    assert spared_s({"embed_s": 2.0}) == spared_s({}) == 0.0
