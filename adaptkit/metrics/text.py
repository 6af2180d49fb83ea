"""Metrics for short answers: exact match, token F1, containment."""

from __future__ import annotations

import re
from collections import Counter

from adaptkit.metrics.base import Answer, Score, best_match
from adaptkit.metrics.lead_in import candidates, cut_lead_in
from adaptkit.metrics.normalise import normalise, occurs, tokens

_POLAR = frozenset({"yes", "no", "true", "false"})
MOST_WORDS_BESIDE = 25
"""A long sentence; passages have three times as many."""
_CLAUSE_END = re.compile(r"[.,;:!?\n\u2013\u2014]|\s-\s")


def exact_match(answer: Answer) -> Score:
    """Whether the output equals a reference after normalisation.

    Strict is SQuAD's exact match (Rajpurkar et al. 2016). Lenient also takes the first line, and the
    output without a lead-in such as "The answer is".

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="Capital of Peru?", target="Lima")
        >>> exact_match(Answer(output="lima.", example=row))
        Score(strict=1.0, lenient=1.0)
        >>> exact_match(Answer(output="The answer is Lima.", example=row))
        Score(strict=0.0, lenient=1.0)
    """

    def compare(output: str, reference: str) -> Score:
        expected = normalise(reference)
        equal = [float(normalise(text) == expected) for text in candidates(output)]
        return Score(strict=equal[0], lenient=max(equal))

    return best_match(answer, compare)


def token_f1(answer: Answer) -> Score:
    """Harmonic mean of precision and recall over the words shared with a reference.

    Strict is SQuAD's F1 (Rajpurkar et al. 2016); lenient takes the best of the output, its first line,
    and both without a lead-in.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="Who?", target="Marie Curie")
        >>> token_f1(Answer(output="Curie", example=row)).strict
        0.6666666666666666
    """

    def compare(output: str, reference: str) -> Score:
        expected = tokens(reference)
        values = [overlap_f1(tokens(text), expected) for text in candidates(output)]
        return Score(strict=values[0], lenient=max(values))

    return best_match(answer, compare)


def overlap_f1(found: list[str], expected: list[str]) -> float:
    """F1 of two bags of words; two empty ones are equal."""
    if not found or not expected:
        return float(found == expected)
    shared = (Counter(found) & Counter(expected)).total()
    # Equal to 2 p r / (p + r), and exactly 1 for equal bags.
    return 2 * shared / (len(found) + len(expected))


def contains(answer: Answer) -> Score:
    """Whether a reference occurs in the output, as whole words after normalisation.

    Strict allows an answer in a sentence, ``MOST_WORDS_BESIDE`` words beside the reference: a whole passage
    that has the right words somewhere is no answer. Lenient has no bound. Read it beside ``exact_match`` or
    ``token_f1``: a text that names every candidate contains the right one. A reference such as "yes" or
    "no" must be the output's first clause, because those words occur in sentences that say something else.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="How many?", target="9")
        >>> contains(Answer(output="There are 9 of them.", example=row)).strict
        1.0
        >>> contains(Answer(output="There are 19.", example=row)).strict
        0.0
    """

    def compare(output: str, reference: str) -> Score:
        found = _contains(output, reference)
        short = len(tokens(output)) <= len(tokens(reference)) + MOST_WORDS_BESIDE
        return Score(strict=float(found and short), lenient=float(found))

    return best_match(answer, compare)


def _contains(output: str, reference: str) -> bool:
    expected, found = tokens(reference), tokens(output)
    if len(expected) == 1 and expected[0] in _POLAR and found != expected:
        clauses = (tokens(clause) for clause in _CLAUSE_END.split(cut_lead_in(output)))
        return next((clause for clause in clauses if clause), []) == expected
    return occurs(reference, output)
