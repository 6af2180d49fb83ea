"""What holds for every metric, whatever is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, names, score

TEXTS = st.text(max_size=40)
PHRASES = st.lists(
    st.sampled_from(["the", "answer", "is", "9", "-1.5", "yes", "no", '{"a": 1}', "\n", "cat,"])
).map(" ".join)
OUTPUTS = TEXTS | PHRASES
LABELS = ("yes", "no", "the cat", "cat")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TEXT_METRICS = [
    "accuracy",
    "macro_f1",
    "exact_match",
    "token_f1",
    "contains",
    "rouge_1",
    "rouge_2",
    "rouge_l",
]


def judge(name: str, output: str, target: str, aliases: tuple[str, ...] = ()) -> Score:
    example = Example(id="1", input="?", target=target, aliases=aliases, gold_documents=("d",))
    return score(name, Answer(output=output, example=example, labels=LABELS))


@pytest.mark.parametrize("name", names())
@given(output=OUTPUTS, target=OUTPUTS)
def test_scores_are_between_0_and_1_and_lenient_is_never_lower(name: str, output: str, target: str) -> None:
    found = judge(name, output, target)
    assert (found.strict is None) == (found.lenient is None)
    if found.strict is not None and found.lenient is not None:
        assert 0 <= found.strict <= found.lenient <= 1


@pytest.mark.parametrize("name", TEXT_METRICS)
@given(text=OUTPUTS)
@example(text="THE\nYES")
def test_an_identical_output_scores_1(name: str, text: str) -> None:
    assume(text.strip())
    assert judge(name, text, text) == Score(strict=1, lenient=1)


@pytest.mark.parametrize("name", ["json_exact", "slot_f1", "json_valid"])
@given(value=VALUES)
def test_an_identical_value_scores_1(name: str, value: object) -> None:
    assert judge(name, json.dumps(value, indent=1), json.dumps(value)) == Score(strict=1, lenient=1)


@pytest.mark.parametrize("name", ["json_exact", "slot_f1"])
@given(
    value=st.dictionaries(TEXTS, VALUES, max_size=3) | st.lists(VALUES, max_size=3), before=TEXTS, after=TEXTS
)
def test_json_is_found_in_prose(name: str, value: object, before: str, after: str) -> None:
    assume(not set(before + after) & set("{}[]`"))
    output = f"Here: {before} {json.dumps(value)} {after}"
    assert judge(name, output, json.dumps(value)).lenient == 1


@given(number=st.integers(-(10**9), 10**9))
def test_a_number_in_any_form(number: int) -> None:
    for text in (str(number), f"{number:,}", f"{number}.00", f"{number:.9e}"):
        assert judge("numeric_match", text, str(number)) == Score(strict=1, lenient=1)
    assert judge("numeric_match", f"Out of 3, it is {number}.", str(number)).lenient == 1


@pytest.mark.parametrize("name", names())
@given(output=OUTPUTS, target=OUTPUTS, aliases=st.lists(OUTPUTS, max_size=3))
def test_more_references_never_lower_a_score(name: str, output: str, target: str, aliases: list[str]) -> None:
    alone = [judge(name, output, text) for text in (target, *aliases)]
    together = judge(name, output, target, tuple(aliases))
    assert together.strict == max((s.strict for s in alone if s.strict is not None), default=None)
    assert together.lenient == max((s.lenient for s in alone if s.lenient is not None), default=None)
