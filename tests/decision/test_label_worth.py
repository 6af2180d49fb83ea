"""What more labels are worth and cost, and from how many on one strategy beats another."""

from __future__ import annotations

import numpy as np
import pytest
from labelled import LAW, SIZES, curve_of, curves_of, exactly, scored

from adaptkit.core.errors import ConfigError
from adaptkit.costs import CostAssumptions
from adaptkit.decision.curves import (
    Crossover,
    CurvePoint,
    LearningCurve,
    PowerLaw,
    crossover,
    usd_per_label,
    worth_of_labels,
)

RISING = curve_of(exactly([LAW.at(n) for n in SIZES], n_rows=2000))


def test_more_labels_are_worth_what_the_law_says() -> None:
    found = worth_of_labels(RISING, 200, 0.5)
    assert found.gain == pytest.approx(LAW.at(1200) - LAW.at(1000), abs=0.001)
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low <= (found.gain or 0) <= found.high
    assert found.usd == 100
    said = str(found)
    assert said.startswith("lora: 200 more labels (1,000 to 1,200) are worth +0.5 [")
    assert said.endswith("] points and cost $100.")


def test_an_unknown_price_is_blank() -> None:
    found = worth_of_labels(RISING, 200)
    assert found.usd is None
    assert str(found).endswith("] points.")
    assert "$" not in str(found)


def test_more_labels_from_fewer_are_worth_more() -> None:
    early, late = worth_of_labels(RISING, 100, n_labels=64), worth_of_labels(RISING, 100)
    assert early.n_labels == 64
    assert (early.gain or 0) > 5 * (late.gain or 0)


def test_beyond_twice_the_most_labels_no_gain_is_told() -> None:
    assert worth_of_labels(RISING, 1000).gain is not None
    found = worth_of_labels(RISING, 1001, 1.0)
    assert (found.gain, found.low, found.high) == (None, None, None)
    assert found.usd == 1001
    assert str(found) == (
        "lora: what 1,001 more labels are worth is not known: "
        "2,001 labels are more than 2 times the 1,000 measured."
    )
    assert worth_of_labels(RISING, 10, n_labels=7).gain is None


def test_without_a_law_no_gain_is_told() -> None:
    found = worth_of_labels(curve_of(exactly([0.4, 0.8], sizes=(16, 64))), 10, 1.0)
    assert found.gain is None
    assert "a power law takes 4 numbers of labels" in str(found)


def test_labels_are_worth_nothing_to_what_learns_from_none() -> None:
    flat = curve_of({0: exactly([0.5], sizes=(0,))[0]}, name="prompt", learns=False)
    found = worth_of_labels(flat, 200, 1.0)
    assert (found.gain, found.low, found.high) == (0, 0, 0)
    assert str(found) == "prompt: 200 more labels are worth nothing and cost $200: it learns from no labels."


@pytest.mark.parametrize(
    ("more", "price", "n"), [(0, None, None), (True, None, None), (5, -1, None), (5, None, -1)]
)
def test_numbers_out_of_range_are_refused(more: int, price: float | None, n: int | None) -> None:
    with pytest.raises(ConfigError, match="parameter of worth_of_labels must be"):
        worth_of_labels(RISING, more, price, n_labels=n)


@pytest.mark.parametrize(
    ("minutes", "wage", "usd"), [(1.5, 40, 1.0), (None, 40, None), (1.5, None, None), (0, 40, 0)]
)
def test_a_label_costs_minutes_times_wage(
    minutes: float | None, wage: float | None, usd: float | None
) -> None:
    assumed = CostAssumptions(minutes_per_label=minutes, usd_per_hour_of_labelling=wage)
    assert usd_per_label(assumed) == usd


def crossing(a: list[float], b: list[float]) -> Crossover:
    return crossover(*curves_of({"lora": exactly(a, n_rows=1000), "knn": exactly(b, n_rows=1000)}))


def test_a_planted_crossover_is_found() -> None:
    steep, shallow = (
        PowerLaw(ceiling=0.95, amplitude=3, rate=0.6),
        PowerLaw(ceiling=0.9, amplitude=0.8, rate=0.4),
    )
    truth = next(n for n in range(1, 5000) if steep.at(n) > shallow.at(n))
    found = crossing([steep.at(n) for n in SIZES], [shallow.at(n) for n in SIZES])
    assert (found.strategy, found.other, found.kind) == ("lora", "knn", "crosses")
    assert found.n_labels == pytest.approx(truth, rel=0.06)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= truth <= found.high
    assert found.share == 1.0
    assert str(found).startswith(
        f"lora beats knn from {found.n_labels} labels on (95 % interval {found.low} to "
    )
    turned = crossing([shallow.at(n) for n in SIZES], [steep.at(n) for n in SIZES])
    assert (turned.strategy, turned.n_labels) == ("knn", found.n_labels)


