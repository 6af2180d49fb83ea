"""Metrics for answers that are one label of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adaptkit.metrics.base import Answer, Score
from adaptkit.metrics.corpus import OfSums
from adaptkit.metrics.normalise import fold
from adaptkit.metrics.words import whole_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.floating[Any]]

LONGEST_GRADE = 4
"""Letters of a label that a minus may follow: A-, AB-, BBB-. Behind a longer one it is a dash."""


def accuracy(answer: Answer) -> Score:
    """Whether the output is the target.

    Strict: the whole output, up to case and outer white space. Lenient: the only label that the output
    mentions, as a whole word; longer labels are looked for first, so "card lost" is not also "card". A
    text that mentions none or several counts as wrong.

    Examples:
        >>> from adaptkit.core.types import Example
        >>> row = Example(id="1", input="Great film!", target="positive")
        >>> labels = ("negative", "positive")
        >>> accuracy(Answer(output="It is positive.", example=row, labels=labels))
        Score(strict=0.0, lenient=1.0)
        >>> accuracy(Answer(output="positive or negative", example=row, labels=labels))
        Score(strict=0.0, lenient=0.0)
    """
    expected = {fold(reference) for reference in answer.example.references}
    strict = fold(answer.output) in expected
    lenient = strict or mentioned_label(answer.output, answer.labels) in expected
    return Score(strict=float(strict), lenient=float(lenient))


def macro_f1(answer: Answer) -> Score:
    """Whether the row is right, as ``accuracy``; the metric over rows is ``MACRO_F1``."""
    return accuracy(answer)


def _label_counts(answers: Sequence[Answer], lenient: bool) -> Counts:
    """For each label that occurs in the targets: hits, targets and outputs of each answer, ``[n, 3 L]``."""
    import numpy as np

    targets = [fold(answer.example.target) for answer in answers]
    labels = {label: column for column, label in enumerate(sorted(set(targets)))}
    found = np.zeros((len(answers), 3, len(labels)), dtype=np.float32)
    for row, (answer, target) in enumerate(zip(answers, targets, strict=True)):
        output = _predicted(answer, lenient)
        found[row, 1, labels[target]] = 1
        if output in labels:
            found[row, 2, labels[output]] = 1
            found[row, 0, labels[output]] = output == target
    return found.reshape(len(answers), -1)


def _mean_f1(sums: Counts) -> Counts:
    """``2 tp / (2 tp + fp + fn)`` of each label that is the target of any answer, averaged."""
    import numpy as np

    hits, targets, outputs = np.moveaxis(sums.reshape(*sums.shape[:-1], 3, -1), -2, 0)
    present = targets > 0
    of_label = np.divide(2 * hits, targets + outputs, out=np.zeros_like(hits), where=present)
    n_labels = present.sum(axis=-1)
    return np.asarray(
        np.divide(of_label.sum(axis=-1), n_labels, where=n_labels > 0, out=np.full(n_labels.shape, np.nan))
    )


MACRO_F1 = OfSums(parts=_label_counts, value=_mean_f1)
"""F1 of each label that occurs in the targets, averaged without weights.

The same as scikit-learn's ``f1_score(targets, outputs, labels=..., average="macro", zero_division=0)`` with
those labels; an output that is none of them is a miss of its target and nothing else. An output equal to an
alias counts as the target.
"""


def _predicted(answer: Answer, lenient: bool) -> str:
    correct = macro_f1(answer)
    if (correct.lenient if lenient else correct.strict) == 1:
        return fold(answer.example.target)
    if lenient:
        return mentioned_label(answer.output, answer.labels) or fold(answer.output)
    return fold(answer.output)


def mentioned_label(text: str, labels: Sequence[str]) -> str | None:
    """Return the one label (folded) that ``text`` mentions; None for none or several.

    Examples:
        >>> mentioned_label("My card was lost: card lost", ("card", "card lost"))
        >>> mentioned_label("Label: CARD LOST!", ("card", "card lost"))
        'card lost'
    """
    if not labels:
        return None
    found = set(_pattern(tuple(labels)).findall(fold(text)))
    return found.pop() if len(found) == 1 else None


@lru_cache(maxsize=64)
def _pattern(labels: tuple[str, ...]) -> re.Pattern[str]:
    return whole_words({fold(label) for label in labels}, form=as_mentioned)


def as_mentioned(label: str) -> str:
    """The pattern of a folded label, but for its ends: "C" is not mentioned by "C++", nor "5" by "-5"."""
    before, after = "", r"(?![+#])"
    if label[:1].isdigit():
        before = r"(?<![-\u2212<>.])(?<!\d[,:/^\u2013])"
    if label[-1:].isdigit():
        after += r"(?![-.,:/^\u2013]\d|\s?%)"
    elif len(label) <= LONGEST_GRADE:
        after += r"(?!-(?!\w))"
    return f"{before}{re.escape(label)}{after}"
