"""Ten languages of ten scripts through all that reads text, with made-up rows; the values are right ones."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from languages import LANGUAGES, Language
from rich.cells import cell_len
from tiny import HashEmbedder

import adaptkit as ak
from adaptkit.core.types import Document, Request
from adaptkit.leakage import check_leakage
from adaptkit.metrics.base import Answer
from adaptkit.metrics.classification import accuracy
from adaptkit.metrics.rouge import rouge_l
from adaptkit.metrics.text import contains, exact_match, token_f1
from adaptkit.retrieval import LexicalIndex
from adaptkit.retrieval.chunk import chunk_documents
from adaptkit.retrieval.embed import Vectors
from adaptkit.retrieval.pieces import EmbeddedPieces, Pieces
from adaptkit.strategies.baselines import NearestVote, TfidfClassifier, TopPassage

pytestmark = pytest.mark.parametrize("language", LANGUAGES, ids=[one.name for one in LANGUAGES])


class AsciiEmbedder(HashEmbedder):
    """It reads ASCII: every other text has one and the same vector."""

    name = "ascii"

    def embed(self, texts: Sequence[str]) -> Vectors:
        vectors: Vectors = super().embed([text if text.isascii() else "unknown" for text in texts])
        return vectors

    def reading(self, texts: Sequence[str]) -> list[EmbeddedPieces]:
        return [EmbeddedPieces(whole=True, unread=float(not text.isascii())) for text in texts]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return ONE_UNKNOWN_PIECE.offsets(text)


class _OnePiece:
    """A tokenizer to which a text between spaces is one unknown piece."""

    ids: list[int]
    offsets: list[tuple[int, int]]

    def encode(self, text: str, add_special_tokens: bool) -> _OnePiece:
        import re

        made = _OnePiece()
        made.offsets = [m.span() for m in re.finditer(r"\S+", text)]
        made.ids = [0] * len(made.offsets)
        return made

    def no_truncation(self) -> None:
        """Nothing is cut."""

    def no_padding(self) -> None:
        """Nothing is filled."""


ONE_UNKNOWN_PIECE = Pieces("ascii", _OnePiece(), 0, 256)


@pytest.fixture
def ascii_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("few_shot", "rag", "baselines", "function_calling"):
        monkeypatch.setattr(f"adaptkit.strategies.{module}.load_embedder", lambda _name: AsciiEmbedder())


def task_of(language: Language) -> ak.Task:
    rows = [ak.Example(id=f"r{i}", input=x, target=y) for i, (x, y) in enumerate(language.rows())]
    return ak.Task(
        name=language.name,
        kind="classification",
        instruction="?",
        metrics=("accuracy",),
        labels=tuple(language.sentences),
        train=tuple(rows[9:]),
        test=tuple(rows[:9]),
        validation=(),
    )


def test_rows_are_loaded_as_they_stand(language: Language, tmp_path: Path) -> None:
    rows = language.rows()
    with (tmp_path / "rows.csv").open("w", encoding="utf-8-sig", newline="") as f:
        csv.writer(f).writerows([("text", "label"), *rows])
    lines = [json.dumps({"input": x, "target": y}, ensure_ascii=False) for x, y in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for name in ("rows.csv", "rows.jsonl"):
        task = ak.load_task(tmp_path / name, instruction="?")
        read = [(e.input, e.target) for e in (*task.train, *(task.validation or ()), *task.test)]
        assert Counter(read) == Counter(rows)
        assert task.kind == "classification"
        assert set(task.labels or ()) == set(language.sentences)


def test_leakage_finds_planted_copies_and_no_other_row(language: Language) -> None:
    rows = [ak.Example(id=f"r{i}", input=x, target=y) for i, (x, y) in enumerate(language.distinct())]
    whole, near = rows[0], rows[4]
    planted = (
        ak.Example(id="whole", input=unicodedata.normalize("NFD", f" {whole.input}! "), target=whole.target),
        ak.Example(id="near", input=f"{near.input[:-4]}{near.input[-3:]}", target=near.target),
    )
    task = ak.Task(
        name=language.name,
        kind="classification",
        instruction="?",
        metrics=("accuracy",),
        train=(*rows[1::2], *planted),
        test=tuple(rows[::2]),
        validation=(),
    )
    report = check_leakage(task, embedder=AsciiEmbedder())
    assert report.exact_ids == ("r0",)
    assert report.near_ids == ("r4",)
    assert any("cannot read" in sentence for sentence in report.sentences)


@pytest.mark.usefixtures("ascii_embedder")
def test_classifiers_learn_the_labels(language: Language) -> None:
    task = task_of(language)
    inputs, targets = [e.input for e in task.test], [e.target for e in task.test]
    model = ak.FakeModel(lambda _: "x")
    tfidf = TfidfClassifier().fit(model, task)
    assert [p.output for p in tfidf.generate(inputs)] == targets
    nearest = NearestVote(k=3).fit(model, task)
    assert [p.output for p in nearest.generate(inputs)] == targets
    assert "cannot read" in nearest.fit_notes_["warning"][0]


@pytest.mark.usefixtures("ascii_embedder")
def test_search_finds_the_sentence_with_the_words(language: Language, tmp_path: Path) -> None:
    rows = language.distinct()
    words, label, place = language.search
    expected = [x for x, y in rows if y == label][place]
    texts = [x for x, _ in rows]
    assert texts[next(iter(LexicalIndex(texts).search(words, 3)))] == expected
    documents = tuple(Document(id=f"d{i}", text=text) for i, text in enumerate(texts))
    task = ak.Task(
        name="t",
        kind="qa",
        instruction="?",
        metrics=("exact_match",),
        documents=documents,
        train=(),
        test=(ak.Example(id="r", input=words, target="x"),),
    )
    found = TopPassage().fit(ak.FakeModel(lambda _: "x"), task)
    asked = [expected[: 2 * len(expected) // 3], words]
    assert [p.output for p in found.generate(asked)] == [expected, expected]
    found.save(tmp_path)
    assert ak.load_strategy(tmp_path, ak.FakeModel(lambda _: "x")).generate(asked[0]).output == expected


def test_metrics_compare_whole_words_or_characters(language: Language) -> None:
    output, target, f1 = language.f1
    row = ak.Example(id="1", input="?", target=target)
    answer = Answer(output=output, example=row)
    assert token_f1(answer).strict == pytest.approx(f1)
    assert rouge_l(answer).strict == pytest.approx(f1)
    assert exact_match(answer).strict == 0.0
    same = Answer(output=unicodedata.normalize("NFD", f" {target.upper()} "), example=row)
    assert exact_match(same).strict == 1.0
    for label, sentences in language.sentences.items():
        said = Answer(
            output=f"→ {label}.",
            example=ak.Example(id="1", input="?", target=label),
            labels=tuple(language.sentences),
        )
        assert (accuracy(said).strict, accuracy(said).lenient) == (0.0, 1.0)
        text = sentences[0].format(language.fillers[0])
        within = Answer(output=f"1 {text} 2", example=ak.Example(id="1", input="?", target=text.split()[0]))
        assert contains(within).strict == 1.0


def test_chunks_are_short_whole_characters_and_lose_nothing(language: Language) -> None:
    text = "".join(x for x, _ in language.rows())
    chunks = chunk_documents(
        [Document(id="d", text=text)], AsciiEmbedder().offsets, max_tokens=60, overlap_tokens=10
    )
    assert (chunks[0].start, chunks[-1].end) == (0, len(text))
    assert all(a.end >= b.start for a, b in pairwise(chunks))
    for chunk in chunks:
        letters = [c for c in chunk.text if not unicodedata.category(c).startswith(("M", "Z"))]
        assert len(letters) <= 80  # 60, and vowels that are letters but belong to the one before
        assert not unicodedata.category(chunk.text[0]).startswith("M")


@pytest.mark.usefixtures("ascii_embedder")
def test_table_page_and_files_hold_the_texts_unharmed(language: Language, tmp_path: Path) -> None:
    task = task_of(language)
    label = next(iter(language.sentences))

    def answer(request: Request) -> str:
        return label

    result = ak.compare(
        [ak.FewShot(k=2), NearestVote(k=3), TfidfClassifier()],
        task,
        model=ak.FakeModel(answer),
        out=tmp_path / "run",
        leakage="report",
        noise_floor=False,
    )
    scores = {row.strategy: row.quality for row in result.rows}
    assert scores["tfidf"] == scores["knn-vote"] == 1.0
    text = str(result)
    assert "few-shot and knn-vote: The embedder 'ascii' cannot read" in " ".join(text.split())
    page = (tmp_path / "page.html", tmp_path / "page.md")
    result.report(page[0])
    html = page[0].read_text(encoding="utf-8")
    assert '<meta charset="utf-8">' in html
    assert all(e.input in html for e in task.test)
    records = (tmp_path / "run" / "records.jsonl").read_text(encoding="utf-8")
    assert label in records
    assert "\ufffd" not in html + records


def test_aligned_columns_end_where_they_look_to_end(language: Language) -> None:
    from adaptkit.core.shorten import shorten
    from adaptkit.report.lines import aligned

    (first, *_), fillers = language.sentences, language.fillers
    lines = aligned([["label", "n"], [first, "1"], *([filler, "2"] for filler in fillers)]).splitlines()
    assert len({cell_len(line[:-1]) for line in lines}) == 1
    for text, _ in language.distinct():
        for n in range(1, len(text)):
            short = shorten(text, n)
            assert text.startswith(short[:-1].rstrip())
            rest = text[len(short) - 1 :]
            assert not unicodedata.category(rest[0]).startswith("M") or short == "…"
