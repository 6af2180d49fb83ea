"""Why a strategy of a finished comparison is wrong: from the run folder, without the model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from planted import Shots, Words, compared, planted_model
from questions import make_task

import adaptkit as ak
from adaptkit.comparison import Comparison, load_comparison
from adaptkit.core.types import Request

pytestmark = pytest.mark.usefixtures("hash_embedder")
N = 20
N_FOUND = 12
"""Rows whose question has the words of its document."""
QUESTIONS = {i: f"Which word has item{i}?" if i < N_FOUND else f"riddle {i} unheard" for i in range(N)}


def words_task() -> ak.Task:
    examples = tuple(
        ak.Example(id=f"t{i}", input=QUESTIONS[i], target=f"word{i}", gold_documents=(f"d{i}",))
        for i in range(N)
    )
    return ak.Task(
        name="words",
        kind="qa",
        instruction="Answer.",
        metrics=("exact_match",),
        train=tuple(ak.Example(id=f"a{i}", input=f"train {i}", target="x") for i in range(4)),
        test=examples,
        documents=tuple(ak.Document(id=f"d{i}", text=f"item{i} has the word word{i}") for i in range(N)),
    )


def reads(request: Request) -> str:
    """Answers right where a passage holds the answer, and knows nothing by itself."""
    number = next((i for i, q in QUESTIONS.items() if q == request.prompt.input), -1)
    shown = [p.text.split() for p in request.prompt.context]
    return f"word{number}" if any(f"word{number}" in words for words in shown) else "nobody knows"


def run(folder: Path, *strategies: ak.Strategy) -> Comparison:
    return ak.compare(list(strategies), words_task(), model=ak.FakeModel(reads), out=folder)


def test_the_next_lever_is_what_the_oracle_shows(tmp_path: Path) -> None:
    prompt, rag = ak.PromptEngineering(), ak.RAG(k=2, method="bm25")
    without = run(tmp_path, prompt, rag).causes("rag")
    missed = without.causes[0]
    assert [c.name for c in without.causes] == ["retrieval_miss"]
    assert 0 < missed.n <= N - N_FOUND
    assert without.missing_controls == ({"name": "rag", "passages": "oracle"},)
    # With the control, the first run's records stand under another name: they are the same answers.
    oracle = ak.RAG(k=2, method="bm25", passages="oracle")
    found = run(tmp_path, prompt, rag, oracle)
    names = [row.strategy for row in found.rows]
    assert names == ["prompt", "rag:k=2:method=bm25", "rag:k=2:method=bm25:passages=oracle"]
    why = found.causes()
    assert why.strategy == "rag:k=2:method=bm25"
    assert why.causes == without.causes
    assert why.quality == pytest.approx(found.rows[1].quality)
    (lever,) = why.levers
    assert lever.control == names[2]
    assert lever.delta == pytest.approx(missed.lost)
    assert "improve the retriever before fine-tuning" in why.next_lever
    assert {record.strategy for record in found.records()} == set(names)
    assert len(found.flips(names[1], "prompt").gained) == N - missed.n
    closed_book = found.causes("prompt")
    assert [(c.name, c.n) for c in closed_book.causes] == [("knowledge_missing", N)]
    assert load_comparison(tmp_path).causes() == why


def test_of_several_tasks_one_has_to_be_named(tmp_path: Path) -> None:
    tasks = [make_task(8, name="one"), make_task(9, name="two")]
    model = planted_model(lambda name, _seed, number: name == "few-shot" or number < 4)
    found = ak.compare([Words(), Shots()], tasks, model=model, out=tmp_path)
    with pytest.raises(ak.errors.ConfigError, match="Several tasks were compared"):
        found.causes()
    assert found.causes("prompt", task="two").n == 9
    assert found.causes("prompt", "one").quality == pytest.approx(0.5)
    with pytest.raises(ak.errors.UnknownNameError, match="few-shot"):
        found.causes("few-shots", "one")


def test_without_a_recommendation_the_best_is_asked_about(tmp_path: Path) -> None:
    found = compared(tmp_path, lambda name, _seed, number: number < (3 if name == "prompt" else 0))
    assert found.recommend()[0].strategy in {None, "prompt"}
    assert found.causes().strategy == "prompt"
    failed = compared(tmp_path / "wrong", lambda *_: False)
    assert failed.recommend()[0].strategy is None
    assert failed.causes().n_right == 0


def test_causes_need_no_model(tmp_path: Path) -> None:
    compared(tmp_path, lambda name, _seed, number: name == "few-shot" or number < 4)
    code = (
        "import sys, adaptkit as ak\n"
        f"found = ak.load_comparison({str(tmp_path)!r}).causes('prompt')\n"
        "print(found.n, sorted({'torch', 'transformers', 'faiss'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "12 []"
