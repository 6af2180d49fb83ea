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


UNLIKE = [
    # signs of numbers
    ("-5", "5"), ("\u22125", "5"), ("it is -5", "it is 5"), ("-$5", "$5"), ("1e-5", "1e5"), ("1/2", "12"),
    ("\u00bd", "2"), ("1\u00bd", "1/2"), ("10^5", "105"), ("10^-5", "10^5"), ("10\u2075", "105"),
    ("10**5", "105"),
    (".5", "5"), ("1.5", "15"), ("1,5", "15"), ("1,5", "1.5"), ("1.000,5", "1000.5"), ("0,500", "500"),
    ("\u0661\u066b\u0665", "\u0661\u0665"), ("3*4", "34"), ("3 + 4", "3 4"), ("3 * 4", "3 4"),
    # ranges, bounds, ratios, times, dates, versions
    ("10-12", "1012"), ("10\u201312", "1012"), ("10 - 12", "10 12"), ("<5", ">5"), ("< 5", "5"),
    (">=5", ">5"),
    ("3:1", "31"), ("10:30", "1030"), ("1/2/2024", "12/2024"), ("2024-01-02", "20240102"), ("1.2.3", "123"),
    ("1.2.3", "1.23"), ("5'11\"", "511"), ("5'", "5\""), ("5\u2032", "5\u2033"), ("x<y", "x>y"),
    ("x < y", "x > y"),
    # signs behind a word
    ("C++", "C"), ("C#", "C"), ("C++", "C+"), ("F#", "F"), ("A+", "A-"), ("A-", "A"), ("AB+", "AB-"),
    ("Na+", "Na"),
    ("50+", "50"), ("written in C++.", "written in C."),
    # signs inside a word
    ("ann@b.com", "annb.com"), ("my_file", "myfile"), ("m/s", "ms"), ("R&D", "RD"), ("p(a|b)", "p(ab)"),
    # units
    ("5%", "5"), ("$5", "5"), ("$5", "\u20ac5"), ("5 \u00b0C", "5 C"), ("5\u00b0", "5"), ("$5", "5%"),
    ("12 kg", "12 g"),
    # a sign before or behind a symbol, a letter or a word of its own
    ("-\u00bd", "\u00bd"), ("\u2212\u221e", "\u221e"), ("-x", "x"), ("\u2212x", "x"), ("x'", "x"),
    ("f'", "f"),
    ("!x", "x"), (".net", "net"), ("~5", "5"), ("f(x)", "fx"), ("g(t)", "gt"), ("A*", "A"), ("A*", "A**"),
    ("B**", "B"), ("covid -", "covid +"), ("covid \u2212", "covid +"), ("covid -", "covid"),
    ("A \u2013", "A +"),
    ("A +", "A"), ("blood group 0 -", "blood group 0 +"),
    # intervals and runs of signs
    ("1..5", "15"), ("1...5", "1.5"), ("[1,2)", "(1,2]"), ("[1, 2]", "(1, 2)"),
    ("[0, \u221e)", "(0, \u221e)"),
    ("(-\u221e, 0]", "(-\u221e, 0)"), ("[a;b]", "(a;b)"), ("1::5", "15"), ("3//4", "34"),
    # a letter that is no article
    ("Vitamin A", "Vitamin"), ("plan a", "plan"),
]  # fmt: skip
ALIKE = [
    ("\u22125", "-5"), ("\uff0d5", "-5"), ("-5.", "-5"), ('"-5"', "-5"), ("(-5)", "-5"), ("+5", "5"),
    ("1e+5", "1e5"),
    ("1,000", "1000"), ("12,345,678.9", "12345678.9"), ("1,00,000", "100000"), ("1'000", "1000"),
    ("1\u202f000", "1000"), ("\uff11\uff12", "12"), ("\uff11\uff0c000", "1000"), ("\u0661\u0662", "12"),
    ("\u00bd", "1/2"), ("1\u00bd", "1 1/2"), ("1\u20442", "1/2"), ("10\u2075", "10^5"), ("10**5", "10^5"),
    (".5", "0.5"),
    ("10\u201312", "10-12"), ("10 - 12", "10-12"), ("< 5", "<5"), ("\u22655", ">=5"), ("3 + 4", "3+4"),
    ("6 / 2", "6/2"),
    ("x=5", "x = 5"), ("5 %", "5%"), ("$ 5", "$5"), ("5\u20ac", "\u20ac5"), ("-$5", "$-5"),
    ("5 \u00b0C", "5\u00b0C"),
    ("20\u2103", "20 \u00b0C"), ("5'11\"", "5\u203211\u2033"), ("C++.", "c++"), ("**C#**", "C#"),
    ('"A+"', "A+"),
    ("<b>Lima</b>", "bLimab"), ("well-known", "wellknown"), ("covid-19", "COVID19"), ("U.S.", "US"),
    ("the cat's hat!", "cats hat"), ("_Lima_", "Lima"), ("#1", "1"), ("(Lima)", "Lima"),
    ("Lima - Peru", "Lima Peru"),
    ("\uff2c\uff49\uff4d\uff41", "Lima"), ("Lima, Peru", "Lima Peru"), ("- Lima", "Lima"), ("1.", "1"),
    ("a cat", "the cat"),
    ("- x", "x"), ("-5 - 3", "-5-3"), ("the cats' hats", "cats hats"), ("'x'", "x"), ("\u2018x\u2019", "x"),
    ("*A*", "A"), ("**A**", "A"), ("* A", "A"), ("well - known", "well known"), ("Lima -- Peru", "Lima Peru"),
    ("Lima \u2014 Peru", "Lima Peru"), ("What?!", "what"), ("Hello (world)", "hello world"),
    ("word(s)", "words"), ("[Lima]", "Lima"), ("(Lima, Peru)", "Lima, Peru"), ("(1990)", "1990"),
    ("wait...", "wait"), ("... Lima", "Lima"), ("!Hola!", "hola"), ("\u00a1Hola!", "hola"), ("10%.", "10 %"),
    ("-\u00bd", "-1/2"), ("\u2212\u221e", "-\u221e"), ("\u2212x", "-x"), ("[1, 2)", "[1,2)"),
    ("C++ (2011)", "C++ 2011"), ("it's \u2018x\u2019.", "its x"), ("plan B.", "plan B"), ("A*.", "a*"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "other"), UNLIKE)
