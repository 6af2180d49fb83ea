"""Numbers in answers."""

from __future__ import annotations

import pytest

from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, score
from adaptkit.metrics.numeric import last_number, whole_number


def judge(output: str, target: str, *aliases: str) -> Score:
    return score(
        "numeric_match",
        Answer(output=output, example=Example(id="1", input="?", target=target, aliases=aliases)),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9", 9),
        (" 9.0 ", 9),
        ("+9", 9),
        ("-9", -9),
        ("\u22129", -9),
        ("$1,234.50", 1234.5),
        ("-$5", -5),
        ("$-5", -5),
        ("12 %", 12),
        (".5", 0.5),
        ("1e3", 1000),
        ("1,2,3", None),
        ("12,34", None),
        ("1/2", 0.5),
        ("-3/4", -0.75),
        ("1/0", None),
        ("9.", None),
        ("--9", None),
        ("9 apples", None),
        ("nine", None),
        ("1e999", None),
        ("2 million", 2_000_000),
        ("$1.5bn", 1_500_000_000),
        ("(5)", -5),
        ("($1,200)", -1200),
        ("", None),
    ],
)
def test_whole_number(text: str, expected: float | None) -> None:
    assert whole_number(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 - 3 = 7.", 7),
        ("5-3", 3),
        ("covid-19", 19),
        ("it fell to -3.5 degrees", -3.5),
        ("- 5 apples", 5),
        ("No.5", 5),
        ("so...5", 5),
        ("**42**", 42),
        (r"\boxed{1,000}", 1000),
        ("$3,000,000 in all", 3_000_000),
        ("9kg", 9),
        ("x2", None),
        ("so 1/2", 0.5),
        ("10^5", None),
        ("1,5", None),
        ("at 10:30", None),
        ("version 1.2.3", None),
        ("on 1/2/2024", None),
        ("it is 3,000, so 4, 5", 5),
        ("none", None),
        ("1e999", None),
    ],
)
def test_last_number(text: str, expected: float | None) -> None:
    assert last_number(text) == expected


@pytest.mark.parametrize(
    ("output", "target", "strict", "lenient"),
    [
        ("9.0", "9", 1, 1),
        ("9", "9.0", 1, 1),
        ("1,000", "1000", 1, 1),
        ("1000000", "1000000.5", 1, 1),
        ("100", "100.1", 0, 0),
        ("0", "0", 1, 1),
        ("-0", "0", 1, 1),
        ("The answer is 9.", "9", 0, 1),
        ("9 is the answer to 3 * 3", "9", 0, 0),
        ("", "9", 0, 0),
    ],
)
def test_numeric_match(output: str, target: str, strict: float, lenient: float) -> None:
    assert judge(output, target) == Score(strict=strict, lenient=lenient)


def test_undefined_without_a_numeric_reference() -> None:
    assert judge("9", "nine") == Score(strict=None, lenient=None)
    assert judge("9", "nine", "9") == Score(strict=1, lenient=1)


@pytest.mark.parametrize(
    ("output", "target", "expected"),
    [
        ("2", "2 million", Score.same(0.0)),
        ("2,000,000", "2 million", Score.same(1.0)),
        ("2 Million", "2000000", Score.same(1.0)),
        ("It cost $3bn", "3 billion", Score(strict=0.0, lenient=1.0)),
        ("2 thousand", "2 million", Score.same(0.0)),
        ("5", "(5)", Score.same(0.0)),
        ("-5", "(5)", Score.same(1.0)),
        ("(5)", "5", Score(strict=0.0, lenient=1.0)),
        ("12 g", "12 kg", Score.same(0.0)),
        ("so it is 12 g", "12 kg", Score.same(0.0)),
        ("12kg", "12 kg", Score.same(1.0)),
        ("12", "12 kg", Score.same(1.0)),
        ("12 kilograms", "12 kg", Score(strict=0.0, lenient=1.0)),
        ("3 hours", "3 minutes", Score.same(0.0)),
        ("3 of them", "3 lamps", Score(strict=0.0, lenient=1.0)),
    ],
)
def test_scales_units_and_brackets_are_part_of_a_number(output: str, target: str, expected: Score) -> None:
    assert judge(output, target) == expected
