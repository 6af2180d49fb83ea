# ruff: noqa: RUF001
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading import EnglishEmbedder
from tiny import HashEmbedder

from adaptkit.core.types import Document, Example
from adaptkit.leakage import check_leakage
from adaptkit.retrieval import Retriever, RetrieverSettings, VectorIndex, index_texts, load_embedder
from adaptkit.retrieval.chunk import chunk_documents
from adaptkit.retrieval.embed import SentenceEmbedder
from adaptkit.retrieval.pieces import embedded_pieces
from adaptkit.tasks import Task

ENGLISH = ["the parcel is late", "the invoice is wrong", "return my shoes please"]
UNREAD = {
    "Thai": ["ร้านรับคืนสินค้าภายในสามสิบวัน", "ค่าจัดส่งคิดตามน้ำหนัก", "แมวนอนบนหลังคารถ"],
    "Khmer": ["ហាងទទួលយកទំនិញវិញ", "ថ្លៃដឹកជញ្ជូនគិតតាមទម្ងន់", "បុគ្គលិកធ្វើការរាល់ថ្ងៃ"],
    "Amharic": ["ሱቁ ዕቃውን ይመልሳል", "የመላኪያ ዋጋ በክብደት ነው", "ሠራተኞች በየቀኑ ይሠራሉ"],
    "Chinese": ["商店在三十天之内接受退货", "运费按照重量计算", "员工每天都上班"],
    "Greek, letter by letter": [
        "το κατάστημα δέχεται επιστροφές",
        "τα έξοδα είναι ανά κιλό",
        "η γάτα κοιμάται",
    ],
    "emoji": ["🙂 🙂", "🚀 🛰", "👍 👎"],
}