def test_signs_that_make_another_answer_of_it_stay(text: str, other: str) -> None:
    assert normalise(text) != normalise(other)
    for name in ("exact_match", "contains", "token_f1"):
        for output, target in ((text, other), (other, text)):
            # A longer answer may well hold a shorter one: "R&D" no "D", but "1 1/2" a "1/2".
            found = judge(name, output, target)
            assert found.strict != 1 or (name == "contains" and len(tokens(output)) > len(tokens(target)))


@pytest.mark.parametrize(("text", "other"), ALIKE)
def test_ways_to_write_the_same_are_equal(text: str, other: str) -> None:
    for output, target in ((text, other), (other, text)):
        assert judge("exact_match", output, target).strict == 1
        assert judge("token_f1", output, target).strict == 1
        assert judge("contains", f"I think: {output}", target).strict == 1


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
        ("It rose by 5 %.", "5", 0),
        ("It rose by 5%.", "5 %", 1),
        ("It costs $5.", "$5", 1),
        ("It costs 5\u20ac.", "\u20ac5", 1),
        ("It is 5 \u00b0C.", "5", 0),
        ("It fell to -5.", "5", 0),
        ("It is 5 of 7.", "5", 1),
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
        ("Vitamin A is found in carrots", "vitamin A", 1),
        ("It costs $5 in all", "5", 1),
        ("It costs $5.50 in all", "$5", 0),
        ("It was -5 at noon", "5", 0),
        ("x = 5", "5", 1),
    ],
)
def test_contains(output: str, target: str, expected: float) -> None:
    assert judge("contains", output, target) == Score(strict=expected, lenient=expected)


@pytest.mark.parametrize(("n_beside", "strict"), [(0, 1.0), (25, 1.0), (26, 0.0), (90, 0.0)])
def test_a_whole_passage_that_holds_the_answer_is_none(n_beside: int, strict: float) -> None:
    output = " ".join([*(["word"] * n_beside), "9,000", "litres"])
    assert judge("contains", output, "9,000 litres") == Score(strict=strict, lenient=1.0)


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
