"""Rules about how many labelled examples there are to learn from."""

from __future__ import annotations

from collections.abc import Callable

from adaptkit.decision.rules.base import TUNED, Rule
from adaptkit.decision.rules.sources import read, reported
from adaptkit.decision.situation import Situation

CURVE = "quality against the number of labels, on nested subsets, three seeds each"


def _between(low: int, high: int) -> Callable[[Situation], bool]:
    return lambda s: s.n_examples is not None and low <= s.n_examples <= high


def _count(s: Situation) -> str:
    n = s.n_examples or 0
    return "One labelled example is" if n == 1 else f"{n:,} labelled examples are"


def _unless_small(s: Situation) -> tuple[str, ...]:
    # Small models were tuned on 16 examples with success, where demonstrations did not help them.
    return () if s.is_small and s.can_tune else TUNED


EXAMPLES = (
    Rule(
        id="R6a",
        about="fewer than 10 labelled examples",
        part="limit",
        grade="vendor",
        sources=read("OAI", "Google"),
        measure=CURVE,
        when=_between(0, 9),
        text=lambda s: f"{_count(s)} too few to tune on: 10 are the least, and 50 where improvements begin.",
        scores={"prompt": 2, "few-shot": 1, "lora": -2, "full-sft": -2},
        excludes=TUNED,
    ),
    Rule(
        id="R6b",
        about="10 to 49 labelled examples",
        part="limit",
        grade="vendor",
        sources=read("OAI", "applied-llms"),
        measure=CURVE,
        when=_between(10, 49),
        text=lambda s: (
            f"{_count(s)} enough to show (5 or more, up to a few dozen); to tune on, improvements begin at "
            "50."
        ),
        scores={"prompt": 1, "few-shot": 2, "lora": -1, "full-sft": -2},
        defers=_unless_small,
    ),
    Rule(
        id="R6c",
        about="50 to 99 labelled examples",
        part="limit",
        grade="controlled",
        sources=read("OAI", "TFEW"),
        measure=CURVE,
        when=_between(50, 99),
        text=lambda s: (
            f"{_count(s)} enough to try both: clear improvements by tuning begin between 50 and 100, and on "
            "50 a task T-Few reached 76 % where prompted GPT-3 reached 63 %."
        ),
        scores={"prompt": 0, "few-shot": 1, "lora": 0, "full-sft": -1},
    ),
    Rule(
        id="R6d",
        about="100 to 1,000 labelled examples",
        part="limit",
        grade="controlled",
        sources=(*read("Google", "PEC"), *reported("BUC")),
        measure=CURVE,
        when=_between(100, 1000),
        text=lambda s: (
            f"{_count(s)} enough to tune on: it is recommended from 100 on, and small tuned models caught up "
            "with large prompted ones at about 100, at 200 to 300 allowing for variance."
        ),
        scores={"prompt": 0, "few-shot": 1, "lora": 1, "full-sft": 0},
    ),
    Rule(
        id="R6e",
        about="more than 1,000 labelled examples",
        part="limit",
        grade="controlled",
        sources=read("LORA", "PEC"),
        measure=CURVE,
        when=lambda s: s.n_examples is not None and s.n_examples > 1000,
        text=lambda s: (
            f"{_count(s)} plenty to tune on: with adapters GPT-3 went from 64 % on 100 examples of MNLI to "
            "86 % on 1,000 and 89 % on 10,000, and 41 % by demonstrations."
        ),
        scores={"prompt": 0, "few-shot": 1, "lora": 2, "full-sft": 2},
    ),
    Rule(
        id="R6u",
        about="nobody said how many labelled examples there are",
        part="limit",
        grade="derived",
        sources=read("OAI", "applied-llms"),
        measure="how many labelled examples there are",
        when=lambda s: s.n_examples is None,
        text="It is not known whether there are examples to learn from: five are enough to show, tuning "
        "takes 10 at least and improves from 50 on.",
        scores={"lora": -1, "full-sft": -2},
        favours=("few-shot",),
        defers=TUNED,
    ),
    Rule(
        id="N2",
        about="no labelled example",
        part="limit",
        grade="derived",
        sources=read("applied-llms"),
        measure="whether five examples can be written by hand",
        when=lambda s: s.n_examples == 0,
        text="There is no example to show; five written by hand are enough to begin with.",
        excludes=("knn-vote", "few-shot"),
    ),
)