@pytest.mark.parametrize("texts", UNREAD.values(), ids=UNREAD)
def test_unread_texts_are_told_and_compared_by_their_letters(texts: list[str]) -> None:
    embedder = EnglishEmbedder()
    before = embedder.embed(texts)
    assert np.allclose(before @ before.T, 1)  # the fault: all the same to it
    index, notes = index_texts(texts, embedder)
    after = index.vectors(range(3))
    assert (after @ after.T)[~np.eye(3, dtype=bool)].max() < 0.6
    assert np.allclose(np.linalg.norm(after, axis=1), 1, atol=1e-6)
    queries = [text[: 2 * len(text) // 3] for text in texts]
    assert [int(row[0]) for row in index.search(index.embedder.embed(queries), 1)[1]] == [0, 1, 2]
    assert notes["unread_texts"] == 1.0
    (warning,) = notes["warning"]
    assert warning.startswith("The embedder 'english' cannot read 3 of 3 texts: ")
    assert ":embedder=" in warning


def test_texts_that_are_read_keep_their_vectors_and_have_no_warning() -> None:
    index, notes = index_texts(ENGLISH, EnglishEmbedder())
    assert "warning" not in notes
    assert index.embedder.name == "english"
    mixed, _ = index_texts([*ENGLISH, *UNREAD["Thai"]], EnglishEmbedder())
    alone, among = index.vectors(range(3)), mixed.vectors(range(6))
    np.testing.assert_array_equal(among[:3, : alone.shape[1]], alone)
    assert not (among[:3] @ among[3:].T).any()  # what is read is not like what is not
    (query,) = mixed.embedder.embed(["where is my parcel"])
    np.testing.assert_allclose(among[:3] @ query, alone @ EnglishEmbedder().embed(["where is my parcel"])[0])


def test_one_stray_text_among_many_and_an_embedder_that_does_not_say_change_nothing() -> None:
    many = [*(f"the parcel {i} is late" for i in range(150)), "แมวนอนบนหลังคารถ"]
    index, notes = index_texts(many, EnglishEmbedder())
    assert (index.embedder.name, "warning" in notes) == ("english", False)
    index, notes = index_texts(UNREAD["Thai"], HashEmbedder())
    assert (index.embedder.name, "warning" in notes) == ("hash", False)


def test_saved_index_of_unread_texts_finds_the_same(tmp_path: Path) -> None:
    texts = UNREAD["Thai"]
    index, _ = index_texts(texts, EnglishEmbedder())
    index.save(tmp_path)
    loaded = VectorIndex.load(tmp_path, EnglishEmbedder())
    assert loaded.embedder.name == index.embedder.name
    found = [i.search(i.embedder.embed([texts[1][3:]]), 3) for i in (index, loaded)]
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("method", ["dense", "hybrid", "bm25"])
@pytest.mark.parametrize("texts", list(UNREAD.values())[:-1], ids=list(UNREAD)[:-1])
def test_passages_of_unread_documents_are_short_and_found(
    texts: list[str], method: str, tmp_path: Path
) -> None:
    documents = [Document(id=str(i), text=f"{text}. " * 9) for i, text in enumerate(texts)]
    settings = RetrieverSettings(method=method, chunk_tokens=40, overlap_tokens=5)  # type: ignore[arg-type]
    retriever = Retriever.built_as(settings, documents, embedder=EnglishEmbedder(), questions=texts)
    assert max(len(c.text.replace(" ", "")) for c in retriever.chunks) <= 160
    assert len(retriever.chunks) > 6
    assert [found[0].document_id for found in retriever.retrieve(texts, 1)] == ["0", "1", "2"]
    assert ("warning" in retriever.notes) == (method != "bm25")
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path, embedder=EnglishEmbedder())
    assert [found[0].document_id for found in loaded.retrieve(texts, 1)] == ["0", "1", "2"]
    changed = loaded.updated([Document(id="0", text=texts[1] * 4)], remove=["1"])
    assert changed.retrieve([texts[1]], 1)[0][0].document_id == "0"


def test_chunks_count_characters_where_there_are_no_pieces() -> None:
    text = "ขอเปลี่ยนที่อยู่จัดส่งของคำสั่งซื้อเมื่อวันเสาร์" * 48
    chunks = chunk_documents(
        [Document(id="d", text=text)], EnglishEmbedder().offsets, max_tokens=60, overlap_tokens=0
    )
    assert "".join(c.text for c in chunks) == text
    assert max(len(c.text) for c in chunks) <= 100  # 60 characters with the signs above and below them
    assert len(chunks) >= 24


@pytest.mark.parametrize("place", ["start", "middle", "end"])
def test_long_inputs_are_read_to_their_end(place: str) -> None:
    def text(request: str) -> str:
        filler = ["where is the parcel"] * 12
        filler.insert({"start": 0, "middle": 6, "end": 12}[place], request)
        return " ".join(filler)

    embedder = EnglishEmbedder(max_tokens=34)
    texts = [text("invoice wrong"), text("return shoes")]
    assert all(not found.whole for found in embedder.reading(texts))
    parts = [embedder.pieces.parts(t) for t in texts]
    assert all("".join(some).split() == t.split() for some, t in zip(parts, texts, strict=True))
    assert all(len(embedder.offsets(part)) <= 32 for some in parts for part in some)
    assert embedder.pieces.parts("the parcel is late") == ["the parcel is late"]


def test_long_inputs_are_told() -> None:
    _, notes = index_texts(["the parcel is late " * 9, "where is it"], EnglishEmbedder(max_tokens=34))
    assert notes["long_texts"] == 0.5
    assert notes["warning"][0].startswith("1 of 2 texts are longer than the 34 word pieces that the embedder")


def test_unread_rows_are_no_paraphrases_and_leakage_says_so() -> None:
    rows = [
        Example(id=f"{i}", input=text, target="a") for some in UNREAD.values() for i, text in enumerate(some)
    ]
    rows = [Example(id=f"r{i}", input=e.input, target="a") for i, e in enumerate(rows)]
    task = Task(
        name="t", kind="classification", instruction="?", metrics=("accuracy",), labels=("a", "b"),
        train=tuple(rows[::2]), test=tuple(rows[1::2]), validation=(),
    )  # fmt: skip
    report = check_leakage(task, embed=True, embedder=EnglishEmbedder())
    assert not report.near_ids
    assert any(
        "cannot read" in s and "Paraphrases of these were not looked for" in s for s in report.sentences
    )


@pytest.mark.slow
def test_embedded_embedder_says_what_it_cannot_read() -> None:
    embedder = load_embedder()
    assert isinstance(embedder, SentenceEmbedder)
    for texts in UNREAD.values():
        assert min(found.unread for found in embedder.reading(texts)) > 1 / 3
    latin = [
        "The café’s naïve façade — déjà vu!",
        "Ich möchte die Lieferadresse ändern",
        "so good 😂😂 ok x² + y²",
    ]
    assert all(found.whole and found.unread < 0.3 for found in embedder.reading([*ENGLISH, *latin]))
    texts = [*(t for some in UNREAD.values() for t in some), *latin, "long " * 400]
    assert embedded_pieces(embedder.name).reading(texts) == embedder.reading(texts)


@pytest.mark.slow
def test_embedded_embedder_reads_long_inputs_to_their_end() -> None:
    embedder = load_embedder()
    filler = "Thank you for taking the time to read this message from one of your customers. " * 24
    texts = [
        f"{filler}{request}" for request in ("The invoice shows a wrong amount.", "The parcel never arrived.")
    ]
    a, b = embedder.embed(texts)
    first, _ = embedder.embed([filler, "short"])
    (invoice,) = embedder.embed(["The invoice shows a wrong amount."])
    assert a @ b < 0.999  # cut after 256 pieces, they were one text
    assert a @ invoice > max(b @ invoice, first @ invoice) + 0.05
    np.testing.assert_allclose(np.linalg.norm([a, b], axis=1), 1, rtol=1e-5)
    short = ["a cat sleeps", "interest rates rose"]
    np.testing.assert_allclose(embedder.embed([*short, texts[0]])[:2], embedder.embed(short), atol=2e-6)
