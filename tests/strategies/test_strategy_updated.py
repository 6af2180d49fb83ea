"""Fitted strategies brought up to date: what each needs, and that it is then as if it were fitted anew."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import pytest
from tiny import CAPITALS, classification_task, qa_task, tiny_model

import adaptkit as ak
from adaptkit.core.errors import NotFittedError
from adaptkit.core.types import Document, Example
from adaptkit.strategies import make_strategy
from adaptkit.strategies.baselines import NearestVote
from adaptkit.strategies.tuned import Budget, Tuned
from adaptkit.strategies.updating import document_changes

pytestmark = pytest.mark.usefixtures("hash_embedder")

SMALL: dict[str, Any] = {"k": 2, "chunk_tokens": 24, "overlap_tokens": 4}
RAG, SHOTS = ak.RAG(**SMALL), ak.FewShot(k=2)
LORA = ak.LoRASFT(rank=2, epochs=1, learning_rate=0.02)
OLD = qa_task()


def moved(text: str) -> str:
    return text.replace("Rome", "Turin")


def new_task(*, rows: bool = True, documents: bool = True) -> ak.Task:
    """Italy has another capital, Chile's document is gone, and there is one about Mali."""

    def row(example: Example) -> Example:
        return dataclasses.replace(example, target=moved(example.target))

    changes: dict[str, Any] = {}
    if rows:
        splits = {"train": OLD.train, "validation": OLD.validation or (), "test": OLD.test}
        changes |= {name: tuple(map(row, split)) for name, split in splits.items()}
    if documents:
        kept = [dataclasses.replace(d, text=moved(d.text)) for d in OLD.documents if d.id != "chile"]
        changes["documents"] = (*kept, Document(id="mali", text="The capital of Mali is Bamako."))
    return dataclasses.replace(OLD, **changes)


NEW = new_task()
INPUTS = [e.input for e in (*OLD.train, *OLD.test)] + ["What is the capital of Mali?"]


@pytest.mark.parametrize(
    ("strategy", "for_rows", "for_documents"),
    [
        (ak.PromptEngineering(), (), ()),
        (ak.PromptEngineering(search=2), ("re-fit",), ("re-fit",)),
        (SHOTS, ("re-fit",), ()),
        (RAG, (), ("re-index",)),
        (LORA, ("re-train",), ()),
        (ak.FullSFT(), ("re-train",), ()),
        (make_strategy("knn-vote", {}), ("re-fit",), ()),
        (make_strategy("tfidf", {}), ("re-fit",), ()),
        (make_strategy("top-passage", {}), (), ("re-index",)),
        (Tuned(SHOTS), ("re-fit",), ()),
        (ak.Compose((SHOTS, RAG)), ("re-fit",), ("re-index",)),
        (ak.Compose((RAG, LORA)), ("re-train",), ("re-index",)),
        (ak.Compose((SHOTS, LORA)), ("re-fit", "re-train"), ()),
    ],
)
def test_what_a_strategy_needs(strategy: ak.Strategy, for_rows: Any, for_documents: Any) -> None:
    assert strategy.update_needed(OLD, OLD) == ()
    assert strategy.update_needed(OLD, new_task(documents=False)) == for_rows
    assert strategy.update_needed(OLD, new_task(rows=False)) == for_documents


def test_weights_stay_where_a_composition_reads_documents_that_are_indexed_anew() -> None:
    assert ak.Compose((RAG, LORA)).update_needed(OLD, NEW) == ("re-index",)
    assert ak.Compose((SHOTS, RAG, LORA)).update_needed(OLD, NEW) == ("re-fit", "re-index")


def test_documents_are_compared_by_id_and_content() -> None:
    documents, gone = document_changes(OLD, NEW)
    assert [d.id for d in documents] == ["italy", "mali"]
    assert gone == ["chile"]
    assert document_changes(OLD, OLD) == ([], [])


