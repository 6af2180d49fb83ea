"""Figures and sentences of the page's functions, beside those of the library."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from node import called

from adaptkit.costs import BreakEvenVolume
from adaptkit.decision.recommendation import turn_sentence
from adaptkit.decision.turning_points import TurningPoint
from adaptkit.report.parts import RULES, source

CALL = "(name, ...values) => eval(name)(...values)"

EVENS = [
    BreakEvenVolume(kind="from", requests=6428.6),
    BreakEvenVolume(kind="from", requests=6428.6, low=4900.2, high=9300.4, certain=True),
    BreakEvenVolume(kind="from", requests=6428.6, low=4900.2, certain=False),
    BreakEvenVolume(kind="up to", requests=3.24, low=1.5, certain=False, monthly=False),
    BreakEvenVolume(kind="always", certain=True),
    BreakEvenVolume(kind="always", low=9000.0, certain=False),
    BreakEvenVolume(kind="never", certain=False),
    BreakEvenVolume(kind="never", low=9000.0, certain=False, monthly=False),
]
VOLUME: dict[str, Any] = {
    "name": "requests_per_month",
    "words": "{} requests a month",
    "low": 1.0,
    "high": 1e9,
}
MARGIN: dict[str, Any] = {"name": "margin", "words": "a margin of {}", "low": 0.001, "high": 0.5}
TURNS = [
    TurningPoint(**VOLUME, now=None, at=6428.571, above=True, strategy="lora"),
    TurningPoint(**VOLUME, now=20000.0, at=42.123, above=False, strategy=None),
    TurningPoint(**VOLUME, now=20000.0, at=None, above=False, strategy=None),
    TurningPoint(**MARGIN, now=0.02, at=0.2084, above=True, strategy="few-shot"),
    TurningPoint(**MARGIN, now=0.02, at=None, above=False, strategy=None),
]
FIGURES = [
    ("usdText", 1234567.891, "1,234,567.89"),
    ("usdText", 1.005, "1.00"),
    ("usdText", 0.0345, "0.035"),
    ("usdText", -12.5, "\N{MINUS SIGN}12.50"),
    ("usdText", 0, "0"),
    ("usdText", None, ""),
    ("percentText", 0.933, "93.3 %"),
    ("secondsText", None, ""),
    ("shortCount", 20_000, "20 k"),
    ("shortCount", 0.01, "0.01"),
    ("listing", ["a", "b", "c"], "a, b and c"),
    ("listing", [], ""),
]


@pytest.fixture(scope="module")
def said() -> list[Any]:
    cases: list[list[Any]] = [
        *(["breakEvenText", asdict(e)] for e in EVENS),
        *(["turnText", asdict(p)] for p in TURNS),
        *([name, value] for name, value, _ in FIGURES),
    ]
    return called(source(*RULES, "words.js", "draw.js", "charts.js"), CALL, cases)


def test_break_evens_read_as_the_library_has_them(said: list[Any]) -> None:
    assert said[: len(EVENS)] == [e.words for e in EVENS]


def test_turning_points_read_as_the_library_has_them(said: list[Any]) -> None:
    assert said[len(EVENS) : len(EVENS) + len(TURNS)] == [turn_sentence(p) for p in TURNS]


def test_figures_are_short_and_unknown_is_blank(said: list[Any]) -> None:
    assert said[len(EVENS) + len(TURNS) :] == [text for _, _, text in FIGURES]
