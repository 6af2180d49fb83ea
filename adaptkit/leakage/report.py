"""What a leakage check found: plain data, for the manifest and for the reader."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from adaptkit.core.errors import ConfigError
from adaptkit.core.numbers import is_share

LeakKind = Literal["exact", "near", "paraphrase", "own"]
Place = Literal["train", "validation", "demonstrations", "documents", "test"]
LeakageVerdict = Literal["ok", "warn", "refuse"]

LEARNT_FROM: tuple[Place, ...] = ("train", "demonstrations", "documents")
"""Where a strategy may have read the answer of a test row."""


@dataclass(frozen=True, kw_only=True)
class LeakageThresholds:
    """What counts as alike, and how much of it is too much. All are 0..1.

    Attributes:
        near: letters in common, for inputs of four words and more; see :mod:`adaptkit.leakage.lexical`.
        near_same_answer: the same for two rows with the same answer of which chance makes hardly two: the
            answer is rare, or they share rare words or all their numbers.
        paraphrase: cosine of embeddings. None takes what is usual among the task's own test rows with the
            same answer: what one in a hundred exceeds, between 0.70 and 0.95.
        paraphrase_same_answer: the same for two rows with the same answer of which chance makes hardly two.
        exact_refuse: refused when a larger share of the test rows stands word for word, with the answer,
            in train, demonstrations or documents. So much can memory alone add to a score.
        near_warn: warned when a larger share has a near copy or paraphrase with its answer there. Of labels,
            which alike rows share anyway, only what exceeds the share in train among itself counts.
        near_refuse: refused beyond that. The default never refuses: rows made from one pattern are alike by
            nature, and no text tells them from copies; what was found stands in the report.

    Raises:
        ConfigError: one of them is out of range.
    """

    near: float = 0.9
    near_same_answer: float = 0.75
    paraphrase: float | None = None
    paraphrase_same_answer: float = 0.65
    exact_refuse: float = 0.05
    near_warn: float = 0.05
    near_refuse: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = 0.5 if field.name in {"near", "near_same_answer"} else 0.0
            if value is None and field.name == "paraphrase":
                continue
            if not (is_share(value) and lowest <= value):
                expected = f"a number from {lowest:g} to 1"
                raise ConfigError.for_parameter("LeakageThresholds", field.name, expected, value)


@dataclass(frozen=True, kw_only=True)
class LeakCount:
    """How many test rows have something of one kind in one place.

    Attributes:
        n_rows: test rows; a row may count under several kinds.
        n_with_answer: those of them whose answer is given away too.
    """

    kind: LeakKind
    place: Place
    n_rows: int
    share: float
    n_with_answer: int
    share_with_answer: float


@dataclass(frozen=True, kw_only=True)
class LeakPair:
    """A test row and what was found of it.

    Attributes:
        other_id: of the row, demonstration or document.
        similarity: 1 for equal inputs, of letters for near copies, the cosine for paraphrases.
        with_answer: whether the other one gives the row's answer away.
    """

    kind: LeakKind
    place: Place
    test_id: str
    other_id: str
    similarity: float
    with_answer: bool
    test_text: str
    other_text: str


@dataclass(frozen=True, kw_only=True)
class GoldAnswers:
    """How often what is asked for can be read in a document, word for word.

    Attributes:
        share_in_any: test rows whose target or an alias stands in some document.
        n_with_gold: test rows that name gold documents; ``n_in_gold`` those whose answer stands in one.
        share_in_gold: None where no row names any.
    """

    n_in_any: int
    share_in_any: float
    n_with_gold: int
    n_in_gold: int
    share_in_gold: float | None


@dataclass(frozen=True, kw_only=True)
class LeakageReport:
    """What was found of the test rows in what strategies learn from.

    Attributes:
        n_test: test rows in use.
        counts: one for each kind and place that was looked into, zeros too.
        pairs: examples, at most twenty of a kind and place, those with the answer first, then the nearest.
        exact_ids: test rows that stand word for word, with their answer, in train, demonstrations or
            documents; ``near_ids`` those with a near copy or paraphrase there.
        natural_share: rows of train that have a near copy or paraphrase with their answer among the others
            of train; None where it was not needed or there are too few.
        gold_answers: None where the task has no documents.
        n_shared_clusters: test rows whose cluster (or gold document) train rows share.
        usual_paraphrase: cosine from which on any two rows with the same answer count as paraphrases; None
            where there was none to be judged by it.
        embedder: whose vectors paraphrases were found by; None where none were needed or looked for.
        sentences: the findings in words, the weightiest first.
        verdict: ``refuse`` is what ``compare`` raises for.
    """

    task: str
    n_test: int
    n_train: int
    n_validation: int
    n_demonstrations: int
    n_documents: int
    counts: tuple[LeakCount, ...]
    pairs: tuple[LeakPair, ...]
    exact_ids: tuple[str, ...]
    near_ids: tuple[str, ...]
    natural_share: float | None
    gold_answers: GoldAnswers | None
    n_shared_clusters: int
    usual_paraphrase: float | None
    embedder: str | None
    thresholds: LeakageThresholds
    sentences: tuple[str, ...]
    verdict: LeakageVerdict
    reason: str | None
    seconds: float

    def count(self, kind: LeakKind, place: Place) -> LeakCount:
        """What was counted of one kind in one place.

        Raises:
            LookupError: it was not looked for.
        """
        for found in self.counts:
            if (found.kind, found.place) == (kind, place):
                return found
        raise LookupError(f"'{kind}' in '{place}' was not looked for.")


def percent(share: float) -> str:
    """A share for the reader.

    Examples:
        >>> percent(0.125), percent(0.1), percent(0)
        ('12.5 %', '10 %', '0 %')
    """
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def first(ids: Iterable[str], n: int = 3) -> str:
    """The first few ids.

    Examples:
        >>> first(["a", "b", "c", "d"])
        'a, b, c, ...'
    """
    listed = list(ids)
    return ", ".join([*listed[:n], *(["..."] if len(listed) > n else [])])
