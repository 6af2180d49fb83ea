"""Answers with their sources, answers where there is none, and documents that change after the fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import CAPITALS, classification_task, qa_task, structured_task, tiny_llama

from adaptkit.core.errors import ConfigError, NotFittedError, UnknownNameError
from adaptkit.core.types import Document, Example, Passage, Request
from adaptkit.models.fake import FakeModel
from adaptkit.strategies import load_strategy
from adaptkit.strategies.citing import passage_that_holds, read_citations
from adaptkit.strategies.compose import Compose
from adaptkit.strategies.few_shot import FewShot
from adaptkit.strategies.rag import RAG
from adaptkit.strategies.unanswered import left_without_passages, unanswerable_target
from adaptkit.tasks import Task

pytestmark = pytest.mark.usefixtures("hash_embedder")

TASK = qa_task()
SMALL: dict[str, Any] = {"chunk_tokens": 20, "overlap_tokens": 4}
QUESTION = "What is the capital of Peru?"
STRANGE = "xylophone zither"
PASSAGES = [
    Passage(id=f"d{i}#0", document_id=f"d{i}", text=text, score=1 - i / 10)
    for i, text in enumerate(["Lima is the capital.", "Rome is old.", "Lima has trams; 1.5 million ride."])
]


def fitted(answer: str | Callable[[Request], str] = "Lima", task: Task = TASK, **params: Any) -> RAG:
    reply = answer if callable(answer) else lambda _: answer
    return RAG(**{**SMALL, **params}).fit(FakeModel(reply), task)


# Citations


@pytest.mark.parametrize(
    ("text", "answer", "cited"),
    [
        ("Lima [1]", "Lima", ["d0#0"]),
        ("Lima [3].", "Lima", ["d2#0"]),
        ("Lima [1, 3]", "Lima", ["d0#0", "d2#0"]),
        ("Lima [1][3] [1]", "Lima", ["d0#0", "d2#0"]),
        ("Lima [ 2 ; 1 ] .", "Lima", ["d1#0", "d0#0"]),
        ("Lima [7]", "Lima", []),
        ("Lima [0]", "Lima", []),
        ("[2]", "", ["d1#0"]),
        ("Lima", "Lima", []),
        ("Lima [a]", "Lima [a]", []),
        ("[1] Lima", "[1] Lima", []),
        ("x[2] is 3", "x[2] is 3", []),
    ],
)
def test_citations_are_read_off_the_end(text: str, answer: str, cited: list[str]) -> None:
    assert read_citations(text, PASSAGES) == (answer, tuple(cited))


@pytest.mark.parametrize(
    ("answer", "id_"),
    [
        ("Lima", "d0#0"),
        ("the CAPITAL.", "d0#0"),
        ("trams", "d2#0"),
        ("1.5 million", "d2#0"),
        ("5 million", None),
        ("old Rome", None),
        ("", None),
        ("?", None),
    ],
)
def test_passage_that_holds_the_answer_is_the_first_that_has_its_words(answer: str, id_: str | None) -> None:
    assert passage_that_holds(answer, PASSAGES) == (() if id_ is None else (id_,))


@pytest.mark.parametrize("order", ["best-last", "best-first"])
def test_cited_number_is_that_of_the_prompt(order: Any) -> None:
    strategy = fitted("Lima [1]", cite=True, order=order)
    prediction = strategy.generate(QUESTION)
    number_one = prediction.contexts[0 if order == "best-first" else -1]
    assert (prediction.output, prediction.citations) == ("Lima", (number_one.id,))
    (listed,) = strategy.generate([QUESTION])
    assert (listed.output, listed.citations) == ("Lima", (number_one.id,))


def test_citations_are_asked_for_and_given_room() -> None:
    plain, citing = fitted(), fitted(cite=True)
    assert citing.instruction_.startswith(plain.instruction_)
    assert "number of the document" in citing.instruction_
    assert "number of the document" not in plain.instruction_
    assert citing.format_.max_new_tokens > plain.format_.max_new_tokens


def test_number_refers_to_what_the_prompt_had_room_for() -> None:
    model = FakeModel(lambda _: "Lima [1]", context_tokens=105)
    strategy = RAG(k=6, cite=True, **SMALL).fit(model, TASK)
    prediction = strategy.generate(QUESTION)
    assert 0 < len(prediction.contexts) < 6
    assert prediction.citations == (prediction.contexts[-1].id,)


def test_answer_without_citation_is_looked_for_in_the_passages() -> None:
    for strategy in (fitted("lima"), fitted("lima", cite=True), fitted("lima [9]", cite=True)):
        prediction = strategy.generate(QUESTION)
        (id_,) = prediction.citations
        assert "Lima" in next(p.text for p in prediction.contexts if p.id == id_)
        assert prediction.output == "lima"
    assert fitted("Atlantis").generate(QUESTION).citations == ()


def test_brackets_stay_where_no_citation_was_asked_for() -> None:
    assert fitted("Lima [1]").generate(QUESTION).output == "Lima [1]"


def test_labels_and_records_are_not_attributed() -> None:
    documents = (Document(id="d", text="music weather alarm"),)
    task = dataclasses.replace(classification_task(), documents=documents)
    prediction = RAG(**SMALL).fit(tiny_llama(), task).generate(task.test[0].input)
    assert prediction.output in task.labels
    assert prediction.contexts
    assert prediction.citations == ()


@pytest.mark.parametrize(("make", "what"), [(classification_task, "labels"), (structured_task, "JSON")])
def test_citing_is_refused_where_answers_are_no_free_text(make: Callable[[], Task], what: str) -> None:
    task = dataclasses.replace(make(), documents=(Document(id="d", text="a"),))
    reason = RAG(cite=True).refusal(task)
    assert reason is not None
    assert reason.endswith(f"are {what}.")
    assert RAG().refusal(task) is None


def test_composition_that_ends_with_it_cites_too() -> None:
    model = FakeModel(lambda _: "Lima [1]")
    prediction = Compose((FewShot(k=2), RAG(cite=True, **SMALL))).fit(model, TASK).generate(QUESTION)
    assert (prediction.output, prediction.citations) == ("Lima", (prediction.contexts[-1].id,))


# No answer in the documents


def unanswerable_task() -> Task:
    """The questions with gold documents, and some without whose answer is that there is none."""

    def row(example: Example) -> Example:
        gold = next(c.lower() for c in CAPITALS if c in example.input)
        return dataclasses.replace(example, gold_documents=(gold,))

    def bare(split: str, n: int) -> tuple[Example, ...]:
        return tuple(
            Example(id=f"{split}{i}", input=f"{STRANGE} {i}", target="Not stated.") for i in range(n)
        )

    return dataclasses.replace(
        TASK,
        train=(*map(row, TASK.train), *bare("train", 3)),
        validation=(*map(row, TASK.validation or ()), *bare("val", 2)),
    )


def test_passages_below_the_least_score_are_left_out() -> None:
    whole = fitted(k=5).prompts([QUESTION])[0].context
    least = sorted(p.score for p in whole)[2]
    kept = fitted(k=5, min_score=least).prompts([QUESTION])[0].context
    assert kept == tuple(p for p in whole if p.score >= least)
    assert len(kept) == 3


def test_model_is_asked_without_passages_where_no_answer_is_set_for_that() -> None:
    strategy = fitted(lambda request: f"{len(request.prompt.context)} passages", min_score=2.0)
    assert strategy.generate(QUESTION).output == "0 passages"


def test_no_passage_and_no_answer_set_is_answered_without_the_model() -> None:
    model = FakeModel(lambda _: "Lima")
    strategy = RAG(min_score=0.4, no_answer="Not stated.", method="dense", **SMALL).fit(model, TASK)
    asked = len(model.requests)
    declined, answered, again = strategy.generate([STRANGE, QUESTION, STRANGE])
    assert [p.output for p in (declined, answered, again)] == ["Not stated.", "Lima", "Not stated."]
    assert len(model.requests) == asked + 1
    assert (declined.usage.tokens_in, declined.usage.tokens_out, declined.contexts) == (0, 0, ())
    assert declined.latency_s is None
    alone = strategy.generate(STRANGE)
    assert alone.output == "Not stated."
    assert alone.latency_s == alone.retrieve_s == alone.first_token_s
    assert alone.latency_s is not None
    assert strategy.generate([STRANGE])[0].output == "Not stated."
    assert len(model.requests) == asked + 1


def test_instruction_says_what_to_reply_and_there_is_room_for_it() -> None:
    text = "The documents do not say so, and nothing else does as far as anybody here can tell today. " * 3
    strategy = fitted(no_answer=text)
    assert f"reply with exactly: {text}" in strategy.instruction_
    assert "the answer follows from them" not in strategy.instruction_
    assert strategy.format_.max_new_tokens > len(text.split())
    assert fitted(no_answer="No.").format_ == fitted().format_


def test_no_answer_of_a_classification_is_a_label() -> None:
    task = dataclasses.replace(classification_task(), documents=(Document(id="d", text="a"),))
    assert RAG(no_answer="music").refusal(task) is None
    assert (
        RAG(no_answer="none").refusal(task)
        == "The no_answer 'none' is none of the labels of the task 'commands'."
    )


def test_notes_tell_whom_the_least_score_leaves_without_passages() -> None:
    task = unanswerable_task()
    told = fitted(task=task, method="bm25", min_score=0.0, no_answer="not stated").fit_notes_["min_score"]
    n = len(task.validation or ())
    assert told == {
        "split": "validation",
        "n_rows": n,
        "n_without_passages": 2,
        "n_without_answer": 2,
        "n_without_both": 2,
    }
    all_gone = fitted(task=task, min_score=9.0).fit_notes_["min_score"]
    assert all_gone == {"split": "validation", "n_rows": n, "n_without_passages": n}
    assert "min_score" not in fitted(task=task).fit_notes_


def test_rows_without_passages_are_counted() -> None:
    rows = [Example(id=str(i), input="?", target=t) for i, t in enumerate(["none", "Lima", "NONE.", "Rome"])]
    found = [[], [], PASSAGES, PASSAGES]
    assert left_without_passages(rows, found, "None") == {
        "n_rows": 4,
        "n_without_passages": 2,
        "n_without_answer": 2,
        "n_without_both": 1,
    }


def test_what_unanswerable_rows_say_is_an_alternative() -> None:
    task = unanswerable_task()
    assert unanswerable_target(task) == "Not stated."
    found = RAG().alternatives(task)
    assert [a.no_answer for a in found].count("Not stated.") == 1
    assert found[2].no_answer == "Not stated."
    assert all(a.no_answer is None for a in RAG().alternatives(TASK))


@pytest.mark.parametrize(
    ("gold", "targets"),
    [
        ((), ["none", "none"]),  # no row names documents: nothing tells which have none
        (("peru",), ["none"]),  # one is no habit
        (("peru",), ["none", "none", "a", "b"]),  # half of them is no more than half
    ],
)
def test_targets_that_differ_are_no_way_of_saying_so(gold: tuple[str, ...], targets: list[str]) -> None:
    rows = [Example(id="g", input="?", target="Lima", gold_documents=gold)] if gold else []
    rows += [Example(id=str(i), input="?", target=t) for i, t in enumerate(targets)]
    assert unanswerable_target(dataclasses.replace(TASK, train=tuple(rows))) is None


# Documents that change

NEW = Document(id="mars", title="Mars", text="The capital of Mars is Olympus.")


@pytest.mark.parametrize("params", [{}, {"method": "bm25"}, {"passages": "shuffled"}])
def test_updated_documents_are_those_of_a_new_fit(params: dict[str, Any], tmp_path: Path) -> None:
    inputs = [e.input for e in TASK.test] + ["What is the capital of Mars?"]
    changed = (*(d for d in TASK.documents if d.id != "peru"), NEW)
    anew = fitted(task=dataclasses.replace(TASK, documents=changed), **params)
    strategy = fitted(**params)
    assert strategy.update_documents([NEW], remove=["peru"]) is strategy
    assert strategy.prompts(inputs) == anew.prompts(inputs)
    assert strategy.fit_notes_["n_chunks"] == anew.fit_notes_["n_chunks"]
    assert strategy.fit_notes_["n_updates"] == 1
    loaded = load_strategy(strategy.save(tmp_path), FakeModel(lambda _: "Lima"))
    assert isinstance(loaded, RAG)
    assert loaded.prompts(inputs) == anew.prompts(inputs)
    loaded.update_documents([d for d in TASK.documents if d.id == "peru"], remove=["mars"])
    assert {c.document_id for c in loaded.retriever_.chunks} == {d.id for d in TASK.documents}
    assert loaded.fit_notes_["n_updates"] == 2


def test_update_that_fails_changes_nothing() -> None:
    strategy = fitted()
    before = strategy.prompts([QUESTION])
    everything = [d.id for d in TASK.documents]
    changes: list[tuple[list[Document], list[str], type[Exception]]] = [
        ([NEW], ["atlantis"], UnknownNameError),
        ([NEW, NEW], [], ConfigError),
        ([], everything, ConfigError),
    ]
    for documents, remove, error in changes:
        with pytest.raises(error):
            strategy.update_documents(documents, remove=remove)
    assert strategy.prompts([QUESTION]) == before
    assert "n_updates" not in strategy.fit_notes_


def test_update_comes_after_the_fit() -> None:
    with pytest.raises(NotFittedError, match=r"before update_documents\(\)"):
        RAG().update_documents([NEW])
