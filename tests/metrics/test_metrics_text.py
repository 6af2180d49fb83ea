"""Exact match, token F1, containment and the normalisation below them."""

from __future__ import annotations

import pytest

from adaptkit.core.types import Example
from adaptkit.metrics import Answer, Score, score
from adaptkit.metrics.lead_in import candidates, cut_lead_in
from adaptkit.metrics.normalise import fold, normalise, tokens


def judge(name: str, output: str, target: str, *aliases: str) -> Score:
    example = Example(id="1", input="?", target=target, aliases=aliases)
    return score(name, Answer(output=output, example=example))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat.", "cat"),
        ("  a   dog,  an owl & the   cat ", "dog owl cat"),
        ("well-known", "wellknown"),
        ("U.S.", "us"),
        ("1,900.5 m", "1900.5 m"),
        ("«Ça va»", "ça va"),
        ("ÉCOLE", "école"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("The", "the"),
        ("A", "a"),
        ("?!", "?!"),
        ("", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_composed_and_decomposed_letters_are_equal() -> None:
    assert fold("Caf\u00e9") == fold("cafe\u0301")


def test_characters_without_spaces_are_words() -> None:
    assert tokens("東京タワー") == list("東京タワー")


@pytest.mark.parametrize(
    ("output", "target", "strict", "lenient"),
    [
        ("Lima", "lima", 1, 1),
        ("the Lima.", "Lima", 1, 1),
        ('"Lima"', "Lima", 1, 1),
        ("The answer is Lima.", "Lima", 0, 1),
        ("The final answer is: **Lima**", "Lima", 0, 1),
        ("Answer: Lima\n\nLima is the capital.", "Lima", 0, 1),
        ("Lima\nIt lies on the coast.", "Lima", 0, 1),
        ("Sure! Here is the answer:\nLima", "Lima", 0, 1),
        ("So it is Lima", "Lima", 0, 1),
        ("Lima or Cusco", "Lima", 0, 0),
        ("", "Lima", 0, 0),
        ("The", "A", 0, 0),
        ("1.9", "19", 0, 0),
        ("B", "A", 0, 0),
    ],
)
def test_exact_match(output: str, target: str, strict: float, lenient: float) -> None:
    assert judge("exact_match", output, target) == Score(strict=strict, lenient=lenient)


def test_exact_match_takes_the_best_reference() -> None:
    assert judge("exact_match", "NYC", "New York City", "nyc", "New York").strict == 1


@pytest.mark.parametrize(
    ("output", "target", "expected"),
    [
        # Golden values of SQuAD's own script.
        ("Marie Curie", "Curie", 2 / 3),
        ("the quick brown fox", "a quick fox", 0.8),
        ("no overlap here", "something else", 0.0),
        ("b b a1", "b a1 a1", 2 / 3),
        ("", "x", 0.0),
    ],
)
def test_token_f1_golden(output: str, target: str, expected: float) -> None:
    assert judge("token_f1", output, target).strict == pytest.approx(expected)


def test_token_f1_lenient_drops_the_lead_in() -> None:
    found = judge("token_f1", "The answer is Marie Curie", "Marie Curie")
    assert found.strict == pytest.approx(2 / 3)
    assert found.lenient == 1


def test_token_f1_of_accented_words() -> None:
    assert judge("token_f1", "in der Straße", "STRASSE").strict == 0.5


@pytest.mark.parametrize(
    ("output", "target", "expected"),
    [
        ("There are 9 of them.", "9", 1),
        ("There are 19.", "9", 0),
        ("It took 9.5 hours", "9", 0),
        ("The union government, of course", "Union Government", 1),
        ("government union", "union government", 0),
        ("a cat", "the cat", 1),
        ("concatenate", "cat", 0),
        ("I have no idea", "no", 0),
        ("That is not known, but yes-men agree", "yes", 0),
        ("No, it is shut.", "no", 1),
        ("Yes.", "yes", 1),
        (", yes", "yes", 1),
        ("The answer is no.", "No", 1),
        ("", "no", 0),
        ("anything", "?!", 0),
        ("", "cat", 0),
    ],
)
def test_contains(output: str, target: str, expected: float) -> None:
    assert judge("contains", output, target) == Score(strict=expected, lenient=expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The answer is", "The answer is"),
        ("It's 5", "5"),
        ("Output: x", "x"),
        ("Itis", "Itis"),
        ("Therefore, the result is 7", "7"),
        ("The answer to your question is Lima", "Lima"),
    ],
)
def test_cut_lead_in(text: str, expected: str) -> None:
    assert cut_lead_in(text) == expected


def test_the_output_itself_is_the_first_candidate() -> None:
    assert candidates(" x \n y")[0] == " x \n y"
