"""Rules about how to go about it: what to have first, how to compare, and how far a result carries."""

from __future__ import annotations

from adaptkit.decision.rules.base import TUNED, Rule, RuleResult
from adaptkit.decision.rules.sources import read, reported
from adaptkit.decision.situation import Situation
from adaptkit.stats import minimum_detectable_difference

MIN_TEST_ROWS = 20
# The share of rows on which two strategies disagree, until it is measured.
ASSUMED_DISCORDANCE = 0.2
GOOD_ENOUGH = 0.9
SEEDS = 3


def size(model_parameters: float) -> str:
    """Write a number of weights, e.g. ``135 million``."""
    unit, name = (1e9, "billion") if model_parameters >= 1e9 else (1e6, "million")
    return f"{model_parameters / unit:.3g} {name}"


def needed_gain(s: Situation) -> float | None:
    """The difference that has to be seen: from the prompt to the target, else the margin, else None."""
    r = s.required
    if r.target_quality is not None and r.prompt_quality is not None and r.target_quality > r.prompt_quality:
        return r.target_quality - r.prompt_quality
    return r.margin


def _no_evaluation(s: Situation) -> str:
    if s.metric is None:
        return (
            f"Build the evaluation first: no metric is named. Name one, and set aside {MIN_TEST_ROWS} "
            "labelled rows or more that nothing is learnt from."
        )
    return (
        f"Build the evaluation first: {s.n_test} test rows decide nothing. {MIN_TEST_ROWS} with a look at "
        "every failure are the least."
    )


def _detectable(s: Situation) -> float | None:
    return None if s.n_test is None else minimum_detectable_difference(s.n_test, ASSUMED_DISCORDANCE)


def _is_underpowered(s: Situation) -> bool:
    gain, seen = needed_gain(s), _detectable(s)
    return gain is not None and seen is not None and seen > gain


def _underpowered(s: Situation) -> str:
    return (
        f"{s.n_test} test rows show a difference of {100 * (_detectable(s) or 0):.1f} points four times in "
        f"five (strategies disagreeing on {100 * ASSUMED_DISCORDANCE:g} % of the rows), and "
        f"{100 * (needed_gain(s) or 0):.1f} are to be seen: a tie will say little."
    )


def _share_of_target(s: Situation) -> float | None:
    r = s.required
    if r.prompt_quality is None or not r.target_quality:
        return None
    # Twelve digits: 0.72 of 0.8 are nine tenths, whatever their last bits.
    return round(r.prompt_quality / r.target_quality, 12)


def _is_met(s: Situation) -> bool:
    share = _share_of_target(s)
    return share is not None and share >= 1 and not (s.required.needs_citations or s.required.needs_actions)


def _is_nearly_met(s: Situation) -> bool:
    share = _share_of_target(s)
    return share is not None and GOOD_ENOUGH <= share < 1


def _rest(s: Situation) -> tuple[str, ...]:
    # A limit of time or price may still ask for a shorter prompt than one that is good enough.
    return () if s.required.limits_time_or_price else ("few-shot", "rag", *TUNED)


def _scope(s: Situation) -> str:
    if s.model_parameters is None:
        return (
            "The model's size is not given. Small and large models order strategies differently: repeat this "
            "with the number of its weights, and measure on the model that will serve."
        )
    return (
        f"This is for a model of {size(s.model_parameters)} weights. Do not carry it over to another size: "
        "with retrieval, tuning helped models of 80 million weights and not those of 7 billion."
    )


METHOD = (
    Rule(
        id="R1",
        about="fewer than 20 test rows, or no metric",
        part="method",
        grade="practitioner",
        sources=read("OAI", "HAM"),
        measure="a failure analysis of the baseline on 20 rows or more",
        when=lambda s: s.metric is None or (s.n_test is not None and s.n_test < MIN_TEST_ROWS),
        text=_no_evaluation,
        warns=True,
    ),
    Rule(
        id="R2",
        about="the test rows cannot show the difference that is needed",
        part="method",
        grade="derived",
        sources=read("MIL"),
        measure="the share of rows on which two strategies disagree, in a pilot",
        when=_is_underpowered,
        text=_underpowered,
        warns=True,
    ),
    Rule(
        id="R3",
        about="always",
        part="method",
        grade="practitioner",
        sources=(*read("MS-Learn", "HAM", "CBU"), *reported("SCL")),
        measure="the best and the median of at least five formats, on validation rows",
        when=lambda s: True,
        text="A prompt comes first: it costs its tokens only, is undone at once, and tests the evaluation.",
        favours=("prompt",),
        settings={"prompt": "5 formats or more; report their range"},
    ),
    Rule(
        id="R3b",
        about="the prompt is good enough already",
        part="method",
        grade="practitioner",
        sources=read("applied-llms"),
        measure="the prompt's quality with its interval against the target, and its latency and price",
        when=_is_met,
        text=lambda s: (
            f"The prompt reaches {100 * (s.required.prompt_quality or 0):.1f} %, and "
            f"{100 * (s.required.target_quality or 0):.1f} % are required."
        ),
        scores={"prompt": 2},
        excludes=_rest,
    ),
    Rule(
        id="R3c",
        about="the prompt gets 90 % of the way",
        part="method",
        grade="practitioner",
        sources=read("applied-llms"),
        measure="the prompt's failures: how many a better prompt would mend",
        when=_is_nearly_met,
        text=lambda s: (
            f"The prompt gets {100 * (_share_of_target(s) or 0):.0f} % of the way to the target; for the "
            "rest tuning may not be worth its cost."
        ),
        scores={"prompt": 2, "lora": -1, "full-sft": -2, "rag+lora": -1, "function-calling+lora": -1},
    ),
    Rule(
        id="R18",
        about="always",
        part="method",
        grade="controlled",
        sources=read("CBU", "MOS", "MIL"),
        measure="the spread over seeds beside the lead of the best: a lead within it separates nothing",
        when=lambda s: True,
        text="What draws or trains varies by its draw: run it with three seeds or more.",
        settings={
            name: f"{SEEDS} seeds, demonstrations and their order drawn anew" if name == "few-shot"
            else f"{SEEDS} seeds"
            for name in ("few-shot", *TUNED)
        },
    ),
    Rule(
        id="R20",
        about="always",
        part="method",
        grade="controlled",
        sources=read("MOS", "SOU"),
        measure="the same comparison on the model that will serve",
        when=lambda s: True,
        text=_scope,
        warns=True,
    ),
)  # fmt: skip


def tie(first: str, equal: tuple[str, ...]) -> RuleResult:
    """R17: of strategies that are equally advised, the cheaper and more reversible one.

    Args:
        first: the one that is tried first.
        equal: the others; none where ``first`` is what remains.
    """
    why = f"Nothing tells it from {' and '.join(equal)}" if equal else "Nothing speaks for another one"
    return RuleResult(
        rule="R17",
        about="equally advised, cheaper and more reversible",
        part="method",
        grade="vendor",
        sources=read("MS-Learn"),
        text=f"{why}, and it is the cheapest to try and easiest to undo.",
        measure="the pairwise difference: within the margin, the cheaper one stands",
        favours=(first,),
    )
