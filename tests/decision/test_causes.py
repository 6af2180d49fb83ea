"""Why answers are wrong: one planted record for each cause, and the laws of what is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurements import traits_of
from recorded import ERROR, record

from adaptkit.core.results import ComparisonResult, Record, Row
from adaptkit.decision import Causes, causes
from adaptkit.decision.cause_of import CAUSES
from adaptkit.tasks import TaskFacts

TASK = TaskFacts(name="task", kind="qa", metrics=("m",))
RAG_ORACLE = "rag:passages=oracle"
NOTES: dict[str, dict[str, Any]] = {
    RAG_ORACLE: {"control": "passages oracle"},
    "rag:passages=shuffled": {"control": "passages shuffled"},
}


def row(strategy: str, **changes: Any) -> Row:
    made = Row(
        task="task", strategy=strategy, model="fake", n=1, n_errors=0, metric="m", quality=None,
        quality_low=None, quality_high=None, fit_notes=NOTES.get(strategy, {}), traits=traits_of(strategy),
    )  # fmt: skip
    return replace(made, **changes)


def result(*strategies: str) -> ComparisonResult:
    return ComparisonResult(rows=tuple(map(row, strategies)), pairs=(), recommendation=(), manifest={})


def passage(document: str, text: str = "") -> dict[str, Any]:
    return {"id": f"{document}#0", "document_id": document, "text": text, "score": 1.0, "title": None}


def fault(given: Record) -> Literal["refused", "off_format"] | None:
    return {"I'm sorry": "refused", "<other form>": "off_format"}.get(given.output)  # type: ignore[return-value]


def answer(strategy: str, score: float = 0, **changes: Any) -> Record:
    output = {"output": "lima" if score == 1 else f"{strategy} is wrong"}
    scores = {"m": score, "m_lenient": changes.pop("lenient", score)}
    return record(strategy=strategy, target="lima", scores=scores, **{**output, **changes})


def judged(
    records: list[Record], strategy: str, *, task: TaskFacts = TASK, more: tuple[str, ...] = ()
) -> Causes:
    names = dict.fromkeys([strategy, *(r.strategy for r in records), *more])
    return causes(result(*names), records, task, strategy, fault)


def cause(records: list[Record], *, task: TaskFacts = TASK) -> str:
    """The cause of the first record."""
    (found,) = judged(records, records[0].strategy, task=task).causes
    return found.name


GOLD: dict[str, Any] = {"gold_documents": ("d1",)}
HIT: dict[str, Any] = {**GOLD, "contexts": (passage("d0", "quito"), passage("d1", "It is Lima."))}
MISS: dict[str, Any] = {**GOLD, "contexts": (passage("d0", "quito"),)}
ALONE: dict[str, Any] = {**GOLD, "contexts": (passage("d1", "It is Lima."),)}
WRONG_CHUNK: dict[str, Any] = {**GOLD, "contexts": (passage("d1", "Another chunk."),)}
PART: dict[str, Any] = {**HIT, "gold_documents": ("d1", "d2")}
BOTH: dict[str, Any] = {**PART, "contexts": (*ALONE["contexts"], passage("d2"))}
UNKNOWN_HIT: dict[str, Any] = {"contexts": (passage("d1", "It is Lima."),)}
UNKNOWN_MISS: dict[str, Any] = {"contexts": (passage("d1", "It is elsewhere; limation."),)}
PLANTED: dict[str, tuple[str, list[Record]]] = {
    "an error": ("error", [answer("rag", error=ERROR, output="", **MISS)]),
    "declined": ("refused", [answer("rag", output="I'm sorry", finish_reason="length", **MISS)]),
    "cut off": ("truncated", [answer("rag", finish_reason="length", lenient=1, **MISS)]),
    "cut off before it began": ("truncated", [answer("rag", finish_reason="length", output="", **MISS)]),
    "empty": ("empty", [answer("rag", output=" \n", **MISS)]),
    "right to a lenient reader": ("format", [answer("rag", lenient=1, **MISS)]),
    "in another form": ("format", [answer("rag", output="<other form>", **MISS)]),
    "half of what was lost is form": ("format", [answer("rag", 0.5, lenient=0.75, **MISS)]),
    "less than half of it is": ("retrieval_miss", [answer("rag", 0.5, lenient=0.7, **MISS)]),
    "no gold document": ("retrieval_miss", [answer("rag", **MISS), answer(RAG_ORACLE, 1, **ALONE)]),
    "no passage at all": ("retrieval_miss", [answer("rag", **GOLD)]),
    "its document, but not the chunk": (
        "retrieval_miss", [answer("rag", **WRONG_CHUNK), answer(RAG_ORACLE, **ALONE)],
    ),
    "its document, and nobody knows the chunk": ("unexplained", [answer("rag", **WRONG_CHUNK)]),
    "the text in no passage": ("retrieval_miss", [answer("rag", **UNKNOWN_MISS)]),
    "the text in a passage": ("unexplained", [answer("rag", **UNKNOWN_HIT)]),
    "the text, and the answer without": (
        "passage_ignored",
        [answer("rag", output="Quito!", **UNKNOWN_HIT), answer("prompt", output="quito")],
    ),
    "an alias in a passage": (
        "passage_ignored",
        [
            answer("rag", output="x", aliases=("elsewhere",), **UNKNOWN_MISS),
            answer("prompt", output="x"),
        ],
    ),
    "the answer is the one without passages": (
        "passage_ignored",
        [
            answer("rag", output="Quito!", **HIT), answer("prompt", output="quito"),
            answer(RAG_ORACLE, 1, **ALONE),
        ],
    ),
    "other passages beside it": (
        "distracted", [answer("rag", **HIT), answer("prompt"), answer(RAG_ORACLE, 1, **ALONE)],
    ),
    "a part of it, and right with all": (
        "retrieval_miss", [answer("rag", output="x", **PART), answer("prompt", output="x"),
                           answer(RAG_ORACLE, 1, **BOTH)],
    ),
    "a part of it, and wrong with all": (
        "wrong_reasoning", [answer("rag", **PART), answer("prompt"), answer(RAG_ORACLE, **BOTH)],
    ),
    "a part of it, and no oracle": ("unexplained", [answer("rag", **PART), answer("prompt")]),
    "wrong with the passage alone": (
        "wrong_reasoning", [answer("rag", **HIT), answer("prompt"), answer(RAG_ORACLE, **ALONE)],
    ),
    "no oracle": ("unexplained", [answer("rag", **HIT), answer("prompt")]),
    "the oracle itself": ("wrong_reasoning", [answer(RAG_ORACLE, **ALONE), answer("rag", 1, **HIT)]),
    "shuffled passages": ("retrieval_miss", [answer("rag:passages=shuffled", **MISS)]),
    "passages of a composition": (
        "distracted", [answer("rag+lora", **HIT), answer("rag+lora:rag.passages=oracle", 1, **ALONE)],
    ),
    "right with oracle passages": (
        "knowledge_missing", [answer("prompt", **GOLD), answer(RAG_ORACLE, 1, **ALONE)],
    ),
    "right with retrieved passages": (
        "knowledge_missing", [answer("prompt"), answer("rag", 1, **UNKNOWN_HIT)],
    ),
    "the passage itself is right": (
        "knowledge_missing", [answer("prompt"), answer("top-passage", 1, **UNKNOWN_HIT)],
    ),
    "wrong with oracle passages too": (
        "wrong_reasoning", [answer("prompt", **GOLD), answer(RAG_ORACLE, **ALONE)],
    ),
    "wrong with retrieved passages, and no oracle": ("unexplained", [answer("prompt"), answer("rag", **HIT)]),
    "right with shuffled passages": (
        "unexplained", [answer("prompt"), answer("rag:passages=shuffled", 1, **MISS)],
    ),
    "right when trained too": ("unexplained", [answer("prompt", **GOLD), answer("rag+lora", 1, **HIT)]),
    "trained, and right with passages alone": (
        "knowledge_missing", [answer("lora", **GOLD), answer("rag", 1, **HIT)],
    ),
    "trained, and wrong with passages untrained": (
        "unexplained", [answer("lora", **GOLD), answer(RAG_ORACLE, **ALONE)],
    ),
    "no model was asked": ("unexplained", [answer("knn-vote", **GOLD), answer(RAG_ORACLE, 1, **ALONE)]),
}  # fmt: skip
NOTES["rag+lora:rag.passages=oracle"] = {"control": "passages oracle"}


@pytest.mark.parametrize("planted", PLANTED)
def test_each_planted_cause_is_found(planted: str) -> None:
    expected, records = PLANTED[planted]
    assert cause(records) == expected


def test_every_cause_is_planted() -> None:
    assert {expected for expected, _ in PLANTED.values()} == set(CAUSES)


def test_where_the_task_names_gold_documents_a_row_without_may_have_no_answer() -> None:
    without = answer("rag", example_id="r0", **UNKNOWN_MISS)
    found = judged([without, answer("rag", 1, example_id="r1", **HIT)], "rag")
    assert [c.name for c in found.causes] == ["unexplained"]
    # What the oracle shows on such a row was retrieved: it tells nothing.
    oracle = [answer(RAG_ORACLE, example_id=i) for i in ("r0", "r1")]
    prompt = [answer("prompt", example_id="r0"), answer("prompt", 1, example_id="r1", **GOLD)]
    assert [c.name for c in judged([*prompt, *oracle], "prompt").causes] == ["unexplained"]


def test_a_label_is_not_looked_for_in_passages() -> None:
    task = replace(TASK, kind="classification", labels=("lima", "quito"))
    assert cause([answer("rag", **UNKNOWN_MISS)], task=task) == "unexplained"


def test_the_oracle_with_the_same_parameters_is_taken_first() -> None:
    configs: dict[str, dict[str, Any]] = {
        "rag:k=1": {"k": 1, "passages": "retrieved", "seed": 0},
        "rag:passages=oracle": {"k": 3, "passages": "oracle", "seed": 0},
        "rag:k=1:passages=oracle": {"k": 1, "passages": "oracle", "seed": 5},
    }
    rows = tuple(
        row(name, config=config, fit_notes={"control": "passages oracle"} if "oracle" in name else {})
        for name, config in configs.items()
    )
    records = [
        answer("rag:k=1", **HIT),
        answer(RAG_ORACLE, 0, **ALONE),
        answer("rag:k=1:passages=oracle", 1, **ALONE),
    ]
    found = causes(replace(result(), rows=rows), records, TASK, "rag:k=1", fault)
    assert [c.name for c in found.causes] == ["distracted"]


def test_a_control_that_failed_is_none() -> None:
    rows = (row("prompt"), row(RAG_ORACLE, status="failed"))
    records = [answer("prompt", **GOLD), answer(RAG_ORACLE, 1, **ALONE)]
    found = causes(replace(result(), rows=rows), records, TASK, "prompt", fault)
    assert [c.name for c in found.causes] == ["unexplained"]


@pytest.mark.parametrize(
    ("strategy", "given", "others", "missing"),
    [
        ("rag", HIT, (), [{"name": "rag", "passages": "oracle"}, {"name": "prompt"}]),
        ("rag", HIT, ("prompt",), [{"name": "rag", "passages": "oracle"}]),
        ("rag", HIT, ("prompt", RAG_ORACLE), []),
        ("rag", MISS, (), [{"name": "rag", "passages": "oracle"}]),  # for what better retrieval would bring
        ("rag", UNKNOWN_HIT, (), [{"name": "prompt"}]),  # without gold documents there is no oracle
        ("prompt", GOLD, (), [{"name": "rag", "passages": "oracle"}]),
        ("prompt", {}, (), []),
        ("few-shot:k=8", GOLD, (), [{"name": "rag+few-shot", "rag": {"passages": "oracle"}}]),
        (
            "rag+lora",
            HIT,
            ("rag", "prompt"),
            [{"name": "rag+lora", "rag": {"passages": "oracle"}}, {"name": "lora"}],
        ),
        ("knn-vote", GOLD, (), []),
        ("lookup", HIT, (), []),  # shows passages, and is not retrieval: there is no control for it
    ],
)
def test_what_was_not_run_is_named(
    strategy: str, given: dict[str, Any], others: tuple[str, ...], missing: list[dict[str, Any]]
) -> None:
    records = [answer(strategy, **given), *(answer(name) for name in others)]
    assert list(judged(records, strategy).missing_controls) == missing


def test_seeds_make_one_row_together() -> None:
    records = [answer("prompt", score, seed=seed, **GOLD) for seed, score in enumerate((1, 0, 0))]
    records[2] = replace(records[2], finish_reason="length")
    found = judged([*records, answer(RAG_ORACLE, 1, **ALONE)], "prompt")
    assert [c.name for c in found.causes] == ["truncated", "knowledge_missing"]
    third = pytest.approx(1 / 3)
    assert [c.n for c in found.causes] == [third, third]
    assert found.n == 1
    assert found.n_right == third
    assert found.quality == third


@pytest.mark.parametrize(
    ("scores", "expected"), [((1, 1, 0), "knowledge_missing"), ((1, 0, 0), "wrong_reasoning")]
)
def test_a_control_with_seeds_is_right_where_half_of_them_are(scores: tuple[int, ...], expected: str) -> None:
    oracle = [answer(RAG_ORACLE, score, seed=seed, **ALONE) for seed, score in enumerate(scores)]
    assert cause([answer("prompt", **GOLD), *oracle]) == expected


def test_a_control_that_has_not_answered_the_row_tells_nothing_of_it() -> None:
    prompt = [answer("prompt", example_id=i, **GOLD) for i in ("r0", "r1")]
    found = judged([*prompt, answer(RAG_ORACLE, 1, example_id="r0", **ALONE)], "prompt")
    assert [(c.name, c.examples[0].example_id) for c in found.causes] == [
        ("knowledge_missing", "r0"),
        ("unexplained", "r1"),
    ]


def test_seeds_of_the_oracle_do_not_explain_each_other() -> None:
    records = [answer(RAG_ORACLE, score, seed=seed, **ALONE) for seed, score in enumerate((1, 1, 0))]
    assert [c.name for c in judged(records, RAG_ORACLE).causes] == ["wrong_reasoning"]


def test_what_looks_passages_up_itself_is_no_closed_book() -> None:
    looked_up = answer("function-calling", output="x", **HIT)
    found = judged([answer("rag+function-calling", output="x", **HIT), looked_up], "rag+function-calling")
    assert [c.name for c in found.causes] == ["unexplained"]


def test_an_oracle_with_permuted_targets_is_none() -> None:
    name = "rag+lora:rag.passages=oracle"
    notes = {"control": "passages oracle", "lora_control": "targets permuted"}
    rows = (row("rag+lora"), row(name, fit_notes=notes))
    records = [answer("rag+lora", **HIT), answer(name, 1, **ALONE)]
    found = causes(replace(result(), rows=rows), records, TASK, "rag+lora", fault)
    assert [c.name for c in found.causes] == ["unexplained"]


def test_strategies_of_other_tasks_are_no_controls() -> None:
    rows = (row("prompt"), row(RAG_ORACLE, task="other"))
    records = [answer("prompt", **GOLD), answer(RAG_ORACLE, 1, **ALONE)]
    found = causes(replace(result(), rows=rows), records, TASK, "prompt", fault)
    assert [c.name for c in found.causes] == ["unexplained"]


def test_second_runs_other_tasks_and_rows_without_a_score_do_not_count() -> None:
    records = [
        answer("prompt", 1),
        answer("prompt", repeat=1),
        answer("prompt", task="other"),
        record(strategy="prompt", example_id="r9", scores={"m": None}),
    ]
    found = judged(records, "prompt")
    assert (found.n, found.quality, found.causes) == (1, 1, ())
    assert found.next_lever == "prompt is right on every row: there is nothing to gain on these."


def test_a_strategy_without_rows_has_no_causes() -> None:
    found = judged([answer("prompt")], "lora")
    assert (found.n, found.quality, found.causes) == (0, None, ())
    assert found.next_lever == "lora answered no row that has a score."
    assert "No row has a score of m." in found.to_text()


def test_examples_are_those_that_lost_most_one_a_row() -> None:
    scores = {"a": 0.4, "b": 0.2, "c": 0.3, "d": 0.1}
    records = [
        answer("rag", s, example_id=i, seed=seed, **MISS) for i, s in scores.items() for seed in (0, 1)
    ]
    (found,) = judged(records, "rag").causes
    assert [(e.example_id, e.seed) for e in found.examples] == [("d", 0), ("b", 0), ("c", 0)]
    assert (found.examples[0].target, found.examples[0].output) == ("lima", "rag is wrong")
    assert found.examples[0].score == pytest.approx(0.1)
    assert found.examples[0].passages == ("d0#0",)


def test_an_error_stands_where_the_answer_would() -> None:
    (found,) = judged([answer("prompt", error=ERROR, output="")], "prompt").causes
    assert found.examples[0].output == "ModelError: no answer"


names = st.sampled_from(["prompt", "few-shot", "rag", RAG_ORACLE])
answers = st.builds(
    lambda strategy, score, **changes: answer(strategy, score, **changes),
    names,
    st.sampled_from([0.0, 0.25, 0.9, 1.0]),
    lenient=st.sampled_from([0.0, 0.5, 1.0]),
    example_id=st.sampled_from("abcd"),
    seed=st.integers(0, 2),
    output=st.sampled_from(["", "lima", "quito", "I'm sorry", "<other form>"]),
    finish_reason=st.sampled_from(["stop", "length"]),
    contexts=st.sampled_from([(), HIT["contexts"], MISS["contexts"]]),
    gold_documents=st.sampled_from([(), ("d1",)]),
    error=st.sampled_from([None, None, None, ERROR]),
)


@given(st.lists(answers, unique_by=lambda r: (r.strategy, r.example_id, r.seed)), names)
def test_rows_and_points_add_up(records: list[Record], strategy: str) -> None:
    found = judged(records, strategy)
    own = [r for r in records if r.strategy == strategy]
    assert found.n == len({r.example_id for r in own})
    assert found.n_right + sum(c.n for c in found.causes) == pytest.approx(found.n)
    if found.quality is not None:
        assert sum(c.lost for c in found.causes) == pytest.approx(1 - found.quality)
        assert sum(c.share for c in found.causes) == pytest.approx(1 - found.n_right / found.n)
        assert 0 <= found.quality <= 1
    assert all(c.n > 0 and c.lost > 0 and 1 <= len(c.examples) <= 3 for c in found.causes)
    assert found.to_text()
    assert found == judged(records[::-1], strategy)  # the order of records changes nothing


def test_the_text_says_what_was_counted() -> None:
    records = [answer("rag", i < 6, example_id=f"r{i}", **(HIT if i < 6 else MISS)) for i in range(10)]
    text = judged(records, "rag").to_markdown()
    assert "# Why rag is not right on task" in text
    assert "m 60 % on 10 rows; 6 right." in text
    assert "| retrieval miss | 4 | 40 % | 40 | what holds the answer is not among the passages |" in text
    assert "- retrieval miss, r6: expected “lima”, got “rag is wrong”; passages d0#0" in text
