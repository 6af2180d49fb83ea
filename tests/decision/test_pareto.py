"""The Pareto front, by its laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adaptkit.decision.pareto import pareto_front

VALUE = st.one_of(st.none(), st.integers(0, 4).map(float))
POINTS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2), st.tuples(VALUE, VALUE, VALUE), max_size=8
)


@given(POINTS)
def test_the_front_of_a_front_is_itself(points: dict[str, tuple[float | None, ...]]) -> None:
    front = pareto_front(points)
    assert pareto_front({name: points[name] for name in front}) == front


@given(POINTS)
def test_what_is_left_out_is_beaten_by_something(points: dict[str, tuple[float | None, ...]]) -> None:
    front = set(pareto_front(points))
    for name in points.keys() - front:
        assert any(set(pareto_front({name: points[name], o: points[o]})) == {o} for o in points if o != name)


@given(st.dictionaries(st.text("abc", min_size=1), st.tuples(st.integers(0, 3).map(float)), min_size=1))
def test_of_one_objective_the_lowest_are_left(points: dict[str, tuple[float]]) -> None:
    lowest = min(points.values())
    assert pareto_front(points) == tuple(name for name, p in points.items() if p == lowest)


def test_what_is_unknown_of_one_orders_nothing() -> None:
    assert pareto_front({"a": (0.1, None), "b": (0.2, 1.0)}) == ("a", "b")
    assert pareto_front({"a": (0.1, None), "b": (0.2, None)}) == ("a",)
    assert pareto_front({}) == ()
