"""Damaged and hostile inputs: typed errors of one line, in bounds of time and memory, and nothing else."""

from __future__ import annotations

import math
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adaptkit.core.reading import MAX_DEPTH, Unreadable, parse_json, parse_toml
from benchmarks.fuzz import mutate
from benchmarks.fuzz.__main__ import MOST_BYTES, fuzz
from benchmarks.fuzz.subjects import SUBJECTS, Subject

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGVTALRM"), reason="the system bounds no time of a process"
)
# So many that all of them take about a minute; `python -m benchmarks.fuzz` reads as many as one likes.
INPUTS = {
    "task": 150,
    "structured": 100,
    "rows": 100,
    "suite": 300,
    "settings": 60,
    "run": 20,
    "artefact": 40,
    "http": 200,
    "model": 25,
}


@pytest.mark.parametrize("kind", SUBJECTS, ids=lambda s: s.name)
def test_nothing_but_typed_errors_comes_of_damaged_inputs(kind: type[Subject], tmp_path: Path) -> None:
    found = fuzz(kind(tmp_path), range(INPUTS[kind.name]))
    assert found.faults == {}
    assert found.n == INPUTS[kind.name]
    assert found.grown_bytes < MOST_BYTES


def test_the_mutators_damage_and_repeat_themselves() -> None:
    data = b'{"a": [1, {"b": "c"}], "d": null}\n'
    for damage in (mutate.damaged, mutate.damaged_json, mutate.damaged_lines):
        made = [damage(data, random.Random(seed)) for seed in range(200)]
        assert made == [damage(data, random.Random(seed)) for seed in range(200)]
        assert len(set(made)) > 100


@given(st.text() | st.text('{}[]":,0123456789eE+-.\\ud tfnNI', max_size=60))
@example("[" * (MAX_DEPTH + 1))
@example("1" * 10_000)
@example("-1e400")
def test_any_text_is_json_within_bounds_or_one_sentence(text: str) -> None:
    found = read(parse_json, text)
    assert not isinstance(found, float) or math.isfinite(found)


@given(st.text() | st.text("abc=.[]{}\"'#\n0123456789eE+-_:TZ ", max_size=60))
@example("a = [" * 1_000)
@example("a = " + "9" * 4_301)
@example("a = 1979-02-30")
def test_any_text_is_toml_within_bounds_or_one_sentence(text: str) -> None:
    read(parse_toml, text)


def read(parse: Callable[[str], object], text: str) -> object:
    try:
        return parse(text)
    except Unreadable as error:
        return str(error).splitlines()[1:] and pytest.fail(f"more than one line: {error}")