def test_its_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    steep, shallow = (
        PowerLaw(ceiling=0.95, amplitude=3, rate=0.6),
        PowerLaw(ceiling=0.85, amplitude=0.8, rate=0.4),
    )
    truth = next(n for n in range(1, 5000) if steep.at(n) > shallow.at(n))
    held = 0
    for run in range(70):
        rng = np.random.default_rng(run)
        laws = {"lora": steep, "knn": shallow}
        found = crossover(*curves_of({k: scored(law.at, rng, n_rows=150) for k, law in laws.items()}))
        if found.kind == "crosses" and found.strategy == "lora":
            held += (found.low or 0) <= truth <= (found.high or 10**9)
        else:  # what leads from the start crosses at or before the fewest labels
            held += found.kind == "throughout" and (found.share or 0) < 0.975
    assert held / 70 >= 0.9


def test_one_that_leads_everywhere_crosses_nowhere() -> None:
    found = crossing([0.6, 0.7, 0.8, 0.9], [0.3, 0.4, 0.5, 0.6])
    assert (found.kind, found.strategy, found.n_labels) == ("throughout", "lora", None)
    assert (
        str(found) == "lora beats knn throughout (16 to 1,000 labels); ahead at 1,000 in 100 % of resamples."
    )


def test_equal_curves_never_cross_within_what_was_measured() -> None:
    found = crossing([0.4, 0.6, 0.7, 0.8], [0.4, 0.6, 0.7, 0.8])
    assert (found.kind, found.n_labels, found.share) == ("never", None, 0.0)
    assert str(found) == "lora never beats knn within what was measured (16 to 1,000 labels)."


def test_a_curve_crosses_a_flat_line() -> None:
    flat = {0: exactly([0.7], sizes=(0,), n_rows=1000)[0]}
    rising = exactly([0.4, 0.65, 0.8, 0.85], n_rows=1000)
    found = crossover(*curves_of({"prompt": flat, "lora": rising}, flat=["prompt"]))
    assert (found.strategy, found.other, found.kind) == ("lora", "prompt", "crosses")
    assert 64 < (found.n_labels or 0) < 256


def test_an_uncertain_crossover_may_lie_outside_what_was_measured() -> None:
    a, b = exactly([0.50, 0.60, 0.70, 0.76], n_rows=50), exactly([0.52, 0.60, 0.68, 0.74], n_rows=50)
    shuffled = {
        n: type(s)(s.ids, np.random.default_rng(n).permutation(s.values, axis=0)) for n, s in b.items()
    }
    found = crossover(*curves_of({"a": a, "b": shuffled}))
    assert found.kind == "crosses"
    assert (found.low, found.high) == (None, None)
    assert "95 % interval 16 or fewer to beyond 1,000" in str(found)


def test_curves_without_resamples_cross_without_an_interval() -> None:
    def bare(name: str, qualities: list[float]) -> LearningCurve:
        points = [
            CurvePoint(n_labels=n, quality=q, low=None, high=None, n_rows=9, n_seeds=1)
            for n, q in zip(SIZES, qualities, strict=True)
        ]
        return LearningCurve(task="intents", strategy=name, metric="macro_f1", points=tuple(points))

    found = crossover(bare("a", [0.2, 0.4, 0.6, 0.8]), bare("b", [0.5] * 4))
    assert found.n_labels == 129
    assert (found.low, found.high, found.share) == (None, None, None)
    assert str(found) == "a beats b from 129 labels on (no interval)."


def test_curves_that_share_nothing_are_refused() -> None:
    few, many = curves_of({"a": exactly([0.5], sizes=(16,)), "b": exactly([0.6], sizes=(64,))})
    with pytest.raises(ConfigError, match="a and b share no numbers of labels"):
        crossover(few, many)
    other = LearningCurve(task="other", strategy="c", metric="accuracy", points=few.points)
    with pytest.raises(ConfigError, match="Curves of two tasks do not cross"):
        crossover(few, other)
