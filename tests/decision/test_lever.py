"""The next lever: the largest gain that was measured, and never more than that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_causes import ALONE, GOLD, HIT, MISS, RAG_ORACLE, TASK, answer, fault, result

from adaptkit.core.results import Pair, Record
from adaptkit.decision import Causes, causes
from adaptkit.decision.lever import next_lever
from adaptkit.stats import paired_difference


def pair(records: list[Record], strategy: str, baseline: str) -> Pair:
    """As a comparison has it."""
    scores = [
        {r.example_id: r.scores["m"] or 0.0 for r in records if r.strategy == name}
        for name in (strategy, baseline)
    ]
    found = paired_difference(*scores, rng=np.random.default_rng(0))
    return Pair(
        task="task", strategy=strategy, baseline=baseline, n=found.n, n_unpaired=0, delta=found.delta,
        delta_low=found.low, delta_high=found.high, gained=found.gained, lost=found.lost, p_value=None,
        p_value_adjusted=None, test="", verdict="undecided",
    )  # fmt: skip


def answers(strategy: str, n_right: int, right: dict[str, Any], wrong: dict[str, Any]) -> list[Record]:
    """A hundred rows, the first of them right."""
    return [
        answer(strategy, 1 if i < n_right else 0, example_id=f"r{i:02}", **(right if i < n_right else wrong))
        for i in range(100)
    ]


def judged(records: list[Record], strategy: str, *pairs: Pair) -> Causes:
    compared = replace(result(*dict.fromkeys(r.strategy for r in records)), pairs=pairs)
    return causes(compared, records, TASK, strategy, fault)


PROMPT = answers("prompt", 20, GOLD, GOLD)
RAG = answers("rag", 60, HIT, MISS)
ORACLE = answers(RAG_ORACLE, 84, ALONE, ALONE)


def test_a_planted_oracle_gap_is_the_lever_of_retrieval() -> None:
    records = [*PROMPT, *RAG, *ORACLE]
    found = judged(records, "rag", pair(records, RAG_ORACLE, "rag"))
    assert found.next_lever == (
        "rag is wrong where retrieval missed the passage on 40 % of the rows, and oracle passages "
        "(rag:passages=oracle) would add 24 points [16, 33] on 100 rows, an upper bound: improve the "
        "retriever before fine-tuning."
    )
    (lever,) = found.levers
    assert (lever.name, lever.control) == ("retrieval", RAG_ORACLE)
    assert lever.delta == pytest.approx(0.24)
    turned = judged(records, "rag", pair(records, "rag", RAG_ORACLE))
    assert turned.next_lever == found.next_lever


def test_where_other_passages_distract_the_retriever_need_not_find_more() -> None:
    records = [*PROMPT, *answers("rag", 60, HIT, HIT), *ORACLE]
    found = judged(records, "rag", pair(records, RAG_ORACLE, "rag"))
    assert "is led astray by passages beside the right one on 24 % of the rows" in found.next_lever
    assert "show fewer or better ordered passages before fine-tuning" in found.next_lever


def test_a_prompt_that_lacks_knowledge_is_told_so() -> None:
    records = [*PROMPT, *ORACLE]
    found = judged(records, "prompt", pair(records, RAG_ORACLE, "prompt"))
    assert found.next_lever.startswith(
        "prompt misses knowledge that passages bring on 64 % of the rows, and oracle"
    )
    assert "would add 64 points [" in found.next_lever
    assert found.next_lever.endswith("try retrieval before fine-tuning.")


def test_a_planted_format_gap_is_the_lever_of_form() -> None:
    records = answers("prompt", 60, {}, {"lenient": 1})
    found = judged(records, "prompt")
    assert found.next_lever.startswith(
        "prompt misses the form asked for on 40 % of the rows, and the right form "
    )
    assert (
        "would add 40 points [30, 50] on 100 rows, an upper bound: mend the form first." in found.next_lever
    )


def test_the_larger_of_two_levers_is_named() -> None:
    rag = answers("rag", 60, HIT, MISS)
    rag[60:90] = [replace(r, scores={"m": 0.0, "m_lenient": 1.0}) for r in rag[60:90]]
    records = [*PROMPT, *rag, *ORACLE]
    found = judged(records, "rag", pair(records, RAG_ORACLE, "rag"))
    assert [lever.name for lever in found.levers] == ["format", "retrieval"]
    assert "mend the form first" in found.next_lever


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finish_reason": "length"}, "has answers that were cut off at the token limit on 40 % of the rows"),
        ({"output": ""}, "has answers that were left empty on 40 % of the rows"),
        ({"output": "I'm sorry"}, "has answers that were declined on 40 % of the rows"),
        (
            {"error": {"type": "ModelError", "message": "none"}},
            "has answers that failed with an error on 40 % of the rows",
        ),
    ],
)
def test_answers_that_were_given_up_bound_what_mending_them_brings(
    changes: dict[str, Any], words: str
) -> None:
    found = judged(answers("prompt", 60, {}, changes), "prompt")
    assert words in found.next_lever
    assert "right answers there would add 40 points [30, 50] on 100 rows, an upper bound" in found.next_lever


def test_a_gap_that_chance_may_have_made_is_no_lever() -> None:
    few = [r for r in (*PROMPT, *RAG, *ORACLE) if r.example_id in {"r58", "r59", "r60", "r90"}]
    found = judged(few, "rag", pair(few, RAG_ORACLE, "rag"))
    assert found.next_lever.startswith(
        "No lever is shown for rag: the largest, oracle passages (rag:passages=oracle), is 25 points ["
    )
    assert found.next_lever.endswith("on 4 rows, an interval that includes 0.")


def test_an_oracle_that_is_no_better_adds_nothing() -> None:
    oracle = answers(RAG_ORACLE, 60, ALONE, ALONE)
    records = [*PROMPT, *RAG, *oracle]
    found = judged(records, "rag", pair(records, RAG_ORACLE, "rag"))
    assert found.next_lever == (
        "No lever for rag: oracle passages (rag:passages=oracle) would add nothing on these rows."
    )


def test_without_controls_nothing_is_claimed() -> None:
    found = judged(RAG, "rag")
    assert found.levers == ()
    assert found.next_lever == (
        'No lever is measured for rag. Not all controls were run: add { name = "rag", passages = "oracle" }, '
        "other parameters alike, to know more."
    )
    # Other strategies are no controls of it.
    others = [*RAG, *answers("rag+lora", 90, HIT, MISS)]
    assert judged(others, "rag", pair(others, "rag+lora", "rag")).levers == ()


def test_a_gain_that_no_cause_accounts_for_is_told_without_one() -> None:
    prompt = [replace(r, finish_reason="length") for r in PROMPT]
    records = [*prompt, *ORACLE]
    found = judged(records, "prompt", pair(records, RAG_ORACLE, "prompt"))
    assert [lever.name for lever in found.levers] == ["truncated", "knowledge"]
    alone = next_lever("prompt", found.levers[1:], ())
    assert alone.startswith("For prompt, oracle passages (rag:passages=oracle) would add 64 points [")


def test_pairs_of_other_tasks_do_not_count() -> None:
    records = [*PROMPT, *RAG, *ORACLE]
    (own,) = judged(records, "rag", pair(records, RAG_ORACLE, "rag")).levers
    other = replace(pair(records, RAG_ORACLE, "rag"), task="other", delta=0.9)
    assert judged(records, "rag", other, pair(records, RAG_ORACLE, "rag")).levers == (own,)


def test_an_interval_that_ends_at_0_shows_no_gain() -> None:
    records = [*PROMPT, *RAG, *ORACLE]
    bare = replace(pair(records, RAG_ORACLE, "rag"), delta_low=0.0)
    assert not judged(records, "rag", bare).levers[0].is_shown


def test_one_row_bounds_nothing() -> None:
    found = judged([answer("prompt", lenient=1)], "prompt")
    assert found.next_lever.startswith(
        "No lever is shown for prompt: the largest, the right form, is 100 points"
    )
    assert "without an interval" in found.next_lever


def test_rows_of_one_document_count_as_one() -> None:
    records = answers("prompt", 60, {}, {"lenient": 1})
    together = [replace(r, cluster=f"c{i // 20}") for i, r in enumerate(records)]
    alone, clustered = (judged(given, "prompt").levers[0] for given in (records, together))
    assert alone.is_shown
    assert not clustered.is_shown
    assert alone.delta == pytest.approx(clustered.delta)


def test_seeds_are_a_second_level_of_chance() -> None:
    one = answers("lora", 60, {}, {"lenient": 1})
    other = [replace(r, seed=1, scores={"m": 1.0, "m_lenient": 1.0}) for r in one]
    (single,), (both,) = (judged(given, "lora").levers for given in (one, [*one, *other]))
    assert both.delta == pytest.approx(single.delta / 2)
    assert both.share == pytest.approx(0.2)
    assert both.low is not None
    assert both.low < 0