@pytest.mark.parametrize(
    "strategy",
    [
        RAG,
        ak.RAG(**SMALL, method="dense"),
        SHOTS,
        ak.Compose((SHOTS, RAG)),
        ak.Compose((RAG, SHOTS)),
        ak.Compose((ak.Compose((SHOTS, RAG)), ak.PromptEngineering())),
        ak.Compose((Tuned(SHOTS, budget=Budget(trials=1)), RAG)),
        Tuned(ak.Compose((SHOTS, RAG)), budget=Budget(trials=1)),
    ],
    ids=str,
)
def test_updated_is_as_fitted_anew_and_what_it_came_from_stays(strategy: ak.Strategy) -> None:
    model = ak.FakeModel(lambda _: "Lima")
    fitted = strategy.with_seed(0).fit(model, OLD)
    before, notes = fitted.prompts(INPUTS), repr(fitted.fit_notes_)
    updated = fitted.updated(model, OLD, NEW)
    anew = strategy.with_seed(0).fit(model, NEW)
    assert updated is not fitted
    assert updated.prompts(INPUTS) == anew.prompts(INPUTS) != before
    assert updated.generate(INPUTS) == anew.generate(INPUTS)
    assert fitted.prompts(INPUTS) == before
    assert repr(fitted.fit_notes_) == notes


@pytest.mark.parametrize("name", ["knn-vote", "top-passage"])
def test_updated_baseline_answers_as_one_fitted_anew(name: str) -> None:
    model = ak.FakeModel({})
    params = {"chunk_tokens": 30} if name == "top-passage" else {"k": 1}
    fitted = make_strategy(name, params).fit(model, OLD)
    before = [p.output for p in fitted.generate(INPUTS)]
    updated = fitted.updated(model, OLD, NEW)
    anew = make_strategy(name, params).fit(model, NEW)
    assert [p.output for p in updated.generate(INPUTS)] == [p.output for p in anew.generate(INPUTS)] != before
    assert [p.output for p in fitted.generate(INPUTS)] == before


def test_only_what_changed_is_embedded() -> None:
    fitted = ak.RAG(**SMALL, method="dense").fit(ak.FakeModel({}), OLD)
    updated = fitted.updated(ak.FakeModel({}), OLD, NEW)
    n_new = sum(c.document_id in ("italy", "mali") for c in updated.retriever_.chunks)
    assert 0 < updated.fit_notes_["n_embedded"] <= n_new < fitted.fit_notes_["n_embedded"]


def test_retrained_weights_are_those_of_a_new_fit() -> None:
    model = tiny_model("llama", stop_every=40)
    fitted = LORA.with_seed(0).fit(model, OLD)
    before = [p.output for p in fitted.generate(INPUTS)]
    updated = fitted.updated(model, OLD, NEW)
    assert updated.loss_ != fitted.loss_
    assert [p.output for p in updated.generate(INPUTS)] == [
        p.output for p in LORA.with_seed(0).fit(model, NEW).generate(INPUTS)
    ]
    assert [p.output for p in fitted.generate(INPUTS)] == before


def test_composition_keeps_its_weights_and_reads_the_new_documents() -> None:
    model = tiny_model("llama", stop_every=40)
    fitted = ak.Compose((RAG, LORA)).fit(model, OLD)
    updated = fitted.updated(model, OLD, NEW)
    assert updated.model_ is fitted.model_
    assert all(p.model_ is fitted.model_ for p in updated.parts_)
    anew = RAG.with_seed(0).fit(ak.FakeModel({}), NEW)
    shown = [p.context for p in updated.prompts(INPUTS)]
    assert shown == [p.context for p in anew.prompts(INPUTS)]
    assert updated.fit_notes_["n_chunks"] == anew.fit_notes_["n_chunks"] != fitted.fit_notes_["n_chunks"]
    assert updated.fit_notes_["final_loss"] == fitted.fit_notes_["final_loss"]


def test_notes_of_an_updated_part_stand_where_they_stood() -> None:
    model = ak.FakeModel({})
    fitted = ak.Compose((SHOTS, RAG)).fit(model, OLD)
    updated = fitted.updated(model, OLD, new_task(rows=False))
    assert updated.fit_notes_["n_embedded"] == fitted.fit_notes_["n_embedded"]  # of the demonstrations
    assert updated.fit_notes_["rag_n_embedded"] != fitted.fit_notes_["rag_n_embedded"]


def test_oracle_shows_the_new_gold_documents() -> None:
    def task(of: ak.Task, shift: int) -> ak.Task:
        names = [c.lower() for c in CAPITALS if c != "Chile"]
        rows = tuple(dataclasses.replace(e, gold_documents=(names[shift],)) for e in of.test)
        return dataclasses.replace(of, test=rows)

    old, new = task(OLD, 0), task(NEW, 1)
    model = ak.FakeModel({})
    oracle = ak.RAG(**SMALL, passages="oracle").fit(model, old)
    asked = [e.input for e in old.test]
    shown = [{p.document_id for p in prompt.context} for prompt in oracle.prompts(asked)]
    assert shown == [{"peru"}] * len(asked)
    updated = oracle.updated(model, old, new)
    assert [{p.document_id for p in x.context} for x in updated.prompts(asked)] == [{"italy"}] * len(asked)
    assert [{p.document_id for p in x.context} for x in oracle.prompts(asked)] == shown


def test_tuned_keeps_its_choice_and_tries_nothing() -> None:
    model = ak.FakeModel(lambda _: "Lima")
    tuned = Tuned(SHOTS, grid={"k": [1]}, budget=Budget(trials=2)).fit(model, OLD)
    n_asked = len(model.requests)
    updated = tuned.updated(model, OLD, NEW)
    assert len(model.requests) == n_asked
    assert updated.best_.params() == tuned.best_.params()
    assert updated.fit_notes_["tuning"] == tuned.fit_notes_["tuning"]


def test_nothing_to_do_gives_the_strategy_itself() -> None:
    model = ak.FakeModel({})
    for strategy in (ak.PromptEngineering(), RAG, ak.Compose((SHOTS, RAG))):
        fitted = strategy.with_seed(0).fit(model, OLD)
        assert fitted.updated(model, OLD, OLD) is fitted
    task = classification_task()
    prompt = ak.PromptEngineering().fit(model, task)
    assert prompt.updated(model, task, dataclasses.replace(task, train=task.train[::2])) is prompt


@dataclasses.dataclass(kw_only=True)
class Memory(ak.Strategy):
    """Someone else's strategy: knows the targets of train inputs."""

    name: ClassVar[str] = "memory"

    def instruction(self, task: ak.Task) -> str:
        return "Answer."

    def learn(self, model: Any, task: ak.Task) -> Any:
        self.known_ = {e.input: e.target for e in task.train}
        return model


@dataclasses.dataclass(kw_only=True)
class Plain(ak.Strategy):
    """One that learns nothing."""

    name: ClassVar[str] = "plain"

    def instruction(self, task: ak.Task) -> str:
        return "Answer."


def test_strategy_of_someone_else_is_fitted_again_where_it_learns() -> None:
    model = ak.FakeModel({})
    assert Plain().update_needed(OLD, NEW) == ()
    assert Memory().update_needed(OLD, NEW) == ("re-fit",)
    fitted = Memory().fit(model, OLD)
    asked = next(e.input for e in OLD.train if e.target == "Rome")
    assert fitted.updated(model, OLD, NEW).known_[asked] == "Turin"
    assert fitted.known_[asked] == "Rome"


@pytest.mark.parametrize(
    "strategy", [ak.PromptEngineering(), RAG, SHOTS, ak.Compose((SHOTS, RAG)), Tuned(SHOTS)], ids=str
)
def test_what_is_not_fitted_cannot_be_updated(strategy: ak.Strategy) -> None:
    with pytest.raises(NotFittedError, match=r"Call fit\(model, task\) before updated\(\)"):
        strategy.updated(ak.FakeModel({}), OLD, NEW)


@pytest.mark.parametrize(
    ("strategy", "splits"),
    [
        (ak.PromptEngineering(), ("validation",)),
        (ak.PromptEngineering(search=0), ()),
        (ak.RAG(), ()),
        (ak.PromptEngineering(search=2), ("train", "validation")),
        (ak.FewShot(k=2), ("train", "validation")),
        (NearestVote(), ("train",)),
        (ak.Compose((RAG, LORA)), ("train", "validation")),
        (ak.Compose((ak.RAG(), ak.PromptEngineering(search=0))), ()),
        (ak.Tuned(ak.PromptEngineering()), ("validation",)),
        (ak.Tuned(NearestVote()), ("train", "validation")),
    ],
)
def test_a_strategy_says_whose_labels_it_uses(strategy: ak.Strategy, splits: tuple[str, ...]) -> None:
    assert strategy.labels_used(qa_task()) == splits
